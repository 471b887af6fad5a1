"""The Celery application; tasks live in apps/*/tasks.py."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")


def broker_url(redis_url: str) -> str:
    """Return Celery's form of a Redis URL (unix sockets are spelled differently)."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def beat_schedule(scale: float) -> dict[str, dict[str, Any]]:
    """Return the periodic tasks; their periods are domain time, never below half a machine second."""

    def every(**period: float) -> timedelta:
        return timedelta(seconds=max(0.5, timedelta(**period).total_seconds() / scale))

    return {
        "track grid signals": {
            "task": "dispatch.tick",
            "schedule": every(minutes=1),
            "options": {"expires": 30},
        },
        "roll up measurements": {
            "task": "telemetry.roll_up",
            "schedule": every(minutes=5),
            "options": {"expires": 60},
        },
        "keep partitions": {"task": "telemetry.keep_partitions", "schedule": every(hours=6)},
        "expire instructions": {
            "task": "hubs.expire_instructions",
            "schedule": every(minutes=1),
            "options": {"expires": 30},
        },
        "settle ended signals": {
            "task": "settlement.settle_due",
            "schedule": every(minutes=1),
            "options": {"expires": 30},
        },
        "report settled signals": {
            "task": "openadr.report_due",
            "schedule": every(minutes=1),
            "options": {"expires": 30},
        },
    }


app = Celery("ores")


@app.on_configure.connect
def _configure(sender: Celery, **_: Any) -> None:
    from django.conf import settings

    from apps.common.clock import parse_clock

    sender.conf.update(
        broker_url=broker_url(settings.REDIS_URL),
        broker_transport_options={"global_keyprefix": settings.REDIS_PREFIX, "visibility_timeout": 3600},
        broker_connection_retry_on_startup=True,
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue="default",
        task_routes={
            "telemetry.*": {"queue": "ingest"},
            "dispatch.*": {"queue": "dispatch"},
            "openadr.*": {"queue": "openadr"},
        },
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        timezone="UTC",
        beat_schedule=beat_schedule(parse_clock(settings.ORES_CLOCK).scale),
    )


app.autodiscover_tasks(
    ["apps.telemetry", "apps.hubs", "apps.dispatch", "apps.settlement", "apps.openadr"], related_name="tasks"
)
