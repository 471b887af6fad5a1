"""What a plug or a meter is told; `convention` chooses how it speaks."""

from typing import Annotated, Literal

import msgspec

from edge_agent.drivers.broker import Broker
from edge_agent.drivers.documents import Host, Key, Kilowatts, Port, Seconds

Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[^#+\x00]+$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Index = Annotated[int, msgspec.Meta(ge=0, le=31)]


class Common(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A plug (`role` "switch"), one with a boiler behind it ("heater"), the home's meter, or a load nobody switches.

    `rest` is the state the plug goes back to by itself when the hub is silent: "keep" leaves it as it was told.
    """

    kind: Literal["mqtt"]
    key: Key
    name: str = ""
    role: Literal["switch", "heater", "meter", "load"] = "switch"
    rated_kw: Kilowatts = 3.6
    least_on_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0
    least_off_s: Annotated[float, msgspec.Meta(ge=0, le=86400)] = 0.0
    rest: Literal["keep", "on", "off"] = "keep"
    is_reversed: bool = False
    timeout_s: Seconds = 5.0
    stuck_after_s: Seconds = 60.0


class TasmotaConfig(Common, frozen=True):
    """A device with Tasmota. `relay` counts from 1; `section` and the fields say where its sensor tells energy."""

    convention: Literal["tasmota"]
    broker: Broker
    topic: Topic
    full_topic: Annotated[str, msgspec.Meta(pattern=r"%prefix%.*%topic%|%topic%.*%prefix%")] = (
        "%prefix%/%topic%/"
    )
    relay: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1
    section: Name = "ENERGY"
    power_field: Name = "Power"
    import_field: Name = "Total"
    export_field: Name = "ExportActive"


class ShellyConfig(Common, frozen=True):
    """A Shelly of generation 2 or later, over MQTT (`broker` and `topic`) or over HTTP (`host`)."""

    convention: Literal["shelly"]
    broker: Broker | None = None
    topic: Topic | None = None
    host: Host | None = None
    port: Port = 80
    component: Literal["switch", "pm1", "em", "em1"] = "switch"
    channel: Index = 0
    password: str | None = None

    def __post_init__(self) -> None:
        if self.host is None and (self.broker is None or self.topic is None):
            raise ValueError("a Shelly needs a host, or a broker and a topic")


class PlainConfig(Common, frozen=True):
    """Topics as Home Assistant's MQTT discovery names them. Paths are keys in a JSON object, joined by dots."""

    convention: Literal["plain"]
    broker: Broker
    state_topic: Topic | None = None
    state_path: str = ""
    command_topic: Topic | None = None
    payload_on: str = "ON"
    payload_off: str = "OFF"
    state_on: str = "ON"
    power_topic: Topic | None = None
    power_path: str = ""
    power_factor: Annotated[float, msgspec.Meta(ge=1e-6, le=1000)] = 0.001
    energy_topic: Topic | None = None
    energy_path: str = ""
    energy_factor: Annotated[float, msgspec.Meta(ge=1e-6, le=1000)] = 1.0
    maker: str = ""
    model: str = ""
