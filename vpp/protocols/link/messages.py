"""Messages between a hub and the cloud, the same over WebSocket and HTTPS POST.

A WebSocket text frame carries one message as JSON, a binary frame one message as MessagePack. A POST
body is a JSON (or MessagePack) list of messages that starts with ``Hello``; the answer is a list too.

Power is in kW in load convention (drawn from the grid or by a device is positive), energy registers in
kWh only ever grow, state of charge is 0-1, instants are integer milliseconds since the Unix epoch (UTC).
"""

from typing import Annotated, Any, Literal

import msgspec

LINK_VERSION = 1
# What an agent knows beyond the first agents: it says so in its Hello, and only then is sent it.
FEATURES = ("limits", "device", "priority", "diagnostics", "update", "devices", "pairing")
# What this cloud takes beyond what the first one took: it says so in its Welcome, and only then is sent it.
CLOUD_FEATURES = ("devices", "decisions")
MAX_DEVICES = 100
MAX_DECISIONS = 100
MAX_FOUND = 200

Lane = Literal["live", "backfill", "status"]
InstructionState = Literal["acknowledged", "applied", "rejected", "expired"]
# Bounds that hold at decoding, so that no later step meets a number or a text its database cannot keep.
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]  # to the end of the year 9999
Name = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00]*\Z")]
Kw = Annotated[float, msgspec.Meta(ge=0)]
MAX_ANSWER = 16_000
Text = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*\Z")]

# The canonical quantities of a home, in the order of the wide telemetry row.
COLUMNS = (
    "grid_kw",
    "import_kwh",
    "export_kwh",
    "load_kw",
    "pv_kw",
    "battery_kw",
    "battery_soc",
    "ev_kw",
    "ev_soc",
    "heat_kw",
    "voltage_v",
    "frequency_hz",
)


class ResourceDescription(msgspec.Struct, omit_defaults=True):
    """What one resource of the site is and can do; `parameters` by kind (see docs/reference/link.md)."""

    key: Name
    kind: Literal["battery", "pv", "ev_charger", "heat_pump", "load"]
    name: Name = ""
    parameters: dict[Name, float] = {}


# --- hub to cloud -----------------------------------------------------------------------------------


class Hello(msgspec.Struct, tag="hello", tag_field="type", omit_defaults=True):
    """First message of every session. `first_unacked` tells, per lane, the oldest seq still in the outbox."""

    hub_id: Name
    boot_id: Name
    first_unacked: dict[Lane, Seq] = {}
    version: int = LINK_VERSION
    agent_version: Name = ""
    clock_trusted: bool = True
    resources: list[ResourceDescription] = []
    features: list[Name] = []


class Snapshots(msgspec.Struct, tag="snapshots", tag_field="type", omit_defaults=True):
    """Rows of the canonical quantities, column by column; each non-empty column is as long as `at`.

    A row's power values are means over the time since the row before; registers and state of charge are
    values at `at`. A column left out means the site has no such quantity. Where the clock was not trusted, `at` is
    what it said all the same.
    """

    lane: Lane
    seq: Seq
    at: list[Instant]
    grid_kw: list[float | None] = []
    import_kwh: list[float | None] = []
    export_kwh: list[float | None] = []
    load_kw: list[float | None] = []
    pv_kw: list[float | None] = []
    battery_kw: list[float | None] = []
    battery_soc: list[float | None] = []
    ev_kw: list[float | None] = []
    ev_soc: list[float | None] = []
    heat_kw: list[float | None] = []
    voltage_v: list[float | None] = []
    frequency_hz: list[float | None] = []
    clock_trusted: bool = True


class Gap(msgspec.Struct, tag="gap", tag_field="type", omit_defaults=True):
    """Rows between two instants that the hub measured and had to give up, in place of their messages."""

    lane: Lane
    seq: Seq
    starts_at: Instant
    ends_at: Instant
    rows: Seq
    reason: Text = ""


class Points(msgspec.Struct, tag="points", tag_field="type", omit_defaults=True):
    """Further quantities of single resources: parallel lists."""

    lane: Lane
    seq: Seq
    resource: list[Name]
    quantity: list[Name]
    at: list[Instant]
    value: list[float]


