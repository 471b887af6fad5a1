"""Looks at a broker for devices that announce themselves: Tasmota, Shelly, Home Assistant's MQTT discovery."""

import asyncio
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from edge_agent.drivers.broker import Broker, Session
from edge_agent.drivers.documents import key_from
from edge_agent.rm.device import DeviceError, Found, Identity

# A value taken out of a JSON message by its keys; other templates are programs, which the hub does not run.
_TEMPLATE = re.compile(r"\{\{\s*value_json((?:\.\w+|\[['\"][\w ]+['\"]\])+)\s*\}\}$")
_KEYS = re.compile(r"\.(\w+)|\[['\"]([\w ]+)['\"]\]")
_COMPONENTS = {"switch": "switch", "pm1": "load", "em": "meter", "em1": "meter"}
_WATTS = {"W": 0.001, "kW": 1.0}
_WATT_HOURS = {"Wh": 0.001, "kWh": 1.0, "MWh": 1000.0}
_MOST = 256


class MqttSearch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Which broker to listen at, and for how long. `own` is the hub's own name there, which is not a device."""

    broker: Broker
    listen_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 3.0
    discovery_prefix: str = "homeassistant"
    own: str = "ores"


class MqttFinder:
    """Listens for announcements, asks each Shelly what it has, and proposes what makes sense to a home."""

    def __init__(self, search: MqttSearch) -> None:
        self._search = search
        self._heard: dict[str, Any] = {}
        self._source = f"ores-{secrets.token_hex(6)}"

    def _hear(self, topic: str, said: Any) -> None:
        if len(self._heard) < _MOST * 8:
            self._heard[topic] = said

    async def find(self) -> Sequence[Found]:
        """What announces itself within `listen_s`."""
        self._heard.clear()
        search = self._search
        prefix = search.discovery_prefix
        announced = ["tasmota/discovery/+/+", f"{prefix}/+/+/config", f"{prefix}/+/+/+/config", "+/online"]
        topics = [*announced, f"{self._source}/rpc"]
        session = Session(search.broker, topics, hear=self._hear, timeout_s=search.listen_s + 5.0)
        await session.open()
        try:
            await asyncio.sleep(search.listen_s)
            found = [*self._tasmota(), *await self._shelly(session), *self._plain()]
        finally:
            await session.close()
        return found[:_MOST]

    def _config(self, key: str, **more: object) -> dict[str, object]:
        broker = msgspec.to_builtins(self._search.broker)
        told = {name: value for name, value in broker.items() if value is not None}
        return {"kind": "mqtt", "key": key, "broker": told, **more}

    def _tasmota(self) -> Iterator[Found]:
        for topic, said in self._heard.items():
            if not re.fullmatch(r"tasmota/discovery/[^/]+/config", topic) or not isinstance(said, dict):
                continue
            own, full = said.get("t"), str(said.get("ft") or "%prefix%/%topic%/")
            relays = said.get("rl")
            if not isinstance(own, str) or not isinstance(relays, list):
                continue
            sensors = self._heard.get(topic.removesuffix("config") + "sensors")
            has_energy = isinstance(sensors, dict) and "ENERGY" in (sensors.get("sn") or {})
            if has_energy:
                yield self._tasmota_found(said, own, full=full, relays=relays)

    def _tasmota_found(self, said: dict[str, Any], own: str, *, full: str, relays: list[Any]) -> Found:
        identity = Identity(
            maker="Tasmota",
            model=str(said.get("md") or ""),
            serial=str(said.get("mac") or ""),
            firmware=str(said.get("sw") or ""),
        )
        role = "switch" if 1 in relays else "load"
        config = self._config(
            key_from("tasmota", own), convention="tasmota", role=role, topic=own, full_topic=full,
            name=str(said.get("dn") or own),
        )  # fmt: skip
        return Found(kind="mqtt", address=own, identity=identity, config=config)

    async def _shelly(self, session: Session) -> list[Found]:
        found: list[Found] = []
        online = (topic for topic, said in self._heard.items() if topic.endswith("/online") and said is True)
        for topic in [each.removesuffix("/online") for each in online]:
            with suppress(DeviceError):
                info = await self._ask(session, topic, method="Shelly.GetDeviceInfo")
                status = await self._ask(session, topic, method="Shelly.GetStatus")
                found += self._shelly_found(topic, info, status=status)
        return found

    async def _ask(self, session: Session, topic: str, *, method: str) -> dict[str, Any]:
        number = secrets.randbelow(2**31)

        def answer(heard: str, said: Any) -> dict[str, Any] | None:
            is_ours = heard == f"{self._source}/rpc" and isinstance(said, dict) and said.get("id") == number
            return said if is_ours else None

        frame = msgspec.json.encode({"id": number, "src": self._source, "method": method})
        said = await session.ask(f"{topic}/rpc", frame, answer=answer, timeout_s=2.0)
        result = said.get("result")
        return result if isinstance(result, dict) else {}

    def _shelly_found(self, topic: str, info: dict[str, Any], *, status: dict[str, Any]) -> Iterator[Found]:
        identity = Identity(
            maker="Shelly",
            model=str(info.get("model") or ""),
            serial=str(info.get("mac") or ""),
            firmware=str(info.get("ver") or ""),
        )
        for name in status:
            component, _, channel = name.partition(":")
            if component not in _COMPONENTS or not channel.isdecimal():
                continue
            config = self._config(
                key_from(topic, component, channel), convention="shelly", role=_COMPONENTS[component], topic=topic,
                component=component, channel=int(channel), name=str(info.get("name") or topic),
            )  # fmt: skip
            yield Found(kind="mqtt", address=f"{topic} {name}", identity=identity, config=config)

    def _plain(self) -> Iterator[Found]:
        entities = [entity for entity in (self._entity(*heard) for heard in self._heard.items()) if entity]
        for entity in entities:
            if entity["component"] != "switch" or "command_topic" not in entity:
                continue
            neighbors = [each for each in entities if each["device"] == entity["device"] and each["device"]]
            yield self._plain_found(entity, neighbors)

    def _entity(self, topic: str, said: Any) -> dict[str, Any] | None:
        """A discovered entity with long names, unless it is the hub's own or one that another convention reads."""
        parts = topic.split("/")
        if not topic.startswith(f"{self._search.discovery_prefix}/") or not isinstance(said, dict):
            return None
        entity = expanded(said)
        maker = str(entity["device"].get("manufacturer", "")).lower()
        is_known = maker in {"tasmota", "shelly"}
        if is_known or str(entity.get("unique_id", "")).startswith(f"{self._search.own}-"):
            return None
        return {
            **entity,
            "component": parts[1],
            "about": entity["device"],
            "device": _of_device(entity["device"]),
        }

    def _plain_found(self, entity: dict[str, Any], neighbors: list[dict[str, Any]]) -> Found:
        about = entity["about"]
        identity = Identity(
            maker=str(about.get("manufacturer") or ""),
            model=str(about.get("model") or ""),
            firmware=str(about.get("sw_version") or ""),
            serial=entity["device"],
        )
        name = str(about.get("name") or entity.get("name") or entity["command_topic"])
        key = key_from(entity.get("unique_id") or entity["command_topic"])
        config = self._config(
            key, convention="plain", role="switch", name=name, maker=identity.maker, model=identity.model,
            **_switching(entity), **_measuring("power", neighbors), **_measuring("energy", neighbors),
        )  # fmt: skip
        return Found(kind="mqtt", address=str(entity["command_topic"]), identity=identity, config=config)


