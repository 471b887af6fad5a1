"""Home Assistant's entities as devices, against a server that follows its published API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import ConfigError
from edge_agent.drivers.devices import open_device
from edge_agent.rm.device import (
    Battery,
    Device,
    DeviceError,
    Generator,
    Heater,
    Identity,
    Load,
    Meter,
    Switch,
)
from tests.edge_agent.fake_home_assistant import TOKEN, FakeHomeAssistant
from vpp.energy_manager.reading import Reading

KW = {"unit_of_measurement": "kW"}
WATTS = {"unit_of_measurement": "W"}
SWITCH = {"role": "switch", "switch": "switch.pump", "rated_kw": 0.8}
BATTERY = {
    "role": "battery", "soc": "sensor.soc", "power": "sensor.power", "capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 4.0,
}  # fmt: skip
NUMBER = {**BATTERY, "number": "number.setpoint", "charge_is_positive": False}
SELECT = {
    **BATTERY, "select": "select.mode", "mode_own": "Auto", "mode_charge": "Charge", "mode_idle": "Hold",
    "mode_discharge": "Discharge",
}  # fmt: skip
BOTH = {**NUMBER, "select": "select.mode", "mode_own": "Auto", "mode_ordered": "Remote"}
HEATER = {"role": "heater", "climate": "climate.living", "rated_kw": 2.5, "comfort_c": 21.0}


def home() -> FakeHomeAssistant:
    found = FakeHomeAssistant()
    found.add("switch.pump", "off")
    found.add("sensor.power", "-1500", **WATTS)
    found.add("sensor.soc", "55.5", unit_of_measurement="%")
    found.add("sensor.energy", "12.25", unit_of_measurement="MWh")
    found.add("sensor.warm", "68", unit_of_measurement="°F")
    found.add("number.setpoint", "0", min=-4500, max=4500, step=10, **WATTS)
    found.add("select.mode", "Auto", options=["Auto", "Charge", "Discharge", "Hold", "Remote"])
    found.add("climate.living", "heat", temperature=21.0, current_temperature=20.5, hvac_action="idle")
    return found


def device(server: FakeHomeAssistant, **table: Any) -> Device:
    at = {
        "kind": "home_assistant",
        "key": "x",
        "url": f"http://127.0.0.1:{server.port}",
        "token": TOKEN,
        "timeout_s": 5.0,
    }
    return open_device(at | table)


@asynccontextmanager
async def opened(**table: Any) -> AsyncIterator[tuple[FakeHomeAssistant, Device]]:
    async with home().serving() as server:
        found = device(server, **table)
        assert await found.open() == Identity(maker="Home Assistant", firmware="2026.1.0")
        try:
            yield server, found
        finally:
            await found.close()


async def test_switch() -> None:
    async with opened(**SWITCH, temperature="sensor.warm") as (server, pump):
        assert pump.shape() == Switch(rated_kw=0.8)
        assert await pump.read() == Reading(power_kw=0.0, temperature_c=20.0)
        await pump.write(0.4)
        assert (await pump.read()).power_kw == 0.8
        await pump.write(0.8)
        await pump.write(None)
        await pump.write(0.1)
        assert server.called == [("switch.turn_on switch.pump", {}), ("switch.turn_off switch.pump", {})]


async def test_battery_by_a_number() -> None:
    async with opened(**NUMBER, import_energy="sensor.energy") as (server, battery):
        assert battery.shape() == Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=4.0)
        assert await battery.read() == Reading(power_kw=-1.5, soc=0.555, import_kwh=12250.0)
        for power_kw in (2.0, 9.0, -9.0, None):
            await battery.write(power_kw)
        values = [data["value"] for _, data in server.called]
        assert values == [-2000.0, -4500.0, 4000.0, 0.0]


async def test_battery_by_a_selection() -> None:
    async with opened(**SELECT) as (server, battery):
        for power_kw in (2.0, -1.0, 0.0, None):
            await battery.write(power_kw)
        assert [data["option"] for _, data in server.called] == ["Charge", "Discharge", "Hold", "Auto"]


async def test_battery_by_a_number_that_counts_in_one_mode() -> None:
    async with opened(**BOTH) as (server, battery):
        await battery.write(1.0)
        await battery.write(None)
        assert [next(iter(data.values())) for _, data in server.called] == [-1000.0, "Remote", 0.0, "Auto"]


async def test_heater_by_its_target_temperature() -> None:
    async with opened(**HEATER) as (server, heater):
        assert heater.shape() == Heater(rated_kw=2.5, is_modulating=False)
        for power_kw in (2.5, 0.0, None):
            await heater.write(power_kw)
        assert [data["temperature"] for _, data in server.called] == [22.0, 19.5, 21.0]
        await server.change("climate.living", hvac_action="heating")
        assert await eventually(heater, 2.5) == Reading(power_kw=2.5)
        await server.change("climate.living", "off", hvac_action="off")
        assert not (await eventually(heater, 0.0)).is_ready


@pytest.mark.parametrize(
    ("degree", "bounds", "wanted"),
    [
        ("°F", {}, [72.0, 67.0, 70.0]),
        ("°F", {"target_temp_step": 0.5}, [71.5, 67.0, 70.0]),
        ("°C", {"target_temp_step": 1.0}, [22.0, 20.0, 21.0]),
        ("°C", {"min_temp": 20.5, "max_temp": 21.5}, [21.5, 20.5, 21.0]),
    ],
)
async def test_heater_is_set_to_what_its_thermostat_has(
    degree: str, bounds: dict[str, float], wanted: list[float]
) -> None:
    server = home()
    server.degree = degree
    server.entities["climate.living"]["a"].update({"temperature": 5.0, **bounds})
    async with server.serving():
        heater = device(server, **HEATER)
        await heater.open()
        for power_kw in (2.5, 0.0, None):
            await heater.write(power_kw)
        await heater.close()
    assert [data["temperature"] for _, data in server.called] == wanted


@pytest.mark.parametrize("degree", [None, "K", []])
async def test_heater_whose_unit_is_not_told(degree: object) -> None:
    server = home()
    server.degree = degree
    async with server.serving():
        heater = device(server, **HEATER)
        with pytest.raises(DeviceError, match="get_config: says temperatures in"):
            await heater.open()
        await heater.close()


async def eventually(found: Device, power_kw: float) -> Reading:
    async with asyncio.timeout(10):
        while (said := await found.read()).power_kw != power_kw:
            await asyncio.sleep(0.01)
    return said


@pytest.mark.parametrize(
    ("role", "shape"),
    [("meter", Meter()), ("load", Load()), ("generator", Generator(peak_kw=7.5, is_curtailable=False))],
)
async def test_what_is_only_measured(role: str, shape: object) -> None:
    async with opened(role=role, power="sensor.power", peak_kw=7.5, power_is_reversed=True) as (_, found):
        assert (found.shape(), await found.read()) == (shape, Reading(power_kw=1.5))
        with pytest.raises(DeviceError, match="takes no orders"):
            await found.write(1.0)


class TestTrouble:
    @pytest.mark.parametrize(
        ("mode", "reason"),
        [
            ("silent", "no answer within"),
            ("gone", "127.0.0.1"),
            ("garbage", "what is no frame"),
            ("refuses", "home_assistant_error here"),
            ("stuck", "switch.pump did not follow turn_on"),
        ],
    )
    async def test_order_that_fails_can_be_given_again(self, mode: str, reason: str) -> None:
        async with opened(**SWITCH, timeout_s=1.0) as (server, pump):
            server.mode = mode
            with pytest.raises(DeviceError, match=reason):
                await pump.write(0.8)
            server.mode = ""
            await pump.write(0.8)
            assert server.entities["switch.pump"]["s"] == "on"

    @pytest.mark.parametrize(
        "frame",
        [
            None, 1, "x", [], {}, {"id": 3}, {"type": "result"}, {"id": 3, "type": "result"}, {"id": [], "type": "result"},
            {"id": 3, "type": "result", "success": False}, {"id": 3, "type": "result", "success": False, "error": "no"},
        ],
    )  # fmt: skip
    async def test_frame_of_another_shape(self, frame: object) -> None:
        async with opened(**SWITCH) as (server, pump):
            server.mode, server.odd = "odd", frame
            with pytest.raises(DeviceError, match="sent what is no frame: "):
                await pump.write(0.8)
            server.mode = ""
            await pump.write(0.8)
            assert server.entities["switch.pump"]["s"] == "on"

    async def test_frozen_server_is_left(self) -> None:
        async with opened(**SWITCH, timeout_s=0.5) as (server, pump):
            server.mode = "frozen"
            with pytest.raises(DeviceError, match="no answer within"):
                await pump.write(0.8)
            server.mode = ""
            await pump.open()
            await pump.write(0.8)
            assert server.entities["switch.pump"]["s"] == "on"

    @pytest.mark.parametrize("greeting", ["{]", "[]", '{"type": "auth_required"}', "{}", b"\x00"])
    async def test_server_of_another_kind(self, greeting: str | bytes) -> None:
        async with home().serving() as server:
            server.greeting = greeting
            with pytest.raises(DeviceError, match="sent what is no frame: ") as caught:
                await device(server, **SWITCH).open()
            assert not caught.value.permanent

    @pytest.mark.parametrize(
        ("state", "unit", "reason"),
        [
            ("unavailable", "W", "sensor.power is unavailable"),
            ("unknown", "W", "sensor.power is unknown"),
            ("nan", "W", "says no power"),
            ("12a", "W", "says no power"),
            ("99000", "W", "power of 99 kW, beyond 15 kW"),
            ("5", "VA", "sensor.power is in 'VA', not in W or kW"),
        ],
    )
    async def test_power_that_is_none(self, state: str, unit: str, reason: str) -> None:
        server = home()
        server.add("sensor.power", state, unit_of_measurement=unit)
        async with server.serving():
            battery = device(server, **NUMBER)
            await battery.open()
            with pytest.raises(DeviceError, match=reason):
                await battery.read()
            await battery.close()

    async def test_entity_that_is_removed(self) -> None:
        async with opened(**SWITCH) as (server, pump):
            await server.remove("switch.pump")
            with pytest.raises(DeviceError, match=r"switch\.pump is gone"):
                async with asyncio.timeout(10):
                    while await pump.read():
                        await asyncio.sleep(0.01)

    async def test_entity_that_never_was(self) -> None:
        async with home().serving() as server:
            with pytest.raises(DeviceError, match=r"no such entity: switch\.garden"):
                await device(server, **{**SWITCH, "switch": "switch.garden"}, timeout_s=1.0).open()

    async def test_token_that_is_refused(self) -> None:
        async with home().serving() as server:
            with pytest.raises(DeviceError, match="Invalid access token") as caught:
                await device(server, **SWITCH, token="guess").open()
            assert caught.value.permanent

    async def test_restart_of_home_assistant(self) -> None:
        server = home()
        async with server.serving():
            pump = device(server, **SWITCH)
            await pump.open()
        with pytest.raises(DeviceError):
            while await pump.read():
                await asyncio.sleep(0.01)
        server.entities["switch.pump"]["s"] = "on"
        async with server.serving():
            assert (await pump.read()).power_kw == 0.8
            await pump.close()

    async def test_nothing_listens(self) -> None:
        server = home()
        async with server.serving():
            pass
        with pytest.raises(DeviceError):
            await device(server, **SWITCH).open()


NAMES = st.sampled_from(["a", "c", "r", "+", "-", "s", "switch.pump", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(events=st.lists(JSON, max_size=5))
@settings(max_examples=80, deadline=None)
def test_events_of_garbage(events: list[Any]) -> None:
    from edge_agent.drivers.home_assistant.client import Client

    client = Client("http://x", "t", entities=["switch.pump"], timeout_s=1.0)
    client._hear({"type": "event", "event": {"a": {"switch.pump": {"s": "on", "a": {}}}}})
    for event in events:
        client._hear({"type": "event", "event": json.loads(json.dumps(event))})
    with suppress(DeviceError):
        assert isinstance(client.state("switch.pump").value, str)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({**SWITCH, "role": "toaster"}, "there is no role 'toaster'; there are switch, battery"),
        ({**SWITCH, "switch": "pump"}, r"\$\.switch"),
        (BATTERY, "needs a number, or a select"),
        ({**BOTH, "mode_own": None}, "need mode_own and mode_ordered"),
        ({**SWITCH, "url": "ftp://x"}, r"\$\.url"),
    ],
)
def test_wrong_table(table: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        device(FakeHomeAssistant(), **table)
