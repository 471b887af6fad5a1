"""A plug or a meter by the convention that its table names."""

from typing import Any

from edge_agent.config import ConfigError
from edge_agent.drivers.documents import device_table
from edge_agent.drivers.mqtt.config import PlainConfig, ShellyConfig, TasmotaConfig
from edge_agent.drivers.mqtt.plain import Plain
from edge_agent.drivers.mqtt.plug import Plug
from edge_agent.drivers.mqtt.shelly import Shelly
from edge_agent.drivers.mqtt.tasmota import Tasmota


def device_from(document: dict[str, Any]) -> Plug:
    """The device that a table describes."""
    convention = document.get("convention")
    if convention == "tasmota":
        return Tasmota(device_table(document, TasmotaConfig))
    if convention == "shelly":
        return Shelly(device_table(document, ShellyConfig))
    if convention == "plain":
        return Plain(device_table(document, PlainConfig))
    known = "tasmota, shelly, plain"
    where = f"device {document.get('key', '?')!r}"
    raise ConfigError(f"{where}: there is no convention {convention!r}; there are {known}")
