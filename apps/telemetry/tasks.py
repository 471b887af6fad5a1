"""Periodic work on measurements."""

from celery import shared_task
from django.conf import settings

from apps.common import clock
from apps.telemetry import packed, partitions, rollups, watch


@shared_task(name="telemetry.roll_up")
def roll_up() -> None:
    """Bring the rollups up to date."""
    rollups.roll_up(now=clock.now())
    packed.pack_days()


@shared_task(name="telemetry.keep_partitions")
def keep_partitions() -> None:
    """Make coming partitions, drop old ones and what was packed of them."""
    now, days = clock.now(), settings.TELEMETRY_RETENTION_DAYS
    partitions.keep_partitions(now=now, retention_days=days)
    packed.forget_days(now=now, retention_days=days)


@shared_task(name="telemetry.watch")
def watch_all() -> None:
    """Find what operators are to be told of measurements."""
    watch.telemetry_watch(now=clock.now())
