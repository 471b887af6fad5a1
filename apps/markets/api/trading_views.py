"""Orders, runs, trades, proofs."""

from typing import Final

from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.markets.api import serializers as shapes
from apps.markets.api.lookups import (
    MOST_ROWS,
    actor,
    market_or_404,
    order_or_404,
    participant_or_404,
    run_or_404,
)
from apps.markets.api.serializers import (
    MarketRunSerializer,
    OrderSerializer,
    ReasonSerializer,
    TradeSerializer,
)
from apps.markets.clearing import run_again, run_cancel, run_replay
from apps.markets.errors import ProofUnknownError
from apps.markets.log_checks import entry_plain, log_faults, proof_of
from apps.markets.models import ClearingRun, LogEntry, Order
from apps.markets.selectors import (
    leaf_of_trade,
    log_of_organization,
    orders_of_organization,
    runs_of_organization,
    trades_of_organization,
)
from apps.markets.services import Wish, order_cancel, order_place

TAG: Final = "markets"
SIDES = {"bid": Order.Side.BID, "offer": Order.Side.OFFER}
EXAMPLE: Final = {
    "participant_id": 1, "starts_at": "2030-01-15T17:00:00Z", "side": "offer", "price_micro": 180_000,
    "quantity_wh": 1500, "idempotency_key": "2030-01-15T17:00-1", "green": True,
}  # fmt: skip
REASON: Final = {"reason": "the meters of the street were exchanged"}
PERIOD: Final = {"since": "starts_at__gte", "before": "starts_at__lt"}


class OrdersView(AggregatorView):
    """GET, POST /api/v1/markets/{id}/orders"""

    @describes(
        "List orders", tag=TAG, answers=OrderSerializer, pages=True, query=shapes.OrderQuery,
        description="The newest first.",
    )  # fmt: skip
    def get(self, request: Request, market_id: int) -> Response:
        wanted = asked(request, shapes.OrderQuery, paged=True)
        market = market_or_404(request, market_id)
        found = orders_of_organization(organization=market.organization).filter(market=market, **wanted)
        return paged(request, found, order=("-pk",), shown=OrderSerializer)

    @describes(
        "Place an order", tag=TAG, sends=shapes.OrderSendSerializer, answers=OrderSerializer, status=201, example=EXAMPLE,
        description="Until the gate of its interval closes. The same order sent again is answered with the one that stands.",
    )  # fmt: skip
    def post(self, request: Request, market_id: int) -> Response:
        market, said = market_or_404(request, market_id), sent(request, shapes.OrderSendSerializer)
        participant = participant_or_404(request, said.pop("participant_id"), market=market)
        wish = Wish(**{"quantity_wh": 0, **said, "side": SIDES[said["side"]].value})
        order = order_place(participant=participant, wish=wish, actor=actor(request), now=clock.now())
        return Response(OrderSerializer(order).data, status=201)


class OrderCancelView(AggregatorView):
    """POST /api/v1/market-orders/{id}/cancel"""

    @describes(
        "Cancel an order", tag=TAG, answers=OrderSerializer, description="Until the gate of its interval closes."
    )  # fmt: skip
    def post(self, request: Request, order_id: int) -> Response:
        order = order_or_404(request, order_id)
        canceled = order_cancel(participant=order.participant, order_id=order.pk, now=clock.now())
        return Response(OrderSerializer(canceled).data)


class RunsView(AggregatorView):
    """GET /api/v1/markets/{id}/runs"""

    @describes(
        "List clearing runs", tag=TAG, answers=MarketRunSerializer, pages=True, query=shapes.MarketRunQuery,
        description="The latest delivery first; of one delivery the newest version first.",
    )  # fmt: skip
    def get(self, request: Request, market_id: int) -> Response:
        wanted = asked(request, shapes.MarketRunQuery, paged=True)
        market = market_or_404(request, market_id)
        chosen = {PERIOD.get(name, name): value for name, value in wanted.items()}
        found = runs_of_organization(organization=market.organization).filter(market=market, **chosen)
        return paged(request, found, order=("-starts_at", "-version", "pk"), shown=MarketRunSerializer)


