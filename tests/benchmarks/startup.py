"""Seconds from `make run` on a set-up tree to the first page, memory of the whole platform at rest, `manage.py check`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ores_cloud.local import ROOT, state_folder
from ores_cloud.supervisor import free_port
from tests.benchmarks.platform import wait_for_page

REST_S = 8.0


def measure(options: list[str]) -> dict[str, Any]:
    """Start once to make the database, then measure a start on the set-up tree."""
    state = state_folder(f"bench-{os.getpid()}")
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {"ORES_STATE": str(state), "PORT": str(free_port(None, first=8700))}
    try:
        first, _ = _run(environment, rest_s=0.0)
        warm, memory = _run(environment, rest_s=REST_S)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    check = [_check_seconds() for _ in range(3)]
    return {
        "first_page_s": round(warm, 2),
        "very_first_page_s": round(first, 2),
        "rss_mb": round(sum(rss for rss, _ in memory.values()), 1),
        "pss_mb": round(sum(pss for _, pss in memory.values()), 1),
        "by_process_mb": {name: round(rss, 1) for name, (rss, _) in sorted(memory.items())},
        "check_s": round(min(check), 2),
    }


def _run(environment: dict[str, str], *, rest_s: float) -> tuple[float, dict[str, tuple[float, float]]]:
    started = time.monotonic()
    process = subprocess.Popen(
        ["make", "--silent", "run"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_page(int(environment["PORT"]), process)
        seconds = time.monotonic() - started
        time.sleep(rest_s)
        return seconds, _memory(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _memory(root: int) -> dict[str, tuple[float, float]]:
    """Return (RSS, PSS) in MB of the process and all its descendants."""
    found: dict[str, tuple[float, float]] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        sizes = {
            line.split(":")[0]: int(line.split()[1]) / 1024
            for line in rollup.splitlines()[1:]
            if "kB" in line
        }
        found[f"{_name(command)} {pid}"] = (sizes["Rss"], sizes["Pss"])
        waiting += [int(child) for child in children]
    return found


def _name(command: str) -> str:
    for word in ("uvicorn", "beat", "worker", "redis-server", "postgres", "make"):
        if word in command:
            return word
    return "supervisor" if "ores_cloud" in command else command.split(" ", maxsplit=1)[0]


def _check_seconds() -> float:
    environment = {
        **os.environ,
        "SECRET_KEY": "benchmark",
        "DATABASE_URL": "postgresql:///none",
        "REDIS_URL": "redis://",
    }
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    return time.monotonic() - started