_SHORT = {
    "stat_t": "state_topic", "cmd_t": "command_topic", "dev": "device", "uniq_id": "unique_id", "dev_cla": "device_class",
    "val_tpl": "value_template", "unit_of_meas": "unit_of_measurement", "pl_on": "payload_on", "pl_off": "payload_off",
    "stat_on": "state_on", "mf": "manufacturer", "mdl": "model", "sw": "sw_version", "ids": "identifiers",
}  # fmt: skip


def expanded(said: dict[str, Any]) -> dict[str, Any]:
    """A discovery message with its abbreviations written out and `~` put in."""
    base = said.get("~")
    found = {_SHORT.get(name, name): value for name, value in said.items()}
    for name, value in found.items():
        if isinstance(base, str) and isinstance(value, str) and name.endswith("_topic"):
            found[name] = base + value[1:] if value.startswith("~") else value.replace("~", base)
    device = found.get("device")
    about = device.items() if isinstance(device, dict) else ()
    found["device"] = {_SHORT.get(name, name): value for name, value in about}
    return found


def path_of(template: Any) -> str | None:
    """The keys a value template names; empty for none at all, None for one that is a program."""
    if not template:
        return ""
    matched = _TEMPLATE.fullmatch(str(template).strip())
    return ".".join(dot or bracket for dot, bracket in _KEYS.findall(matched.group(1))) if matched else None


def _of_device(device: dict[str, Any]) -> str:
    identifiers = device.get("identifiers")
    return str(identifiers[0] if isinstance(identifiers, list) and identifiers else identifiers or "")


def _switching(entity: dict[str, Any]) -> dict[str, Any]:
    payload_on = str(entity.get("payload_on", "ON"))
    found = {
        "command_topic": entity["command_topic"],
        "payload_on": payload_on,
        "payload_off": str(entity.get("payload_off", "OFF")),
        "state_on": str(entity.get("state_on", payload_on)),
    }
    path = path_of(entity.get("value_template"))
    if isinstance(entity.get("state_topic"), str) and path is not None:
        found |= {"state_topic": entity["state_topic"], "state_path": path}
    return found


def _measuring(what: str, neighbors: list[dict[str, Any]]) -> dict[str, Any]:
    factors = _WATTS if what == "power" else _WATT_HOURS
    for entity in neighbors:
        unit, path = entity.get("unit_of_measurement"), path_of(entity.get("value_template"))
        if entity.get("device_class") != what or unit not in factors or path is None:
            continue
        if isinstance(entity.get("state_topic"), str):
            return {
                f"{what}_topic": entity["state_topic"],
                f"{what}_path": path,
                f"{what}_factor": factors[unit],
            }
    return {}
