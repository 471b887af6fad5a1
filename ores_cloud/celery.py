"""The Celery application of workers; tasks live in apps/*/tasks.py."""

import os
from typing import Any

from celery import Celery

from ores_cloud.queues import configuration

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")

app = Celery("ores")


@app.on_configure.connect
def _configure(sender: Celery, **_: Any) -> None:
    from django.conf import settings

    from apps.common.clock import parse_clock

    scale = parse_clock(settings.ORES_CLOCK).scale
    sender.conf.update(configuration(redis_url=settings.REDIS_URL, prefix=settings.REDIS_PREFIX, scale=scale))


app.autodiscover_tasks(
    ["apps.telemetry", "apps.hubs", "apps.dispatch", "apps.settlement", "apps.openadr"], related_name="tasks"
)
