"""Periodic work on hubs."""

from celery import shared_task

from apps.common import clock
from apps.hubs.diagnoses import diagnoses_expire
from apps.hubs.instructions import instructions_expire
from apps.hubs.update_services import campaigns_advance


@shared_task(name="hubs.expire_instructions")
def expire_instructions() -> None:
    """End instructions that nobody fetched in time."""
    instructions_expire(now=clock.now())
    diagnoses_expire(now=clock.now())


@shared_task(name="hubs.advance_campaigns")
def advance_campaigns() -> None:
    """Go on to the next ring, or stop."""
    campaigns_advance(now=clock.now())
