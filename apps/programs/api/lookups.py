"""What views look up by the path: the tenant's own, else 404."""

from uuid import UUID

from rest_framework.request import Request

from apps.accounts.api.views import organization_of
from apps.common.errors import NotFoundError
from apps.programs import selectors
from apps.programs.models import GridSignal, Program


def program_or_404(request: Request, program_id: int, *, locked: bool = False) -> Program:
    """Return the tenant's program or raise NotFoundError."""
    rows = selectors.programs_of_organization(organization=organization_of(request))
    found: Program | None = (rows.select_for_update() if locked else rows).filter(pk=program_id).first()
    if found is None:
        raise NotFoundError("no such program")
    return found


def signal_or_404(request: Request, signal_id: UUID, *, locked: bool = False) -> GridSignal:
    """Return the tenant's signal or raise NotFoundError."""
    rows = selectors.signals_of_organization(organization=organization_of(request))
    held = rows.select_for_update(of=("self",)) if locked else rows
    found: GridSignal | None = held.filter(pk=signal_id).first()
    if found is None:
        raise NotFoundError("no such grid signal")
    return found
