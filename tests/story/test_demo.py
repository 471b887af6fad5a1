"""`make demo` as a newcomer runs it, with its web process killed mid-event. Minutes long: make test-all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ores_cloud.local import ROOT
from ores_cloud.supervisor import free_port


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")


def descendants(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def start(state: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    environment |= {"ORES_STATE": str(state), "PORT": str(free_port(None, first=8950))}
    environment.pop("REDIS_PREFIX", None)
    return subprocess.Popen(
        [sys.executable, "-m", "ores_cloud", "demo", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"the demo ended without {text!r}:\n{said}")


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("ORES_TEST_ALL"), reason="takes minutes: make test-all")
def test_the_demo_closes_the_loop_although_its_web_process_is_killed(tmp_path: Path) -> None:
    process = start(tmp_path, "--exit")
    read_until(process, "last quarter-hour")
    everything = descendants(process.pid)
    web = next(pid for pid in everything if "uvicorn" in command(pid))
    os.kill(web, signal.SIGKILL)
    said = read_until(process, "to the cent")
    said += read_until(process, "a month of 30 such days")
    assert "96 gates closed" in said
    assert process.wait(timeout=60) == 0, said
    assert not [command(pid) for pid in everything if alive(pid)]


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("ORES_TEST_ALL"), reason="takes a minute: make test-all")
def test_ctrl_c_ends_every_process_of_the_demo(tmp_path: Path) -> None:
    process = start(tmp_path)
    read_until(process, "arrived and are committed")
    everything = descendants(process.pid)
    assert len(everything) > 5
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(alive(pid) for pid in everything):
        time.sleep(0.1)
    assert not [command(pid) for pid in everything if alive(pid)]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
