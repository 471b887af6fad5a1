"""What a home can be expected to draw in an interval, and what its battery can really deliver then."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db.models import Sum
from numpy.typing import NDArray

from apps.dispatch.precedence import energy_promised_kwh
from apps.flexibility.available import homes_available
from apps.flexibility.expected import expected_power
from apps.flexibility.rows import QUARTER, Intervals
from apps.markets.models import ClearingRun, Market, Order, Trade
from apps.markets.periods import EPOCH
from apps.markets.schedules import homes_alone
from apps.sites.models import Site

Floats = NDArray[np.float64]
EVENTS_AHEAD: Final = timedelta(hours=12)
WH: Final = 1000.0
QUARTER_H: Final = QUARTER / timedelta(hours=1)
# Of what is forecast or promised, so much is kept back in the battery beside it.
MARGIN: Final = 0.25


@dataclasses.dataclass(frozen=True)
class Outlook:
    """Energy of one interval [Wh].

    `need_wh` is what the home will draw, fed in is negative; `spare_wh` what its battery can give beside all that it is
    promised for before, `room_wh` what it can take of a surplus. `certain` is false where a car may start to charge that
    draws more than the battery can make up for.
    """

    need_wh: int
    spare_wh: int
    room_wh: int
    certain: bool = True


def outlooks_of(
    *, market: Market, sites: Sequence[Site], starts_at: datetime, now: datetime
) -> Mapping[int, Outlook]:
    """Return what is known of each home's interval; homes without a forecast are left out.

    Until delivery the battery covers the home, by its forecast or as now if that is more, keeps what was promised to
    events and gives what was sold already; a part of all that is kept back beside it, for forecasts err. What the
    battery would take in meanwhile is not counted on.
    """
    hours = market.interval_s / 3600
    net_kwh = _net_kw(sites, Intervals(starts_at, market.interval_s, 1), now=now)[:, 0] * hours
    available = homes_available(
        organization=market.organization, site_ids=[site.pk for site in sites], starts_at=_quarter(starts_at), count=1,
        hold_h=hours, now=now,
    )  # fmt: skip
    draw_kwh, feed_kwh = _until(market, sites, now_kw=available.now_kw, period=(now, starts_at))
    spare = np.minimum(
        available.discharge_kw[:, 0] * hours, available.discharge_kwh - (1 + MARGIN) * draw_kwh
    ) - MARGIN * np.abs(net_kwh)
    room = np.minimum(available.charge_kw[:, 0] * hours, available.charge_kwh - feed_kwh)
    certain = ~(available.car_kw > available.discharge_kw[:, 0])
    columns = (net_kwh.tolist(), spare.tolist(), room.tolist(), certain.tolist())
    return {
        site.pk: Outlook(round(net * WH), _whole(spare), _whole(room), certain)
        for site, net, spare, room, certain in zip(sites, *columns, strict=True)
        if not np.isnan(net)
    }


def _until(
    market: Market, sites: Sequence[Site], *, now_kw: Floats, period: tuple[datetime, datetime]
) -> tuple[Floats, Floats]:
    """(sites,) energy that batteries are to give before delivery, and what surplus they take [kWh]."""
    now, starts_at = period
    first, last = _quarter(now), _quarter(starts_at)
    promised = energy_promised_kwh(
        organization=market.organization, starts_at=now, ends_at=starts_at + EVENTS_AHEAD
    )
    sold = sold_wh(market=market, starts_at=starts_at, now=now)
    draw = np.array([promised.get(site.pk, 0.0) + sold.get(site.pk, 0) / WH for site in sites])
    feed = np.zeros(len(sites))
    if last > first:
        way = Intervals(first, round(QUARTER.total_seconds()), (last - first) // QUARTER)
        net = np.nan_to_num(_net_kw(sites, way, now=now)) * QUARTER_H
        as_now = np.maximum(np.nan_to_num(now_kw), 0.0)[:, None] * QUARTER_H
        draw += np.maximum(net, as_now).sum(axis=1)
        feed += np.maximum(-net, 0.0).sum(axis=1)
    return draw, feed


def sold_wh(*, market: Market, starts_at: datetime, now: datetime) -> dict[int, int]:
    """Return what homes have sold, or offer, of stored energy in other intervals that are not over, by site [Wh]."""
    homes = homes_alone(market=market)
    trades = Trade.objects.filter(
        run__market=market, run__state=ClearingRun.State.DONE, run__ends_at__gt=now, order__firm=False
    ).exclude(run__starts_at=starts_at)
    orders = Order.objects.filter(
        market=market, state=Order.State.OPEN, starts_at__gt=now, firm=False
    ).exclude(starts_at=starts_at)
    found: dict[int, int] = {}
    for rows, energy in ((trades, "energy_wh"), (orders, "quantity_wh")):
        offered = rows.filter(side=Order.Side.OFFER).order_by().values_list("participant_id")
        for who, total in offered.annotate(total=Sum(energy)):
            if who in homes:
                found[homes[who]] = found.get(homes[who], 0) + total
    return found


def _net_kw(sites: Sequence[Site], intervals: Intervals, *, now: datetime) -> Floats:
    expected = expected_power(sites=sites, intervals=intervals, excluded_days=(), now=now)
    return expected.uncontrolled_kw + expected.ev_kw + expected.heat_kw


def _quarter(at: datetime) -> datetime:
    return at - (at - EPOCH) % QUARTER


def _whole(kwh: float) -> int:
    """Whole Wh, rounded down; nothing where it is not known."""
    return int(kwh * WH) if kwh > 0 else 0
