"""The requests and answers of the ORES endpoints.

Power is in kW and stated in its direction (import, export, charge, discharge, production: never negative), energy in kWh,
state of charge from 0 to 1, instants in RFC 3339 with an offset. What is unknown is null; no field is ever left out.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from vpp.protocols.ores.facts import Action, Mode, Severity, State

DeviceId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
At = Annotated[datetime, msgspec.Meta(tz=True)]
Kw = Annotated[float, msgspec.Meta(ge=0, le=1000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Comfort = Annotated[float, msgspec.Meta(ge=5, le=35)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z")]
DurationS = Annotated[int, msgspec.Meta(ge=60, le=86_400)]
Note = Annotated[str, msgspec.Meta(max_length=150, pattern=r"^[^\x00]*$")]
Presence = Literal["online", "offline", "alone", "none"]


class Query(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """No parameters."""


class DeviceQuery(Query, kw_only=True):
    """One device, or all of the kind."""

    device_id: DeviceId | None = None


class PeriodQuery(DeviceQuery, kw_only=True):
    """A period [starts_at, ends_at), the last 24 hours if left out, in steps of `resolution_s`."""

    starts_at: At | None = None
    ends_at: At | None = None
    resolution_s: Literal[900, 3600, 86_400] = 900


class LoggingQuery(Query, kw_only=True):
    """Rows with starts_at < at <= ends_at, those of the last hour if left out; at most `limit` of them."""

    starts_at: At | None = None
    ends_at: At | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class NotifyQuery(Query, kw_only=True):
    """How many, and from which severity on."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    severity: Severity = "info"


class Control(msgspec.Struct, kw_only=True):
    """What the owner wants of a device, until when, and how far it got."""

    control_id: str
    device_id: str
    action: Action
    power_kw: float | None
    starts_at: datetime
    ends_at: datetime
    note: str
    state: State
    reason: str


class Controls(msgspec.Struct, kw_only=True):
    """The controls that hold."""

    controls: list[Control]


