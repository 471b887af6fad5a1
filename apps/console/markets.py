"""What operators see and do of markets: order books, runs, fairness, replays."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.common.charts import Chart, Series, chart, stepped
from apps.console.market_books import Book, book_of
from apps.console.market_curves import clearing_chart
from apps.console.market_map import NodalMap, nodal_map
from apps.markets.block_clearing import intervals_together, lines_of_interval
from apps.markets.clearing import Replay, kept, run_again, run_cancel, run_replay
from apps.markets.contracts import contracts_of_organization
from apps.markets.inputs import inputs_from, result_from
from apps.markets.models import ClearingRun, Contract, Cut, Market, Participant, Trade
from apps.markets.operators import market_pause, market_resume
from apps.markets.periods import length, session_of
from apps.markets.selectors import (
    markets_of_organization,
    nodes_of_run,
    participants_of_organization,
    prices_cleared,
    runs_before,
    runs_of_organization,
    runs_together,
)

NEWEST = 40
MICRO = Decimal(1_000_000)
NANO = Decimal(1_000_000_000)


@dataclasses.dataclass(frozen=True)
class MarketView:
    """A market's page."""

    market: Market
    promises: list[tuple[str, str]]
    condition: str
    book: Book
    prices: Chart | None
    runs: list[ClearingRun]
    older: bool
    newest: bool
    participants: list[Participant]
    contracts: list[Contract]


@dataclasses.dataclass(frozen=True)
class Fairness:
    """How evenly the gains of trade fall on who traded, and what low-income homes got of it."""

    traders: int
    jain: float
    gini: float
    low_income_share: float | None
    low_income_part: float | None


@dataclasses.dataclass(frozen=True)
class Bound:
    """What no outcome with these blocks can exceed, how far the run is from it, and how many intervals it is of."""

    gains: Decimal
    most: Decimal
    gap_pct: float
    rejected: int
    intervals: int


@dataclasses.dataclass(frozen=True)
class RunView:
    """A run's page; `session` has the runs of all intervals cleared together.

    `price` is None where buyers and sellers have several.
    """

    run: ClearingRun
    session: list[ClearingRun]
    curves: Chart | None
    map: NodalMap | None
    fairness: Fairness | None
    bound: Bound | None
    trades: list[Trade]
    cuts: list[Cut]
    welfare: Decimal
    left_over: Decimal
    price: Decimal | None
    kwh: Decimal
    may_cancel: bool
    may_run_again: bool
    replay: Replay | None


def markets(*, organization: Organization) -> list[Market]:
    """Return the tenant's markets."""
    return list(markets_of_organization(organization=organization))


def market_of(*, organization: Organization, market_id: int) -> Market | None:
    """Return one of them."""
    return markets_of_organization(organization=organization).filter(pk=market_id).first()


def run_of(*, market: Market, run_id: int) -> ClearingRun | None:
    """Return one of a market's runs."""
    return runs_of_organization(organization=market.organization).filter(market=market, pk=run_id).first()


def participant_of(*, market: Market, participant_id: int) -> Participant | None:
    """Return one of a market's participants."""
    found = participants_of_organization(organization=market.organization)
    return found.filter(market=market, pk=participant_id).first()


def market_view(
    *, market: Market, zone: ZoneInfo, now: datetime, before: ClearingRun | None = None, interval: str = ""
) -> MarketView:
    """Put a market's page together, with the newest runs or those before one, and the book of an interval."""
    runs, older = runs_before(market=market, before=before, limit=NEWEST)
    people = participants_of_organization(organization=market.organization).filter(market=market)
    return MarketView(
        market,
        *_promises(market),
        book_of(market=market, chosen=interval, now=now),
        _prices(market, zone, now=now),
        runs,
        older,
        before is None,
        list(people[:200]),
        list(contracts_of_organization(organization=market.organization).filter(market=market)[:NEWEST]),
    )


