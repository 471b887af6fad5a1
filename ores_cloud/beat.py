"""The Celery application of beat: it only sends names by the clock, so it loads no Django and stays small."""

import os

from celery import Celery

from apps.common.clock import parse_clock
from ores_cloud.queues import configuration

app = Celery("ores-beat", fixups=set())
app.conf.update(
    configuration(
        redis_url=os.environ["REDIS_URL"],
        prefix=os.environ.get("REDIS_PREFIX", "ores:"),
        scale=parse_clock(os.environ.get("ORES_CLOCK", "")).scale,
    )
)
