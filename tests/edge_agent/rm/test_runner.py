"""The task round one device: reads, renews, backs off, doubts, gives back."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from edge_agent.rm.plausible import Watch, flaw_of, rated_range
from edge_agent.rm.runner import DeviceRunner, Pace
from tests.edge_agent.rm.scripted import ScriptedDevice, until
from vpp.energy_manager.reading import Reading

BATTERY = Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=4.0)
FAST = Pace(poll_s=0.01, timeout_s=5.0, renewal_s=0.05, backoff_s=0.01, backoff_max_s=0.05)


@asynccontextmanager
async def running(device: ScriptedDevice, pace: Pace = FAST) -> AsyncIterator[DeviceRunner]:
    runner = DeviceRunner(device, pace=pace)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_opened_device_is_known_and_read() -> None:
    device = ScriptedDevice(BATTERY, Reading(power_kw=1.5, soc=0.5))
    async with running(device) as runner:
        await until(lambda: runner.latest)
        assert runner.latest == device.reading
        assert runner.identity is not None
        assert runner.identity.serial == "device"
        assert (runner.shape, runner.error, runner.is_open) == (BATTERY, None, True)
        assert runner.age_s is not None
        assert runner.age_s >= 0.0
    assert device.written == []
    assert device.calls[-1] == "close"


async def test_an_order_is_renewed_until_another_comes_and_given_back_at_the_end() -> None:
    device = ScriptedDevice(BATTERY)
    async with running(device) as runner:
        runner.want(2.0)
        await until(lambda: len(device.written) >= 3)
        runner.want(-1.0)
        await until(lambda: -1.0 in device.written)
    assert set(device.written[: device.written.index(-1.0)]) == {2.0}
    assert device.written[-1] is None
    assert device.calls[-1] == "close"


async def test_a_device_given_back_is_not_written_to_any_more() -> None:
    device = ScriptedDevice(BATTERY)
    async with running(device) as runner:
        runner.want(2.0)
        await until(lambda: device.written)
        runner.want(None)
        await until(lambda: device.written[-1] is None)
        count, reads = len(device.written), device.calls.count("read")
        await until(lambda: device.calls.count("read") > reads + 20)
        assert len(device.written) == count
    assert len(device.written) == count


async def test_a_device_that_went_is_opened_again_and_told_again() -> None:
    device = ScriptedDevice(BATTERY)
    async with running(device) as runner:
        runner.want(3.0)
        await until(lambda: device.written)
        device.failing["read"] = device.failing["write"] = DeviceError("the cable is out")
        await until(lambda: device.calls.count("open") >= 3)
        assert runner.error == "the cable is out"
        told = len(device.written)
        device.failing.clear()
        await until(lambda: len(device.written) > told and runner.error is None)
        assert device.written[-1] == 3.0


async def test_a_slow_device_is_given_up_in_time() -> None:
    device = ScriptedDevice(BATTERY)
    device.hanging.add("read")
    async with running(
        device, Pace(poll_s=0.01, timeout_s=0.05, backoff_s=0.01, backoff_max_s=0.02)
    ) as runner:
        await until(lambda: device.calls.count("open") >= 2)
        assert runner.latest is None
        device.hanging.clear()
        await until(lambda: runner.latest)


async def test_a_bug_in_a_driver_is_one_devices_trouble() -> None:
    device = ScriptedDevice(BATTERY)
    device.failing["read"] = ZeroDivisionError("division by zero")
    async with running(device) as runner:
        await until(lambda: device.calls.count("open") >= 2)
        assert runner.error == "its driver failed: ZeroDivisionError: division by zero"
        device.failing.clear()
        await until(lambda: runner.latest)


async def test_a_refused_order_is_told_with_its_reason_and_tried_again() -> None:
    device = ScriptedDevice(BATTERY)
    device.failing["write"] = DeviceError("locked at the panel", permanent=True)
    answers: list[tuple[float | None, str | None]] = []
    async with running(device) as runner:
        runner.on_written = lambda power, why: answers.append((power, why))
        runner.want(2.0)
        await until(lambda: len(answers) >= 2)
        assert runner.refusal == "locked at the panel"
        assert device.calls.count("open") == 1
        device.failing.clear()
        await until(lambda: runner.refusal is None)
    assert answers[0] == (2.0, "locked at the panel")
    assert (2.0, None) in answers


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (Reading(power_kw=math.nan), "power_kw is no number"),
        (Reading(power_kw=0.0, frequency_hz=math.inf), "frequency_hz is no number"),
        (Reading(power_kw=6.5), "6.5 kW is beyond its rating of -4 to 5 kW"),
        (Reading(power_kw=-6.0), "-6 kW is beyond its rating of -4 to 5 kW"),
        (Reading(power_kw=1.0, soc=1.4), "a state of charge of 1.4 cannot be"),
    ],
)
async def test_what_cannot_be_is_not_believed(reading: Reading, why: str) -> None:
    device = ScriptedDevice(BATTERY, Reading(power_kw=1.0, soc=0.5))
    async with running(device) as runner:
        await until(lambda: runner.latest)
        device.reading = reading
        await until(lambda: runner.error)
        assert runner.error == f"not believed: {why}"
        assert runner.latest == Reading(power_kw=1.0, soc=0.5)


@pytest.mark.parametrize(
    ("shape", "low", "high"),
    [
        (BATTERY, -4.0, 5.0),
        (Generator(peak_kw=8.0), -8.0, 0.0),
        (Charger(charge_kw=11.0), 0.0, 11.0),
        (Heater(rated_kw=3.0), 0.0, 3.0),
        (Switch(rated_kw=2.0), 0.0, 2.0),
        (Program(phases_kw=(0.5, 2.0), phase_s=600.0), 0.0, 2.0),
        (Meter(), -math.inf, math.inf),
        (Load(), -math.inf, math.inf),
    ],
)
def test_every_shape_has_its_range(shape: Shape, low: float, high: float) -> None:
    assert rated_range(shape) == (low, high)


@given(st.floats(-4.0, 5.0), st.floats(0.0, 1.0))
def test_what_is_within_the_rating_is_believed(power: float, soc: float) -> None:
    assert flaw_of(Reading(power_kw=power, soc=soc), BATTERY) is None


def test_a_register_that_stands_still_while_power_flows_is_doubted() -> None:
    watch = Watch(Meter())
    still = Reading(power_kw=2.0, import_kwh=100.0)
    assert [watch.stuck(still, minute * 60.0) for minute in range(7)] == [None] * 7
    assert watch.stuck(still, 420.0) == "its import register stands still while it draws"
    assert watch.stuck(Reading(power_kw=2.0, import_kwh=100.3), 480.0) is None
    out = Reading(power_kw=-2.0, import_kwh=100.3, export_kwh=5.0)
    assert watch.stuck(out, 540.0) is None
    assert watch.stuck(out, 1200.0) == "its export register stands still while it generates"


def test_a_state_of_charge_that_stands_still_is_doubted_unless_the_battery_is_full() -> None:
    watch = Watch(BATTERY)
    assert watch.stuck(Reading(power_kw=4.0, soc=0.5), 0.0) is None
    assert watch.stuck(Reading(power_kw=4.0, soc=0.5), 300.0) is None
    assert watch.stuck(Reading(power_kw=4.0, soc=0.5), 600.0) == (
        "its state of charge stands still while it charges or discharges"
    )
    assert watch.stuck(Reading(power_kw=4.0, soc=1.0), 601.0) is None
    assert watch.stuck(Reading(power_kw=4.0, soc=1.0), 3600.0) is None


async def test_it_ends_where_an_order_comes_in_the_same_moment() -> None:
    runner = DeviceRunner(ScriptedDevice(BATTERY), pace=Pace(poll_s=600.0))
    task = asyncio.create_task(runner.run())
    await until(lambda: runner.latest)
    await asyncio.sleep(0)
    runner.want(2.0)
    task.cancel()
    await asyncio.wait({task}, timeout=30.0)
    assert task.cancelled()
