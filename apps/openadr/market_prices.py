"""A market's cleared prices as PRICE events: one event a cleared interval, withdrawn where its run is canceled."""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.markets.models import ClearingRun, Market
from apps.markets.selectors import price_markets, priced_runs
from apps.openadr.models import EventObject
from apps.openadr.services.operators import event_compose, event_withdraw
from apps.programs.models import Program

log = logging.getLogger(__name__)
ACTOR = "local market"


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
    name = f"market {market.pk}, run {run.pk}"
    held = EventObject.objects.filter(organization=market.organization, content__eventName=name)
    event = held.filter(deleted_at=None).first()
    if run.state == ClearingRun.State.CANCELED:
        if event is not None:
            event_withdraw(event=event, actor=ACTOR, now=now)
        return event is not None
    if event is None:
        event_compose(program=program, body=_body(market, run, name=name), actor=ACTOR, now=now)
    return event is None


def _body(market: Market, run: ClearingRun, *, name: str) -> dict[str, Any]:
    price = (run.buy_price_micro or 0) / 1e6
    return {
        "eventName": name,
        "intervalPeriod": {
            "start": f"{run.starts_at:%Y-%m-%dT%H:%M:%SZ}",
            "duration": f"PT{market.interval_s // 60}M",
        },
        "payloadDescriptors": [{"payloadType": "PRICE", "units": "KWH", "currency": market.currency}],
        "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [price]}]}],
    }
