"""Markets and who takes part in them."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.markets.api import serializers as shapes
from apps.markets.api.lookups import MOST_ROWS, actor, market_or_404, participant_or_404, program_named
from apps.markets.api.serializers import MarketSerializer, ParticipantSerializer, ReasonSerializer
from apps.markets.books import deposit
from apps.markets.errors import MarketInvalidError, ParticipantInvalidError
from apps.markets.operators import market_create, market_pause, market_resume, market_set
from apps.markets.participation import participant_join, participant_set, terms_accept
from apps.markets.selectors import (
    markets_of_organization,
    month_before,
    participants_of_organization,
    statement_lines,
)
from apps.sites.selectors import grid_areas_of_organization, sites_of_organization

TAG: Final = "markets"
EXAMPLE: Final = {
    "name": "Hill Street", "grid_area_id": 1, "mechanism": "uniform_price", "interval_s": 900, "gate_closure_s": 900,
    "least_price_micro": 0, "most_price_micro": 400_000, "terms": "Be fair.",
}  # fmt: skip
JOIN: Final = {"name": "12 Hill Street", "kind": "prosumer", "site_ids": [1], "automatic": True}


class MarketsView(AggregatorView):
    """GET, POST /api/v1/markets"""

    @describes("List markets", tag=TAG, answers=MarketSerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = markets_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=MarketSerializer)

    @describes(
        "Define a market for a grid area", tag=TAG, sends=shapes.MarketSendSerializer, answers=MarketSerializer,
        status=201, example=EXAMPLE,
        description="Prices are in millionths of the currency per kWh, energy in Wh, an account's money in billionths.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said, organization = sent(request, shapes.MarketSendSerializer), organization_of(request)
        areas = grid_areas_of_organization(organization=organization)
        area = areas.filter(pk=said.pop("grid_area_id")).first()
        if area is None:
            raise MarketInvalidError("no such grid area")
        market = market_create(
            organization=organization, grid_area=area, actor=actor(request), now=clock.now(),
            **_with_program(request, said),
        )  # fmt: skip
        return Response(MarketSerializer(market).data, status=201)


class MarketView(AggregatorView):
    """GET, PATCH /api/v1/markets/{id}"""

    @describes("Show a market", tag=TAG, answers=MarketSerializer)
    def get(self, request: Request, market_id: int) -> Response:
        asked(request, Query)
        return tagged(request, MarketSerializer(market_or_404(request, market_id)).data)

    @describes(
        "Change a market's rules", tag=TAG, sends=shapes.MarketChangeSerializer, answers=MarketSerializer,
        example={"most_price_micro": 500_000}, description="New `terms` are a new version that everybody has to accept.",
        tagged=True,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id, locked=True)
        check_if_match(request, MarketSerializer(market).data)
        changes = _with_program(request, sent(request, shapes.MarketChangeSerializer, partial=True))
        changed = market_set(market=market, changes=changes, actor=actor(request), now=clock.now())
        return tagged(request, MarketSerializer(changed).data)


class PauseView(AggregatorView):
    """POST /api/v1/markets/{id}/pause"""

    @describes(
        "Pause a market", tag=TAG, sends=ReasonSerializer, answers=MarketSerializer,
        example={"reason": "works on the feeder"}, description="No orders, no clearing.",
    )  # fmt: skip
    def post(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, ReasonSerializer)
        paused = market_pause(market=market, reason=said["reason"], actor=actor(request), now=clock.now())
        return Response(MarketSerializer(paused).data)


class ResumeView(AggregatorView):
    """POST /api/v1/markets/{id}/resume"""

    @describes(
        "Resume a market", tag=TAG, sends=ReasonSerializer, answers=MarketSerializer,
        example={"reason": "the works are over"},
    )  # fmt: skip
    def post(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, ReasonSerializer)
        opened = market_resume(market=market, reason=said["reason"], actor=actor(request), now=clock.now())
        return Response(MarketSerializer(opened).data)


class ParticipantsView(AggregatorView):
    """GET, POST /api/v1/markets/{id}/participants"""

    @describes(
        "List who takes part", tag=TAG, answers=ParticipantSerializer, pages=True, query=shapes.ParticipantQuery
    )  # fmt: skip
    def get(self, request: Request, market_id: int) -> Response:
        wanted = asked(request, shapes.ParticipantQuery, paged=True)
        chosen = {{"site": "homes__site_id"}.get(name, name): value for name, value in wanted.items()}
        market = market_or_404(request, market_id)
        found = participants_of_organization(organization=market.organization).filter(market=market, **chosen)
        held = found.prefetch_related("homes")
        return paged(request, held, order=("pk",), shown=ParticipantSerializer)

    @describes(
        "Let somebody trade", tag=TAG, sends=shapes.JoinSerializer, answers=ParticipantSerializer, status=201,
        example=JOIN, description="For homes of the market's grid area; the terms have still to be accepted.",
    )  # fmt: skip
    def post(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, shapes.JoinSerializer)
        wanted = set(said.pop("site_ids"))
        sites = list(sites_of_organization(organization=market.organization).filter(pk__in=wanted))
        if len(sites) < len(wanted):
            raise ParticipantInvalidError("no such home")
        one = participant_join(
            market=market, sites=sites, actor=actor(request), now=clock.now(), **_kind(said)
        )
        return Response(ParticipantSerializer(one).data, status=201)


class ParticipantView(AggregatorView):
    """GET, PATCH /api/v1/market-participants/{id}"""

    @describes("Show a participant", tag=TAG, answers=ParticipantSerializer)
    def get(self, request: Request, participant_id: int) -> Response:
        asked(request, Query)
        return tagged(request, ParticipantSerializer(participant_or_404(request, participant_id)).data)

    @describes(
        "Change a participant", tag=TAG, sends=shapes.ParticipantChangeSerializer, answers=ParticipantSerializer,
        example={"automatic": True, "buy_limit_micro": 250_000}, tagged=True,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, participant_id: int) -> Response:
        one = participant_or_404(request, participant_id, locked=True)
        check_if_match(request, ParticipantSerializer(one).data)
        changes = sent(request, shapes.ParticipantChangeSerializer, partial=True)
        changed = participant_set(participant=one, changes=changes, actor=actor(request), now=clock.now())
        return tagged(request, ParticipantSerializer(changed).data)


class TermsView(AggregatorView):
    """POST /api/v1/market-participants/{id}/terms"""

    @describes(
        "Accept the market's terms", tag=TAG, sends=shapes.TermsSerializer, answers=ParticipantSerializer,
        example={"version": 1}, description="The present version, by its number.",
    )  # fmt: skip
    def post(self, request: Request, participant_id: int) -> Response:
        one, said = participant_or_404(request, participant_id), sent(request, shapes.TermsSerializer)
        accepted = terms_accept(
            participant=one, version=said["version"], actor=actor(request), now=clock.now()
        )
        return Response(ParticipantSerializer(accepted).data)


class DepositsView(AggregatorView):
    """POST /api/v1/market-participants/{id}/deposits"""

    @describes(
        "Put money on an account", tag=TAG, sends=shapes.DepositSerializer, answers=ParticipantSerializer, status=201,
        example={"amount": "25.00"}, description="In the market's currency; paid out where negative.",
    )  # fmt: skip
    def post(self, request: Request, participant_id: int) -> Response:
        one, said = participant_or_404(request, participant_id), sent(request, shapes.DepositSerializer)
        deposit(participant=one, amount=said["amount"], actor=actor(request), now=clock.now())
        one.account.refresh_from_db()
        return Response(ParticipantSerializer(one).data, status=201)


class StatementView(AggregatorView):
    """GET /api/v1/market-participants/{id}/statement"""

    @describes(
        "Show a participant's account", tag=TAG, answers=shapes.AccountSerializer, query=shapes.AccountQuery,
        description="What was booked between `from` and `to` (the last 30 days if left out), at most 500 lines.",
    )  # fmt: skip
    def get(self, request: Request, participant_id: int) -> Response:
        wanted, now = asked(request, shapes.AccountQuery), clock.now()
        one = participant_or_404(request, participant_id)
        found = statement_lines(
            participant=one, starts_at=wanted.get("from", month_before(now)), ends_at=wanted.get("to", now)
        )[:MOST_ROWS]
        shown = {
            "participant_id": one.pk, "currency": one.market.currency, "balance_nano": one.account.balance_nano,
            "lines": found,
        }  # fmt: skip
        return Response(shapes.AccountSerializer(shown).data)


def _kind(said: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "prosumer", **said}


def _with_program(request: Request, said: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(said)
    if "price_program_id" in plain:
        plain["price_program"] = program_named(request, plain.pop("price_program_id"))
    return plain