class MicroinverterControl(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Limit the output of a microinverter for a while, or release it; `limit` needs `power_kw`."""

    device_id: DeviceId
    action: Literal["limit", "release"]
    power_kw: Kw | None = None
    duration_s: DurationS = 3600
    note: Note = ""


class StorageControl(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Charge, discharge, hold or release a store for a while; the first two need `power_kw`."""

    device_id: DeviceId
    action: Literal["charge", "discharge", "hold", "release"]
    power_kw: Kw | None = None
    duration_s: DurationS = 3600
    note: Note = ""


class Microinverter(msgspec.Struct, kw_only=True):
    """A microinverter, or the PV system that a hub sees as one."""

    device_id: str
    name: str
    state: Literal["producing", "idle", "stale", "unknown"]
    rated_kw: float | None
    production_kw: float | None
    voltage_v: float | None
    frequency_hz: float | None
    measured_at: datetime | None
    reason: str
    control: Control | None


class MicroinverterStatus(msgspec.Struct, kw_only=True):
    """All microinverters of the home, or the one asked for."""

    site_id: int | None
    at: datetime
    devices: list[Microinverter]


class ProducedInterval(msgspec.Struct, kw_only=True):
    """Energy produced from `starts_at` for the answer's `resolution_s`; null where nothing was measured."""

    starts_at: datetime
    production_kwh: float | None
    mean_kw: float | None


class MicroinverterEnergy(msgspec.Struct, kw_only=True):
    """What was produced in a period, and what is produced now."""

    site_id: int | None
    device_id: str
    starts_at: datetime
    ends_at: datetime
    resolution_s: int
    now_kw: float | None
    total_kwh: float
    intervals: list[ProducedInterval]


class Storage(msgspec.Struct, kw_only=True):
    """A store: how full (`soc`), how healthy (`soh`), how warm, and what it does."""

    device_id: str
    name: str
    state: Literal["charging", "discharging", "idle", "stale", "unknown"]
    soc: float | None
    soh: float | None
    temperature_c: float | None
    capacity_kwh: float | None
    stored_kwh: float | None
    charge_kw: float | None
    discharge_kw: float | None
    rated_charge_kw: float | None
    rated_discharge_kw: float | None
    reserve_soc: float | None
    measured_at: datetime | None
    reason: str
    control: Control | None


class StorageStatus(msgspec.Struct, kw_only=True):
    """All stores of the home, or the one asked for."""

    site_id: int | None
    at: datetime
    devices: list[Storage]


class StoredInterval(msgspec.Struct, kw_only=True):
    """Mean level and energy in and out from `starts_at` for the answer's `resolution_s`."""

    starts_at: datetime
    soc: float | None
    stored_kwh: float | None
    charge_kwh: float | None
    discharge_kwh: float | None


class StorageHistory(msgspec.Struct, kw_only=True):
    """How full a store was in a period, and what went in and out at its AC side."""

    site_id: int | None
    device_id: str
    starts_at: datetime
    ends_at: datetime
    resolution_s: int
    now_soc: float | None
    charge_kwh: float
    discharge_kwh: float
    intervals: list[StoredInterval]


class Device(msgspec.Struct, kw_only=True):
    """A device that works with the hub; `parameters` as the hub link has them."""

    device_id: str
    kind: str
    name: str
    parameters: dict[str, float]


class Discovery(msgspec.Struct, kw_only=True):
    """The devices that the hub has found and works with."""

    site_id: int | None
    at: datetime
    hub: Presence
    devices: list[Device]


class Firmware(msgspec.Struct, kw_only=True):
    """What runs on a device."""

    device_id: str
    kind: str
    version: str


class FirmwareStatus(msgspec.Struct, kw_only=True):
    """What runs on the hub; devices behind it tell no version of their own yet."""

    site_id: int | None
    at: datetime
    devices: list[Firmware]


class Fault(msgspec.Struct, kw_only=True):
    """Something that is wrong now, since when, and what to do about it."""

    code: str
    severity: Severity
    device_id: str
    since: datetime | None
    value: float | None
    detail: str
    action: str


class Faults(msgspec.Struct, kw_only=True):
    """What is wrong, the worst first, and which checks were made."""

    site_id: int | None
    at: datetime
    is_safe: bool
    checked: list[str]
    faults: list[Fault]


class Logged(msgspec.Struct, kw_only=True):
    """A row of measurements: powers are means since the row before, registers and state of charge those at `at`."""

    at: datetime
    import_kw: float | None
    export_kw: float | None
    import_kwh: float | None
    export_kwh: float | None
    consumption_kw: float | None
    production_kw: float | None
    charge_kw: float | None
    discharge_kw: float | None
    soc: float | None
    ev_kw: float | None
    ev_soc: float | None
    heat_kw: float | None
    voltage_v: float | None
    frequency_hz: float | None


class Logging(msgspec.Struct, kw_only=True):
    """A page of rows; `next_at` is the next page's `starts_at`, null where there is none."""

    site_id: int | None
    rows: list[Logged]
    next_at: datetime | None


class Configuration(msgspec.Struct, kw_only=True):
    """The hub and what the installer set; `state` is that of the last change."""

    site_id: int | None
    hub: Presence
    hub_id: str
    agent_version: str
    model: str
    serial: str
    features: list[str]
    time_zone: str
    cycle_s: float | None
    snapshot_interval_s: float | None
    import_limit_kw: float | None
    export_limit_kw: float | None
    state: State
    changed_at: datetime | None
    reason: str


class ConfigurationChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What may be changed; what is left out or null stays. No limit can be widened beyond the installer's."""

    import_limit_kw: Annotated[float, msgspec.Meta(ge=0.1, le=1000)] | None = None
    export_limit_kw: Kw | None = None


class Settings(msgspec.Struct, kw_only=True):
    """What the household set; `state` is that of the last change."""

    site_id: int | None
    mode: Mode | None
    reserve_soc: float | None
    comfort_low_c: float | None
    comfort_high_c: float | None
    ev_least_soc: float | None
    quiet_from: str | None
    quiet_until: str | None
    state: State
    changed_at: datetime | None
    reason: str


class SettingsChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change; what is left out or null stays."""

    mode: Mode | None = None
    reserve_soc: Share | None = None
    comfort_low_c: Comfort | None = None
    comfort_high_c: Comfort | None = None
    ev_least_soc: Share | None = None
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None


class Flow(msgspec.Struct, kw_only=True):
    """What flows now."""

    measured_at: datetime | None
    import_kw: float | None
    export_kw: float | None
    consumption_kw: float | None
    production_kw: float | None
    charge_kw: float | None
    discharge_kw: float | None
    soc: float | None
    ev_kw: float | None
    heat_kw: float | None


class Today(msgspec.Struct, kw_only=True):
    """Energies of the home's local day so far, by quarter-hours."""

    import_kwh: float
    export_kwh: float
    production_kwh: float
    consumption_kwh: float


class Monitor(msgspec.Struct, kw_only=True):
    """The home at a glance."""

    site_id: int | None
    at: datetime
    hub: Presence
    is_on_grid: bool | None
    is_fresh: bool
    flow: Flow
    today: Today
    devices: list[Device]
    controls: list[Control]
    faults: list[Fault]


class Notice(msgspec.Struct, kw_only=True):
    """Something the household may want to know."""

    notice_id: str
    at: datetime
    kind: str
    severity: Severity
    device_id: str
    text: str


class Notices(msgspec.Struct, kw_only=True):
    """What happened, the newest first."""

    site_id: int | None
    at: datetime
    notices: list[Notice]
