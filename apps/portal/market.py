"""What a household sees of its market: its bids and offers, trades, prices, savings, and where its energy came from."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.charts import Chart, Series, chart, stepped
from apps.markets.carbon import carbon_of, carbon_spared_g
from apps.markets.errors import OrderRefusedError, ProofUnknownError
from apps.markets.log_checks import proof_of
from apps.markets.models import Market, Order, Participant, Trade
from apps.markets.participation import participant_set, terms_accept
from apps.markets.periods import first_open, gate_closes_at, length
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
from apps.markets.sharing_documents import SharingStatement, sharing_csv, sharing_pdf
from apps.markets.sharing_selectors import SharedOfSite, credits_of_site, leaf_of_credit, shared_of_site
from apps.portal.errors import OwnerOnlyError
from apps.sites.models import Site
from apps.sites.selectors import is_owner

NEWEST = 20
NANO = Decimal(1_000_000_000)
MICRO = Decimal(1_000_000)
KWH = Decimal(1000)
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
    carbon_source: str


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
    carbon_told: bool
    starts: list[datetime]

    @property
    def has_carbon(self) -> bool:
        """Whether it is known of any trade what it emitted."""
        return any(row.carbon_g is not None for row in self.trades)

    @property
    def carbon_sources(self) -> str:
        """Name the signals that said it."""
        return ", ".join(sorted({row.carbon_source for row in self.trades if row.carbon_source}))


def participant_of(site: Site) -> Participant | None:
    """Return the home's part in a market, if it has one."""
    return next(iter(participants_of_site(site=site)), None)


def market_page(*, participant: Participant, zone: ZoneInfo, now: datetime) -> MarketPage:
    """Put the page together."""
    savings = savings_of(participant=participant, since=month_before(now))
    market = participant.market
    first = first_open(market, now)
    spared = carbon_spared_g(participant=participant, since=month_before(now))
    rows = list(trades_of_participant(participant=participant)[:NEWEST])
    return MarketPage(
        participant=participant,
        balance=balance_nano(participant=participant) / NANO,
        terms_open=participant.terms_version != market.terms_version,
        savings=savings,
        saved=savings.saved_nano / NANO,
        bought_kwh=savings.bought_wh / 1000,
        sold_kwh=savings.sold_wh / 1000,
        green_share=savings.green_bought_wh / savings.bought_wh if savings.bought_wh else None,
        carbon_spared_kg=None if spared is None else spared / 1000,
        prices=_prices(participant, zone, now=now),
        orders=[_order_row(order, now=now) for order in _newest_orders(participant)],
        trades=[_trade_row(trade, market=market) for trade in rows],
        carbon_told=any(trade.run.carbon_g_per_kwh is not None for trade in rows),
        starts=[first + index * length(market) for index in range(16)],
    )


def sharing_of(*, site: Site, now: datetime) -> SharedOfSite | None:
    """Return what sharing with neighbors brought in the last thirty days; None for a home that does not share."""
    return shared_of_site(site=site, since=month_before(now).date())


def sharing_statement(*, site: Site, now: datetime) -> str | None:
    """Return it interval by interval as CSV."""
    since = month_before(now).date()
    if shared_of_site(site=site, since=since) is None:
        return None
    return sharing_csv(lines=credits_of_site(site=site, since=since))


def sharing_paper(*, site: Site, now: datetime) -> bytes | None:
    """Return it day by day as a statement in PDF."""
    since = month_before(now).date()
    if shared_of_site(site=site, since=since) is None:
        return None
    days = list(credits_of_site(site=site, since=since).select_related("run__entry"))[::-1]
    return sharing_pdf(statement=SharingStatement(site, since, now, days))


def sharing_proof(*, site: Site, day: date) -> dict[str, Any]:
    """Return the proof of what a day's sharing sealed of the home."""
    credit = credits_of_site(site=site, since=day).filter(run__date=day).first()
    leaf = leaf_of_credit(credit=credit) if credit else None
    if leaf is None:
        raise ProofUnknownError(_("no such day"))
    return proof_of(leaf=leaf)


