"""Single loads of the owner's list without a grid: plugs are switched off and on again through their own managers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from edge_agent.cem.home import Home
from edge_agent.cem.units import OwnUnit
from edge_agent.config import Island
from edge_agent.controllers.island import IslandController
from edge_agent.controllers.single_loads import SingleLoads
from edge_agent.rm.device import Battery, Meter, Switch
from edge_agent.rm.manager import utc_now
from edge_agent.rm.runner import Pace
from tests.edge_agent.rm.scripted import ScriptedDevice, until
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.safety import Allowed, DeviceLimits, device_ranges

PACE = Pace(poll_s=0.01, timeout_s=5.0, renewal_s=600.0, backoff_s=0.01, backoff_max_s=0.05)
LIMITS = DeviceLimits({"battery": (-4.0, 4.0)}, 10.0, 0.9, 0.2)
SHED = "no grid: shed as number 1 of the owner's list"


def image(*, at: int = 0, **values: Any) -> ProcessImage:
    known: dict[str, Any] = {
        "grid_kw": 0.0, "import_kwh": 0.0, "export_kwh": 0.0, "load_kw": 2.5, "battery_kw": -2.5, "battery_soc": 0.8,
        "on_grid": False,
    }  # fmt: skip
    return ProcessImage(at=at, **(known | values))


class House:
    """Two plugs and a battery; the pool is to go first."""

    def __init__(self) -> None:
        self.pool = ScriptedDevice(Switch(rated_kw=1.0), Reading(power_kw=1.0), key="pool")
        self.boiler = ScriptedDevice(Switch(rated_kw=2.0), Reading(power_kw=1.5), key="boiler")
        store = ScriptedDevice(
            Battery(capacity_kwh=10.0, charge_kw=4.0, discharge_kw=4.0),
            Reading(power_kw=0.0, soc=0.8),
            key="store",
        )
        meter = ScriptedDevice(Meter(), Reading(power_kw=0.0), key="meter")
        devices = [self.pool, self.boiler, store, meter]
        self.home = Home([OwnUnit(device, clock=utc_now, pace=PACE) for device in devices])
        self.controller = IslandController(
            LIMITS, Island(shed_first=["pool", "boiler"], margin_soc=0.4), draw=lambda: 0.5,
            singles=SingleLoads(self.home),
        )  # fmt: skip

    def decide(self, now: ProcessImage) -> Allowed:
        allowed = device_ranges(LIMITS)
        self.controller.control(now, allowed)
        self.home.write(Setpoints())
        return allowed

    def off(self, allowed: Allowed) -> dict[str, str]:
        return {
            key: held.reason
            for key, held in allowed.ranges.items()
            if key != "battery" and (held.low, held.high) == (0.0, 0.0)
        }


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    one = House()
    task = asyncio.create_task(one.home.run())
    try:
        assert await one.home.opened(20.0)
        one.home.read(1_000)
        yield one
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def ticks() -> Iterator[int]:
    return iter(range(0, 10**9, 1000))


async def test_plugs_go_one_after_the_other_as_the_battery_empties(ticks: Iterator[int]) -> None:
    async with house() as one:
        assert one.off(one.decide(image(at=next(ticks)))) == {}
        # The first of two goes below 0.2 + 0.4, the second below 0.2 + 0.2.
        assert one.off(one.decide(image(at=next(ticks), battery_soc=0.55))) == {"pool": SHED}
        await until(lambda: one.pool.written[-1:] == [0.0])
        assert one.boiler.written == []
        assert set(one.off(one.decide(image(at=next(ticks), battery_soc=0.3)))) == {"pool", "boiler"}
        await until(lambda: one.boiler.written[-1:] == [0.0])


async def test_plug_is_left_to_itself_again_once_the_home_has_rejoined(ticks: Iterator[int]) -> None:
    async with house() as one:
        one.decide(image(at=next(ticks), battery_soc=0.1))
        await until(lambda: one.pool.written[-1:] == [0.0])
        waiting = one.decide(image(at=next(ticks), on_grid=True))
        assert "the grid is back" in one.off(waiting)["pool"]
        later = image(at=10**7, on_grid=True)
        assert one.off(one.decide(later)) == {}
        assert one.home.claims == {}
        await until(lambda: one.pool.written[-1:] == [None])


async def test_plug_that_is_more_than_the_battery_carries_is_off_for_a_quarter_of_an_hour() -> None:
    async with house() as one:
        await until(lambda: one.home.read(2_000).battery_soc == 0.8)
        # The battery gives 4 kW: 0.6 kW are too many, and the pool's kilowatt goes.
        said = one.off(one.decide(image(at=0, load_kw=4.6)))
        assert said == {"pool": "no grid: more than battery and sun can give"}
        assert one.off(one.decide(image(at=899_000, load_kw=3.6))) == said
        assert one.off(one.decide(image(at=900_000, load_kw=3.6))) == {}


async def test_key_of_a_resource_is_still_limited_as_a_resource() -> None:
    limits = DeviceLimits({"battery": (-4.0, 4.0), "pool": (0.0, 1.0)}, 10.0, 0.9, 0.2)
    async with house() as one:
        controller = IslandController(
            limits, Island(shed_first=["pool"]), draw=lambda: 0.5, singles=SingleLoads(one.home)
        )
        allowed = device_ranges(limits)
        controller.control(image(battery_soc=0.1), allowed)
        assert (allowed.ranges["pool"].high, one.home.claims) == (0.0, {})