def run_view(*, run: ClearingRun, now: datetime, replay: bool) -> RunView:
    """Put a run's page together; with `replay` it is computed again."""
    inputs = inputs_from(kept(run)[0])
    trades = list(
        run.trades.select_related("participant", "order").order_by("side", "order__price_micro", "pk")
    )
    one_price = run.buy_price_micro if run.buy_price_micro == run.sell_price_micro else None
    settled = hasattr(run, "deliveries")
    return RunView(
        run=run,
        session=runs_together(run=run, starts=intervals_together(inputs)),
        curves=clearing_chart(
            lines=lines_of_interval(inputs), cleared=(run.volume_wh, one_price), currency=run.market.currency
        ),
        map=nodal_map(nodes=list(nodes_of_run(run=run)), account_nano=run.account_nano),
        fairness=_fairness(trades),
        bound=_bound(run),
        trades=trades[:200],
        cuts=list(run.cuts.select_related("order__participant").order_by("order_id")[:200]),
        welfare=run.welfare_nano / NANO,
        left_over=run.account_nano / NANO,
        price=None if one_price is None else one_price / MICRO,
        kwh=Decimal(run.volume_wh) / 1000,
        may_cancel=run.state == ClearingRun.State.DONE and not settled,
        may_run_again=run.state == ClearingRun.State.CANCELED and now < session_of(run.market, run.starts_at),
        replay=run_replay(run=run) if replay else None,
    )


def _bound(run: ClearingRun) -> Bound | None:
    """Read the bound of the welfare from a run's result; only clearing with blocks has one."""
    texts = kept(run)
    inputs, result = inputs_from(texts[0]), result_from(texts[1])
    if "bound_nano" not in result.extra:
        return None
    most = result.extra["bound_nano"]
    gains = result.extra.get("session_welfare_nano", run.welfare_nano)
    intervals = len(inputs.extra.get("session", {}).get("starts_at", [""]))
    gap_pct = 100 * (most - gains) / most if most > 0 else 0.0
    return Bound(gains / NANO, most / NANO, gap_pct, len(result.extra["rejected_at_gain"]), intervals)


def set_state(*, user: User, market: Market, reason: str, now: datetime) -> Market:
    """Pause an open market, resume a paused one."""
    check_operator(user, market)
    change = market_pause if market.state == Market.State.OPEN else market_resume
    return change(market=market, reason=reason, actor=user.email, now=now)


def undo(*, user: User, run: ClearingRun, reason: str, now: datetime) -> ClearingRun:
    """Cancel a run."""
    check_operator(user, run.market)
    return run_cancel(run=run, reason=reason, actor=user.email, now=now)


def redo(*, user: User, run: ClearingRun, reason: str, now: datetime) -> ClearingRun:
    """Run a canceled run's interval again."""
    check_operator(user, run.market)
    return run_again(run=run, reason=reason, actor=user.email, now=now)


def check_operator(user: User, market: Market) -> None:
    """Refuse who may not act for the tenant."""
    if not is_operator(user=user, organization=market.organization):
        raise OperatorOnlyError("only an operator decides this")


def _promises(market: Market) -> tuple[list[tuple[str, str]], str]:
    """What the market's mechanism promises, and under what."""
    from vpp.markets.registry import properties_of

    held = properties_of(market.mechanism)
    promises = [
        ("Efficient", _yes(held.efficient)),
        ("Individually rational", _yes(held.individually_rational)),
        ("Budget balanced", "yes" if held.budget == "strong" else "never short"),
        ("Truthful", _yes(held.truthful)),
    ]
    return promises, held.conditions


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _prices(market: Market, zone: ZoneInfo, *, now: datetime) -> Chart | None:
    period = (now - timedelta(hours=24), now + timedelta(hours=2))
    found = prices_cleared(market=market, starts_at=period[0], ends_at=period[1])
    if not found:
        return None
    width = length(market).total_seconds()
    points = [
        point for one in found for point in stepped(one.starts_at, width, values=[one.price_micro / 1e6])
    ]
    return chart(
        title="Cleared prices", period=period, series=[Series("given", "price per kWh", points)], zone=zone,
        unit=market.currency, now=now,
    )  # fmt: skip


def _fairness(trades: Sequence[Trade]) -> Fairness | None:
    """Measure the gains over the orders' own limits, by participant."""
    from vpp.markets.fairness import gini_coefficient, jain_index

    gains: dict[int, int] = {}
    poor: set[int] = set()
    for one in trades:
        gain = one.side * one.order.price_micro * one.energy_wh - one.pay_nano
        gains[one.participant_id] = gains.get(one.participant_id, 0) + max(0, gain)
        if one.participant.low_income:
            poor.add(one.participant_id)
    if not gains:
        return None
    shares = list(gains.values())
    total = sum(shares)
    return Fairness(
        len(gains),
        jain_index(shares),
        gini_coefficient(shares),
        sum(gains[who] for who in poor) / total if poor and total else None,
        len(poor) / len(gains) if poor else None,
    )
