"""The platform's web door inside a process, for a clock that is moved by hand."""

import contextlib
import threading
import time
from collections.abc import Iterator

from ores_cloud.demo.errors import LoopFailed


@contextlib.contextmanager
def web_door(port: int) -> Iterator[str]:
    """Serve ores_cloud.asgi on loopback from a thread; yield its address."""
    import uvicorn

    from apps.telemetry import writer
    from ores_cloud.asgi import Application

    writer.LATEST_PERIOD_S = 0.05  # minutes are short where the clock is moved
    config = uvicorn.Config(
        Application(), host="127.0.0.1", port=port, log_level="warning", lifespan="on", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    if not server.started:
        raise LoopFailed(f"the web door did not open on port {port} in 20 seconds")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
