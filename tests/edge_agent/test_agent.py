"""A whole hub against a real server: enrollment, backfill, live data, schedules, restarts, lost links."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import HubConfig, hub_config
from edge_agent.controllers.override import Override
from edge_agent.controllers.override_file import write_override
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.outbox import Outbox
from tests.edge_agent.cloud import Cloud, until
from vpp.intervals import to_ms
from vpp.protocols.link.messages import CapacityLimits, Instruction, Schedule

NOON = to_ms(datetime.fromisoformat("2026-04-23T12:00:00+02:00"))
MINUTE = 60_000
SCALE = 1200.0


class Hubs:
    """Starts hubs on one scaled clock and keeps what they told."""

    def __init__(self, tmp_path: Path, cloud: Cloud) -> None:
        self.tmp_path = tmp_path
        self.cloud = cloud
        self.clock = Clock(NOON, time.time(), SCALE)
        self.events: list[dict[str, Any]] = []

    def config(self, **changes: Any) -> HubConfig:
        link = {
            "backoff_s": 0.02,
            "backoff_max_s": 0.1,
            "claim_poll_s": 0.05,
            "post_interval_s": 0.1,
            "backfill_spread_s": 0.0,
        }
        document = {
            "key": "home-02",
            "cloud_url": self.cloud.url,
            "data_dir": str(self.tmp_path / "home-02"),
            "cycle_s": 15.0,
            "driver": msgspec.to_builtins(fleet()[1].home),
            "link": link | changes.pop("link", {}),
        }
        return hub_config(document | changes)

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[Agent]:
        agent = Agent(self.config(**changes), self.clock, emit=self._emit)
        task = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _emit(self, event: str, **facts: object) -> None:
        self.events.append({"event": event, **facts})

    def told(self, event: str) -> list[dict[str, Any]]:
        return [facts for facts in self.events if facts["event"] == event]

    def schedule(
        self, kw: float | None, *, revision: int = 1, minutes: int = 600, **resources: Any
    ) -> Instruction:
        starts_at = self.clock.now_ms() // (15 * MINUTE) * 15 * MINUTE
        count = minutes // 15
        plan = Schedule(
            starts_at, 900, [kw] * count, {key: [value] * count for key, value in resources.items()}
        )
        return Instruction("order", revision, starts_at, starts_at + minutes * MINUTE, plan)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


@pytest.fixture
def hubs(tmp_path: Path, cloud: Cloud) -> Hubs:
    return Hubs(tmp_path, cloud)


def states(cloud: Cloud) -> list[tuple[int, str]]:
    return [(status.revision, status.state) for status in cloud.hub.statuses]


def newest(cloud: Cloud) -> int:
    return max(cloud.hub.rows, default=0)


def latest(cloud: Cloud) -> dict[str, Any]:
    return cloud.hub.rows[newest(cloud)]


async def test_from_the_first_start_to_live_data(cloud: Cloud, hubs: Hubs) -> None:
    cloud.claim_at_once = False
    async with hubs.running(history_days=3):
        await until(lambda: hubs.told("registered"))
        await asyncio.sleep(0.2)
        assert not hubs.told("connected")
        cloud.claim(hubs.told("registered")[0]["claim_code"].lower())
        await until(lambda: hubs.told("backfilled"))
        await until(lambda: sum(row["lane"] == "live" for row in cloud.hub.rows.values()) > 5)
    rows = cloud.hub.rows
    times = sorted(rows)
    history, present = times[: 3 * 288], times[3 * 288 - 1 :]
    assert {rows[at]["lane"] for at in history} == {"backfill"}
    assert history[-1] >= NOON
    assert history == list(range(history[0], history[-1] + 1, 5 * MINUTE))
    assert present == list(range(present[0], present[-1] + 1, MINUTE))
    assert [event["event"] for event in hubs.events][:2] == ["recorded", "registered"]
    identity = hubs.tmp_path / "home-02" / "identity.json"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o600
    described = {resource.key: resource for resource in cloud.hub.hellos[0].resources}
    assert set(described) == {"load", "pv", "battery", "heat"}
    assert described["battery"].parameters["reserve_soc"] == 0.1


async def test_energy_and_power_of_the_rows_agree(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running():
        await until(lambda: cloud.hubs and len(cloud.hub.rows) > 30)
    times = sorted(cloud.hub.rows)
    for before, at in pairwise(times):
        first, second = cloud.hub.rows[before], cloud.hub.rows[at]
        net = (second["import_kwh"] - second["export_kwh"]) - (first["import_kwh"] - first["export_kwh"])
        assert second["grid_kw"] * (at - before) / 3_600_000 == pytest.approx(net, abs=0.03 * abs(net) + 2e-4)


async def test_a_schedule_is_acknowledged_applied_and_held(cloud: Cloud, hubs: Hubs) -> None:
    hubs.clock = Clock(NOON, time.time(), SCALE / 4)  # slow enough for the battery not to fill up meanwhile
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        await cloud.send(hubs.schedule(0.5, heat=0.0))
        await until(lambda: states(cloud) == [(1, "acknowledged"), (1, "applied")])
        began = hubs.clock.now_ms()
        await until(lambda: newest(cloud) > began + 5 * MINUTE)
        held = latest(cloud)
        assert held["grid_kw"] == pytest.approx(0.5, abs=0.15)
        await cloud.send(hubs.schedule(-0.5, revision=2))
        await until(lambda: (2, "applied") in states(cloud))
        changed = hubs.clock.now_ms()
        await until(lambda: newest(cloud) > changed + 5 * MINUTE)
        assert latest(cloud)["grid_kw"] == pytest.approx(-0.5, abs=0.15)
        await cloud.send(hubs.schedule(3.0, revision=1))
        await until(lambda: (1, "rejected") in states(cloud))
        await cloud.send(Instruction("order", 3, 0, hubs.clock.now_ms() + 600 * MINUTE))
        await until(lambda: (3, "applied") in states(cloud))
        revoked = hubs.clock.now_ms()
        await until(lambda: newest(cloud) > revoked + 5 * MINUTE)
        assert latest(cloud)["grid_kw"] == pytest.approx(0.0, abs=0.15)


async def test_a_schedule_for_an_unknown_resource_is_rejected_by_name(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        await cloud.send(hubs.schedule(1.0, ev=0.0, heat=0.0))
        await until(lambda: cloud.hub.statuses)
        assert (cloud.hub.statuses[0].state, cloud.hub.statuses[0].reason) == (
            "rejected",
            "unknown or uncontrollable resource ev",
        )


async def test_what_expired_on_its_way_is_told(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        plan = Schedule(NOON - 60 * MINUTE, 900, [1.0])
        await cloud.send(Instruction("late", 1, NOON - 60 * MINUTE, NOON - 45 * MINUTE, plan))
        await until(lambda: states(cloud) == [(1, "expired")])


async def test_a_lost_link_loses_no_row_and_the_schedule_goes_on(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running() as agent:
        await until(lambda: hubs.told("connected"))
        await cloud.send(hubs.schedule(1.0))
        await until(lambda: (1, "applied") in states(cloud))
        cloud.refuse_connections = True
        assert cloud.hub.socket
        await cloud.hub.socket.close()
        lost = hubs.clock.now_ms()
        await until(lambda: hubs.clock.now_ms() > lost + 70 * MINUTE, 15)
        assert agent.cycle.allowed.ranges["battery"].by == "cloud_schedule"
        cloud.refuse_connections = False
        await until(lambda: len(hubs.told("connected")) > 1)
        back = hubs.clock.now_ms()
        await until(lambda: newest(cloud) > back, 10)
        await until(lambda: agent.outbox.waiting("backfill") == 0)
    times = sorted(cloud.hub.rows)
    assert times == list(range(times[0], times[-1] + 1, MINUTE))
    stored = cloud.hub.stored
    assert len(stored) == len(set(stored))
    assert hubs.told("disconnected")


async def test_a_restart_resumes_schedule_numbers_and_registers(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        await cloud.send(hubs.schedule(1.0))
        await until(lambda: (1, "applied") in states(cloud))
        await until(lambda: len(cloud.hub.rows) > 3)
    cloud.hub.instructions.clear()
    before = latest(cloud)
    stopped = newest(cloud)
    await asyncio.sleep(0.3)
    async with hubs.running() as agent:
        await until(lambda: newest(cloud) > stopped + 5 * MINUTE)
        assert agent.cycle.allowed.ranges["battery"].by == "cloud_schedule"
    assert latest(cloud)["import_kwh"] >= before["import_kwh"]
    assert len(cloud.hubs) == 1
    assert len({boot for boot, _, _ in cloud.hub.stored}) == 1
    assert len(hubs.told("recorded")) == 1
    stored = cloud.hub.stored
    assert len(stored) == len(set(stored))


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_cloud_that_forgot_its_positions_gets_no_gap(
    cloud: Cloud, hubs: Hubs, remembers: bool
) -> None:
    cloud.remember_positions = remembers
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        for _ in range(3):
            await until(lambda: cloud.hub.socket is not None)
            assert cloud.hub.socket
            await cloud.hub.socket.close()
            cloud.hub.socket = None
        count = len(cloud.hub.rows)
        await until(lambda: len(cloud.hub.rows) > count + 10)
    times = sorted(cloud.hub.rows)
    assert times == list(range(times[0], times[-1] + 1, MINUTE))


async def test_the_same_over_posts(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running(history_days=1, link={"transport": "post"}) as agent:
        await until(lambda: hubs.told("backfilled"))
        cloud.hub.instructions.append(hubs.schedule(1.0))
        await until(lambda: (1, "applied") in states(cloud))
        count = len(cloud.hub.rows)
        await until(lambda: len(cloud.hub.rows) > count + 20)
        assert agent.link is not None and agent.link.connected
    times = sorted(at for at in cloud.hub.rows if at >= NOON)
    assert times == list(range(times[0], times[-1] + 1, MINUTE))


async def test_the_owner_overrides_the_cloud(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running() as agent:
        await until(lambda: hubs.told("connected"))
        await cloud.send(hubs.schedule(1.0))
        await until(lambda: (1, "applied") in states(cloud))
        write_override(
            hubs.tmp_path / "home-02", Override(hubs.clock.now_ms() + 600 * MINUTE, {"battery": 0.0})
        )
        await until(lambda: agent.cycle.allowed.ranges["battery"].by == "override")
        write_override(hubs.tmp_path / "home-02", None)
        await until(lambda: agent.cycle.allowed.ranges["battery"].by == "cloud_schedule")
        (hubs.tmp_path / "home-02" / "override.json").write_text("{")
        await until(lambda: hubs.told("override_unreadable"))
    outbox = Outbox(hubs.tmp_path / "home-02" / "hub.db")
    assert {"override", "cloud_schedule"} <= {decided.controller for decided in outbox.decisions()}
    outbox.close()


async def test_an_outbox_set_back_starts_a_new_numbering(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running() as agent:
        await until(lambda: cloud.hubs and len(cloud.hub.rows) > 3)
        first = agent.outbox.boot_id
    cloud.hub.positions[(first, "live")] += 1000
    async with hubs.running() as agent:
        count = len(cloud.hub.rows)
        await until(lambda: len(cloud.hub.rows) > count + 3)
        assert agent.outbox.boot_id != first


async def test_a_server_that_talks_nonsense_is_left_and_tried_again(cloud: Cloud, hubs: Hubs) -> None:
    async with hubs.running():
        await until(lambda: hubs.told("connected"))
        assert cloud.hub.socket
        await cloud.hub.socket.send("nonsense")
        await until(lambda: len(hubs.told("connected")) == 2)
        assert hubs.told("disconnected")[0]["reason"].startswith("the cloud sent what is no message")


async def test_limits_hold_with_the_link_and_their_fallback_without_it_over_a_restart(
    cloud: Cloud, hubs: Hubs
) -> None:
    def reason(agent: Agent) -> str:
        pv = agent.cycle.allowed.ranges.get("pv")
        return pv.reason if pv else ""

    starts_at = hubs.clock.now_ms() // (15 * MINUTE) * 15 * MINUTE
    limits = CapacityLimits(starts_at, 900, [], [0.5] * 40, fallback_export_kw=1.0)
    async with hubs.running() as agent:
        await until(lambda: hubs.told("connected"))
        assert cloud.hub.hellos[0].features == ["limits", "device", "priority", "diagnostics", "devices"]
        await cloud.send(Instruction("limit", 1, starts_at, starts_at + 600 * MINUTE, limits=limits))
        await until(lambda: states(cloud) == [(1, "acknowledged"), (1, "applied")])
        await until(lambda: "0.5 kW out" in reason(agent))
        cloud.refuse_connections = True
        assert cloud.hub.socket
        await cloud.hub.socket.close()
        await until(lambda: "fallback: 1 kW out" in reason(agent))
    cloud.hub.instructions.clear()
    async with hubs.running() as agent:
        await until(lambda: reason(agent))
        assert "fallback: 1 kW out" in reason(agent)
        cloud.refuse_connections = False
        await until(lambda: ", interval " in reason(agent))
