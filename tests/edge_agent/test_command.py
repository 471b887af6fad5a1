"""The program as people start, stop and kill it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.__main__ import FleetConfig, fleet_hubs
from edge_agent.clock import Clock, ClockError, clock_from_environment
from edge_agent.config import ConfigError, hub_config, read_document
from edge_agent.drivers.catalog import open_driver
from edge_agent.outbox import Outbox
from tests.edge_agent.cloud import Cloud, until

ROOT = Path(__file__).parents[2]
MINUTE = 60_000
NOON_TEXT = "2026-04-23T12:00:00+02:00"
NOON = 1_776_938_400_000


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


def environment(scale: int = 600) -> dict[str, str]:
    return {**os.environ, "ORES_CLOCK": f"{NOON_TEXT}@{time.time()}x{scale}"}


def start(arguments: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_fleet(tmp_path: Path, cloud: Cloud, **hub: Any) -> Path:
    path = tmp_path / "fleet.json"
    link = {"backoff_s": 0.05, "backoff_max_s": 0.2, "claim_poll_s": 0.05}
    settings = {"cycle_s": 15, "history_days": 1, "link": link} | hub
    path.write_text(json.dumps({"cloud_url": cloud.url, "data_dir": str(tmp_path / "hubs"), "hub": settings}))
    return path


def events(output: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in output.splitlines()]
    return [(line["home"], line["event"]) for line in lines]


async def test_a_fleet_in_one_process_stops_cleanly(tmp_path: Path, cloud: Cloud) -> None:
    fleet = write_fleet(tmp_path, cloud)
    process = start(["simulate", "--fleet", str(fleet), "--only", "home-03,home-08"], environment())
    await until(lambda: len(cloud.hubs) == 2)
    await until(lambda: all(len(hub.rows) > 300 for hub in cloud.hubs.values()))
    process.send_signal(signal.SIGTERM)
    output, errors = await asyncio.to_thread(process.communicate)
    assert (process.returncode, errors) == (0, "")
    told = events(output)
    for home in ("home-03", "home-08"):
        of_home = [event for key, event in told if key == home]
        assert of_home[:2] == ["recorded", "registered"]
        assert {"connected", "backfilled"} <= set(of_home)
    assert told[-1] == ("", "stopped")
    assert sorted(path.name for path in (tmp_path / "hubs").iterdir()) == ["home-03", "home-08"]


async def test_a_hub_killed_again_and_again_loses_and_doubles_no_measurement(
    tmp_path: Path, cloud: Cloud
) -> None:
    fleet = write_fleet(tmp_path, cloud, history_days=2)
    env = environment()
    arguments = ["simulate", "--fleet", str(fleet), "--only", "home-01"]
    for attempt in range(5):
        process = start(arguments, env)
        await until(lambda: bool(cloud.hubs))
        await asyncio.sleep(0.25 + 0.13 * attempt)
        process.kill()
        await asyncio.to_thread(process.communicate)
    process = start(arguments, env)
    before = len(cloud.hub.rows)
    await until(lambda: len(cloud.hub.rows) > before + 20)
    process.terminate()
    await asyncio.to_thread(process.communicate)

    hub = cloud.hub
    assert len(hub.stored) == len(set(hub.stored))
    for lane in ("live", "backfill"):
        numbers = [seq for _, of_lane, seq in hub.stored if of_lane == lane]
        assert numbers == list(range(len(numbers)))
    history = sorted(hub.rows)[: 2 * 288]
    assert history == list(range(history[0], history[0] + 2 * 288 * 5 * MINUTE, 5 * MINUTE))
    for register in ("import_kwh", "export_kwh"):
        values = [row[register] for _, row in sorted(hub.rows.items())]
        assert values == sorted(values)
    outbox = Outbox(tmp_path / "hubs" / "home-01" / "hub.db")
    left = sum(outbox.waiting(lane) for lane in ("live", "backfill"))
    outbox.close()
    assert left <= 3


def test_a_hub_ends_with_its_parent(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text(
        json.dumps({"cloud_url": "http://127.0.0.1:9", "data_dir": str(tmp_path / "hubs"), "count": 1})
    )
    script = (
        "import subprocess, sys, time;"
        f"p = subprocess.Popen([sys.executable, '-m', 'edge_agent', 'simulate', '--fleet', {str(fleet)!r},"
        " '--die-with-parent'], stdout=subprocess.PIPE); p.stdout.readline();"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and _state(child) != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data_dir": "x"}', "missing required field `cloud_url`"),
        ('{"cloud_url": "x", "data_dir": "y", "hub": {"cycle": 1}}', "unknown field `cycle`"),
        ('{"cloud_url": "x", "data_dir": "y", "hub": {"cycle_s": 0}}', "$.cycle_s"),
        (
            '{"cloud_url": "x", "data_dir": "y", "homes": [{"key": "../x", "driver": {}}]}',
            "can name a folder",
        ),
        ("{", "fleet.json"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, content: str, message: str
) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text(content)
    process = start(["simulate", "--fleet", str(fleet)], dict(os.environ))
    _, errors = process.communicate()
    assert process.returncode == 2
    assert message in errors
    assert "Traceback" not in errors


def test_unknown_homes_drivers_and_devices_are_named(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text('{"cloud_url": "x", "data_dir": "y"}')
    process = start(["simulate", "--fleet", str(fleet), "--only", "home-99"], dict(os.environ))
    _, errors = process.communicate()
    assert errors == "the fleet has no home home-99\n"
    with pytest.raises(ConfigError, match="no driver 'toaster'"):
        open_driver({"kind": "toaster"}, now_ms=0, saved=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"household": {"profile": "H0-X", "annual_kwh": 3000}}, "no profile 'H0-X'"),
        ({"time_zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"first_monday": "2026-04-07"}, "no Monday"),
        ({"first_monday": "soon"}, "soon"),
        ({"ev": {"profile": "PV1", "charge_kw": 1, "battery_kwh": 1}}, "no charger's profile"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_a_home_that_cannot_be_simulated_says_why(change: dict[str, Any], message: str) -> None:
    home = {"kind": "simulator", "seed": 1, "household": {"profile": "H0-A", "annual_kwh": 3000}} | change
    with pytest.raises(ConfigError, match=message):
        open_driver(home, now_ms=0, saved=None)


def test_the_reference_fleet_is_24_hubs_with_a_folder_each() -> None:
    hubs = fleet_hubs(FleetConfig("http://cloud", "/data", hub={"cycle_s": 15.0}))
    assert len({hub.data_dir for hub in hubs}) == 24
    assert {hub.cycle_s for hub in hubs} == {15.0}
    assert hubs[0].data_dir == "/data/home-01"
    assert hubs[0].name == "Home 01"


def test_one_hub_from_toml_with_an_owners_override(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(
        f'key = "home"\ncloud_url = "http://127.0.0.1:9"\ndata_dir = "{tmp_path}"\n'
        '[driver]\nkind = "simulator"\nseed = 1\nhousehold = {profile = "H0-A", annual_kwh = 3000}\n'
    )
    assert hub_config(read_document(config)).link.transport == "websocket"
    env = environment()
    done = start(
        ["override", "--config", str(config), "--resource", "ev", "--kw", "7", "--minutes", "30"], env
    )
    assert done.wait() == 0
    override = msgspec.json.decode((tmp_path / "override.json").read_bytes())
    assert override["resources"] == {"ev": 7.0}
    assert NOON + 30 * MINUTE <= override["until"] <= NOON + 60 * 60 * MINUTE
    assert start(["override", "--config", str(config), "--clear"], env).wait() == 0
    assert not (tmp_path / "override.json").exists()
    assert start(["override", "--config", str(config)], env).wait() == 2


def test_the_clock_runs_as_it_is_told() -> None:
    clock = clock_from_environment({"ORES_CLOCK": f"{NOON_TEXT}@1000x60"})
    assert (clock.simulated_start_ms, clock.machine_start_s, clock.scale) == (NOON, 1000.0, 60.0)
    at = Clock(NOON, 1000.0, 60.0, machine=lambda: 1010.0)
    assert at.now_ms() == NOON + 10 * MINUTE
    assert at.machine_seconds_until(NOON + 11 * MINUTE) == 1.0
    assert at.machine_seconds_until(NOON) == 0.0
    assert at.trusted
    assert not Clock(0, 1000.0, machine=lambda: 1000.0).trusted
    assert abs(clock_from_environment({}).now_ms() - time.time() * 1000) < 1000


@pytest.mark.parametrize(
    "text", ["now", "2026-04-23T12:00:00@1x1", f"{NOON_TEXT}@1x0", f"{NOON_TEXT}@x1", "@x"]
)
def test_a_clock_that_cannot_be_read_is_a_named_error(text: str) -> None:
    with pytest.raises(ClockError, match="ORES_CLOCK"):
        clock_from_environment({"ORES_CLOCK": text})
