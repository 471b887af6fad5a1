"""The hub's own devices behind the energy manager: drivers in, one image and shared orders out, in one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from s2python.generated.gen_s2 import PPBCPowerSequenceStatus

from edge_agent.cem.home import Home
from edge_agent.cem.units import OwnUnit
from edge_agent.rm.device import (
    Battery,
    Charger,
    DeviceError,
    Generator,
    Heater,
    Load,
    Meter,
    Program,
    Shape,
    Switch,
)
from edge_agent.rm.manager import utc_now
from edge_agent.rm.runner import Pace
from tests.edge_agent.rm.scripted import ScriptedDevice, until
from vpp.energy_manager.combine import Wish, exactly
from vpp.energy_manager.member import FAR_KW
from vpp.energy_manager.process_image import Setpoints
from vpp.energy_manager.reading import Reading
from vpp.protocols.s2.ppbc import PowerProfiles

PACE = Pace(poll_s=0.01, timeout_s=5.0, renewal_s=600.0, backoff_s=0.01, backoff_max_s=0.05)
SMALL = Battery(capacity_kwh=5.0, charge_kw=2.0, discharge_kw=2.0)
LARGE = Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=4.0, charge_efficiency=0.9)


@asynccontextmanager
async def home_of(*devices: ScriptedDevice) -> AsyncIterator[Home]:
    home = Home([OwnUnit(device, clock=utc_now, pace=PACE) for device in devices])
    task = asyncio.create_task(home.run())
    try:
        assert await home.opened(20.0)
        home.read(1_000)
        yield home
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_one_device_that_misses_the_grid_is_enough_and_the_hottest_battery_counts() -> None:
    there = Reading(power_kw=0.0, soc=0.5, is_on_grid=True, temperature_c=21.5)
    devices = [
        ScriptedDevice(SMALL, there, key="small"),
        ScriptedDevice(LARGE, Reading(power_kw=0.0, soc=0.5, temperature_c=33.0), key="large"),
        ScriptedDevice(Generator(peak_kw=5.0), Reading(power_kw=-1.0, temperature_c=60.0), key="roof"),
    ]
    async with home_of(*devices) as home:
        image = home.read(2_000)
        assert (image.on_grid, image.battery_c) == (True, 33.0)
        devices[2].reading = Reading(power_kw=-1.0, is_on_grid=False)
        await until(lambda: not home.read(3_000).on_grid)
        devices[2].reading = Reading(power_kw=-1.0, is_on_grid=True)
        await until(lambda: home.read(4_000).on_grid)


def offer(home: Home, key: str) -> str:
    return next(one.control_type for one in home.told() if one.key == key)


@pytest.mark.parametrize(
    ("shape", "reading", "control_type"),
    [
        (SMALL, Reading(power_kw=0.0, soc=0.5), "FILL_RATE_BASED_CONTROL"),
        (Generator(peak_kw=5.0), Reading(power_kw=-2.0), "POWER_ENVELOPE_BASED_CONTROL"),
        (Generator(peak_kw=5.0, is_curtailable=False), Reading(power_kw=-2.0), "NOT_CONTROLABLE"),
        (
            Charger(charge_kw=11.0, battery_kwh=60.0),
            Reading(power_kw=0.0, soc=0.4),
            "FILL_RATE_BASED_CONTROL",
        ),
        (Charger(charge_kw=11.0), Reading(power_kw=0.0), "POWER_ENVELOPE_BASED_CONTROL"),
        (Charger(charge_kw=11.0), Reading(power_kw=0.0, is_ready=False), "NOT_CONTROLABLE"),
        (Heater(rated_kw=3.0, tank_kwh=6.0), Reading(power_kw=1.0, soc=0.4), "FILL_RATE_BASED_CONTROL"),
        (Heater(rated_kw=3.0, is_modulating=False), Reading(power_kw=0.0), "OPERATION_MODE_BASED_CONTROL"),
        (Switch(rated_kw=2.0), Reading(power_kw=2.0), "OPERATION_MODE_BASED_CONTROL"),
        (Program(phases_kw=(2.0,), phase_s=60.0), Reading(power_kw=0.0), "POWER_PROFILE_BASED_CONTROL"),
        (Meter(), Reading(power_kw=1.0), "NOT_CONTROLABLE"),
        (Load(), Reading(power_kw=1.0), "NOT_CONTROLABLE"),
    ],
)
async def test_every_shape_is_controlled_by_its_control_type(
    shape: Shape, reading: Reading, control_type: str
) -> None:
    async with home_of(ScriptedDevice(shape, reading)) as home:
        assert offer(home, "device") == control_type


async def test_the_image_is_the_sum_of_the_devices() -> None:
    meter = Reading(power_kw=0.7, import_kwh=100.0, export_kwh=50.0, voltage_v=231.0, frequency_hz=49.98)
    async with home_of(
        ScriptedDevice(Meter(), meter, key="meter"),
        ScriptedDevice(Generator(peak_kw=5.0), Reading(power_kw=-3.0), key="roof"),
        ScriptedDevice(Generator(peak_kw=2.0), Reading(power_kw=-0.5), key="garage"),
        ScriptedDevice(SMALL, Reading(power_kw=1.0, soc=0.2), key="small"),
        ScriptedDevice(LARGE, Reading(power_kw=2.0, soc=0.8), key="large"),
        ScriptedDevice(Load(), Reading(power_kw=0.3), key="fridge"),
    ) as home:
        image = home.read(2_000)
        assert (image.grid_kw, image.pv_kw, image.battery_kw) == (0.7, -3.5, 3.0)
        assert image.load_kw == pytest.approx(1.2)
        assert image.battery_soc == pytest.approx((0.2 * 5.0 + 0.8 * 10.0) / 15.0)
        assert (image.import_kwh, image.export_kwh, image.voltage_v, image.frequency_hz) == (
            100.0,
            50.0,
            231.0,
            49.98,
        )
        assert (image.ev_kw, image.ev_soc, image.heat_kw) == (None, None, None)
        described = {one.key: one for one in home.describe()}
        assert list(described) == ["load", "pv", "battery"]
        assert described["pv"].parameters == {"peak_kw": 7.0}
        assert described["battery"].parameters == {
            "capacity_kwh": 15.0,
            "charge_kw": 7.0,
            "discharge_kw": 6.0,
            "charge_efficiency": pytest.approx((0.95 * 5.0 + 0.9 * 10.0) / 15.0),
            "discharge_efficiency": pytest.approx(0.95),
        }


async def test_several_batteries_share_by_the_room_that_is_left() -> None:
    small = ScriptedDevice(SMALL, Reading(power_kw=0.0, soc=0.2), key="small")
    large = ScriptedDevice(LARGE, Reading(power_kw=0.0, soc=0.8), key="large")
    async with home_of(small, large) as home:
        home.write(Setpoints(battery_kw=3.0))
        await until(lambda: small.written and large.written)
        # Room: 4 kWh and 2 kWh.
        assert [*small.written, *large.written] == pytest.approx([2.0, 1.0])
        home.write(Setpoints(battery_kw=-3.0))
        await until(lambda: len(small.written) >= 2 and len(large.written) >= 2)
        # Energy: 1 kWh and 8 kWh.
        assert [small.written[1], large.written[1]] == pytest.approx([-1 / 3, -8 / 3])


async def test_what_is_not_wished_any_more_is_given_back() -> None:
    sun = ScriptedDevice(Generator(peak_kw=5.0), Reading(power_kw=-3.0))
    async with home_of(sun) as home:
        home.write(Setpoints(pv_kw=-1.5))
        await until(lambda: sun.written)
        home.write(Setpoints())
        await until(lambda: len(sun.written) >= 2)
        assert sun.written == [-1.5, None]
        home.write(Setpoints(pv_kw=-1.0))
        await until(lambda: len(sun.written) >= 3)
        assert sun.written == [-1.5, None, -1.0]


async def test_a_charger_is_limited_and_a_heat_pump_held() -> None:
    car = ScriptedDevice(
        Charger(charge_kw=11.0, least_kw=1.4, battery_kwh=60.0), Reading(power_kw=0.0, soc=0.4), key="car"
    )
    pump = ScriptedDevice(Heater(rated_kw=3.0, tank_kwh=6.0), Reading(power_kw=0.0, soc=0.4), key="pump")
    async with home_of(car, pump) as home:
        home.write(Setpoints(ev_kw=4.0, heat_kw=1.2))
        await until(lambda: car.written and pump.written)
        assert [*car.written, *pump.written] == pytest.approx([4.0, 1.2])
        home.write(Setpoints(ev_kw=1.0, heat_most_kw=2.0))
        await until(lambda: len(car.written) >= 2 and len(pump.written) >= 2)
        # Less than the car can take is a pause; an emptying tank is heated as far as it may.
        assert [car.written[1], pump.written[1]] == pytest.approx([0.0, 2.0])


async def test_a_refused_order_is_kept_with_its_reason_and_another_choice_is_taken() -> None:
    battery = ScriptedDevice(SMALL, Reading(power_kw=0.0, soc=0.5))
    battery.failing["write"] = DeviceError("locked at the panel", permanent=True)
    async with home_of(battery) as home:
        home.write(Setpoints(battery_kw=1.0))
        await until(lambda: home.told()[0].rejections)
        told = home.told()[0]
        assert (told.rejections, told.trouble) == (["REJECTED: no reason given"], "locked at the panel")
        assert (told.low_kw, told.high_kw) == (-2.0, 0.0)
        battery.failing.clear()
        home.write(Setpoints(battery_kw=1.0))
        await until(lambda: battery.written)
        assert battery.written == [0.0]


async def test_a_device_that_went_is_no_part_of_the_image_and_comes_back() -> None:
    battery = ScriptedDevice(SMALL, Reading(power_kw=1.0, soc=0.5), key="battery")
    meter = ScriptedDevice(Meter(), Reading(power_kw=2.0, import_kwh=1.0, export_kwh=0.0), key="meter")
    async with home_of(battery, meter) as home:
        unit = home.units["battery"]
        assert isinstance(unit, OwnUnit)
        battery.failing["read"] = battery.failing["open"] = DeviceError("no answer")
        await until(lambda: unit.trouble)
        unit.runner._read_at -= 61.0
        image = home.read(2_000)
        assert (image.battery_kw, image.battery_soc, image.load_kw) == (None, None, 2.0)
        assert [one.key for one in home.describe()] == ["load", "battery"]
        battery.failing.clear()
        await until(lambda: home.read(3_000).battery_kw == 1.0)


async def test_a_car_that_leaves_takes_no_orders() -> None:
    car = ScriptedDevice(Charger(charge_kw=11.0, battery_kwh=60.0), Reading(power_kw=3.0, soc=0.4))
    async with home_of(car) as home:
        home.write(Setpoints(ev_kw=4.0))
        await until(lambda: car.written)
        car.reading = Reading(power_kw=0.0, is_ready=False)
        await until(lambda: offer(home, "device") == "NOT_CONTROLABLE")
        home.write(Setpoints(ev_kw=2.0))
        car.reading = Reading(power_kw=0.0, soc=0.3)
        await until(lambda: offer(home, "device") == "FILL_RATE_BASED_CONTROL")
        home.write(Setpoints(ev_kw=2.0))
        await until(lambda: 2.0 in car.written)


async def test_a_switch_is_held_by_its_timer() -> None:
    plug = ScriptedDevice(Switch(rated_kw=2.0, least_on_s=600.0), Reading(power_kw=0.0), key="plug")
    async with home_of(plug) as home:
        home.claims["plug"] = exactly(0.0)
        home.write(Setpoints())
        await until(lambda: plug.written == [0.0])
        home.claims["plug"] = exactly(2.0)
        home.write(Setpoints())
        await until(lambda: plug.written == [0.0, 2.0])
        await until(lambda: home.told()[0].limits)
        home.claims["plug"] = exactly(0.0)
        home.write(Setpoints())
        told = home.told()[0]
        assert (told.low_kw, told.high_kw) == (2.0, 2.0)
        assert told.limits[0].startswith("off: a timer blocks it until")
        assert plug.written == [0.0, 2.0]


async def test_a_washer_waits_for_the_sun() -> None:
    washer = ScriptedDevice(
        Program(phases_kw=(2.0, 0.5), phase_s=600.0, is_interruptible=True),
        Reading(power_kw=0.0),
        key="washer",
    )
    meter = ScriptedDevice(Meter(), Reading(power_kw=0.5), key="meter")
    async with home_of(washer, meter) as home:
        member = home.units["washer"].member
        assert member is not None
        held = member.session.held
        assert isinstance(held, PowerProfiles)

        def state() -> PPBCPowerSequenceStatus:
            [profile] = held.profiles.values()
            return held.state(str(profile.id), str(profile.power_sequences_containers[0].id))

        home.write(Setpoints())
        await until(lambda: state() == PPBCPowerSequenceStatus.SCHEDULED)
        assert washer.written in ([], [0.0])
        meter.reading = Reading(power_kw=-2.5)
        await until(lambda: home.read(2_000).grid_kw == -2.5)
        home.write(Setpoints())
        await until(lambda: state() == PPBCPowerSequenceStatus.EXECUTING)
        assert washer.written[-1] == 2.0
        home.claims["washer"] = Wish(low_kw=-FAR_KW, high_kw=1.0, prefer_kw=0.0)
        home.write(Setpoints())
        await until(lambda: state() == PPBCPowerSequenceStatus.INTERRUPTED)
        await until(lambda: washer.written[-1] == 0.0)
        del home.claims["washer"]
        home.write(Setpoints())
        await until(lambda: state() == PPBCPowerSequenceStatus.EXECUTING)


async def test_a_home_is_given_back_when_the_hub_stops() -> None:
    battery = ScriptedDevice(SMALL, Reading(power_kw=0.0, soc=0.5))
    async with home_of(battery) as home:
        home.write(Setpoints(battery_kw=1.0))
        await until(lambda: battery.written)
    assert battery.written[-1] is None
    assert battery.calls[-1] == "close"


async def test_what_a_home_has_is_remembered_over_a_restart() -> None:
    async with home_of(ScriptedDevice(SMALL, Reading(power_kw=1.0, soc=0.5))) as home:
        described = home.describe()
        for at in range(1_000, 3_602_000, 60_000):
            home.read(at)
        kept = home.state()
        image = home.read(3_601_000)
    again = Home(saved=kept)
    assert again.describe() == described
    assert again.read(1).import_kwh == pytest.approx(image.import_kwh, abs=0.02)
    assert image.import_kwh == pytest.approx(1.0, abs=0.02)


async def test_home_ends_although_a_driver_swallows_a_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """As libraries on Python 3.11's `wait_for` do."""
    monkeypatch.setattr("edge_agent.cem.home._LET_GO_S", 0.05)
    deaf = ScriptedDevice(Load(), Reading(power_kw=0.3), key="deaf")
    read = deaf.read

    async def swallow() -> Reading:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.02)
        return await read()

    deaf.read = swallow  # type: ignore[method-assign]
    home = Home([OwnUnit(deaf, clock=utc_now, pace=Pace(poll_s=0.001, timeout_s=60.0))])
    task = asyncio.create_task(home.run())
    assert await home.opened(60.0)
    task.cancel()
    await asyncio.wait({task}, timeout=60.0)
    assert task.cancelled()
    assert deaf.calls[-1] == "close"
