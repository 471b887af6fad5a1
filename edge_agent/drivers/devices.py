"""Which kinds of devices there are: `kind` in a device's table names one. A driver is imported when it is used."""

from typing import Any

from edge_agent.config import ConfigError
from edge_agent.drivers.documents import device_table
from edge_agent.rm.device import Device


def _sunspec(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.sunspec.config import SunSpecConfig
    from edge_agent.drivers.sunspec.device import SunSpecDevice

    return SunSpecDevice(device_table(document, SunSpecConfig))


def _mqtt(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.mqtt.config import PlainConfig, ShellyConfig, TasmotaConfig
    from edge_agent.drivers.mqtt.plain import Plain
    from edge_agent.drivers.mqtt.shelly import Shelly
    from edge_agent.drivers.mqtt.tasmota import Tasmota

    convention = document.get("convention")
    if convention == "tasmota":
        return Tasmota(device_table(document, TasmotaConfig))
    if convention == "shelly":
        return Shelly(device_table(document, ShellyConfig))
    if convention == "plain":
        return Plain(device_table(document, PlainConfig))
    known = "tasmota, shelly, plain"
    raise ConfigError(
        f"device {document.get('key', '?')!r}: there is no convention {convention!r}; there are {known}"
    )


def _home_assistant(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.home_assistant.config import ROLES
    from edge_agent.drivers.home_assistant.device import HomeAssistantDevice

    role = document.get("role")
    table = ROLES.get(role) if isinstance(role, str) else None
    if table is None:
        raise ConfigError(
            f"device {document.get('key', '?')!r}: there is no role {role!r}; there are {', '.join(ROLES)}"
        )
    return HomeAssistantDevice(device_table(document, table))


def _simulated(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.simulator.single import open_simulated

    return open_simulated(document)


_KINDS = {"simulator": _simulated, "sunspec": _sunspec, "mqtt": _mqtt, "home_assistant": _home_assistant}


def open_device(document: dict[str, Any]) -> Device:
    """The device that a table describes; it is not connected yet."""
    kind = document.get("kind")
    maker = _KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise ConfigError(
            f"device {document.get('key', '?')!r}: there is no kind {kind!r}; there are {', '.join(_KINDS)}"
        )
    return maker(document)
