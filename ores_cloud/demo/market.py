"""The street's market in the demo: opened by the operator, run by the platform's own tasks, told at the end."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from apps.markets.books import deposit
from apps.markets.models import ClearingRun, Delivery, DeliveryBatch, Market, Participant, Trade
from apps.markets.operators import market_create
from apps.markets.participation import participant_join, terms_accept
from apps.markets.selectors import savings_of
from apps.sites.models import Site
from ores_cloud.demo.people import OPERATOR

INTERVAL_S = 900
GATE_CLOSURE_S = 900
MONTH_DAYS = 30
PART = timedelta(hours=3)
FUNDS = Decimal(20)
NANO = Decimal(1_000_000_000)
Period = tuple[datetime, datetime]
# Owners differ [1e-6 EUR per kWh]: what a kWh in the battery is worth to them, and the most they pay for one.
STORAGE_VALUES = (120_000, 150_000, 180_000, 210_000, 240_000, 270_000)
BUY_LIMITS = (300_000, 280_000, 290_000, 260_000, 295_000)
TERMS = "What is traded is delivered; who does not deliver pays the imbalance."


@dataclasses.dataclass(frozen=True)
class Traded:
    """What was traded in a period."""

    period: Period
    gates: int
    intervals: int  # with trades
    trades: int
    volume_kwh: Decimal
    prices: tuple[Decimal, Decimal] | None


@dataclasses.dataclass(frozen=True)
class Told:
    """What the market did in a day; money in its currency."""

    whole: Traded
    parts: Sequence[Traded]
    homes: int
    trading: int
    gained: int
    lost: int
    settled: int
    missed_kwh: Decimal
    delivered_kwh: Decimal
    imbalances: Decimal
    without_meters: int
    saved: Decimal
    currency: str

    @property
    def month(self) -> Decimal:
        """What a month of such days would save."""
        return self.saved * MONTH_DAYS


def open_market(*, sites: Mapping[str, Site], now: datetime) -> Market:
    """Let every home trade by itself on a market of its feeder, with accepted terms and some money."""
    homes = list(sites.values())
    area = homes[0].grid_area
    if area is None:
        raise ValueError("the homes have no grid area")
    market = market_create(
        organization=homes[0].organization, grid_area=area, name=f"{area.name} market", actor=OPERATOR, now=now,
        interval_s=INTERVAL_S, gate_closure_s=GATE_CLOSURE_S, terms=TERMS,
    )  # fmt: skip
    for place, site in enumerate(homes):
        one = participant_join(
            market=market, name=site.name, kind=Participant.Kind.PROSUMER, sites=[site], actor=OPERATOR, now=now,
            **_wishes(place),
        )  # fmt: skip
        terms_accept(participant=one, version=market.terms_version, actor=OPERATOR, now=now)
        deposit(participant=one, amount=FUNDS, actor=OPERATOR, now=now)
    return market


def _wishes(place: int) -> dict[str, Any]:
    return {
        "automatic": True,
        "storage_value_micro": STORAGE_VALUES[place % len(STORAGE_VALUES)],
        "buy_limit_micro": BUY_LIMITS[place % len(BUY_LIMITS)],
        "low_income": place % 8 == 0,
    }


def tell(*, market: Market, day: Period) -> Told:
    """Sum up a day's runs that stand."""
    runs = ClearingRun.objects.filter(market=market, state=ClearingRun.State.DONE)
    runs = runs.filter(starts_at__gte=day[0], starts_at__lt=day[1]).order_by("starts_at")
    lines = [
        savings_of(participant=one, since=day[0], until=day[1])
        for one in market.participants.select_related("market")
    ]
    deliveries = Delivery.objects.filter(batch__run__in=runs)
    measured = list(deliveries.filter(status=Delivery.Status.MEASURED))
    begins = [day[0] + PART * number for number in range((day[1] - day[0]) // PART)]
    return Told(
        whole=_traded(list(runs), period=day),
        parts=[
            _traded([run for run in runs if at <= run.starts_at < at + PART], period=(at, at + PART))
            for at in begins
        ],
        homes=len(lines),
        trading=sum(line.bought_wh + line.sold_wh > 0 for line in lines),
        gained=sum(line.saved_nano > 0 for line in lines),
        lost=sum(line.saved_nano < 0 for line in lines),
        settled=DeliveryBatch.objects.filter(run__in=runs).count(),
        missed_kwh=Decimal(sum(abs(one.imbalance_wh) for one in measured)) / 1000,
        delivered_kwh=Decimal(sum(abs(one.position_wh) for one in measured)) / 1000,
        imbalances=sum((line.imbalance_nano for line in lines), 0) / NANO,
        without_meters=deliveries.filter(~Q(status=Delivery.Status.MEASURED)).count(),
        saved=sum((line.saved_nano for line in lines), 0) / NANO,
        currency=market.currency,
    )


def _traded(runs: Sequence[ClearingRun], *, period: Period) -> Traded:
    with_trades = [run for run in runs if run.volume_wh]
    prices = [
        Decimal(run.buy_price_micro) / 1_000_000 for run in with_trades if run.buy_price_micro is not None
    ]
    return Traded(
        period=period,
        gates=len(runs),
        intervals=len(with_trades),
        trades=Trade.objects.filter(run__in=with_trades).count(),
        volume_kwh=Decimal(sum(run.volume_wh for run in with_trades)) / 1000,
        prices=(min(prices), max(prices)) if prices else None,
    )


def lines_of(told: Told, *, market: Market, base: str, site: Site, zone: ZoneInfo) -> list[str]:
    """Return what is printed."""
    whole = told.whole
    begins, ends = (at.astimezone(zone) for at in whole.period)
    return [
        f"{begins:%a %H:%M} to {ends:%a %H:%M}: {whole.gates} gates closed, {whole.intervals} of them with trades",
        *(_row(part, zone=zone, currency=told.currency) for part in told.parts),
        f"together {whole.trades} trades, {whole.volume_kwh:.1f} kWh, by {told.trading} of {told.homes} homes"
        + (
            "; homes whose car could outdo their battery leave it to themselves"
            if told.trading < told.homes
            else ""
        ),
        f"{told.settled} intervals settled by the meters: {told.missed_kwh:.1f} kWh otherwise than agreed "
        f"({told.delivered_kwh:.1f} kWh agreed), {told.imbalances:.2f} {told.currency} charged for that; "
        f"{told.without_meters} lines excused or without meters",
        f"{told.gained} of the homes saved by trading, {told.lost} lost",
        f"saved against the tariff for the same energy: {told.saved:.2f} {told.currency} "
        "by all homes on this day, imbalances paid",
        f"a month of {MONTH_DAYS} such days would be {told.month:.2f} {told.currency} (this day times {MONTH_DAYS}, "
        "not measured)",
        f"{base}/sites/{site.pk}/market/   {base}/console/{market.organization_id}/markets/{market.pk}/",
    ]


def _row(part: Traded, *, zone: ZoneInfo, currency: str) -> str:
    begins, ends = (at.astimezone(zone) for at in part.period)
    said = f"{begins:%H:%M}-{ends:%H:%M}  {part.trades:4} trades  {part.volume_kwh:6.2f} kWh"
    if part.prices is None:
        return said
    return f"{said}  {part.prices[0]:.3f} to {part.prices[1]:.3f} {currency} per kWh"
