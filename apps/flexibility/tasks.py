"""Periodic work on what homes can give."""

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.common.redis import client
from apps.flexibility import forecasts, price_forecasts, snapshots

ISSUE_LOCK_S = 3000


@shared_task(name="flexibility.refresh_portfolios")
def refresh_portfolios() -> None:
    """Look at all homes and keep what they can give."""
    snapshots.portfolios_refresh(now=clock.now())


@shared_task(name="flexibility.issue_forecasts")
def issue_forecasts() -> None:
    """Issue this hour's forecasts and drop old ones; one run at a time."""
    lock = client().lock(f"{settings.REDIS_PREFIX}forecasts", timeout=ISSUE_LOCK_S)
    if lock.acquire(blocking=False):
        try:
            forecasts.forecasts_issue_due(now=clock.now())
            price_forecasts.price_forecasts_issue_due(now=clock.now())
        finally:
            lock.release()
