"""Periodic work of settlement."""

from collections.abc import Callable
from datetime import datetime

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.common.redis import client
from apps.settlement.services import signals_settle_due, signals_true_up_due

LOCK_S = 300
TRUE_UP_LOCK_S = 3600


@shared_task(name="settlement.settle_due")
def settle_due() -> None:
    """Settle what has ended; one run at a time."""
    _alone("settle", signals_settle_due, lock_s=LOCK_S)


@shared_task(name="settlement.true_up_due")
def true_up_due() -> None:
    """True up what late data has changed, and close what has had its time; one run at a time."""
    _alone("true-up", signals_true_up_due, lock_s=TRUE_UP_LOCK_S)


def _alone(name: str, work: Callable[..., int], *, lock_s: int) -> None:
    now: datetime = clock.now()
    lock = client().lock(f"{settings.REDIS_PREFIX}{name}", timeout=lock_s)
    if lock.acquire(blocking=False):
        try:
            work(now=now)
        finally:
            lock.release()
