"""The street's market in the demo: opened by the operator, run by the platform's own worker, told at the end."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.markets.books import deposit
from apps.markets.models import ClearingRun, Cut, DeliveryBatch, Market, Participant, Trade
from apps.markets.operators import market_create
from apps.markets.participation import participant_join, terms_accept
from apps.markets.selectors import Savings, month_before, savings_of
from apps.sites.models import Site
from ores_cloud.demo.people import OPERATOR

INTERVAL_S = 300  # short, so that some are delivered before the demo ends
GATE_CLOSURE_S = 1800
EVENINGS = 30
FUNDS = Decimal(20)
NANO = Decimal(1_000_000_000)
# Owners differ [1e-6 EUR per kWh]: what a kWh in the battery is worth to them, and the most they pay for one.
STORAGE_VALUES = (120_000, 150_000, 180_000, 210_000, 240_000, 270_000)
BUY_LIMITS = (300_000, 280_000, 290_000, 260_000, 295_000)
TERMS = "What is traded is delivered; who does not deliver pays the imbalance."


@dataclasses.dataclass(frozen=True)
class Told:
    """What the market did in the played time; money in its currency."""

    intervals: int
    traded: int
    trades: int
    volume_kwh: Decimal
    prices: tuple[Decimal, Decimal] | None
    cut_for_event: int
    homes: int
    scheduled_homes: int
    gained: int
    lost: int
    delivered: int
    charged: Decimal
    saved: Decimal
    month: Decimal  # scaled
    currency: str


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


def delivered(*, market: Market) -> int:
    """Return how many intervals are delivered and settled."""
    return DeliveryBatch.objects.filter(run__market=market).count()


def tell(*, market: Market, now: datetime) -> Told:
    """Sum up the runs that stand."""
    runs = list(ClearingRun.objects.filter(market=market, state=ClearingRun.State.DONE).order_by("starts_at"))
    traded = [run for run in runs if run.volume_wh]
    prices = [Decimal(run.buy_price_micro) / 1_000_000 for run in traded if run.buy_price_micro is not None]
    trades = Trade.objects.filter(run__in=traded)
    parts = market.participants.select_related("market")
    lines = [savings_of(participant=one, since=month_before(now)) for one in parts]
    settled = DeliveryBatch.objects.filter(run__in=traded).count()
    saved = _saved(market, lines, share=Decimal(len(traded)) / settled if settled else Decimal(1))
    return Told(
        intervals=len(runs),
        traded=len(traded),
        trades=trades.count(),
        volume_kwh=Decimal(sum(run.volume_wh for run in traded)) / 1000,
        prices=(min(prices), max(prices)) if prices else None,
        cut_for_event=Cut.objects.filter(run__in=runs, reason__contains="goes first").count(),
        homes=len(lines),
        gained=sum(line.saved_nano > 0 for line in lines),
        lost=sum(line.saved_nano < 0 for line in lines),
        scheduled_homes=trades.values("participant_id").distinct().count(),
        delivered=settled,
        charged=sum((line.imbalance_nano for line in lines), 0) / NANO,
        saved=saved,
        month=saved * EVENINGS,
        currency=market.currency,
    )


def _saved(market: Market, lines: Sequence[Savings], *, share: Decimal) -> Decimal:
    """What all saved by their trades, less what imbalances cost beyond the tariff, `share` times those settled yet."""
    traded = sum(
        market.import_tariff_micro * one.bought_wh - market.export_tariff_micro * one.sold_wh
        - one.paid_nano + one.earned_nano - one.fees_nano
        for one in lines
    )  # fmt: skip
    imbalances = sum(one.saved_nano for one in lines) - traded
    return (traded + imbalances * share) / NANO


def lines_of(told: Told, *, market: Market, base: str, site: Site) -> list[str]:
    """Return what is printed."""
    rows = [
        f"the worker closed {told.intervals} gates; {told.cut_for_event} bids and offers were cut because the event goes first"
    ]
    if told.prices is None:
        return [*rows, "nothing was traded"]
    low, high = told.prices
    part = (
        "; homes whose car could outdo their battery leave it to themselves"
        if told.scheduled_homes < told.homes
        else ""
    )
    minutes = told.traded * INTERVAL_S // 60
    rows += [
        f"{told.traded} five-minute intervals after the event traded: {told.trades} trades, {told.volume_kwh:.2f} kWh, "
        f"{low:.3f} to {high:.3f} {told.currency} per kWh; schedules for {told.scheduled_homes} homes' hubs{part}",
        f"{told.gained} of the homes that traded saved by it, {told.lost} lost",
        f"{told.delivered} of them delivered and settled by now, {told.charged:.2f} {told.currency} charged for imbalances",
        f"saved against the tariff: {told.saved:.2f} {told.currency} by all homes in these {minutes} minutes, "
        "imbalances of those not settled yet taken as in those settled;",
        f"a month of {EVENINGS} such evenings would be {told.month:.2f} {told.currency} (scaled from this one, not measured)",
        f"{base}/sites/{site.pk}/market/   {base}/console/{market.organization_id}/markets/{market.pk}/",
    ]
    return rows
