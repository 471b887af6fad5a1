"""What an answer is made of: the facts of one home, and whoever knows them."""

from typing import Literal, Protocol

import msgspec

from vpp.protocols.link.messages import ResourceDescription

State = Literal["queued", "sent", "acknowledged", "applied", "verified", "rejected", "expired"]
Action = Literal["limit", "charge", "discharge", "hold", "release"]
Mode = Literal["self_consumption", "time_of_use", "backup", "community_first"]
Severity = Literal["info", "warning", "critical"]
CheckState = Literal["queued", "sent", "answered", "refused", "expired"]


class Row(msgspec.Struct, kw_only=True):
    """The canonical quantities of a home at an instant [ms]; power [kW] in load convention, None where unknown."""

    at: int
    grid_kw: float | None = None
    import_kwh: float | None = None
    export_kwh: float | None = None
    load_kw: float | None = None
    pv_kw: float | None = None
    battery_kw: float | None = None
    battery_soc: float | None = None
    ev_kw: float | None = None
    ev_soc: float | None = None
    heat_kw: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None


class HubFacts(msgspec.Struct, kw_only=True):
    """The hub and how it stands; None where whoever answers cannot know. `is_alone`: it has no cloud, on purpose."""

    hub_id: str = ""
    agent_version: str = ""
    model: str = ""
    serial: str = ""
    is_connected: bool = False
    is_alone: bool = False
    features: list[str] = []
    cycle_s: float | None = None
    snapshot_interval_s: float | None = None


class Facts(msgspec.Struct, kw_only=True):
    """A home as it is now; `reasons` say by resource key why it does what it does."""

    site_id: int | None
    time_zone: str
    now: int
    hub: HubFacts | None
    resources: list[ResourceDescription]
    latest: Row | None
    is_on_grid: bool | None = None
    battery_c: float | None = None
    reasons: dict[str, str] = {}


class Wish(msgspec.Struct, kw_only=True):
    """What the owner wants of a resource [kW, load convention] in [starts_at, ends_at) [ms], and how far it got."""

    control_id: str
    device_id: str
    action: Action
    kw: float | None
    starts_at: int
    ends_at: int
    note: str = ""
    state: State = "queued"
    reason: str = ""


class Preferences(msgspec.Struct, kw_only=True):
    """What the owner and the installer have set; None where whoever answers does not know it.

    Comfort is a band of temperatures [°C], 5 to 35 for none; the car is charged to its least before anything else is
    asked of it; quiet hours are local times, HH:MM, none where both are the same.
    """

    mode: Mode | None = None
    reserve_soc: float | None = None
    comfort_low_c: float | None = None
    comfort_high_c: float | None = None
    ev_least_soc: float | None = None
    quiet_from: str | None = None
    quiet_until: str | None = None
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None


class Held(msgspec.Struct, kw_only=True):
    """The preferences that hold, and what became of the last change."""

    preferences: Preferences
    state: State = "applied"
    changed_at: int | None = None
    reason: str = ""


class Note(msgspec.Struct, kw_only=True):
    """Something that happened [ms]."""

    note_id: str
    at: int
    kind: Literal["control", "schedule", "limit", "setting", "decision", "fault"]
    text: str
    severity: Severity = "info"
    device_id: str = ""


class Checked(msgspec.Struct, kw_only=True):
    """A check that a hub was asked for [ms], and what it found."""

    check_id: str
    name: str
    state: CheckState
    asked_at: int
    answered_at: int | None = None
    answer: str = ""
    is_truncated: bool = False


class Home(Protocol):
    """One home, as the cloud or its hub knows it."""

    def facts(self) -> Facts:
        """What is known now."""

    def recorded(self, starts_at: int, ends_at: int, *, limit: int) -> list[Row]:
        """The first rows recorded with starts_at < at <= ends_at [ms], in order."""

    def quarters(self, starts_at: int, ends_at: int) -> list[Row]:
        """Means of the quarter-hours that begin in [starts_at, ends_at) [ms], in order; state of charge too."""

    def wishes(self) -> list[Wish]:
        """The newest wish for each resource that has one that is not over."""

    def wish(self, wish: Wish) -> Wish:
        """Take a wish, in place of an earlier one for the same resource."""

    def preferences(self) -> Held:
        """What is set."""

    def prefer(self, change: Preferences) -> Held:
        """Change what is not None."""

    def notes(self, *, limit: int) -> list[Note]:
        """What happened lately, the newest first."""

    def checks(self, *, limit: int) -> list[Checked]:
        """Checks that the hub was asked for, the newest first."""

    def check(self, name: str) -> Checked:
        """Ask the hub for a check."""
