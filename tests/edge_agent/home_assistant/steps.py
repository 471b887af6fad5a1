"""What the hub does with each device of `configuration.yaml`: at a real Home Assistant, and by every test at a recording."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from edge_agent.rm.device import Battery, Device, DeviceError, Heater, Meter, Switch
from vpp.energy_manager.reading import Reading


async def reads(device: Device, power_kw: float) -> Reading:
    """What it says once its power is this; a battery's sensor follows its setpoint a moment later."""
    async with asyncio.timeout(20.0):
        while (said := await device.read()).power_kw != power_kw:
            await asyncio.sleep(0.02)
    return said


async def switch_pump(pump: Device) -> None:
    """On, on again, given back as it is, off."""
    await pump.open()
    assert pump.shape() == Switch(rated_kw=0.8)
    assert await reads(pump, 0.0) == Reading(power_kw=0.0, temperature_c=20.5, voltage_v=231.5)
    await pump.write(0.8)
    await reads(pump, 0.78)
    await pump.write(0.8)
    await pump.write(None)
    await pump.write(0.0)
    await reads(pump, 0.0)


async def run_battery(battery: Device) -> None:
    """Charge, ask for more than it takes, discharge, give back."""
    await battery.open()
    assert battery.shape() == Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=4.0)
    assert await reads(battery, 0.0) == Reading(power_kw=0.0, soc=0.555, import_kwh=12250.0)
    for wished, expected in ((2.0, 2.0), (9.0, 4.5), (-1.234, -1.234), (-9.0, -4.0)):
        await battery.write(wished)
        await reads(battery, expected)
    await battery.write(None)
    await reads(battery, 0.0)


async def choose_battery(battery: Device) -> None:
    """Charge, discharge, hold and give back by the mode alone."""
    await battery.open()
    for wished, expected in ((3.0, 5.0), (-3.0, -4.0), (0.0, 0.0)):
        await battery.write(wished)
        await reads(battery, expected)
    await battery.write(None)


async def heat_room(heater: Device) -> None:
    """Draw power, wait, give back: the furnace goes on at 22 °C wanted in a room of 20.5 °C, off at 19.5 °C."""
    await heater.open()
    assert heater.shape() == Heater(rated_kw=2.5, is_modulating=False)
    for wished, expected in ((2.5, 2.5), (0.0, 0.0), (None, 2.5)):
        await heater.write(wished)
        assert (await reads(heater, expected)).is_ready


async def heat_hall(heater: Device) -> None:
    """The same with a thermostat that has whole degrees only."""
    await heater.open()
    for wished in (2.5, 0.0, None):
        await heater.write(wished)


async def heat_beyond(heater: Device) -> None:
    """Comfort that the thermostat does not have: its highest."""
    await heater.open()
    await heater.write(2.5)
    await heater.write(None)


async def measure(meter: Device) -> None:
    """A sensor that is not there while the pump rests."""
    await meter.open()
    assert meter.shape() == Meter()
    with pytest.raises(DeviceError, match=r"sensor\.broken is unavailable"):
        await meter.read()


async def miss(device: Device) -> None:
    """An entity that never was."""
    with pytest.raises(DeviceError, match=r"no such entity: switch\.garden"):
        await device.open()


Steps = Callable[[Device], Awaitable[None]]
_SOC: dict[str, Any] = {
    "role": "battery", "soc": "sensor.battery_charge", "power": "sensor.battery_power", "import_energy": "sensor.bought",
    "capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 4.0, "select": "select.battery_mode", "mode_own": "Auto",
}  # fmt: skip
_HEAT: dict[str, Any] = {"role": "heater", "climate": "climate.living", "rated_kw": 2.5, "comfort_c": 21.0}
# Name of the recording, what its device is told, what is done.
RECORDINGS: dict[str, tuple[dict[str, Any], Steps]] = {
    "switch": (
        {
            "role": "switch", "switch": "switch.pump", "rated_kw": 0.8, "power": "sensor.pump_power",
            "temperature": "sensor.room", "voltage": "sensor.mains_voltage",
        },
        switch_pump,
    ),
    "battery": ({**_SOC, "number": "number.battery_setpoint", "mode_ordered": "Remote"}, run_battery),
    "battery-modes": (
        {**_SOC, "mode_charge": "Charge", "mode_discharge": "Discharge", "mode_idle": "Hold"},
        choose_battery,
    ),
    "heater": (_HEAT, heat_room),
    "heater-whole-degrees": ({**_HEAT, "climate": "climate.hall"}, heat_hall),
    "heater-beyond": ({**_HEAT, "comfort_c": 40.0}, heat_beyond),
    "meter": ({"role": "meter", "power": "sensor.broken"}, measure),
    "missing": ({"role": "switch", "switch": "switch.garden", "rated_kw": 0.8, "timeout_s": 1.0}, miss),
}  # fmt: skip
# At a Home Assistant with American units.
AMERICAN_RECORDINGS = {"heater-fahrenheit": (_HEAT, heat_room)}