class RunView(AggregatorView):
    """GET /api/v1/market-runs/{id}"""

    @describes("Show a clearing run whole", tag=TAG, answers=shapes.WholeMarketRunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        asked(request, Query)
        return Response(_whole(run_or_404(request, run_id)))


class RunCancelView(AggregatorView):
    """POST /api/v1/market-runs/{id}/cancel"""

    @describes(
        "Cancel a clearing run", tag=TAG, sends=ReasonSerializer, answers=MarketRunSerializer, example=REASON,
        description="Until its deliveries are settled.",
    )  # fmt: skip
    def post(self, request: Request, run_id: int) -> Response:
        run, said = run_or_404(request, run_id), sent(request, ReasonSerializer)
        canceled = run_cancel(run=run, reason=said["reason"], actor=actor(request), now=clock.now())
        return Response(MarketRunSerializer(canceled).data)


class RunAgainView(AggregatorView):
    """POST /api/v1/market-runs/{id}/again"""

    @describes(
        "Clear a canceled run's interval again", tag=TAG, sends=ReasonSerializer, answers=MarketRunSerializer, status=201,
        example=REASON, description="Before its delivery begins.",
    )  # fmt: skip
    def post(self, request: Request, run_id: int) -> Response:
        run, said = run_or_404(request, run_id), sent(request, ReasonSerializer)
        made = run_again(run=run, reason=said["reason"], actor=actor(request), now=clock.now())
        return Response(MarketRunSerializer(made).data, status=201)


class RunReplayView(AggregatorView):
    """GET /api/v1/market-runs/{id}/replay"""

    @describes(
        "Compute a clearing run again", tag=TAG, answers=shapes.ReplaySerializer,
        description="From the kept inputs; nothing is stored.",
    )  # fmt: skip
    def get(self, request: Request, run_id: int) -> Response:
        asked(request, Query)
        found = run_replay(run=run_or_404(request, run_id))
        return Response(shapes.ReplaySerializer(found).data)


class TradesView(AggregatorView):
    """GET /api/v1/markets/{id}/trades"""

    @describes(
        "List trades", tag=TAG, answers=TradeSerializer, pages=True, query=shapes.TradeQuery,
        description="The latest delivery first.",
    )  # fmt: skip
    def get(self, request: Request, market_id: int) -> Response:
        wanted = asked(request, shapes.TradeQuery, paged=True)
        market = market_or_404(request, market_id)
        names = {"since": "run__starts_at__gte", "before": "run__starts_at__lt"}
        chosen = {names.get(name, name): value for name, value in wanted.items()}
        found = trades_of_organization(organization=market.organization).filter(run__market=market, **chosen)
        return paged(request, found, order=("-run__starts_at", "-pk"), shown=TradeSerializer)


class ProofView(AggregatorView):
    """GET /api/v1/market-trades/{id}/proof"""

    @describes("Show the proof that a trade was sealed", tag=TAG, answers=shapes.ProofSerializer)
    def get(self, request: Request, trade_id: int) -> Response:
        asked(request, Query)
        held = trades_of_organization(organization=organization_of(request))
        trade = held.filter(pk=trade_id).first()
        leaf = leaf_of_trade(trade=trade) if trade else None
        if leaf is None:
            raise ProofUnknownError("no such trade")
        return Response(proof_of(leaf=leaf))


class LogView(AggregatorView):
    """GET /api/v1/market-log"""

    @describes(
        "Show the newest sealed entries", tag=TAG, answers=shapes.LogSerializer,
        description="With hashes and signatures, at most 500. They name nobody.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked(request, Query)
        entries: list[LogEntry] = list(log_of_organization(organization=organization_of(request))[:MOST_ROWS])
        return Response({"entries": [entry_plain(entry) for entry in entries]})


class LogFaultsView(AggregatorView):
    """GET /api/v1/market-log/faults"""

    @describes(
        "Check the sealed log", tag=TAG, answers=shapes.FaultsSerializer,
        description="Every entry and leaf; where it is not what was sealed.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        asked(request, Query)
        faults = log_faults(organization=organization_of(request))
        return Response(shapes.FaultsSerializer({"faults": faults}).data)


def _whole(run: ClearingRun) -> dict[str, object]:
    trades = run.trades.select_related("run").order_by("order_id")
    cuts = run.cuts.order_by("order_id").values("order_id", "cut_wh", "reason")
    awards = run.awards.order_by("order_id").values(
        "order_id", "participant_id", "service", "energy_wh", "price_micro", "pay_nano"
    )
    return {
        **MarketRunSerializer(run).data, "trades": TradeSerializer(trades, many=True).data, "cuts": list(cuts),
        "awards": list(awards),
    }  # fmt: skip