class InstructionStatus(msgspec.Struct, tag="instruction_status", tag_field="type", omit_defaults=True):
    """What became of an instruction on the hub. Travels in the `status` lane, so it is never lost."""

    seq: Seq
    instruction_id: Name
    revision: Seq
    state: InstructionState
    at: Instant
    reason: Text = ""
    lane: Lane = "status"


class CheckResult(msgspec.Struct, tag="check_result", tag_field="type", omit_defaults=True):
    """What a check found. Travels in the `status` lane, so it is never lost; `refused` tells why in `answer`."""

    seq: Seq
    id: Name
    at: Instant
    answer: Annotated[str, msgspec.Meta(max_length=MAX_ANSWER, pattern=r"^[^\x00]*\Z")] = ""
    refused: bool = False
    truncated: bool = False
    lane: Lane = "status"


class DeviceState(msgspec.Struct, omit_defaults=True):
    """A device that a hub runs: who it is, how it is, and the last it measured; power in load convention [kW].

    `origin` tells whether it is the owner's configuration's, or was joined by an order and can be removed by one.
    `control` is what an owner's wish for it names, empty where it takes none; `shape` how it is told, between `low_kw`
    and `high_kw`.
    """

    key: Name
    kind: Name
    name: Name = ""
    role: Name = ""
    maker: Name = ""
    model: Name = ""
    serial: Name = ""
    firmware: Name = ""
    state: Literal["running", "trouble", "starting"] = "running"
    trouble: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^\x00]*\Z")] = ""
    power_kw: float | None = None
    soc: float | None = None
    read_at: Instant | None = None
    origin: Literal["configured", "joined"] = "configured"
    control: Name = ""
    shape: Literal["", "power", "switch", "program"] = ""
    low_kw: float | None = None
    high_kw: float | None = None


class FoundDevice(msgspec.Struct, omit_defaults=True):
    """A device that a hub found and could add. `ref` is the hub's own name for it, which an order repeats.

    `part` tells apart what answers at one address. `hint` says what the owner has to do where an order cannot join it.
    """

    ref: Name
    kind: Name
    address: Name
    part: Name = ""
    name: Name = ""
    maker: Name = ""
    model: Name = ""
    serial: Name = ""
    hint: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^\x00]*\Z")] = ""
    joined: bool = False


class Devices(msgspec.Struct, tag="devices", tag_field="type", omit_defaults=True):
    """All devices of a hub as they are now, and what they amount to. Travels in the `status` lane.

    `settings` is what the owner prefers, from wherever it was said (vpp.protocols.ores.orders.Change as JSON).
    """

    seq: Seq
    at: Instant
    devices: Annotated[list[DeviceState], msgspec.Meta(max_length=MAX_DEVICES)] = []
    resources: Annotated[list[ResourceDescription], msgspec.Meta(max_length=MAX_DEVICES)] = []
    settings: Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^[^\x00]*\Z")] = ""
    lane: Lane = "status"


class Discovered(msgspec.Struct, tag="discovered", tag_field="type", omit_defaults=True):
    """What a look found, and why a way of looking failed, by its name. Travels in the `status` lane."""

    seq: Seq
    at: Instant
    found: Annotated[list[FoundDevice], msgspec.Meta(max_length=MAX_FOUND)] = []
    flaws: Annotated[dict[Name, Text], msgspec.Meta(max_length=16)] = {}
    lane: Lane = "status"


class DeviceResult(msgspec.Struct, tag="device_result", tag_field="type", omit_defaults=True):
    """What became of a device order. Travels in the `status` lane, so it is never lost.

    A `pair` is answered twice: `shown` with the code and how long it holds, then `paired` (`key` is the device's node)
    or `failed`.
    """

    seq: Seq
    id: Name
    at: Instant
    state: Literal["joined", "removed", "failed", "shown", "paired"]
    key: Name = ""
    reason: Text = ""
    code: Name = ""
    valid_s: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0
    lane: Lane = "status"


class Decision(msgspec.Struct, omit_defaults=True):
    """What a controller decided for a resource from `at` on, and why; power in load convention [kW], none: no bound."""

    at: Instant
    resource: Name
    controller: Name
    reason: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^\x00]*\Z")] = ""
    low_kw: float | None = None
    high_kw: float | None = None


class Decisions(msgspec.Struct, tag="decisions", tag_field="type", omit_defaults=True):
    """What was decided since the last such message, the oldest first. Travels in the `status` lane."""

    seq: Seq
    items: Annotated[list[Decision], msgspec.Meta(max_length=MAX_DECISIONS)] = []
    lane: Lane = "status"


