"""What forms offer to choose from; each read takes the tenant first."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from apps.accounts.models import Organization
from apps.common.errors import NotFoundError
from apps.openadr.models import Ven2b, VenObject
from apps.programs.models import Program
from apps.programs.selectors import programs_of_organization
from apps.sites.selectors import grid_areas_of_organization

MOST_OFFERED = 60


@dataclass(frozen=True)
class KnownTargets:
    """Names that an event can be aimed at, beside those of homes."""

    areas: list[str]
    vens: list[str]


def programs_open(*, organization: Organization) -> QuerySet[Program]:
    """Return the tenant's programs that have not ended."""
    shown = Q(openadr=None) | Q(openadr__deleted_at=None)
    return programs_of_organization(organization=organization).filter(shown)


def program_of(*, organization: Organization, program_id: str) -> Program:
    """Return one of the tenant's programs that have not ended."""
    found = None
    if program_id.isascii() and program_id.isdigit() and len(program_id) < 18:
        found = programs_open(organization=organization).filter(pk=int(program_id)).first()
    if found is None:
        raise NotFoundError("choose a program")
    return found


def targets_known(*, organization: Organization) -> KnownTargets:
    """Return names of grid areas and targets of VENs, not too many."""
    areas = grid_areas_of_organization(organization=organization).values_list("name", flat=True)
    held = VenObject.objects.filter(organization=organization).values_list("grants", flat=True)
    older = Ven2b.objects.filter(organization=organization).values_list("targets", flat=True)
    names = {name for row in (*held[:MOST_OFFERED], *older[:MOST_OFFERED]) for name in row}
    chosen = list(areas[:MOST_OFFERED])
    return KnownTargets(chosen, sorted(names - set(chosen))[:MOST_OFFERED])
