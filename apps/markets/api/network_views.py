"""A market's feeder: its lines, and what its nodes came to."""

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import Query, asked, sent
from apps.markets.api.agreement_serializers import TieSerializer, TieSetSerializer
from apps.markets.api.lookups import actor, market_or_404, run_or_404
from apps.markets.api.serializers import AreaLineSerializer, AreaLineSetSerializer, NodePriceSerializer
from apps.markets.errors import LineInvalidError
from apps.markets.networks import line_set, tie_remove, tie_set, ties_of
from apps.markets.selectors import lines_of_market, nodes_of_run
from apps.sites.selectors import grid_areas_of_organization


class LinesView(AggregatorView):
    """GET /api/v1/markets/{id}/lines"""

    @describes("List the lines of a market's feeder", tag="markets", answers=AreaLineSerializer(many=True))
    def get(self, request: Request, market_id: int) -> Response:
        asked(request, Query)
        market = market_or_404(request, market_id)
        return Response(AreaLineSerializer(lines_of_market(market=market), many=True).data)


class LineView(AggregatorView):
    """PUT /api/v1/markets/{id}/lines/{grid area}: what is left out stays as it is"""

    @describes(
        "Say what line feeds a grid area", tag="markets", sends=AreaLineSetSerializer, answers=AreaLineSerializer,
        example={"resistance_ohm": 0.12, "reactance_ohm": 0.08, "load_kw": 4.0},
        description="And what flows there beside the market. What is left out stays.",
    )  # fmt: skip
    def put(self, request: Request, market_id: int, grid_area_id: int) -> Response:
        market = market_or_404(request, market_id)
        areas = grid_areas_of_organization(organization=market.organization)
        area = areas.filter(pk=grid_area_id).first()
        if area is None:
            raise LineInvalidError("no such grid area")
        values = sent(request, AreaLineSetSerializer)
        line = line_set(market=market, grid_area=area, values=values, actor=actor(request), now=clock.now())
        return Response(AreaLineSerializer(line).data)


class NodesView(AggregatorView):
    """GET /api/v1/market-runs/{id}/nodes: prices, flows and voltages of the feeder, its head first"""

    @describes(
        "Show what a feeder's nodes came to", tag="markets", answers=NodePriceSerializer(many=True),
        description="Prices, flows and voltages, the head first; empty for other mechanisms than `network`.",
    )  # fmt: skip
    def get(self, request: Request, run_id: int) -> Response:
        asked(request, Query)
        run = run_or_404(request, run_id)
        return Response(NodePriceSerializer(nodes_of_run(run=run), many=True).data)


class TiesView(AggregatorView):
    """GET, PUT /api/v1/markets/{id}/ties: lines between grid areas beside those that feed them"""

    @describes("List the ties of a market's network", tag="markets", answers=TieSerializer(many=True))
    def get(self, request: Request, market_id: int) -> Response:
        asked(request, Query)
        market = market_or_404(request, market_id)
        return Response(TieSerializer(ties_of(market=market), many=True).data)

    @describes(
        "Say what line joins two grid areas", tag="markets", sends=TieSetSerializer, answers=TieSerializer,
        example={"sender_id": 3, "receiver_id": 4, "reactance_ohm": 0.08, "limit_kw": 50.0},
        description="Beside those that feed them; one between two areas.",
    )  # fmt: skip
    def put(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, TieSetSerializer)
        areas = grid_areas_of_organization(organization=market.organization)
        ends = [areas.filter(pk=said[name]).first() for name in ("sender_id", "receiver_id")]
        if ends[0] is None or ends[1] is None:
            raise LineInvalidError("no such grid area")
        tie = tie_set(
            market=market, ends=(ends[0], ends[1]), reactance_ohm=said["reactance_ohm"], limit_kw=said.get("limit_kw"),
            actor=actor(request), now=clock.now(),
        )  # fmt: skip
        return Response(TieSerializer(tie).data)


class TieView(AggregatorView):
    """DELETE /api/v1/markets/{id}/ties/{tie}"""

    @describes("Take a tie away", tag="markets", status=204)
    def delete(self, request: Request, market_id: int, tie_id: int) -> Response:
        market = market_or_404(request, market_id)
        tie_remove(market=market, tie_id=tie_id, actor=actor(request), now=clock.now())
        return Response(status=204)
