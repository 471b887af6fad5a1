"""Reads of programs and grid signals."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.models import Organization
from apps.programs.models import (
    SHED_KINDS,
    STEERED_KINDS,
    Enrollment,
    EnrollmentJob,
    GridSignal,
    OptOut,
    OptOutPeriod,
    Program,
)
from apps.sites.consents import allowed_sites
from apps.sites.models import Site


def programs_of_organization(*, organization: Organization) -> QuerySet[Program]:
    """Return the tenant's programs."""
    return Program.objects.filter(organization=organization).order_by("pk")


def counted(related: type[Enrollment] | type[GridSignal], condition: Q) -> Coalesce:
    """Return an expression for how many rows of a program are so; counted by themselves, as no join of both is."""
    rows = related.objects.filter(condition, program=OuterRef("pk")).order_by().values("program")
    return Coalesce(Subquery(rows.annotate(number=Count("pk")).values("number")), 0)


def signals_of_organization(*, organization: Organization) -> QuerySet[GridSignal]:
    """Return the tenant's grid signals, newest first."""
    return (
        GridSignal.objects.filter(organization=organization)
        .select_related("program")
        .order_by("-starts_at", "pk")
    )


def signals_found(
    *,
    organization: Organization,
    program: int | None = None,
    state: str | None = None,
    kind: str | None = None,
    starts_before: datetime | None = None,
    ends_after: datetime | None = None,
) -> QuerySet[GridSignal]:
    """Return the tenant's grid signals that are as asked."""
    wanted = {
        "program_id": program, "state": state, "kind": kind, "starts_at__lt": starts_before, "ends_at__gt": ends_after
    }  # fmt: skip
    said = {name: value for name, value in wanted.items() if value is not None}
    return signals_of_organization(organization=organization).filter(**said)


def enrollments_of_program(
    *, program: Program, site_id: int | None = None, is_open: bool | None = None
) -> QuerySet[Enrollment]:
    """Return who takes part in a program, and who did."""
    found = Enrollment.objects.filter(program=program).select_related("site").order_by("pk")
    if site_id is not None:
        found = found.filter(site_id=site_id)
    return found if is_open is None else found.filter(ends_at__isnull=is_open)


def opt_outs_of_signal(*, signal: GridSignal) -> QuerySet[OptOut]:
    """Return the households that said no to a signal."""
    return OptOut.objects.filter(signal=signal).select_related("site").order_by("pk")


def signals_of_site(*, site: Site) -> QuerySet[GridSignal]:
    """Return the signals of programs that the home takes part in, newest first."""
    return (
        GridSignal.objects.filter(program__enrollments__site=site, program__enrollments__ends_at=None)
        .exclude(state=GridSignal.State.CANCELED)
        .select_related("program")
        .order_by("-starts_at", "pk")
    )


