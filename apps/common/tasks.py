"""Periodic work on what the REST doors keep."""

from datetime import UTC, datetime

from celery import shared_task

from apps.common import clock
from apps.common.idempotency import idempotent_requests_forget
from apps.common.jobs import jobs_forget


@shared_task(name="common.forget_old")
def forget_old() -> None:
    """Forget answers that nobody may ask for again, and jobs that ended long ago."""
    idempotent_requests_forget(now=datetime.now(UTC))
    jobs_forget(now=clock.now())
