"""Reads of programs and grid signals."""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from apps.accounts.models import Organization
from apps.programs.models import Enrollment, GridSignal, OptOut, Program
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


def enrolled_site_ids(*, program: Program, at: datetime) -> list[int]:
    """Return the sites that take part at `at`."""
    open_then = Q(ends_at=None) | Q(ends_at__gt=at)
    enrollments = Enrollment.objects.filter(open_then, program=program, starts_at__lte=at)
    return list(enrollments.order_by("site_id").values_list("site_id", flat=True).distinct())


def opted_out_site_ids(*, signal_id: UUID) -> set[int]:
    """Return the sites whose household said no."""
    return set(OptOut.objects.filter(signal_id=signal_id).values_list("site_id", flat=True))


def earlier_event_days(*, signal: GridSignal, zone: ZoneInfo) -> set[date]:
    """Return the local days of the program's earlier events: they do not tell what a home usually draws."""
    earlier = GridSignal.objects.filter(program=signal.program, starts_at__lt=signal.starts_at)
    periods = earlier.exclude(pk=signal.pk).values_list("starts_at", "ends_at")
    return {day for period in periods for day in _days(*period, zone=zone)}


def event_days_of_program(*, program: Program, zone: ZoneInfo) -> set[date]:
    """Return the local days of all the program's events."""
    periods = GridSignal.objects.filter(program=program).values_list("starts_at", "ends_at")
    return {day for period in periods for day in _days(*period, zone=zone)}


def _days(starts_at: datetime, ends_at: datetime, *, zone: ZoneInfo) -> list[date]:
    first = starts_at.astimezone(zone).date()
    last = (ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=back) for back in range((last - first).days + 1)]


def signals_in_states(*, states: list[str]) -> list[GridSignal]:
    """Return all tenants' signals in these states, for the periodic work."""
    return list(GridSignal.objects.filter(state__in=states).select_related("program").order_by("pk"))
