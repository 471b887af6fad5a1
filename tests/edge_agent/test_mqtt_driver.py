"""Plugs and meters at a real Mosquitto, and over HTTP: what they say, what they are told, and what goes wrong."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import ConfigError
from edge_agent.drivers.devices import open_device
from edge_agent.rm.device import REVERSION_S, DeviceError, Heater, Identity, Load, Meter, Switch
from tests.edge_agent.mosquitto import Mosquitto, free_port, mosquitto
from tests.edge_agent.mqtt_home import BOILER, PUMP, opened, shelly, table, tasmota
from tests.edge_agent.plugs import ShellyPlug, TasmotaPlug, at_broker, over_http
from vpp.energy_manager.reading import Reading


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that a test may stop, or that has heard of nothing yet."""
    with mosquitto(tmp_path) as found:
        yield found


class TestTasmota:
    async def test_plug_says_who_it_is_and_what_it_draws(self, broker: Mosquitto) -> None:
        async with tasmota(broker.port) as plug:
            plug.is_on = True
            device = open_device(table("tasmota", broker.port, least_on_s=60.0))
            assert await device.open() == Identity(
                maker="Tasmota",
                model="Boiler",
                serial="A0:B1:C2:D3:E4:F5",
                firmware="14.2.0(release-tasmota)",
            )
            assert device.shape() == Switch(rated_kw=2.0, least_on_s=60.0)
            assert await device.read() == Reading(power_kw=1.2, voltage_v=229.5, import_kwh=12.5)
            await device.close()

    async def test_plug_is_switched_from_half_of_its_power(self, broker: Mosquitto) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port) as device:
            for power_kw, is_on in ((1.0, True), (0.99, False), (2.0, True), (0.0, False)):
                await device.write(power_kw)
                assert plug.is_on is is_on
            await device.write(None)
            assert (plug.is_on, plug.back) == (False, None)

    async def test_boiler_behind_a_plug_is_switched_off_for_a_while(self, broker: Mosquitto) -> None:
        more = {"role": "heater", "rest": "on"}
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, **more) as device:
            await device.write(0.0)
            assert (plug.is_on, plug.back) == (False, (float(REVERSION_S), True))

    @pytest.mark.parametrize(
        ("rest", "ordered_kw", "while_ordered"), [("on", 0.0, False), ("off", 2.0, True)]
    )
    async def test_plug_goes_back_by_itself(
        self, broker: Mosquitto, rest: str, ordered_kw: float, while_ordered: bool
    ) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, rest=rest) as device:
            await device.write(ordered_kw)
            plug.advance(REVERSION_S - 1)
            await device.write(ordered_kw)
            plug.advance(REVERSION_S - 1)
            assert plug.is_on is while_ordered
            plug.advance(1)
            assert plug.is_on is not while_ordered
            await device.write(ordered_kw)
            await device.write(None)
            assert (plug.is_on, plug.back) == (not while_ordered, None)

    async def test_firmware_without_a_timer_says_so(self, broker: Mosquitto) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, rest="on") as device:
            plug.knows_timed_power = False
            with pytest.raises(DeviceError, match="no TimedPower") as caught:
                await device.write(0.0)
            assert caught.value.permanent

    async def test_meter_of_three_phases_the_other_way_round(self, broker: Mosquitto) -> None:
        more = {"role": "meter", "is_reversed": True}
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, **more) as device:
            plug.energy = {"Power": [100, 200.5, -50], "Total": [1.5, 2.0, 3.0], "ExportActive": 9.5}
            plug.energy |= {"Voltage": [231, 230, 229], "Frequency": 50}
            assert device.shape() == Meter()
            assert await device.read() == Reading(
                power_kw=-0.2505, import_kwh=9.5, export_kwh=6.5, voltage_v=231.0, frequency_hz=50.0
            )
            with pytest.raises(DeviceError, match="takes no orders"):
                await device.write(1.0)

    @pytest.mark.parametrize(
        ("mode", "reason"),
        [("silent", "no answer to cmnd/boiler_9F21/Status"), ("garbage", "expected an object, not '{]'")],
    )
    async def test_trouble_passes(self, broker: Mosquitto, mode: str, reason: str) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, timeout_s=1.0) as device:
            plug.mode = mode
            with pytest.raises(DeviceError, match=reason):
                await device.read()
            with pytest.raises(DeviceError):
                await device.write(2.0)
            plug.mode = ""
            assert (await device.read()).import_kwh == 12.5

    async def test_plug_that_does_not_obey(self, broker: Mosquitto) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, timeout_s=0.5) as device:
            plug.mode = "stuck"
            with pytest.raises(DeviceError, match="was told ON and says OFF"):
                await device.write(2.0)

    async def test_plug_that_says_the_same_for_ever(self, broker: Mosquitto) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port, stuck_after_s=0.01) as device:
            await device.read()
            await asyncio.sleep(0.05)
            with pytest.raises(DeviceError, match="has said the same"):
                await device.read()
            plug.advance(1)
            assert (await device.read()).power_kw == 0.0

    @pytest.mark.parametrize(
        ("energy", "reason"),
        [
            ({"Power": None}, "says no power"),
            ({"Power": "nan"}, "says no power"),
            ({"Power": [1, None]}, "says no power"),
            ({"Power": 1e9}, "beyond 6 kW"),
        ],
    )
    async def test_power_that_cannot_be(self, broker: Mosquitto, energy: dict[str, Any], reason: str) -> None:
        async with tasmota(broker.port) as plug, opened("tasmota", broker.port) as device:
            plug.energy = energy
            with pytest.raises(DeviceError, match=reason):
                await device.read()

    async def test_plug_that_left(self, broker: Mosquitto) -> None:
        plug = TasmotaPlug(BOILER)
        retained = {f"tele/{BOILER}/LWT": "Offline"}
        async with at_broker(broker.port, plug.answer, topics=[f"cmnd/{BOILER}/#"], retained=retained):
            with pytest.raises(DeviceError, match=r"offline|no answer"):
                async with opened("tasmota", broker.port, timeout_s=0.5) as device:
                    await device.read()

    async def test_broker_that_goes_and_comes_back(self, own_broker: Mosquitto) -> None:
        async with tasmota(own_broker.port), opened("tasmota", own_broker.port, timeout_s=2.0) as device:
            own_broker.stop()
            with pytest.raises(DeviceError):
                await device.read()
            with pytest.raises(DeviceError):
                await device.write(1.0)
            own_broker.start()
            async with tasmota(own_broker.port):
                assert (await device.read()).power_kw == 0.0


