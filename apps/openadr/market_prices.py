"""A market's cleared prices as PRICE events: one event a cleared interval, withdrawn where its run is canceled.

Where a feeder's limits part the prices, each grid area whose price is not that of the area above it has an event of its
own, with its name as target: a home goes by the one nearest to it, which has the smaller priority number.
"""

import dataclasses
import logging
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from apps.markets.models import ClearingRun, Market
from apps.markets.selectors import nodes_of_run, price_markets, priced_runs
from apps.openadr.models import EventObject
from apps.openadr.services.operators import event_compose, event_withdraw
from apps.programs.models import Program

log = logging.getLogger(__name__)
ACTOR = "local market"
LEAST_PRIORITY: Final = 100


@dataclasses.dataclass(frozen=True)
class PriceTold:
    """A buyers' price [1e-6 of the currency per kWh], the grid area it is for, and before which others it goes."""

    name: str
    price_micro: int
    targets: tuple[str, ...] = ()
    priority: int | None = None


def market_prices_publish(*, now: datetime) -> int:
    """Tell the prices of intervals that are not over and not told yet; return how many events were sent or withdrawn."""
    changed = 0
    for market in price_markets():
        for run in priced_runs(market=market, now=now):
            try:
                changed += _follow(market, run, now=now)
            except Exception:
                log.exception("prices of run %s could not be told, trying again", run.pk)
    return changed


@transaction.atomic
def _follow(market: Market, run: ClearingRun, *, now: datetime) -> bool:
    program: Program | None = market.price_program
    assert program is not None  # price_markets() names no others
    changed = False
    for told in prices_told(market=market, run=run):
        held = EventObject.objects.filter(organization=market.organization, content__eventName=told.name)
        event = held.filter(deleted_at=None).first()
        if run.state == ClearingRun.State.CANCELED:
            if event is not None:
                event_withdraw(event=event, actor=ACTOR, now=now)
                changed = True
        elif event is None:
            event_compose(program=program, body=_body(market, run, told=told), actor=ACTOR, now=now)
            changed = True
    return changed


def prices_told(*, market: Market, run: ClearingRun) -> list[PriceTold]:
    """Return the prices that a run tells: one, or by grid area where a feeder's limits part them."""
    name = f"market {market.pk}, run {run.pk}"
    if run.buy_price_micro is not None:
        return [PriceTold(name, run.buy_price_micro)]
    found: list[PriceTold] = []
    depth: dict[int, int] = {-1: 0}
    above: dict[int, int | None] = {-1: None}
    for node in nodes_of_run(run=run):
        depth[node.place] = depth[node.parent_place] + 1
        above[node.place] = node.price_micro
        if node.price_micro is not None and node.price_micro != above[node.parent_place]:
            targets = () if node.parent_place == -1 else (node.name,)
            suffix = f", area {node.grid_area_id}" if targets else ""
            priority = max(0, LEAST_PRIORITY - depth[node.place])
            found.append(PriceTold(name + suffix, node.price_micro, targets, priority))
    return found


def _body(market: Market, run: ClearingRun, *, told: PriceTold) -> dict[str, Any]:
    price = told.price_micro / 1e6
    more: dict[str, Any] = {} if told.priority is None else {"priority": told.priority}
    if told.targets:
        more["targets"] = list(told.targets)
    return {
        **more,
        "eventName": told.name,
        "intervalPeriod": {
            "start": f"{run.starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "duration": f"PT{market.interval_s // 60}M",
        },
        "payloadDescriptors": [{"payloadType": "PRICE", "units": "KWH", "currency": market.currency}],
        "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [price]}]}],
    }
