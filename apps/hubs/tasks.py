"""Periodic work on hubs."""

from celery import shared_task

from apps.common import clock
from apps.hubs.instructions import instructions_expire


@shared_task(name="hubs.expire_instructions")
def expire_instructions() -> None:
    """End instructions that nobody fetched in time."""
    instructions_expire(now=clock.now())
