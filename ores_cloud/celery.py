"""The Celery application of workers; tasks live in apps/*/tasks.py."""

import os
from typing import Any

from celery import Celery

from ores_cloud.queues import configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")

app = Celery("ores")


@app.add_defaults
def _defaults() -> dict[str, Any]:
    """Asked for when the configuration is first needed."""
    from django.conf import settings

    from apps.common.clock import parse_clock

    scale = parse_clock(settings.ORES_CLOCK).scale
    return configuration(redis_url=settings.REDIS_URL, prefix=settings.REDIS_PREFIX, scale=scale)


app.autodiscover_tasks(
    [
        "apps.common",
        "apps.accounts",
        "apps.sites",
        "apps.alerts",
        "apps.telemetry",
        "apps.flexibility",
        "apps.hubs",
        "apps.programs",
        "apps.dispatch",
        "apps.settlement",
        "apps.markets",
        "apps.privacy",
        "apps.openadr",
        "apps.assistants",
    ],
    related_name="tasks",
)
