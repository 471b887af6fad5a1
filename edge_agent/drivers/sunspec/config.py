"""What a SunSpec device is told."""

from typing import Annotated, Literal

import msgspec

from edge_agent.drivers.documents import Host, Key, KilowattHours, Kilowatts, Port, Seconds

Role = Literal["inverter", "battery", "meter"]


class SunSpecConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One device behind a Modbus TCP address.

    `control`: "timed" gives orders only where the device falls back by itself (else `open` refuses), "untimed" also
    where it cannot, "never" only reads. What the device says of its sizes goes before `rated_kw` and `capacity_kwh`.
    """

    kind: Literal["sunspec"]
    key: Key
    name: str = ""
    host: Host
    port: Port = 502
    unit: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    role: Role
    control: Literal["timed", "untimed", "never"] = "timed"
    rated_kw: Kilowatts | None = None
    capacity_kwh: KilowattHours | None = None
    is_reversed: bool = False
    timeout_s: Seconds = 3.0
    stuck_after_s: Seconds = 10.0
