"""Reads of programs and grid signals."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from apps.accounts.models import Organization
from apps.programs.models import SHED_KINDS, STEERED_KINDS, Enrollment, GridSignal, OptOut, Program
from apps.sites.models import Site


def programs_of_organization(*, organization: Organization) -> QuerySet[Program]:
    """Return the tenant's programs."""
    return Program.objects.filter(organization=organization).order_by("pk")


def signals_of_organization(*, organization: Organization) -> QuerySet[GridSignal]:
    """Return the tenant's grid signals, newest first."""
    return (
        GridSignal.objects.filter(organization=organization)
        .select_related("program")
        .order_by("-starts_at", "pk")
    )


def signals_of_site(*, site: Site) -> QuerySet[GridSignal]:
    """Return the signals of programs that the home takes part in, newest first."""
    return (
        GridSignal.objects.filter(program__enrollments__site=site, program__enrollments__ends_at=None)
        .exclude(state=GridSignal.State.CANCELED)
        .select_related("program")
        .order_by("-starts_at", "pk")
    )


def signals_known_to_site(*, site: Site, at: datetime) -> list[GridSignal]:
    """Return the signals that had come in by an instant for programs that the home has taken part in."""
    found = GridSignal.objects.filter(program__enrollments__site=site, received_at__lte=at)
    # What a household has subscribed to holds for a month after the last word.
    lately = found.filter(ends_at__gt=at - timedelta(days=31)).select_related("program")
    return list(lately.distinct().order_by("-received_at", "pk"))


def enrolled_site_ids(*, program: Program, at: datetime) -> list[int]:
    """Return the sites that take part at `at`."""
    open_then = Q(ends_at=None) | Q(ends_at__gt=at)
    enrollments = Enrollment.objects.filter(open_then, program=program, starts_at__lte=at)
    return list(enrollments.order_by("site_id").values_list("site_id", flat=True).distinct())


def site_ids_ever_enrolled(*, program: Program) -> list[int]:
    """Return the sites that take part or once did: hubs of these may hold what they were told."""
    held = Enrollment.objects.filter(program=program)
    return list(held.order_by("site_id").values_list("site_id", flat=True).distinct())


def opted_out_site_ids(*, signal_id: UUID) -> set[int]:
    """Return the sites whose household said no."""
    return set(OptOut.objects.filter(signal_id=signal_id).values_list("site_id", flat=True))


def opted_out_of_any(*, signals: Collection[GridSignal]) -> set[int]:
    """Return the sites whose household said no to one of these signals."""
    return set(OptOut.objects.filter(signal__in=signals).values_list("site_id", flat=True))


def earlier_event_days(*, signal: GridSignal, zone: ZoneInfo) -> set[date]:
    """Return the local days of the program's earlier events: they do not tell what a home usually draws."""
    earlier = GridSignal.objects.filter(
        program=signal.program, kind__in=SHED_KINDS, starts_at__lt=signal.starts_at
    )
    periods = earlier.exclude(pk=signal.pk).values_list("starts_at", "ends_at")
    return {day for period in periods for day in _days(*period, zone=zone)}


def event_days_of_program(*, program: Program, zone: ZoneInfo) -> set[date]:
    """Return the local days of all the program's events."""
    events = GridSignal.objects.filter(program=program, kind__in=SHED_KINDS)
    periods = events.values_list("starts_at", "ends_at")
    return {day for period in periods for day in _days(*period, zone=zone)}


def _days(starts_at: datetime, ends_at: datetime, *, zone: ZoneInfo) -> list[date]:
    first = starts_at.astimezone(zone).date()
    last = (ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=back) for back in range((last - first).days + 1)]


def signals_in_states(*, states: list[str], kinds: Collection[str] | None = None) -> list[GridSignal]:
    """Return all tenants' signals in these states, of all kinds or some, for the periodic work."""
    found = GridSignal.objects.filter(state__in=states)
    if kinds is not None:
        found = found.filter(kind__in=kinds)
    return list(found.select_related("program", "organization").order_by("pk"))


def signals_beside(*, signal: GridSignal, now: datetime) -> list[GridSignal]:
    """Return the tenant's other events that run while what is left of this one does, the first in rank first."""
    running = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
    found = GridSignal.objects.filter(
        organization=signal.organization,
        kind__in=SHED_KINDS,
        state__in=running,
        starts_at__lt=signal.ends_at,
        ends_at__gt=max(now, signal.starts_at),
    )
    return sorted(found.exclude(pk=signal.pk), key=lambda one: one.rank)


def steered_signals(*, program: Program, now: datetime) -> list[GridSignal]:
    """Return the program's signals that steer batteries and are not over, the first in rank first."""
    running = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
    found = program.signals.filter(kind__in=STEERED_KINDS, state__in=running, ends_at__gt=now)
    return sorted(found, key=lambda one: one.rank)


def program_by_number(*, program_id: int) -> Program:
    """Return any tenant's program, for background work on one that was looked up by its tenant."""
    return Program.objects.select_related("organization").get(pk=program_id)