# --- cloud to hub -----------------------------------------------------------------------------------


class Welcome(msgspec.Struct, tag="welcome", tag_field="type", omit_defaults=True):
    """Answer to Hello. `acked` is the highest contiguous seq held per lane (of this boot, -1 for none)."""

    site_id: int
    server_time: Instant
    acked: dict[Lane, int] = {}
    snapshot_interval_s: float = 60.0
    version: int = LINK_VERSION
    features: list[Name] = []


class Ack(msgspec.Struct, tag="ack", tag_field="type", omit_defaults=True):
    """Everything up to and including `seq` of this lane is committed (or quarantined) in the cloud."""

    lane: Lane
    seq: int
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0


class Schedule(msgspec.Struct, omit_defaults=True):
    """A site's planned power per interval, in load convention [kW].

    `site_kw` is the planned power at the grid connection point; the hub holds it with whatever storage it
    has. `resources` plans single resources by key; None means "as you like". Intervals are contiguous.
    """

    starts_at: Instant
    interval_s: Annotated[int, msgspec.Meta(gt=0)]
    site_kw: list[float | None] = []
    resources: dict[str, list[float | None]] = {}


class Droop(msgspec.Struct):
    """Settings of a local answer to the grid's frequency (vpp.dispatch.droop) [Hz, kW, s]."""

    nominal_hz: float
    dead_band_hz: float
    slope_kw_per_hz: float
    most_kw: float
    recovery_kw_per_s: float


class CapacityLimits(msgspec.Struct, omit_defaults=True):
    """The most a site may draw and give [kW] at its grid connection, per interval; None: no limit asked.

    Intervals are contiguous; an empty list asks for nothing in its direction. The fallbacks hold after the
    last interval (from the start where there is none), and while the hub has lost touch with the cloud.
    """

    starts_at: Instant
    interval_s: Annotated[int, msgspec.Meta(gt=0)]
    import_kw: list[Kw | None] = []
    export_kw: list[Kw | None] = []
    fallback_import_kw: Kw | None = None
    fallback_export_kw: Kw | None = None


class CurvePoint(msgspec.Struct):
    """A point of a curve; what x and y are depends on the payload's kind."""

    x: float
    y: float


PayloadValues = list[str | bool | int | float | CurvePoint | None]


class DevicePayload(msgspec.Struct, omit_defaults=True):
    """What a resource of the site is to be told as it is, per contiguous interval; `kind` says how to read it."""

    kind: Name
    starts_at: Instant
    interval_s: Annotated[int, msgspec.Meta(gt=0)]
    values: list[PayloadValues] = []


class Instruction(msgspec.Struct, tag="instruction", tag_field="type", omit_defaults=True):
    """An order to the hub, of one kind. A higher revision of the same id replaces; one of no kind revokes.

    Where several schedules or payloads are valid at once, the lowest `priority` comes first (0 before all).
    """

    id: str
    revision: int
    not_before: Instant
    expires_at: Instant
    schedule: Schedule | None = None
    reason: str = ""
    droop: Droop | None = None
    limits: CapacityLimits | None = None
    device: DevicePayload | None = None
    priority: Annotated[int, msgspec.Meta(ge=0)] = 100


class Check(msgspec.Struct, tag="check", tag_field="type", omit_defaults=True):
    """The cloud asks for one of the named checks (vpp.protocols.link.checks)."""

    id: Name
    name: Name


class DeviceOrder(msgspec.Struct, tag="device_order", tag_field="type", omit_defaults=True):
    """The owner's word on a device, by the name the hub gave it; it carries nothing to configure a device with."""

    id: Name
    action: Literal["look", "join", "remove", "pair"]
    ref: Name = ""


class LinkError(msgspec.Struct, tag="error", tag_field="type", omit_defaults=True):
    """The last message was refused; nothing of it was stored. `permanent`: sending it again cannot help."""

    code: str
    detail: str
    permanent: bool = False
    lane: Lane | None = None
    expected_seq: int | None = None


DeviceMessage = Devices | Discovered | DeviceResult | Decisions
HubMessage = Hello | Snapshots | Gap | Points | InstructionStatus | CheckResult | DeviceMessage
CloudMessage = Welcome | Ack | Instruction | Check | DeviceOrder | LinkError
Json = dict[str, Any]
