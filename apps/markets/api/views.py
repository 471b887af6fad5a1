"""Markets and who takes part in them."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.markets.api.lookups import (
    MOST_ROWS,
    actor,
    instant,
    market_or_404,
    participant_or_404,
    program_named,
)
from apps.markets.api.serializers import (
    DepositSerializer,
    JoinSerializer,
    MarketChangeSerializer,
    MarketSerializer,
    ParticipantChangeSerializer,
    ParticipantSerializer,
    PostingSerializer,
    ReasonSerializer,
    TermsSerializer,
)
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


class MarketsView(AggregatorView):
    """GET, POST /api/v1/markets"""

    def get(self, request: Request) -> Response:
        found = markets_of_organization(organization=partner(request).organization)
        return Response(MarketSerializer(found, many=True).data)

    def post(self, request: Request) -> Response:
        sent = _sent(MarketSerializer, request)
        organization = partner(request).organization
        area = (
            grid_areas_of_organization(organization=organization).filter(pk=sent.pop("grid_area_id")).first()
        )
        if area is None:
            raise MarketInvalidError("no such grid area")
        market = market_create(
            organization=organization,
            grid_area=area,
            actor=actor(request),
            now=clock.now(),
            **_with_program(request, sent),
        )
        return Response(MarketSerializer(market).data, status=201)


class MarketView(AggregatorView):
    """GET, PATCH /api/v1/markets/{id}"""

    def get(self, request: Request, market_id: int) -> Response:
        return Response(MarketSerializer(market_or_404(request, market_id)).data)

    def patch(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        changes = _with_program(request, _sent(MarketChangeSerializer, request, partial=True))
        changed = market_set(market=market, changes=changes, actor=actor(request), now=clock.now())
        return Response(MarketSerializer(changed).data)


class PauseView(AggregatorView):
    """POST /api/v1/markets/{id}/pause"""

    def post(self, request: Request, market_id: int) -> Response:
        market, sent = market_or_404(request, market_id), _sent(ReasonSerializer, request)
        paused = market_pause(market=market, reason=sent["reason"], actor=actor(request), now=clock.now())
        return Response(MarketSerializer(paused).data)


class ResumeView(AggregatorView):
    """POST /api/v1/markets/{id}/resume"""

    def post(self, request: Request, market_id: int) -> Response:
        market, sent = market_or_404(request, market_id), _sent(ReasonSerializer, request)
        opened = market_resume(market=market, reason=sent["reason"], actor=actor(request), now=clock.now())
        return Response(MarketSerializer(opened).data)


class ParticipantsView(AggregatorView):
    """GET, POST /api/v1/markets/{id}/participants"""

    def get(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        found = participants_of_organization(organization=market.organization).filter(market=market)
        return Response(ParticipantSerializer(found.prefetch_related("homes"), many=True).data)

    def post(self, request: Request, market_id: int) -> Response:
        market, sent = market_or_404(request, market_id), _sent(JoinSerializer, request)
        wanted = set(sent.pop("site_ids"))
        sites = list(sites_of_organization(organization=market.organization).filter(pk__in=wanted))
        if len(sites) < len(wanted):
            raise ParticipantInvalidError("no such home")
        one = participant_join(
            market=market, sites=sites, actor=actor(request), now=clock.now(), **_kind(sent)
        )
        return Response(ParticipantSerializer(one).data, status=201)


class ParticipantView(AggregatorView):
    """GET, PATCH /api/v1/market-participants/{id}"""

    def get(self, request: Request, participant_id: int) -> Response:
        return Response(ParticipantSerializer(participant_or_404(request, participant_id)).data)

    def patch(self, request: Request, participant_id: int) -> Response:
        one = participant_or_404(request, participant_id)
        changes = _sent(ParticipantChangeSerializer, request, partial=True)
        changed = participant_set(participant=one, changes=changes, actor=actor(request), now=clock.now())
        return Response(ParticipantSerializer(changed).data)


class TermsView(AggregatorView):
    """POST /api/v1/market-participants/{id}/terms: accept the market's present terms"""

    def post(self, request: Request, participant_id: int) -> Response:
        one, sent = participant_or_404(request, participant_id), _sent(TermsSerializer, request)
        accepted = terms_accept(
            participant=one, version=sent["version"], actor=actor(request), now=clock.now()
        )
        return Response(ParticipantSerializer(accepted).data)


class DepositsView(AggregatorView):
    """POST /api/v1/market-participants/{id}/deposits: money put on the account, or paid out where negative"""

    def post(self, request: Request, participant_id: int) -> Response:
        one, sent = participant_or_404(request, participant_id), _sent(DepositSerializer, request)
        deposit(participant=one, amount=sent["amount"], actor=actor(request), now=clock.now())
        one.account.refresh_from_db()
        return Response(ParticipantSerializer(one).data, status=201)


class StatementView(AggregatorView):
    """GET /api/v1/market-participants/{id}/statement"""

    def get(self, request: Request, participant_id: int) -> Response:
        one, now = participant_or_404(request, participant_id), clock.now()
        starts_at, ends_at = (
            instant(request, "from", default=month_before(now)),
            instant(request, "to", default=now),
        )
        assert starts_at is not None and ends_at is not None  # both have a default
        found = statement_lines(participant=one, starts_at=starts_at, ends_at=ends_at)[:MOST_ROWS]
        return Response(
            {
                "participant_id": one.pk, "currency": one.market.currency, "balance_nano": one.account.balance_nano,
                "lines": PostingSerializer(found, many=True).data,
            }
        )  # fmt: skip


def _sent(kind: Any, request: Request, *, partial: bool = False) -> dict[str, Any]:
    serializer = kind(data=request.data, partial=partial)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _kind(sent: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "prosumer", **sent}


def _with_program(request: Request, sent: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(sent)
    if "price_program_id" in plain:
        plain["price_program"] = program_named(request, plain.pop("price_program_id"))
    return plain
