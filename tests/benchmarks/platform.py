"""A platform of its own for a benchmark: embedded services in a folder that is removed afterwards."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ores_cloud.embedded import StateLock, embedded_services
from ores_cloud.local import ROOT, state_folder
from ores_cloud.supervisor import free_port, prepare_database, web_command


@contextlib.contextmanager
def services() -> Iterator[tuple[Path, dict[str, str]]]:
    """Start embedded services (always, so that runs compare) with a migrated database; yield state and environment."""
    for name in ("DATABASE_URL", "REDIS_URL", "ORES_CLOCK"):
        os.environ.pop(name, None)
    state = state_folder(f"bench-{os.getpid()}")
    lock = StateLock(state)
    lock.acquire()
    try:
        with embedded_services(state) as urls:
            environment = {
                **urls,
                "SECRET_KEY": "benchmark",
                "DJANGO_SETTINGS_MODULE": "ores_cloud.settings.base",
                "LOG_LEVEL": "WARNING",
            }
            os.environ.update(environment)
            prepare_database(state, dict(os.environ))
            yield state, environment
    finally:
        lock.release()
        shutil.rmtree(state, ignore_errors=True)


@contextlib.contextmanager
def web(state: Path) -> Iterator[int]:
    """Run the web door as the supervisor does; yield its port."""
    port = free_port(None, first=8600)
    with (state / "web.log").open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", *web_command(port, "127.0.0.1")],
            cwd=ROOT, stdout=log, stderr=log, env=dict(os.environ),
        )  # fmt: skip
    try:
        wait_for_page(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_for_page(port: int, process: "subprocess.Popen[bytes]", limit_s: float = 60.0) -> float:
    """Return the seconds until the public OpenADR page answers 200."""
    import urllib.error
    import urllib.request

    started = time.monotonic()
    while time.monotonic() - started < limit_s and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/openadr3/3.1.0/auth/server", timeout=5
            ) as answer:
                if answer.status == 200:
                    return time.monotonic() - started
        time.sleep(0.02)
    raise RuntimeError("the web door did not answer")
