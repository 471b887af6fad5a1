"""Who is paid on the chain, and what to deposit for a bid there."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import sent
from apps.markets.api.agreement_serializers import (
    DepositAskSerializer,
    EscrowSerializer,
    PartySerializer,
    PartySetSerializer,
)
from apps.markets.api.lookups import actor, order_or_404, participant_or_404
from apps.markets.chain.parties import (
    chain_join,
    chain_leave,
    deposit_ask,
    deposit_units,
    escrow_ask,
    price_limit_units,
)
from apps.markets.models import ChainDeposit, ChainEscrow


class PartyView(AggregatorView):
    """PUT, DELETE /api/v1/market-participants/{id}/chain"""

    @describes(
        "Let a participant be paid on the chain", tag="markets", sends=PartySetSerializer, answers=PartySerializer,
        example={"address": "0x52908400098527886E0F7030069857D2E4169EE7"},
    )  # fmt: skip
    def put(self, request: Request, participant_id: int) -> Response:
        one, said = participant_or_404(request, participant_id), sent(request, PartySetSerializer)
        party = chain_join(participant=one, address=said["address"], actor=actor(request), now=clock.now())
        return Response({"participant_id": one.pk, "address": party.address, "since": party.since})

    @describes("Let a participant be paid by its account again", tag="markets", status=204)
    def delete(self, request: Request, participant_id: int) -> Response:
        one = participant_or_404(request, participant_id)
        chain_leave(participant=one, actor=actor(request), now=clock.now())
        return Response(status=204)


class DepositView(AggregatorView):
    """POST /api/v1/market-participants/{id}/chain/deposits: the bid is placed with the same key once the deposit is seen"""

    @describes(
        "Ask what to deposit on the chain for a bid to be", tag="markets", sends=DepositAskSerializer,
        answers=EscrowSerializer, status=201,
        example={"idempotency_key": "bid-0815", "price_micro": 250000, "quantity_wh": 500},
        description="A deposit that the platform has seen on the chain is the funds of the bid with this key.",
    )  # fmt: skip
    def post(self, request: Request, participant_id: int) -> Response:
        one, said = participant_or_404(request, participant_id), sent(request, DepositAskSerializer)
        held = deposit_ask(
            participant=one, key=said["idempotency_key"], price_micro=said["price_micro"],
            quantity_wh=said["quantity_wh"], actor=actor(request), now=clock.now(),
        )  # fmt: skip
        seen = held.held_nano >= held.cost_nano
        return Response(_what_to_deposit(held, state="held" if seen else "open", reason=""), status=201)


def _what_to_deposit(held: ChainEscrow | ChainDeposit, *, state: str, reason: str) -> dict[str, object]:
    order = held.order if isinstance(held, ChainEscrow) else held
    return {
        "chain_id": settings.MARKET_CHAIN_ID, "contract": settings.MARKET_CHAIN_CONTRACT, "from": held.address,
        "order": "0x" + bytes(held.order_hash).hex(), "price_limit": str(price_limit_units(order)),
        "value": str(deposit_units(order)), "state": state, "reason": reason,
    }  # fmt: skip


class EscrowView(AggregatorView):
    """POST /api/v1/market-orders/{id}/escrow: what the bid's owner calls `deposit` with; large numbers are text"""

    @describes(
        "Ask what to deposit for a bid on the chain", tag="markets", answers=EscrowSerializer, status=201
    )
    def post(self, request: Request, order_id: int) -> Response:
        order = order_or_404(request, order_id)
        escrow = escrow_ask(order=order, actor=actor(request), now=clock.now())
        return Response(_what_to_deposit(escrow, state=escrow.state, reason=escrow.reason), status=201)
