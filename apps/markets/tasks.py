"""Periodic work of markets."""

from collections.abc import Callable
from datetime import datetime

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.common.redis import client
from apps.markets.clearing import gates_close_due
from apps.markets.delivery import deliveries_settle_due
from apps.markets.sharing import (
    sharing_settle_due,
)
from apps.markets.summaries import (
    summaries_tell,
)
from apps.markets.trader import orders_make_due
from apps.markets.watch import markets_watch

LOCK_S = 300
CHAIN_LOCK_S = 3600


@shared_task(name="markets.gates")
def gates() -> None:
    """Make automatic orders, then clear what has closed; one run at a time."""
    _alone("market-gates", orders_make_due, gates_close_due)


@shared_task(name="markets.deliveries")
def deliveries() -> None:
    """Settle deliveries; one run at a time."""
    _alone("market-deliveries", deliveries_settle_due)


@shared_task(name="markets.watch")
def watch() -> None:
    """Find what operators are to be told of markets."""
    markets_watch(now=clock.now())


@shared_task(name="markets.tell_summaries")
def tell_summaries() -> None:
    """Tell homes what they traded on the day before."""
    summaries_tell(now=clock.now())


@shared_task(name="markets.sharing")
def sharing() -> None:
    """Settle the last days of communities that share; one run at a time."""
    _alone("market-sharing", sharing_settle_due)


@shared_task(name="markets.chain")
def chain() -> None:
    """Settle on the chain, where one is used and the worker holds its key."""
    if settings.MARKET_CHAIN_URL and settings.MARKET_CHAIN_ORGANIZATION:
        from apps.markets.chain.settling import settle_as_set

        _alone("market-chain", settle_as_set, lock_s=CHAIN_LOCK_S)


def _alone(name: str, *works: Callable[..., int], lock_s: int = LOCK_S) -> None:
    now: datetime = clock.now()
    lock = client().lock(f"{settings.REDIS_PREFIX}{name}", timeout=lock_s)
    if lock.acquire(blocking=False):
        try:
            for work in works:
                work(now=now)
        finally:
            lock.release()
