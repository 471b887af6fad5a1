"""What the hub does in a recorded exchange: done once against a real server, and by each test against the recording.

`pause` waits for the server's next report; a recording is played without.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from edge_agent.rm.device import Battery, Charger, Device, DeviceError, Identity
from vpp.energy_manager.reading import Reading

Pause = Callable[[], Awaitable[None]]
WHO = Identity(maker="Acme", model="Virtual home", serial="VH-1", firmware="1.0")


async def adjust_battery(battery: Device, pause: Pause) -> None:
    """Discharge, give back, ask for more than it takes, and give back at once."""
    assert await battery.open() == WHO
    assert battery.shape() == Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=5.0)
    quiet = Reading(power_kw=0.0, import_kwh=1250.0, export_kwh=900.0, voltage_v=230.5, frequency_hz=50.0)
    assert await battery.read() == quiet
    await battery.write(-2.5)
    await pause()
    assert (await battery.read()).power_kw == -2.5
    await battery.write(None)
    await pause()
    assert await battery.read() == quiet
    with pytest.raises(DeviceError, match=r"device_command: 0 .*0x87"):
        await battery.write(4.5)
    await battery.write(2.0)
    await battery.write(None)
    assert (await battery.read()).power_kw == 0.0
    await battery.write(None)


async def limit_charger(charger: Device, pause: Pause) -> None:
    """Limit, stop and give back; leave it limited."""
    assert await charger.open() == WHO
    assert charger.shape() == Charger(charge_kw=3.68, least_kw=1.38, battery_kwh=60.0)
    assert await charger.read() == Reading(
        power_kw=3.68, soc=0.42, import_kwh=60.0, voltage_v=230.5, frequency_hz=50.0
    )
    for wished, expected in ((2.3, 2.3), (1.0, 0.0), (None, 3.68), (2.3, 2.3)):
        await charger.write(wished)
        await pause()
        assert (await charger.read()).power_kw == expected


async def find_charger_limited(charger: Device, pause: Pause) -> None:
    """A hub that starts anew gives back all of a charger that its predecessor limited."""
    await charger.open()
    assert charger.shape() == Charger(charge_kw=3.68, least_kw=1.38, battery_kwh=60.0)
    await charger.write(None)
    await pause()
    assert (await charger.read()).power_kw == 3.68


Steps = Callable[[Device, Pause], Awaitable[None]]
# Name of the recording, endpoint of the virtual home, what its device is told, what is done.
RECORDINGS: list[tuple[str, dict[str, Any], Steps]] = [
    ("recorded-battery", {"endpoint": 1, "capacity_kwh": 10.0}, adjust_battery),
    ("recorded-charger", {"endpoint": 2}, limit_charger),
    ("recorded-charger-limited", {"endpoint": 2}, find_charger_limited),
]
