"""Orders, runs, trades, proofs."""

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
    order_or_404,
    participant_or_404,
    run_or_404,
)
from apps.markets.api.serializers import (
    OrderSendSerializer,
    OrderSerializer,
    ReasonSerializer,
    RunSerializer,
    TradeSerializer,
)
from apps.markets.clearing import run_again, run_cancel, run_replay
from apps.markets.errors import ProofUnknownError
from apps.markets.models import LogEntry, Order
from apps.markets.sealing import entry_plain, log_faults, proof_of
from apps.markets.selectors import (
    leaf_of_trade,
    log_of_organization,
    orders_of_organization,
    runs_of_organization,
    trades_of_organization,
)
from apps.markets.services import Wish, order_cancel, order_place

SIDES = {"bid": Order.Side.BID, "offer": Order.Side.OFFER}


class OrdersView(AggregatorView):
    """GET, POST /api/v1/markets/{id}/orders"""

    def get(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        found = orders_of_organization(organization=market.organization).filter(market=market)
        starts_at = instant(request, "starts_at")
        found = found.filter(starts_at=starts_at) if starts_at else found
        return Response(OrderSerializer(found[:MOST_ROWS], many=True).data)

    def post(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        serializer = OrderSendSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent = dict(serializer.validated_data)
        participant = participant_or_404(request, sent.pop("participant_id"), market=market)
        wish = Wish(**{**sent, "side": SIDES[sent["side"]].value})
        order = order_place(participant=participant, wish=wish, actor=actor(request), now=clock.now())
        return Response(OrderSerializer(order).data, status=201)


class OrderCancelView(AggregatorView):
    """POST /api/v1/market-orders/{id}/cancel"""

    def post(self, request: Request, order_id: int) -> Response:
        order = order_or_404(request, order_id)
        canceled = order_cancel(participant=order.participant, order_id=order.pk, now=clock.now())
        return Response(OrderSerializer(canceled).data)


class RunsView(AggregatorView):
    """GET /api/v1/markets/{id}/runs"""

    def get(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        found = runs_of_organization(organization=market.organization).filter(market=market)
        return Response(RunSerializer(found[:MOST_ROWS], many=True).data)


class RunView(AggregatorView):
    """GET /api/v1/market-runs/{id}: the run, its trades, and what was cut"""

    def get(self, request: Request, run_id: int) -> Response:
        run = run_or_404(request, run_id)
        trades = run.trades.select_related("run").order_by("order_id")
        cuts = run.cuts.order_by("order_id").values("order_id", "cut_wh", "reason")
        return Response(
            {**RunSerializer(run).data, "trades": TradeSerializer(trades, many=True).data, "cuts": list(cuts)}
        )


class RunCancelView(AggregatorView):
    """POST /api/v1/market-runs/{id}/cancel"""

    def post(self, request: Request, run_id: int) -> Response:
        run = run_or_404(request, run_id)
        canceled = run_cancel(run=run, reason=_reason(request), actor=actor(request), now=clock.now())
        return Response(RunSerializer(canceled).data)


class RunAgainView(AggregatorView):
    """POST /api/v1/market-runs/{id}/again"""

    def post(self, request: Request, run_id: int) -> Response:
        run = run_or_404(request, run_id)
        made = run_again(run=run, reason=_reason(request), actor=actor(request), now=clock.now())
        return Response(RunSerializer(made).data, status=201)


class RunReplayView(AggregatorView):
    """GET /api/v1/market-runs/{id}/replay: computed again from the kept inputs; nothing is stored"""

    def get(self, request: Request, run_id: int) -> Response:
        found = run_replay(run=run_or_404(request, run_id))
        return Response(
            {
                "inputs_match": found.inputs_match, "result_match": found.result_match, "result_hash": found.result_hash,
            }
        )  # fmt: skip


class TradesView(AggregatorView):
    """GET /api/v1/markets/{id}/trades"""

    def get(self, request: Request, market_id: int) -> Response:
        market = market_or_404(request, market_id)
        found = trades_of_organization(organization=market.organization).filter(run__market=market)
        return Response(TradeSerializer(found[:MOST_ROWS], many=True).data)


class ProofView(AggregatorView):
    """GET /api/v1/market-trades/{id}/proof"""

    def get(self, request: Request, trade_id: int) -> Response:
        organization = partner(request).organization
        trade = trades_of_organization(organization=organization).filter(pk=trade_id).first()
        leaf = leaf_of_trade(trade=trade) if trade else None
        if leaf is None:
            raise ProofUnknownError("no such trade")
        return Response(proof_of(leaf=leaf))


class LogView(AggregatorView):
    """GET /api/v1/market-log: the newest entries, and what is wrong with the log if anything is"""

    def get(self, request: Request) -> Response:
        organization = partner(request).organization
        entries: list[LogEntry] = list(log_of_organization(organization=organization)[:MOST_ROWS])
        return Response({"entries": [entry_plain(entry) for entry in entries]})


class LogFaultsView(AggregatorView):
    """GET /api/v1/market-log/faults: every entry and leaf checked"""

    def get(self, request: Request) -> Response:
        faults = log_faults(organization=partner(request).organization)
        return Response(
            {"faults": [{"index": one.index, "leaf": one.leaf, "what": one.what} for one in faults]}
        )


def _reason(request: Request) -> str:
    serializer = ReasonSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return str(serializer.validated_data["reason"])
