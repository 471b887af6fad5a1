"""What a household sees of its market: its bids and offers, trades, prices, savings, and where its energy came from."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from apps.accounts.models import User
from apps.common.charts import Chart, Series, chart, stepped
from apps.markets.errors import OrderRefusedError, ProofUnknownError
from apps.markets.models import Market, Order, Participant, Trade
from apps.markets.participation import participant_set, terms_accept
from apps.markets.periods import first_open, gate_closes_at, length
from apps.markets.sealing import proof_of
from apps.markets.selectors import (
    Savings,
    balance_nano,
    leaf_of_trade,
    month_before,
    orders_of_participant,
    participants_of_site,
    prices_cleared,
    savings_of,
    trades_of_participant,
)
from apps.markets.services import Wish, order_cancel, order_place
from apps.portal.errors import OwnerOnlyError
from apps.sites.models import Site
from apps.sites.selectors import is_owner

NEWEST = 20
NANO = Decimal(1_000_000_000)
MICRO = Decimal(1_000_000)
SIDES = {"bid": Order.Side.BID, "offer": Order.Side.OFFER}
LIMITS = ("buy_limit", "sell_limit", "storage_value")


@dataclasses.dataclass(frozen=True)
class OrderRow:
    """An order as a person reads it."""

    order: Order
    price: Decimal
    kwh: Decimal
    filled_kwh: Decimal
    cut: str
    may_cancel: bool


@dataclasses.dataclass(frozen=True)
class TradeRow:
    """A trade as a person reads it."""

    trade: Trade
    price: Decimal
    kwh: Decimal
    amount: float
    green: Decimal
    carbon_g: float | None


@dataclasses.dataclass(frozen=True)
class MarketPage:
    """All that the page shows."""

    participant: Participant
    balance: Decimal
    terms_open: bool
    savings: Savings
    saved: Decimal
    bought_kwh: float
    sold_kwh: float
    green_share: float | None
    carbon_spared_kg: float | None
    prices: Chart | None
    orders: list[OrderRow]
    trades: list[TradeRow]
    starts: list[datetime]


def participant_of(site: Site) -> Participant | None:
    """Return the home's part in a market, if it has one."""
    return next(iter(participants_of_site(site=site)), None)


def market_page(*, participant: Participant, zone: ZoneInfo, now: datetime) -> MarketPage:
    """Put the page together."""
    savings = savings_of(participant=participant, since=month_before(now))
    market = participant.market
    first = first_open(market, now)
    return MarketPage(
        participant=participant,
        balance=balance_nano(participant=participant) / NANO,
        terms_open=participant.terms_version != market.terms_version,
        savings=savings,
        saved=savings.saved_nano / NANO,
        bought_kwh=savings.bought_wh / 1000,
        sold_kwh=savings.sold_wh / 1000,
        green_share=savings.green_bought_wh / savings.bought_wh if savings.bought_wh else None,
        carbon_spared_kg=_carbon_spared_kg(market, savings),
        prices=_prices(participant, zone, now=now),
        orders=[_order_row(order, now=now) for order in _newest_orders(participant)],
        trades=[
            _trade_row(trade, market=market)
            for trade in trades_of_participant(participant=participant)[:NEWEST]
        ],
        starts=[first + index * length(market) for index in range(16)],
    )


def bid_or_offer(
    *, user: User, site: Site, participant: Participant, sent: Mapping[str, str], key: str, now: datetime
) -> Order:
    """Place the owner's order; `sent` has side, price per kWh, kWh and the start of delivery."""
    _check_owner(user, site)
    try:
        starts_at = datetime.fromisoformat(sent.get("starts_at", ""))
    except ValueError as error:
        raise OrderRefusedError("choose when it is to be delivered") from error
    if sent.get("side") not in SIDES:
        raise OrderRefusedError("choose whether to buy or to sell")
    wish = Wish(
        starts_at=starts_at, side=SIDES[sent["side"]].value, idempotency_key=key,
        price_micro=_number(sent.get("price", ""), times=MICRO), quantity_wh=_number(sent.get("kwh", ""), times=Decimal(1000)),
    )  # fmt: skip
    return order_place(participant=participant, wish=wish, actor=user.email, now=now)


def take_back(*, user: User, site: Site, participant: Participant, order_id: int, now: datetime) -> Order:
    """Cancel the owner's order."""
    _check_owner(user, site)
    return order_cancel(participant=participant, order_id=order_id, now=now)


