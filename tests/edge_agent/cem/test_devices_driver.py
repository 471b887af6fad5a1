"""A hub whose driver is a list of device tables: opened by kind, controlled as one home."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from s2python.common import RoleType

from edge_agent.agent import Agent
from edge_agent.cem.home import Home
from edge_agent.cem.server import S2Server
from edge_agent.clock import Clock
from edge_agent.config import ConfigError, hub_config
from edge_agent.controllers.override import Override
from edge_agent.controllers.override_file import write_override
from edge_agent.drivers.catalog import open_driver
from edge_agent.drivers.simulator.device import SimulatedConfig, SimulatedDevice
from edge_agent.rm.device import REVERSION_S, DeviceError
from edge_agent.rm.runner import DeviceRunner, Pace
from tests.edge_agent.cem.peer import Peer
from tests.edge_agent.cem.test_foreign_managers import MEASURED, STORE
from tests.edge_agent.cloud import Cloud
from tests.edge_agent.rm.scripted import until
from tests.vpp.protocols.s2.samples import ON

METER = {"kind": "simulator", "key": "meter", "model": "meter", "present_kw": 1.0}
SUN = {"kind": "simulator", "key": "roof", "model": "inverter", "rated_kw": 5.0, "present_kw": 3.0}
BATTERY = {"kind": "simulator", "key": "cellar", "model": "battery", "rated_kw": 4.0}
FOREIGN = {"kind": "s2", "port": 0}


def table(*devices: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "devices", "devices": list(devices), "poll_s": 0.02}


@asynccontextmanager
async def hub(tmp_path: Path, *devices: dict[str, Any]) -> AsyncIterator[tuple[Agent, Home, Cloud]]:
    """A running hub with these devices and its cloud."""
    async with Cloud().running() as cloud:
        document = {
            "key": "home",
            "cloud_url": cloud.url,
            "data_dir": str(tmp_path / "home"),
            "cycle_s": 0.1,
            "driver": table(*devices),
        }
        agent = Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)
        task = asyncio.create_task(agent.run())
        try:
            home = agent.driver
            assert isinstance(home, Home)
            yield agent, home, cloud
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_home_of_devices_uses_its_own_energy(tmp_path: Path) -> None:
    async with hub(tmp_path, METER, SUN, BATTERY) as (agent, home, cloud):
        await until(lambda: agent.cycle.allowed.ranges.get("battery"))
        await until(lambda: abs(home.read(int(time.time() * 1000)).grid_kw) < 0.05)
        told = {one.key: one for one in home.told()}
        assert told["cellar"].power_kw == pytest.approx(2.0, abs=0.05)
        assert (told["cellar"].low_kw, told["cellar"].high_kw) == (-4.0, 4.0)
        assert told["roof"].control_type == "NO_SELECTION"
        await until(lambda: cloud.hubs and cloud.hub.hellos)
        described = {one.key: one.parameters for one in cloud.hub.hellos[0].resources}
        assert described["pv"] == {"peak_kw": 5.0}
        assert described["battery"]["capacity_kwh"] == 10.0


async def test_the_owner_curtails_the_sun(tmp_path: Path) -> None:
    async with hub(tmp_path, METER, SUN) as (_, home, _cloud):
        await until(lambda: home.told()[1].power_kw == -3.0)
        until_ms = int(time.time() * 1000) + 3_600_000
        write_override(tmp_path / "home", Override(until_ms, {"pv": -1.25}, "a test"))
        await until(lambda: home.told()[1].power_kw == -1.25)
        assert home.told()[1].control_type == "POWER_ENVELOPE_BASED_CONTROL"
        write_override(tmp_path / "home", None)
        await until(lambda: home.told()[1].power_kw == -3.0)


async def test_a_foreign_battery_follows_the_hub_of_a_home_of_devices(tmp_path: Path) -> None:
    async with hub(tmp_path, METER, SUN, FOREIGN) as (agent, home, _cloud):
        [server] = home._shells
        assert isinstance(server, S2Server)
        await asyncio.wait_for(server.listening.wait(), 20)
        peer = Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE)
        async with peer.connected(server.port):
            await until(lambda: home.read(int(time.time() * 1000)).battery_soc == 0.5)
            # It joined after the start, and takes the sun that is left all the same.
            await until(lambda: agent.cycle.allowed.ranges.get("battery"))
            # 2 kW go out at the meter besides the 1.5 kW that it says it takes already.
            await until(
                lambda: peer.orders and peer.orders[-1].operation_mode_factor == pytest.approx(3.5 / 5.0)
            )
            assert str(peer.orders[-1].operation_mode) == ON


async def test_a_restarted_hub_knows_its_devices_before_they_answer(tmp_path: Path) -> None:
    async with hub(tmp_path, METER, BATTERY) as (agent, _, _cloud):
        await until(lambda: agent.cycle.allowed.ranges.get("battery"))
        kept = agent.driver.state()
    again = open_driver(table(METER, BATTERY), now_ms=0, saved=kept)
    assert [one.key for one in again.describe()] == ["load", "battery"]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"kind": "devices", "devices": [{"kind": "toaster", "key": "x"}]}, "there is no kind 'toaster'"),
        ({"kind": "devices", "devices": [METER, METER]}, "there are several devices meter"),
        ({"kind": "devices", "device": []}, "unknown field `device`"),
        ({"kind": "devices", "devices": [{**METER, "model": "toaster"}]}, "Invalid enum value 'toaster'"),
        ({"kind": "devices", "devices": [{**BATTERY, "rated_kw": 0}]}, "`float` > 0.0"),
        ({"kind": "devices", "devices": [{**BATTERY, "rated_kw": float("nan")}]}, "`float` > 0.0"),
        ({"kind": "devices", "devices": [{"kind": "s2", "host": "0.0.0.0"}]}, "needs a token"),
        ({"kind": "devices", "devices": [{"kind": "s2", "url": "http://x"}]}, "no address of a WebSocket"),
        ({"kind": "devices", "devices": [{"kind": "s2", "prt": 1}]}, "unknown field `prt`"),
        ({"kind": "house"}, "there are simulator and devices"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(document: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_driver(document, now_ms=0, saved=None)
    assert why in str(caught.value)


# --- the simulated devices themselves


class Time:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def simulated(**given: Any) -> tuple[SimulatedDevice, Time]:
    clock = Time()
    return SimulatedDevice(SimulatedConfig(key="device", **given), clock=clock), clock


async def test_a_simulated_battery_fills_with_losses_and_stops_when_full() -> None:
    battery, clock = simulated(model="battery", rated_kw=4.0, capacity_kwh=4.0, soc=0.5)
    await battery.write(2.0)
    clock.now = 30.0
    assert (await battery.read()).soc == pytest.approx(0.5 + 2.0 * 0.95 * 30 / 3600 / 4.0, abs=1e-5)
    battery.soc = 1.0
    clock.now = 31.0
    assert (await battery.read()).power_kw == 0.0


async def test_an_order_nobody_renews_reverts() -> None:
    sun, clock = simulated(model="inverter", rated_kw=5.0, present_kw=4.0)
    await sun.write(-1.0)
    clock.now = REVERSION_S - 1.0
    assert (await sun.read()).power_kw == -1.0
    clock.now = REVERSION_S + 1.0
    assert (await sun.read()).power_kw == -4.0


async def test_a_simulated_washer_runs_its_phases_while_it_may() -> None:
    washer, clock = simulated(model="washer", phases_kw=(2.0, 0.5), phase_s=30.0)
    assert (await washer.read()).is_ready
    await washer.write(2.0)
    powers = []
    for clock.now in (10.0, 40.0):
        powers.append((await washer.read()).power_kw)
    assert powers == [2.0, 0.5]
    assert not (await washer.read()).is_ready
    await washer.write(0.0)
    clock.now = 55.0
    assert (await washer.read()).power_kw == 0.0
    await washer.write(2.0)
    clock.now = 80.0
    reading = await washer.read()
    assert (reading.power_kw, reading.is_ready) == (0.0, True)


async def test_a_simulated_car_pauses_below_its_least_power_and_a_tank_is_drawn_from() -> None:
    car, _ = simulated(model="charger", rated_kw=11.0, least_kw=1.4, capacity_kwh=60.0)
    await car.write(1.0)
    assert (await car.read()).power_kw == 0.0
    tank, clock = simulated(model="heater", rated_kw=3.0, capacity_kwh=6.0, present_kw=1.0)
    await tank.write(0.0)
    clock.now = 36.0
    assert (await tank.read()).soc == pytest.approx(0.5 - 1.0 / 100 / 6.0, abs=1e-5)


async def test_a_simulated_device_that_is_gone_says_so() -> None:
    plug, _ = simulated(model="plug", rated_kw=1.5)
    assert (await plug.read()).power_kw == 1.5
    plug.is_gone = True
    with pytest.raises(DeviceError):
        await plug.read()
    assert plug.power_kw == 0.0


async def test_a_simulated_device_gone_in_the_middle_of_an_order_is_told_again() -> None:
    battery = SimulatedDevice(SimulatedConfig(key="device", model="battery", rated_kw=4.0))
    runner = DeviceRunner(battery, pace=Pace(poll_s=0.01, renewal_s=0.05, backoff_s=0.01, backoff_max_s=0.05))
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: runner.latest)
        battery.is_gone = True
        runner.want(2.0)
        await until(lambda: runner.refusal == "device does not answer")
        battery.is_gone = False
        await until(lambda: runner.error is None and battery.power_kw == 2.0)
        assert runner.refusal is None
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert battery._ordered is None
