"""Which endpoint of which Matter node is a device of the hub."""

from typing import Annotated, Literal

import msgspec

from edge_agent.drivers.documents import Key, KilowattHours, Kilowatts, Seconds

Url = Annotated[str, msgspec.Meta(pattern=r"^wss?://[^\s]+$", max_length=300)]


class MatterConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One endpoint at a python-matter-server. What the node says of its sizes goes before what is told here.

    Only a charger, which says what its circuit can give, takes `rated_kw` where that is less. `voltage_v` and `phases` turn
    its currents into power.
    """

    kind: Literal["matter"]
    key: Key
    name: str = ""
    url: Url = "ws://127.0.0.1:5580/ws"
    node: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    endpoint: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 1
    measured_at: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    role: Literal["auto", "meter"] = "auto"
    capacity_kwh: KilowattHours | None = None
    rated_kw: Kilowatts | None = None
    voltage_v: Annotated[float, msgspec.Meta(ge=100, le=250)] = 230.0
    phases: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1
    timeout_s: Seconds = 10.0
