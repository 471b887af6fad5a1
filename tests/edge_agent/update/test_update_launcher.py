"""A real launcher with real agents: a trial, a way back, and a kill at any moment."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from apps.hubs.firmware.build import archive_build
from edge_agent.update.fetch import fetch
from edge_agent.update.state import UpdateState
from edge_agent.update.store import UpdateStore
from tests.edge_agent.update.firmware import ROOT, Firmware, agent, hub_file

KILLS = 100 if os.environ.get("ORES_TEST_ALL") else 10
DIES = "raise SystemExit(3)\n"
HANGS = "import time\ntime.sleep(3600)\n"


class Hub:
    """A hub's folder, and its launcher as a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = UpdateStore(folder / "updates")
        self.log = folder / "log"

    @contextmanager
    def launched(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-P", "-m", "edge_agent.update.launcher", "--die-with-parent", "--config"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self.folder / "hub.json")],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def state(self) -> UpdateState:
        return self.store.read()

    def rows(self) -> list[int]:
        """The instants of all rows that wait for the cloud."""
        path = self.folder / "data" / "hub.db"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as database:
            try:
                bodies = database.execute("SELECT body FROM message ORDER BY lane, seq").fetchall()
            except sqlite3.OperationalError:  # the agent was killed before it made the tables
                return []
        return sorted(at for (body,) in bodies for at in msgspec.json.decode(body)["at"])

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [line for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]
        told = [msgspec.json.decode(line) for line in lines]
        return [facts for facts in told if facts["event"] == name]


@pytest.fixture
def hub(tmp_path: Path, firmware: Firmware) -> Hub:
    hub_file(tmp_path / "hub", firmware)
    return Hub(tmp_path / "hub")


def until(condition: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


def test_a_new_version_is_tried_kept_and_runs_on(hub: Hub, firmware: Firmware) -> None:
    firmware.publish("1.0.0")
    with hub.launched():
        until(lambda: len(hub.rows()) >= 3, hub.log)
        before = hub.rows()
        assert fetch(firmware.order(hub.folder, "1.0.0")).problem == ""
        until(lambda: hub.state().phase == "confirmed", hub.log)
        until(lambda: len(hub.rows()) >= len(before) + 3, hub.log)
    assert hub.state() == UpdateState(phase="confirmed", active="a", active_version="1.0.0")
    assert hub.rows()[: len(before)] == before
    assert [facts["slot"] for facts in hub.events("agent_starts")] == ["installed", "a"]
    with hub.launched():
        until(lambda: [facts["slot"] for facts in hub.events("agent_starts")][2:] == ["a"], hub.log)


@pytest.mark.parametrize(
    ("broken", "within_s", "reason"),
    [(DIES, 30.0, "the agent ended with 3"), (HANGS, 0.5, "not healthy within 0.5 s")],
)
def test_a_version_that_does_not_work_goes_and_the_old_one_runs(
    hub: Hub, firmware: Firmware, broken: str, within_s: float, reason: str
) -> None:
    hub_file(hub.folder, firmware, healthy_within_s=within_s)
    firmware.publish("1.0.0", archive_build(agent(firmware.folder, "1.0.0", broken=broken)))
    with hub.launched():
        until(hub.rows, hub.log)
        assert fetch(firmware.order(hub.folder, "1.0.0")).problem == ""
        until(lambda: hub.state().phase == "rolled_back", hub.log)
        before = len(hub.rows())
        until(lambda: len(hub.rows()) > before, hub.log)
    assert hub.state() == UpdateState(phase="rolled_back", failed_version="1.0.0", reason=reason)
    assert [facts["slot"] for facts in hub.events("agent_starts")] == ["installed", "a", "a", "installed"]


def test_a_slot_that_vanished_is_not_waited_for(hub: Hub, firmware: Firmware) -> None:
    firmware.publish("1.0.0")
    assert fetch(firmware.order(hub.folder, "1.0.0")).problem == ""
    hub.store.slot("a").rename(hub.folder / "gone")
    with hub.launched():
        until(hub.rows, hub.log)
    assert (hub.state().phase, hub.state().reason) == ("rolled_back", "the slot is incomplete")


def test_a_state_file_that_cannot_be_read_starts_what_was_installed(hub: Hub) -> None:
    (hub.folder / "updates" / "update.json").write_bytes(b'{"phase": "con')
    with hub.launched():
        until(hub.rows, hub.log)
    assert [facts["slot"] for facts in hub.events("agent_starts")] == ["installed"]


def test_killed_at_any_moment_it_comes_back_with_its_data(hub: Hub, firmware: Firmware) -> None:
    """Kills hit the launcher, and with it download, unpacking, the change of slots or the trial."""
    dice = random.Random(20261121)
    firmware.publish("1.0.0")
    firmware.publish("1.1.0", archive_build(agent(firmware.folder, "1.1.0", broken=DIES)))
    held: list[int] = []
    for count in range(KILLS):
        version = ("1.0.0", "1.1.0")[count % 2] if hub.state().active == "installed" else "1.1.0"
        order = msgspec.json.encode(firmware.order(hub.folder, version))
        with hub.launched() as launcher:
            fetching = subprocess.Popen(
                [sys.executable, "-P", "-m", "edge_agent.update.fetch"],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            assert fetching.stdin is not None
            with fetching.stdin:
                fetching.stdin.write(order)
            time.sleep(dice.uniform(0.05, 2.5))
            for process in dice.sample([launcher, fetching], 2):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
                process.wait()
        rows = hub.rows()
        assert rows == sorted(set(rows))
        assert rows[: len(held)] == held
        held = rows
        state = hub.state()
        assert hub.store.complete(state.active)
        assert state.failed_version in {"", "1.0.0", "1.1.0"}
        assert state.active_version in {"", "1.0.0"}
    with hub.launched():
        until(lambda: len(hub.rows()) > len(held), hub.log)
        until(lambda: hub.state().phase not in {"downloaded", "trial"}, hub.log)
    assert hub.rows()[: len(held)] == held
