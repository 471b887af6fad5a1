"""The tenant's own things, or 404."""

from rest_framework.request import Request

from apps.accounts.api.authentication import partner
from apps.markets.errors import (
    MarketInvalidError,
    MarketUnknownError,
    OrderUnknownError,
    ParticipantUnknownError,
    RunUnknownError,
)
from apps.markets.models import ClearingRun, Market, Order, Participant
from apps.markets.selectors import (
    markets_of_organization,
    orders_of_organization,
    participants_of_organization,
    runs_of_organization,
)
from apps.programs.models import Program
from apps.programs.selectors import programs_of_organization

MOST_ROWS = 500


def actor(request: Request) -> str:
    """Return who is noted as having done it."""
    return f"client {partner(request).name}"


def market_or_404(request: Request, market_id: int, *, locked: bool = False) -> Market:
    """Return the tenant's market."""
    rows = markets_of_organization(organization=partner(request).organization)
    found = (rows.select_for_update(of=("self",)) if locked else rows).filter(pk=market_id).first()
    if found is None:
        raise MarketUnknownError("no such market")
    return found


def participant_or_404(
    request: Request, participant_id: int, *, market: Market | None = None, locked: bool = False
) -> Participant:
    """Return a participant of the tenant's markets, or of one of them."""
    rows = participants_of_organization(organization=partner(request).organization)
    held = (rows.select_for_update(of=("self",)) if locked else rows).filter(pk=participant_id)
    found = (held.filter(market=market) if market else held).prefetch_related("homes").first()
    if found is None:
        raise ParticipantUnknownError("no such participant")
    return found


def order_or_404(request: Request, order_id: int) -> Order:
    """Return an order on the tenant's markets."""
    found = orders_of_organization(organization=partner(request).organization).filter(pk=order_id).first()
    if found is None:
        raise OrderUnknownError("no such order")
    return found


def run_or_404(request: Request, run_id: int) -> ClearingRun:
    """Return a run of the tenant's markets."""
    found = runs_of_organization(organization=partner(request).organization).filter(pk=run_id).first()
    if found is None:
        raise RunUnknownError("no such clearing run")
    return found


def program_named(request: Request, program_id: int | None) -> Program | None:
    """Return the tenant's program of this number; none where none is named."""
    if program_id is None:
        return None
    found = programs_of_organization(organization=partner(request).organization).filter(pk=program_id).first()
    if found is None:
        raise MarketInvalidError("no such program")
    return found
