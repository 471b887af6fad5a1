"""What announces itself at a real Mosquitto, and devices of which discovery knows nothing but topics."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.drivers.broker import Broker
from edge_agent.drivers.devices import open_device
from edge_agent.drivers.mqtt.finder import MqttFinder, MqttSearch, path_of
from edge_agent.rm.device import DeviceError, Identity
from tests.edge_agent.mosquitto import Mosquitto, mosquitto
from tests.edge_agent.mqtt_home import BOILER, PUMP, opened, shelly, tasmota
from tests.edge_agent.plugs import at_broker
from vpp.energy_manager.reading import Reading


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that a test may stop."""
    with mosquitto(tmp_path) as found:
        yield found


async def joined(config: dict[str, object]) -> Identity:
    """Who a device says it is that was added as found."""
    device = open_device(config)
    try:
        return await device.open()
    finally:
        await device.close()


class TestPlain:
    TOPICS = {
        "state_topic": "heater/state", "command_topic": "heater/set", "power_topic": "heater/power", "power_path": "now.w",
        "energy_topic": "heater/energy",
    }  # fmt: skip

    async def test_device_that_only_tells(self, broker: Mosquitto) -> None:
        heard: list[str] = []

        def answer(topic: str, payload: str) -> list[tuple[str, str]]:
            heard.append(payload)
            return [("heater/state", payload)] if payload != "OFF" else []

        retained = {"heater/power": '{"now": {"w": 1500}}', "heater/energy": "77.5"}
        async with at_broker(broker.port, answer, topics=["heater/set"], retained=retained):
            async with opened("plain", broker.port, timeout_s=1.0, **self.TOPICS) as device:
                await device.write(2.0)
                assert (heard, await device.read()) == (["ON"], Reading(power_kw=1.5, import_kwh=77.5))
                with pytest.raises(DeviceError, match="no answer to heater/set"):
                    await device.write(0.0)

    async def test_what_was_said_long_ago_does_not_count(self, broker: Mosquitto) -> None:
        async with at_broker(
            broker.port, lambda *said: [], topics=[], retained={"heater/power": '{"now": {"w": 1}}'}
        ):
            async with opened("plain", broker.port, stuck_after_s=0.02, **self.TOPICS) as device:
                await asyncio.sleep(0.1)
                with pytest.raises(DeviceError, match="says no power"):
                    await device.read()


class TestFinder:
    async def test_what_announces_itself_is_proposed(self, own_broker: Mosquitto) -> None:
        about = {"ids": ["x-7"], "name": "Heater", "mf": "Acme", "mdl": "H1"}
        entities = {
            "homeassistant/switch/x-7/relay/config": {
                "~": "heater", "cmd_t": "~/set", "stat_t": "~/state", "uniq_id": "x-7-relay", "dev": about,
            },
            "homeassistant/sensor/x-7/power/config": {
                "stat_t": "heater/tele", "dev_cla": "power", "unit_of_meas": "W", "dev": about,
                "val_tpl": "{{ value_json.e['now'] }}",
            },
            "homeassistant/switch/own/relay/config": {"cmd_t": "own/set", "uniq_id": "ores-1", "dev": {"ids": "ores-1"}},
            "homeassistant/sensor/bad/config": "{]",
        }  # fmt: skip
        retained = {
            topic: said if isinstance(said, str) else json.dumps(said) for topic, said in entities.items()
        }
        async with (
            tasmota(own_broker.port),
            shelly(own_broker.port),
            at_broker(own_broker.port, lambda *said: [], topics=[], retained=retained),
        ):
            search = MqttSearch(broker=Broker(host="127.0.0.1", port=own_broker.port), listen_s=1.0)
            found = await MqttFinder(search).find()
            at = {"kind": "mqtt", "broker": {"host": "127.0.0.1", "port": own_broker.port, "tls": False}}
            told = {"convention": "shelly", "topic": PUMP, "channel": 0, "name": "Pump"}
            boiler = {"topic": BOILER, "full_topic": "%prefix%/%topic%/", "name": "Boiler"}
            assert [entry.config for entry in found] == [
                {**at, **boiler, "key": "tasmota-boiler-9f21", "convention": "tasmota", "role": "switch"},
                {**at, **told, "key": f"{PUMP}-switch-0", "role": "switch", "component": "switch"},
                {**at, **told, "key": f"{PUMP}-em-0", "role": "meter", "component": "em"},
                {
                    **at, "key": "x-7-relay", "convention": "plain", "role": "switch", "name": "Heater",
                    "maker": "Acme", "model": "H1", "command_topic": "heater/set", "payload_on": "ON",
                    "payload_off": "OFF", "state_on": "ON", "state_topic": "heater/state", "state_path": "",
                    "power_topic": "heater/tele", "power_path": "e.now", "power_factor": 0.001,
                },
            ]  # fmt: skip
            serials = ["A0:B1:C2:D3:E4:F5", "A8032ABE54DC", "A8032ABE54DC", ""]
            assert [(await joined(entry.config)).serial for entry in found] == serials

    def test_templates_that_are_programs_are_not_run(self) -> None:
        assert path_of("{{ value_json.ENERGY.Power }}") == "ENERGY.Power"
        assert path_of("{{value_json['a b'].c}}") == "a b.c"
        assert (path_of(None), path_of("{{ value | float * 2 }}"), path_of("{% if 1 %}1{% endif %}")) == (
            "",
            None,
            None,
        )
