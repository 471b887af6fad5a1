"""Reads of programs and grid signals."""

from datetime import datetime
from uuid import UUID

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


def signals_in_states(*, states: list[str]) -> list[GridSignal]:
    """Return all tenants' signals in these states, for the periodic work."""
    return list(GridSignal.objects.filter(state__in=states).select_related("program").order_by("pk"))
