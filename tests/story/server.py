"""The platform's web door and worker inside the test's process."""

import contextlib
from collections.abc import Iterator
from typing import Any

from celery.contrib.testing.worker import start_worker

from ores_cloud.demo import door
from ores_cloud.supervisor import free_port


@contextlib.contextmanager
def web_door() -> Iterator[str]:
    """Serve ores_cloud.asgi on loopback from a thread; yield its address."""
    with door.web_door(free_port(None, first=8900)) as address:
        yield address


@contextlib.contextmanager
def worker() -> Iterator[Any]:
    """Run Celery's worker for all queues in a thread."""
    from ores_cloud.celery import app

    queues = "default,ingest,dispatch,openadr"
    with start_worker(
        app, pool="solo", perform_ping_check=False, queues=queues, loglevel="WARNING"
    ) as running:
        yield running
