"""Periodic work on measurements."""

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.telemetry import packed, partitions, rollups


@shared_task(name="telemetry.roll_up")
def roll_up() -> None:
    """Bring the rollups up to date."""
    rollups.roll_up(now=clock.now())
    packed.pack_days()


@shared_task(name="telemetry.keep_partitions")
def keep_partitions() -> None:
    """Make coming partitions, drop old ones."""
    partitions.keep_partitions(now=clock.now(), retention_days=settings.TELEMETRY_RETENTION_DAYS)
