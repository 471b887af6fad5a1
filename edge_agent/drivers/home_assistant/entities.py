"""The hub's own values as entities of Home Assistant, by MQTT discovery: one retained configuration each."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import aiomqtt
import msgspec

from edge_agent.drivers.broker import Broker, client, content
from edge_agent.drivers.documents import Key, Seconds


class PublishConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where to publish, and as which hub."""

    broker: Broker
    hub: Key
    name: str = ""
    discovery_prefix: Annotated[str, msgspec.Meta(pattern=r"^[^#+\s]+$")] = "homeassistant"
    timeout_s: Seconds = 10.0
    again_after_s: Seconds = 5.0


@dataclass(frozen=True, slots=True)
class Sensor:
    """One value of the process image; `factor` turns it into the unit."""

    name: str
    unit: str
    device_class: str
    state_class: str = "measurement"
    factor: float = 1.0


SENSORS: dict[str, Sensor] = {
    "grid_kw": Sensor("Grid power", "kW", "power"),
    "import_kwh": Sensor("Grid import", "kWh", "energy", "total_increasing"),
    "export_kwh": Sensor("Grid export", "kWh", "energy", "total_increasing"),
    "load_kw": Sensor("Load", "kW", "power"),
    "pv_kw": Sensor("Solar power", "kW", "power"),
    "battery_kw": Sensor("Battery power", "kW", "power"),
    "battery_soc": Sensor("Battery", "%", "battery", factor=100.0),
    "ev_kw": Sensor("Car charger power", "kW", "power"),
    "ev_soc": Sensor("Car battery", "%", "battery", factor=100.0),
    "heat_kw": Sensor("Heating power", "kW", "power"),
    "voltage_v": Sensor("Voltage", "V", "voltage"),
    "frequency_hz": Sensor("Frequency", "Hz", "frequency"),
}


def state_topic(config: PublishConfig) -> str:
    """Where the hub's values are, as one JSON object."""
    return f"ores/{config.hub}/state"


def availability_topic(config: PublishConfig) -> str:
    """Where the hub says whether it is there; the broker says it in its stead when it falls silent."""
    return f"ores/{config.hub}/availability"


def config_topic(config: PublishConfig, key: str) -> str:
    """Where Home Assistant looks for the description of one value."""
    return f"{config.discovery_prefix}/sensor/ores-{config.hub}/{key}/config"


def description(config: PublishConfig, key: str) -> dict[str, Any]:
    """One value as a discovery message."""
    sensor = SENSORS[key]
    name = config.name or config.hub
    entity = f"ores_{config.hub}_{key}".replace("-", "_")
    return {
        "name": sensor.name,
        "unique_id": f"ores-{config.hub}-{key}",
        # The entity's id: the first up to Home Assistant 2026.3, the second from 2025.10.
        "object_id": entity,
        "default_entity_id": f"sensor.{entity}",
        "state_topic": state_topic(config),
        # `None` is unknown; a value that is not told any more does not stay as it was.
        "value_template": f"{{{{ value_json.get('{key}') }}}}",
        "unit_of_measurement": sensor.unit,
        "device_class": sensor.device_class,
        "state_class": sensor.state_class,
        "availability_topic": availability_topic(config),
        "device": {
            "identifiers": [f"ores-{config.hub}"],
            "name": name,
            "manufacturer": "ORES Cloud",
            "model": "Hub",
        },
    }


class HubEntities:
    """Publishes what it was shown last; `run` reconnects until it is cancelled."""

    def __init__(self, config: PublishConfig) -> None:
        self._config = config
        self._values: dict[str, float] = {}
        self._shown = asyncio.Event()

    def show(self, values: Mapping[str, float | None]) -> None:
        """Values by the process image's names; what is unknown or None is left out."""
        self._values = {
            key: round(value * SENSORS[key].factor, 6)
            for key, value in values.items()
            if key in SENSORS and value is not None
        }
        self._shown.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            try:
                await self._connected()
            except* (aiomqtt.MqttError, OSError):
                self._shown.set()
            await asyncio.sleep(self._config.again_after_s)

    async def _connected(self) -> None:
        config = self._config
        topic = availability_topic(config)
        will = aiomqtt.Will(topic, "offline", qos=1, retain=True)
        async with client(config.broker, will=will, timeout_s=config.timeout_s) as connection:
            await connection.subscribe(f"{config.discovery_prefix}/status", qos=1)
            await connection.publish(topic, "online", qos=1, retain=True)
            try:
                async with asyncio.TaskGroup() as tasks:
                    described: set[str] = set()
                    tasks.create_task(self._publish(connection, described))
                    tasks.create_task(self._listen(connection, described))
            finally:
                with suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(1.0):
                        await connection.publish(topic, "offline", qos=1, retain=True)

    async def _publish(self, connection: aiomqtt.Client, described: set[str]) -> None:
        """Describe each value before it is first said, then say all of them whenever they are shown."""
        config = self._config
        while True:
            self._shown.clear()
            values = dict(self._values)
            for key in [key for key in values if key not in described]:
                body = msgspec.json.encode(description(config, key))
                await connection.publish(config_topic(config, key), body, qos=1, retain=True)
                described.add(key)
            if values:
                await connection.publish(state_topic(config), msgspec.json.encode(values), qos=0, retain=True)
            await self._shown.wait()

    async def _listen(self, connection: aiomqtt.Client, described: set[str]) -> None:
        """Describe everything again when Home Assistant starts."""
        async for message in connection.messages:
            if content(message.payload) == "online":
                described.clear()
                self._shown.set()
        raise aiomqtt.MqttError("the broker is gone")