class TestShelly:
    async def test_plug_over_mqtt(self, broker: Mosquitto) -> None:
        async with shelly(broker.port) as plug:
            plug.is_on = True
            device = open_device(table("shelly", broker.port))
            who = Identity(maker="Shelly", model="SNPL-00112EU", serial="A8032ABE54DC", firmware="1.4.4")
            assert await device.open() == who
            assert await device.read() == Reading(
                power_kw=1.2,
                import_kwh=12.5,
                export_kwh=0.0035,
                voltage_v=230.5,
                frequency_hz=50.0,
                temperature_c=44.5,
            )
            await device.write(0.0)
            assert (plug.is_on, plug.back) == (False, None)
            await device.close()

    async def test_three_phase_meter(self, broker: Mosquitto) -> None:
        more = {"role": "meter", "component": "em"}
        async with shelly(broker.port), opened("shelly", broker.port, **more) as device:
            assert await device.read() == Reading(
                power_kw=-0.845, import_kwh=4500.0, export_kwh=1250.0, voltage_v=231.0, frequency_hz=49.98
            )

    async def test_plug_goes_back_by_itself(self, broker: Mosquitto) -> None:
        async with shelly(broker.port) as plug, opened("shelly", broker.port, rest="on") as device:
            await device.write(0.0)
            assert plug.told == [json.dumps({"id": 0, "on": False, "toggle_after": REVERSION_S})]
            plug.advance(REVERSION_S)
            assert plug.is_on
            await device.write(2.0)
            plug.advance(10 * REVERSION_S)
            assert plug.is_on

    async def test_plug_over_http_with_a_password(self) -> None:
        plug = ShellyPlug(PUMP, password="correct horse")
        async with over_http(plug) as port:
            at = {
                "kind": "mqtt",
                "key": "p",
                "convention": "shelly",
                "host": "127.0.0.1",
                "port": port,
                "rated_kw": 2.0,
            }
            device = open_device({**at, "password": "correct horse"})
            assert (await device.open()).serial == "A8032ABE54DC"
            await device.write(2.0)
            assert plug.is_on
            assert (await device.read()).power_kw == 1.2
            await device.close()
            for password in ({}, {"password": "battery staple"}):
                with pytest.raises(DeviceError, match="401") as caught:
                    await open_device({**at, **password}).open()
                assert caught.value.permanent

    @pytest.mark.parametrize(
        ("mode", "reason"),
        [("silent", r"timed out|no answer"), ("garbage", "no frame"), ("gone", r"127\.0\.0\.1")],
    )
    async def test_trouble_over_http_passes(self, mode: str, reason: str) -> None:
        plug = ShellyPlug(PUMP)
        async with over_http(plug) as port:
            document = {"kind": "mqtt", "key": "p", "convention": "shelly", "host": "127.0.0.1", "port": port}
            device = open_device(document | {"timeout_s": 1.0})
            await device.open()
            plug.mode = mode
            with pytest.raises(DeviceError, match=reason):
                await device.write(3.0)
            plug.mode = ""
            assert (await device.read()).power_kw in {0.0, 1.2}
        with pytest.raises(DeviceError):
            await device.read()

    @pytest.mark.parametrize(
        ("mode", "reason"),
        [
            ("silent", "no answer to"),
            ("garbage", "no answer to"),
            ("stuck", "was told on and says output False"),
        ],
    )
    async def test_trouble_over_mqtt_passes(self, broker: Mosquitto, mode: str, reason: str) -> None:
        async with shelly(broker.port) as plug, opened("shelly", broker.port, timeout_s=1.0) as device:
            plug.mode = mode
            with pytest.raises(DeviceError, match=reason):
                await device.write(2.0)
            plug.mode = ""
            await device.write(2.0)
            assert plug.is_on

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"apower": "NaN"}, "says no power"),
            ({"apower": 50_000}, "beyond 6 kW"),
            ({"apower": [1]}, "says no power"),
        ],
    )
    async def test_power_that_cannot_be(
        self, broker: Mosquitto, changes: dict[str, Any], reason: str
    ) -> None:
        async with shelly(broker.port) as plug, opened("shelly", broker.port) as device:
            plug.changes = changes
            with pytest.raises(DeviceError, match=reason):
                await device.read()

    async def test_plug_that_is_too_hot_takes_no_orders(self, broker: Mosquitto) -> None:
        async with shelly(broker.port) as plug, opened("shelly", broker.port) as device:
            plug.changes = {"errors": ["overtemp"]}
            said = await device.read()
            assert (said.is_ready, said.faults) == (False, ("overtemp",))

    async def test_component_that_is_not_there(self, broker: Mosquitto) -> None:
        async with shelly(broker.port):
            with pytest.raises(DeviceError, match="No handler for EM1"):
                async with opened("shelly", broker.port, component="em1"):
                    pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_results_of_garbage(data: st.DataObject) -> None:
    """Any JSON where a Shelly's result belongs: a reading or a DeviceError."""
    plug = ShellyPlug(PUMP)
    field = data.draw(
        st.sampled_from(["apower", "aenergy", "voltage", "temperature", "errors", "output", "*"])
    )
    garbage = data.draw(JSON)

    async def play() -> None:
        device = open_device({"kind": "mqtt", "key": "p", "convention": "shelly", "host": "127.0.0.1"})

        class Wire:
            async def exchange(self, frame: dict[str, Any]) -> Any:
                said = plug.rpc(frame)
                return garbage if field == "*" else {**said, "result": {**said["result"], field: garbage}}

            async def close(self) -> None:
                pass

        device._rpc._channel = Wire()  # type: ignore[attr-defined]
        for call in (device.open, device.read):
            try:
                await call()
            except DeviceError as error:
                assert error.detail

    asyncio.run(play())


async def test_no_broker() -> None:
    with pytest.raises(DeviceError, match=r"broker 127\.0\.0\.1"):
        await open_device(table("tasmota", free_port(), timeout_s=1.0)).open()


def test_plug_with_a_boiler_is_a_heater_that_is_on_or_off() -> None:
    assert open_device(table("tasmota", 1883, role="heater")).shape() == Heater(
        rated_kw=2.0, is_modulating=False
    )


def test_load_takes_no_orders() -> None:
    assert open_device(table("tasmota", 1883, role="load")).shape() == Load()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"convention": "zigbee"}, "there is no convention 'zigbee'; there are tasmota, shelly, plain"),
        ({"topic": "a/#"}, r"\$\.topic"),
        ({"broker": {"host": "h", "prot": 1}}, r"prot"),
        ({"convention": "shelly", "broker": None}, "a Shelly needs a host, or a broker and a topic"),
    ],
)
def test_wrong_table(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        open_device(table("tasmota", 1883) | change)
