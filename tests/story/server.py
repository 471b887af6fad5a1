"""The platform's web door and worker inside the test's process."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn
from celery.contrib.testing.worker import start_worker

from ores_cloud.supervisor import free_port


@contextlib.contextmanager
def web_door() -> Iterator[str]:
    """Serve ores_cloud.asgi on loopback from a thread; yield its address."""
    from apps.telemetry import writer
    from ores_cloud.asgi import Application

    writer.LATEST_PERIOD_S = 0.05  # a test's minutes are short
    port = free_port(None, first=8900)
    config = uvicorn.Config(Application(), host="127.0.0.1", port=port, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@contextlib.contextmanager
def worker() -> Iterator[Any]:
    """Run Celery's worker for all queues in a thread."""
    from ores_cloud.celery import app

    queues = "default,ingest,dispatch,openadr"
    with start_worker(
        app, pool="solo", perform_ping_check=False, queues=queues, loglevel="WARNING"
    ) as running:
        yield running
