"""Periodic work of settlement."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from apps.common import clock
from apps.common.redis import client
from apps.settlement import again
from apps.settlement.reviews import paid_tell
from apps.settlement.services import signals_settle_due, signals_true_up_due
from apps.settlement.telling import TELL_PAID_TASK, TELL_TASK, homes_tell
from apps.settlement.watch import settlements_watch

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


@shared_task(name="settlement.watch")
def watch() -> None:
    """Find what operators are to be told of settlement."""
    settlements_watch(now=clock.now())


@shared_task(name=TELL_TASK, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def tell_homes(*, run_id: int) -> None:
    """Tell homes what a run pays them."""
    homes_tell(run_id=run_id, now=clock.now())


@shared_task(name=TELL_PAID_TASK, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5)
def tell_paid(*, run_id: int) -> None:
    """Tell homes what was paid out to them."""
    paid_tell(run_id=run_id, now=clock.now())


def _alone(name: str, work: Callable[..., int], *, lock_s: int) -> None:
    now: datetime = clock.now()
    lock = client().lock(f"{settings.REDIS_PREFIX}{name}", timeout=lock_s)
    if lock.acquire(blocking=False):
        try:
            work(now=now)
        finally:
            lock.release()


@shared_task(name=again.TASK)
def settle_again(*, job_id: str) -> None:
    """Settle a signal anew, as an API client asked for."""
    again.settle_again_work(job_id=UUID(job_id))
