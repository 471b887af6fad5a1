"""The hub's values as Home Assistant's entities, at a real Mosquitto."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent.drivers.broker import Broker, Session
from edge_agent.drivers.home_assistant.entities import HubEntities, PublishConfig
from edge_agent.drivers.mqtt.finder import MqttFinder, MqttSearch
from edge_agent.rm.tasks import ended
from tests.edge_agent.mosquitto import Mosquitto, mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path) as found:
        yield found


class Ear:
    """What the broker holds and says."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.count: dict[str, int] = {}

    def hear(self, topic: str, said: Any) -> None:
        self.said[topic] = said
        self.count[topic] = self.count.get(topic, 0) + 1

    async def until(self, topic: str, value: Any) -> None:
        async with asyncio.timeout(20):
            while self.said.get(topic) != value:
                await asyncio.sleep(0.01)

    async def until_counted(self, topic: str, count: int) -> None:
        async with asyncio.timeout(20):
            while self.count.get(topic, 0) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[tuple[Ear, Session]]:
    ear = Ear()
    at = Broker(host="127.0.0.1", port=broker.port)
    session = Session(at, ["ores/#", "homeassistant/#"], hear=ear.hear, timeout_s=5.0)
    await session.open()
    try:
        yield ear, session
    finally:
        await session.close()


@asynccontextmanager
async def publishing(broker: Mosquitto, port: int | None = None) -> AsyncIterator[HubEntities]:
    at = Broker(host="127.0.0.1", port=port or broker.port)
    entities = HubEntities(PublishConfig(broker=at, hub="home-7", name="My home", again_after_s=0.1))
    task = asyncio.create_task(entities.run())
    try:
        yield entities
    finally:
        await ended(task)


STATE, THERE = "ores/home-7/state", "ores/home-7/availability"
SOC = "homeassistant/sensor/ores-home-7/battery_soc/config"


async def test_values_are_described_before_they_are_said(broker: Mosquitto) -> None:
    async with publishing(broker) as entities, listening(broker) as (ear, _):
        entities.show({"grid_kw": -1.25, "battery_soc": 0.555, "pv_kw": None, "at": 1.0})
        await ear.until(STATE, {"grid_kw": -1.25, "battery_soc": 55.5})
        await ear.until(THERE, "online")
        assert ear.said[SOC] == {
            "name": "Battery", "unique_id": "ores-home-7-battery_soc", "object_id": "ores_home_7_battery_soc",
            "default_entity_id": "sensor.ores_home_7_battery_soc",
            "state_topic": STATE, "value_template": "{{ value_json.get('battery_soc') }}", "unit_of_measurement": "%",
            "device_class": "battery", "state_class": "measurement", "availability_topic": THERE,
            "device": {"identifiers": ["ores-home-7"], "name": "My home", "manufacturer": "ORES Cloud", "model": "Hub"},
        }  # fmt: skip
        assert sorted(ear.said) == sorted([STATE, THERE, SOC, SOC.replace("battery_soc", "grid_kw")])
        entities.show({"grid_kw": 2.0})
        await ear.until(STATE, {"grid_kw": 2.0})


async def test_hub_that_stops_says_so_and_its_values_stay(broker: Mosquitto) -> None:
    async with publishing(broker) as entities, listening(broker) as (ear, _):
        entities.show({"battery_soc": 0.5})
        await ear.until(STATE, {"battery_soc": 50.0})
        await ear.until(THERE, "online")
    async with listening(broker) as (late, _):
        await late.until(THERE, "offline")
        await late.until(STATE, {"battery_soc": 50.0})
        await late.until_counted(SOC, 1)


async def test_hub_that_falls_silent_is_said_to_be_gone(broker: Mosquitto) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(4096):
                writer.write(data)

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", broker.port)
        writers.extend((writer, outer))
        await asyncio.gather(pass_on(reader, outer), pass_on(inner, writer))

    wire = await asyncio.start_server(between, "127.0.0.1", 0)
    async with (
        listening(broker) as (ear, _),
        publishing(broker, wire.sockets[0].getsockname()[1]) as entities,
    ):
        entities.show({"grid_kw": 1.0})
        await ear.until(STATE, {"grid_kw": 1.0})
        await ear.until(THERE, "online")
        wire.close()
        for writer in writers:
            writer.transport.abort()
        await ear.until(THERE, "offline")


async def test_home_assistant_that_starts_is_told_again(broker: Mosquitto) -> None:
    async with publishing(broker) as entities, listening(broker) as (ear, session):
        entities.show({"battery_soc": 0.5})
        await ear.until_counted(SOC, 1)
        await session.publish("homeassistant/status", "online")
        await ear.until_counted(SOC, 2)


async def test_broker_that_comes_back_is_told_again(broker: Mosquitto) -> None:
    async with publishing(broker) as entities:
        entities.show({"battery_soc": 0.5})
        async with listening(broker) as (ear, _):
            await ear.until(STATE, {"battery_soc": 50.0})
        broker.stop()
        broker.start()
        async with listening(broker) as (ear, _):
            await ear.until(STATE, {"battery_soc": 50.0})


async def test_the_hubs_own_entities_are_no_devices(broker: Mosquitto) -> None:
    async with publishing(broker) as entities, listening(broker) as (ear, _):
        entities.show({"grid_kw": 1.0})
        await ear.until(STATE, {"grid_kw": 1.0})
        search = MqttSearch(broker=Broker(host="127.0.0.1", port=broker.port), listen_s=0.3)
        assert await MqttFinder(search).find() == []