def bid_or_offer(
    *, user: User, site: Site, participant: Participant, sent: Mapping[str, str], key: str, now: datetime
) -> Order:
    """Place the owner's order; `sent` has side, price per kWh, kWh and the start of delivery."""
    check_owner(user, site)
    try:
        starts_at = datetime.fromisoformat(sent.get("starts_at", ""))
    except ValueError as error:
        raise OrderRefusedError(_("choose when it is to be delivered")) from error
    if sent.get("side") not in SIDES:
        raise OrderRefusedError(_("choose whether to buy or to sell"))
    wish = Wish(
        starts_at=starts_at, side=SIDES[sent["side"]].value, idempotency_key=key,
        price_micro=number(sent.get("price", ""), times=MICRO), quantity_wh=number(sent.get("kwh", ""), times=KWH),
    )  # fmt: skip
    return order_place(participant=participant, wish=wish, actor=user.email, now=now)


def take_back(*, user: User, site: Site, participant: Participant, order_id: int, now: datetime) -> Order:
    """Cancel the owner's order."""
    check_owner(user, site)
    return order_cancel(participant=participant, order_id=order_id, now=now)


def accept_terms(
    *, user: User, site: Site, participant: Participant, version: int, now: datetime
) -> Participant:
    """Accept the market's terms for the household."""
    check_owner(user, site)
    return terms_accept(participant=participant, version=version, actor=user.email, user=user, now=now)


def prefer(
    *, user: User, site: Site, participant: Participant, sent: Mapping[str, str], now: datetime
) -> Participant:
    """Change what the household wants the platform to do by itself."""
    check_owner(user, site)
    changes: dict[str, Any] = {
        name: name in sent for name in ("automatic", "prefers_green", "prefers_neighbors")
    }
    changes |= {f"{name}_micro": number(sent.get(name, ""), times=MICRO) for name in LIMITS}
    return participant_set(participant=participant, changes=changes, actor=user.email, now=now, own=True)


def proof(*, participant: Participant, trade_id: int) -> dict[str, Any]:
    """Return the proof of one of the home's trades."""
    trade = trades_of_participant(participant=participant).filter(pk=trade_id).first()
    leaf = leaf_of_trade(trade=trade) if trade else None
    if leaf is None:
        raise ProofUnknownError(_("no such trade"))
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


def _carbon_g(trade: Trade, market: Market) -> float | None:
    """Emission of a traded kWh [g]: its green part as none, the rest as grid energy of its interval."""
    found = carbon_of(run=trade.run, market=market)
    return None if found is None else found.g_per_kwh * (1 - trade.green_wh / trade.energy_wh)


def _trade_row(trade: Trade, *, market: Market) -> TradeRow:
    paid = Decimal(trade.pay_nano + trade.fee_nano) / NANO
    return TradeRow(
        trade,
        Decimal(trade.price_micro) / MICRO,
        Decimal(trade.energy_wh) / 1000,
        -float(paid),
        Decimal(trade.green_wh) / 1000,
        _carbon_g(trade, market),
        trade.run.carbon_source,
    )


def _prices(participant: Participant, zone: ZoneInfo, *, now: datetime) -> Chart | None:
    market = participant.market
    period = (now - timedelta(hours=18), now + timedelta(hours=2))
    home = participant.homes.select_related("site").first()
    area_id = home.site.grid_area_id if home is not None else None
    found = prices_cleared(market=market, starts_at=period[0], ends_at=period[1], area_id=area_id)
    if not found:
        return None
    width = length(market).total_seconds()
    points = [
        point for one in found for point in stepped(one.starts_at, width, values=[one.price_micro / 1e6])
    ]
    tariffs = (
        ("baseline", _("tariff for buying"), market.import_tariff_micro),
        ("planned", _("tariff for selling"), market.export_tariff_micro),
    )
    lines = [
        Series(css, label, [(period[0], price / 1e6), (period[1], price / 1e6)])
        for css, label, price in tariffs
    ]
    return chart(
        title=_("Prices on the market"), period=period, zone=zone, unit=market.currency, now=now,
        series=[Series("given", _("market price per kWh"), points), *lines],
    )  # fmt: skip


def number(text: str, *, times: Decimal) -> int:
    """Read a typed number, which is whole once multiplied."""
    try:
        value = Decimal(text.strip().replace(",", ".").replace("−", "-")) * times
    except InvalidOperation as error:
        raise OrderRefusedError(_("prices and energies are numbers")) from error
    if not value.is_finite() or abs(value) >= 2**62 or value % 1:
        raise OrderRefusedError(
            _("a price has at most six decimals, an energy three"), code="order_not_whole"
        )
    return int(value)


def check_owner(user: User, site: Site) -> None:
    """Refuse who does not own the home."""
    if not is_owner(user=user, site=site):
        raise OwnerOnlyError(_("only an owner of this home decides this"))
