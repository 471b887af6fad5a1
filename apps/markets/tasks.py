"""Periodic work of markets."""

from collections.abc import Callable
from datetime import datetime

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.common.redis import client
from apps.markets.clearing import gates_close_due
from apps.markets.delivery import deliveries_settle_due
from apps.markets.trader import orders_make_due

LOCK_S = 300


@shared_task(name="markets.gates")
def gates() -> None:
    """Make automatic orders, then clear what has closed; one run at a time."""
    _alone("market-gates", orders_make_due, gates_close_due)


@shared_task(name="markets.deliveries")
def deliveries() -> None:
    """Settle deliveries; one run at a time."""
    _alone("market-deliveries", deliveries_settle_due)


def _alone(name: str, *works: Callable[..., int]) -> None:
    now: datetime = clock.now()
    lock = client().lock(f"{settings.REDIS_PREFIX}{name}", timeout=LOCK_S)
    if lock.acquire(blocking=False):
        try:
            for work in works:
                work(now=now)
        finally:
            lock.release()