def accept_terms(
    *, user: User, site: Site, participant: Participant, version: int, now: datetime
) -> Participant:
    """Accept the market's terms for the household."""
    _check_owner(user, site)
    return terms_accept(participant=participant, version=version, actor=user.email, user=user, now=now)


def prefer(
    *, user: User, site: Site, participant: Participant, sent: Mapping[str, str], now: datetime
) -> Participant:
    """Change what the household wants the platform to do by itself."""
    _check_owner(user, site)
    changes: dict[str, Any] = {
        name: name in sent for name in ("automatic", "prefers_green", "prefers_neighbors")
    }
    changes |= {f"{name}_micro": _number(sent.get(name, ""), times=MICRO) for name in LIMITS}
    return participant_set(participant=participant, changes=changes, actor=user.email, now=now, own=True)


def proof(*, participant: Participant, trade_id: int) -> dict[str, Any]:
    """Return the proof of one of the home's trades."""
    trade = trades_of_participant(participant=participant).filter(pk=trade_id).first()
    leaf = leaf_of_trade(trade=trade) if trade else None
    if leaf is None:
        raise ProofUnknownError("no such trade")
    return proof_of(leaf=leaf)


def _newest_orders(participant: Participant) -> list[Order]:
    found = orders_of_participant(participant=participant).select_related("market")
    return list(found.prefetch_related("trades__run", "cuts__run")[:NEWEST])


def _order_row(order: Order, *, now: datetime) -> OrderRow:
    standing = [one for one in order.trades.all() if one.run.state == "done"]
    cuts = [one.reason for one in order.cuts.all() if one.run.state == "done"]
    return OrderRow(
        order,
        Decimal(order.price_micro) / MICRO,
        Decimal(order.quantity_wh) / 1000,
        Decimal(sum(one.energy_wh for one in standing)) / 1000,
        next(iter(cuts), ""),
        order.state == Order.State.OPEN and now < gate_closes_at(order.market, order.starts_at),
    )


def _carbon_spared_kg(market: Market, savings: Savings) -> float | None:
    """What the green part of the bought energy would have emitted as grid energy [kg]."""
    if market.carbon_g_per_kwh is None:
        return None
    return market.carbon_g_per_kwh * savings.green_bought_wh / 1e6


def _carbon_g(trade: Trade, market: Market) -> float | None:
    """Emission of a traded kWh [g]: its green part as none, the rest as grid energy."""
    if market.carbon_g_per_kwh is None:
        return None
    return market.carbon_g_per_kwh * (1 - trade.green_wh / trade.energy_wh)


def _trade_row(trade: Trade, *, market: Market) -> TradeRow:
    paid = Decimal(trade.pay_nano + trade.fee_nano) / NANO
    return TradeRow(
        trade,
        Decimal(trade.price_micro) / MICRO,
        Decimal(trade.energy_wh) / 1000,
        -float(paid),
        Decimal(trade.green_wh) / 1000,
        _carbon_g(trade, market),
    )


def _prices(participant: Participant, zone: ZoneInfo, *, now: datetime) -> Chart | None:
    market = participant.market
    period = (now - timedelta(hours=18), now + timedelta(hours=2))
    found = prices_cleared(market=market, starts_at=period[0], ends_at=period[1])
    if not found:
        return None
    width = length(market).total_seconds()
    points = [
        point for one in found for point in stepped(one.starts_at, width, values=[one.price_micro / 1e6])
    ]
    tariffs = (
        ("baseline", "tariff for buying", market.import_tariff_micro),
        ("planned", "tariff for selling", market.export_tariff_micro),
    )
    lines = [
        Series(css, label, [(period[0], price / 1e6), (period[1], price / 1e6)])
        for css, label, price in tariffs
    ]
    return chart(
        title="Prices on the market", period=period, zone=zone, unit=market.currency, now=now,
        series=[Series("given", "market price per kWh", points), *lines],
    )  # fmt: skip


def _number(text: str, *, times: Decimal) -> int:
    try:
        value = Decimal(text.strip().replace(",", ".").replace("−", "-")) * times
    except InvalidOperation as error:
        raise OrderRefusedError("prices and energies are numbers") from error
    if not value.is_finite() or abs(value) >= 2**62 or value % 1:
        raise OrderRefusedError("a price has at most six decimals, an energy three", code="order_not_whole")
    return int(value)


def _check_owner(user: User, site: Site) -> None:
    if not is_owner(user=user, site=site):
        raise OwnerOnlyError("only an owner of this home decides this")
