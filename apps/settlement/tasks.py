"""Periodic work of settlement."""

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.common.redis import client
from apps.settlement.services import signals_settle_due

LOCK_S = 300


@shared_task(name="settlement.settle_due")
def settle_due() -> None:
    """Settle what has ended; one run at a time."""
    lock = client().lock(f"{settings.REDIS_PREFIX}settle", timeout=LOCK_S)
    if lock.acquire(blocking=False):
        try:
            signals_settle_due(now=clock.now())
        finally:
            lock.release()
