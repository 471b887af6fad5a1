"""Periodic work on hubs."""

from datetime import UTC, datetime

from celery import shared_task

from apps.common import clock
from apps.hubs.diagnoses import diagnoses_expire
from apps.hubs.firmware.services import firmware_keep_fresh
from apps.hubs.instructions import instructions_expire
from apps.hubs.pairings import pairings_expire
from apps.hubs.update_services import campaigns_advance
from apps.hubs.watch import hubs_watch


@shared_task(name="hubs.expire_instructions")
def expire_instructions() -> None:
    """End instructions that nobody fetched in time."""
    instructions_expire(now=clock.now())
    diagnoses_expire(now=clock.now())
    pairings_expire(now=clock.now())


@shared_task(name="hubs.refresh_firmware")
def refresh_firmware() -> None:
    """Keep the signed word on what is newest from running out; by the machine's clock, as hubs judge it."""
    firmware_keep_fresh(now=datetime.now(UTC))


@shared_task(name="hubs.advance_campaigns")
def advance_campaigns() -> None:
    """Go on to the next ring, or stop."""
    campaigns_advance(now=clock.now())


@shared_task(name="hubs.watch")
def watch() -> None:
    """Find what operators, partners and households are to be told of hubs."""
    hubs_watch(now=clock.now())
