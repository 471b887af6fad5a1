"""What homes have traded, as schedules for their hubs; events that come later outrank them there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from apps.dispatch.orders import TRADED, Told, subject_queue
from apps.hubs.instructions import milliseconds
from apps.markets.models import ClearingRun, Market, Order, ParticipantSite, Trade
from apps.sites.models import Site
from vpp.protocols.link.messages import Schedule

WH_PER_KWH = 1000


def positions(*, orders: Iterable[Order], trades: Iterable[Trade]) -> dict[int, int]:
    """Return each participant's signed energy [Wh]: what it traded, and firm orders' rest, which flows anyway."""
    filled = {trade.order_id: trade.energy_wh for trade in trades}
    found: dict[int, int] = {}
    for order in orders:
        energy = order.quantity_wh if order.firm else filled.get(order.pk, 0)
        if energy:
            found[order.participant_id] = found.get(order.participant_id, 0) + order.side * energy
    return found


def schedules_tell(
    *, run: ClearingRun, market: Market, orders: Sequence[Order], trades: Sequence[Trade], now: datetime
) -> None:
    """Queue a schedule for every home that trades by itself and has traded."""
    traded = {trade.participant_id for trade in trades}
    planned = positions(orders=orders, trades=trades)
    sites = homes_alone(market=market)
    messages = {
        sites[who]: Schedule(
            starts_at=milliseconds(run.starts_at),
            interval_s=market.interval_s,
            site_kw=[_kw(planned.get(who, 0), market)],
        )
        for who in sorted(traded)
        if who in sites
    }
    _queue(run, sorted(messages), messages=messages, reason=f"traded on {market.name}", now=now)


def schedules_drop(*, run: ClearingRun, market: Market, reason: str, now: datetime) -> None:
    """Tell every home that was told something for this run to drop it."""
    sites = homes_alone(market=market)
    traded = run.trades.order_by("participant_id").values_list("participant_id", flat=True).distinct()
    _queue(run, sorted(sites[who] for who in traded if who in sites), messages={}, reason=reason, now=now)


def homes_alone(*, market: Market) -> dict[int, int]:
    """Return the home of each participant that trades for one only; an aggregator tells its homes itself."""
    found: dict[int, list[int]] = {}
    for who, site_id in ParticipantSite.objects.filter(market=market).values_list(
        "participant_id", "site_id"
    ):
        found.setdefault(who, []).append(site_id)
    return {who: sites[0] for who, sites in found.items() if len(sites) == 1}


def community_homes(*, market: Market) -> set[int]:
    """Return the participants whose household puts its community first: they trade by themselves, neighbors first."""
    homes = homes_alone(market=market)
    chosen = Site.objects.filter(pk__in=homes.values(), mode=Site.Mode.COMMUNITY_FIRST)
    site_ids = set(chosen.values_list("pk", flat=True))
    return {who for who, site_id in homes.items() if site_id in site_ids}


def _queue(
    run: ClearingRun, site_ids: Sequence[int], *, messages: Mapping[int, Schedule], reason: str, now: datetime
) -> None:
    subject = f"market:{run.market_id}:{run.starts_at.isoformat()}"
    subject_queue(site_ids, messages, subject=subject, told=Told(reason, now, run.ends_at, TRADED))


def _kw(energy_wh: int, market: Market) -> float:
    return round(energy_wh * 3600 / WH_PER_KWH / market.interval_s, 4)