def signals_that_priced_site(
    *, site: Site, kind: str, starts_at: datetime, ends_at: datetime
) -> list[GridSignal]:
    """Return the signals of a kind that reach into a period, of programs the home took part in; the newest word last."""
    found = GridSignal.objects.filter(
        kind=kind, program__enrollments__site=site, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    return list(found.exclude(state=GridSignal.State.CANCELED).distinct().order_by("received_at", "pk"))


def signals_known_to_site(*, site: Site, at: datetime) -> list[GridSignal]:
    """Return the signals that had come in by an instant for programs that the home has taken part in."""
    found = GridSignal.objects.filter(program__enrollments__site=site, received_at__lte=at)
    # What a household has subscribed to holds for a month after the last word.
    lately = found.filter(ends_at__gt=at - timedelta(days=31)).select_related("program")
    return list(lately.distinct().order_by("-received_at", "pk"))


def enrolled_site_ids(*, program: Program, at: datetime) -> list[int]:
    """Return the sites that take part at `at` and still let themselves be dispatched: none while the program is paused."""
    if program.paused_at is not None and at >= program.paused_at:
        return []
    open_then = Q(ends_at=None) | Q(ends_at__gt=at)
    enrollments = Enrollment.objects.filter(open_then, program=program, starts_at__lte=at)
    enrolled = enrollments.order_by("site_id").values_list("site_id", flat=True).distinct()
    return allowed_sites(site_ids=enrolled, purpose="dispatch")


def enrollment_jobs_of_program(*, program: Program) -> QuerySet[EnrollmentJob]:
    """Return when many homes joined or left, the newest first."""
    return EnrollmentJob.objects.filter(program=program).order_by("-pk")


def enrolled_sites(*, program: Program) -> QuerySet[Enrollment, int]:
    """Return a query of the sites that take part now."""
    return (
        Enrollment.objects.filter(program=program, ends_at=None).order_by().values_list("site_id", flat=True)
    )


def enrollments_of_sites(*, site_ids: Collection[int]) -> dict[int, list[Enrollment]]:
    """Return what each site takes part in now."""
    held: dict[int, list[Enrollment]] = {}
    found = Enrollment.objects.filter(site_id__in=list(site_ids), ends_at=None).select_related("program")
    for one in found.order_by("program__name"):
        held.setdefault(one.site_id, []).append(one)
    return held


def site_ids_ever_enrolled(*, program: Program) -> list[int]:
    """Return the sites that take part or once did: hubs of these may hold what they were told."""
    held = Enrollment.objects.filter(program=program)
    return list(held.order_by("site_id").values_list("site_id", flat=True).distinct())


def opted_out_site_ids(*, signal_id: UUID) -> set[int]:
    """Return the sites whose household said no."""
    return set(OptOut.objects.filter(signal_id=signal_id).values_list("site_id", flat=True))


def opt_outs_of_site(*, site: Site, signals: Collection[GridSignal]) -> QuerySet[OptOut]:
    """Return where a site's household said no, of these signals."""
    return OptOut.objects.filter(site=site, signal__in=signals)


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


def signals_in_period(
    *, organization: Organization, starts_at: datetime, ends_at: datetime
) -> list[GridSignal]:
    """Return the tenant's events that touch a period and were not canceled, the first in rank first."""
    found = GridSignal.objects.filter(
        organization=organization, kind__in=SHED_KINDS, starts_at__lt=ends_at, ends_at__gt=starts_at
    )
    return sorted(found.exclude(state=GridSignal.State.CANCELED), key=lambda one: one.rank)


def steered_in_period(*, program: Program, starts_at: datetime, ends_at: datetime) -> list[GridSignal]:
    """Return the program's steered signals that touch a period and were not canceled, the first in rank first."""
    found = program.signals.filter(kind__in=STEERED_KINDS, starts_at__lt=ends_at, ends_at__gt=starts_at)
    return sorted(found.exclude(state=GridSignal.State.CANCELED), key=lambda one: one.rank)


def steered_signals(*, program: Program, now: datetime) -> list[GridSignal]:
    """Return the program's signals that steer batteries and are not over, the first in rank first."""
    running = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
    found = program.signals.filter(kind__in=STEERED_KINDS, state__in=running, ends_at__gt=now)
    return sorted(found, key=lambda one: one.rank)


def program_by_number(*, program_id: int) -> Program:
    """Return any tenant's program, for background work on one that was looked up by its tenant."""
    return Program.objects.select_related("organization").get(pk=program_id)


def signals_left(*, site: Site, signals: Collection[GridSignal]) -> set[UUID]:
    """Return which of these signals the home is out of."""
    return set(OptOut.objects.filter(signal__in=signals, site=site).values_list("signal_id", flat=True))


def opt_out_periods_found(*, site: Site, is_open: bool | None = None) -> QuerySet[OptOutPeriod]:
    """Return times that a home is, or was, out for, the latest first; those that still count, or the others."""
    found = OptOutPeriod.objects.filter(site=site).order_by("-starts_at", "-pk")
    return found if is_open is None else found.filter(ended_at__isnull=is_open)


def opt_out_periods_of_site(*, site: Site) -> list[OptOutPeriod]:
    """Return the times that a home is out for, or will be, the first one first."""
    return list(OptOutPeriod.objects.filter(site=site, ended_at=None).order_by("starts_at", "pk"))


def signals_of_site_page(
    *, site: Site, phase: str, now: datetime, after: tuple[datetime, UUID] | None = None, limit: int = 20
) -> list[GridSignal]:
    """Return a stretch of the home's signals: those to come or running in order, past ones backwards from `after`."""
    found = signals_of_site(site=site)
    if phase == "coming":
        return list(found.filter(starts_at__gt=now).order_by("starts_at", "pk")[:limit])
    if phase == "running":
        return list(found.filter(starts_at__lte=now, ends_at__gt=now).order_by("starts_at", "pk")[:limit])
    past = found.filter(ends_at__lte=now)
    if after is not None:
        past = past.filter(Q(ends_at__lt=after[0]) | Q(ends_at=after[0], pk__lt=after[1]))
    return list(past.order_by("-ends_at", "-pk")[:limit])
