"""Bilateral contracts."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.markets.api.agreement_serializers import ContractSendSerializer, ContractSerializer
from apps.markets.api.lookups import actor, market_or_404, participant_or_404
from apps.markets.contracts import (
    contract_agree,
    contract_end,
    contract_propose,
    contracts_of_organization,
)
from apps.markets.errors import ContractUnknownError
from apps.markets.models import Contract

TAG = "markets"
EXAMPLE = {
    "participant_id": 12, "side": "bid", "with_id": 15, "price_micro": 180000, "energy_wh": 250,
    "starts_at": "2030-06-01T10:00:00+02:00", "ends_at": "2030-06-01T14:00:00+02:00",
}  # fmt: skip


class ContractsView(AggregatorView):
    """GET, POST /api/v1/markets/{id}/contracts"""

    @describes(
        "List contracts", tag=TAG, answers=ContractSerializer, pages=True, description="The newest first."
    )
    def get(self, request: Request, market_id: int) -> Response:
        asked(request, Query, paged=True)
        market = market_or_404(request, market_id)
        found = contracts_of_organization(organization=market.organization).filter(market=market)
        return paged(request, found, order=("-pk",), shown=ContractSerializer)

    @describes(
        "Propose a contract", tag=TAG, sends=ContractSendSerializer, answers=ContractSerializer, status=201,
        example=EXAMPLE, description="It holds from when the other side agrees.",
    )  # fmt: skip
    def post(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, ContractSendSerializer)
        one = participant_or_404(request, said["participant_id"], market=market)
        other = participant_or_404(request, said["with_id"], market=market)
        buyer, seller = (one, other) if said["side"] == "bid" else (other, one)
        made = contract_propose(
            by=one, buyer=buyer, seller=seller, price_micro=said["price_micro"], energy_wh=said["energy_wh"],
            period=(said["starts_at"], said["ends_at"]), actor=actor(request), now=clock.now(),
        )  # fmt: skip
        return Response(ContractSerializer(made).data, status=201)


class AgreeView(AggregatorView):
    """POST /api/v1/market-contracts/{id}/agree: for the side that did not propose it"""

    @describes("Agree to a contract", tag=TAG, answers=ContractSerializer)
    def post(self, request: Request, contract_id: int) -> Response:
        held = _contract_or_404(request, contract_id)
        other = held.seller if held.proposed_by_id == held.buyer_id else held.buyer
        agreed = contract_agree(contract=held, by=other, actor=actor(request), now=clock.now())
        return Response(ContractSerializer(agreed).data)


class EndView(AggregatorView):
    """POST /api/v1/market-contracts/{id}/end"""

    @describes("End a contract", tag=TAG, answers=ContractSerializer)
    def post(self, request: Request, contract_id: int) -> Response:
        held = _contract_or_404(request, contract_id)
        ended = contract_end(contract=held, actor=actor(request), now=clock.now())
        return Response(ContractSerializer(ended).data)


def _contract_or_404(request: Request, contract_id: int) -> Contract:
    found = contracts_of_organization(organization=partner(request).organization).filter(pk=contract_id)
    held = found.first()
    if held is None:
        raise ContractUnknownError("no such contract")
    return held
