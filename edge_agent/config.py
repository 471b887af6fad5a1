"""What a hub is told: one TOML or JSON file, checked when it is read."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from vpp.energy_manager.grid_limits import GridLimits

Positive = Annotated[float, msgspec.Meta(gt=0)]
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ConfigError(ValueError):
    """A configuration that cannot be used, with the place and the reason."""


class LinkConfig(msgspec.Struct, forbid_unknown_fields=True):
    """How to reach the cloud. All times are the machine's own seconds.

    Once a connection is back, old rows wait up to `backfill_spread_s`, so that not every hub sends its own at once.
    """

    transport: Literal["websocket", "post"] = "websocket"
    backoff_s: Positive = 0.5
    backoff_max_s: Positive = 60.0
    ack_timeout_s: Positive = 30.0
    claim_poll_s: Positive = 5.0
    post_interval_s: Positive = 10.0
    request_timeout_s: Positive = 20.0
    backfill_spread_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0


class Failsafe(msgspec.Struct, forbid_unknown_fields=True):
    """What the grid connection may carry [kW] while whoever sets its limits is not heard (EEBus LPC and LPP)."""

    import_kw: Annotated[float, msgspec.Meta(ge=0)]
    export_kw: Annotated[float, msgspec.Meta(ge=0)]
    grace_s: Positive = 120.0
    least_s: Positive = 7200.0


class Island(msgspec.Struct, forbid_unknown_fields=True):
    """The home without the grid: what is shed first, and how it comes back.

    `shed_first` names resources ("ev", "heat") and single devices by their keys. Each is shed at a state of charge of
    its own, from `margin_soc` above the reserve down to it.
    """

    shed_first: list[str] = msgspec.field(default_factory=lambda: ["ev", "heat"])
    margin_soc: Fraction = 0.2
    least_soc: Fraction = 0.03
    rejoin_least_s: Positive = 60.0
    rejoin_most_s: Positive = 300.0


class Care(msgspec.Struct, forbid_unknown_fields=True):
    """How a battery is spared: full cycles a day, and the temperatures [°C] within which it works."""

    cycles_a_day: Positive | None = None
    coldest_c: float = 0.0
    hottest_c: float = 50.0


class TariffPeriod(msgspec.Struct, forbid_unknown_fields=True):
    """A price [currency per kWh] every day from a time of day to another, as HH:MM; it may reach over midnight."""

    starts: Annotated[str, msgspec.Meta(pattern=CLOCK)]
    ends: Annotated[str, msgspec.Meta(pattern=CLOCK)]
    price: float


class HomeMode(msgspec.Struct, forbid_unknown_fields=True):
    """What the home does when nobody asks: use its own energy, follow a tariff, or keep its battery for an outage.

    `community_first` is for the market; on the hub it is the home's own energy first, like `self_consumption`.
    """

    mode: Literal["self_consumption", "time_of_use", "backup", "community_first"] = "self_consumption"
    time_zone: str = "UTC"
    tariff: list[TariffPeriod] = []
    charge_to_soc: Fraction = 0.9


class Comfort(msgspec.Struct, forbid_unknown_fields=True):
    """What the household keeps for itself: a band of temperatures [°C], the car's least charge, and quiet hours.

    Quiet hours are local times; none where both are the same. 5 to 35 °C is no limit.
    """

    low_c: Annotated[float, msgspec.Meta(ge=5, le=35)] = 5.0
    high_c: Annotated[float, msgspec.Meta(ge=5, le=35)] = 35.0
    ev_least_soc: Fraction = 0.0
    quiet_from: Annotated[str, msgspec.Meta(pattern=CLOCK)] = "00:00"
    quiet_until: Annotated[str, msgspec.Meta(pattern=CLOCK)] = "00:00"


class LocalApiConfig(msgspec.Struct, forbid_unknown_fields=True):
    """The ORES endpoints on the hub itself. On the house's network only where `host` names an address of it.

    With a certificate it speaks TLS. Budgets are for each address; `history_days` is how long rows are kept for it.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8410
    certificate_file: str = ""
    key_file: str = ""
    history_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 35
    requests_per_minute: Positive = 600.0
    wrong_tokens_per_minute: Positive = 10.0
    most_connections: Annotated[int, msgspec.Meta(ge=1)] = 32


class UpdateConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Where updates are kept, whom to trust with them, and how long a new version has to prove itself.

    `root_file` is the first root metadata of the repository. All times are the machine's own seconds; `poll_s`
    bounds what the cloud asks for.
    """

    folder: str
    root_file: str
    hardware: str = "generic"
    test_hub: bool = False
    poll_s: Positive = 3600.0
    healthy_within_s: Positive = 300.0


class HubConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One hub. `driver` is read by the driver that its `kind` names. Intervals are simulated seconds.

    Without `cloud_url` the hub lives on its own: it keeps what it measured up to `outbox_max_mb`.
    """

    key: str
    cloud_url: str = ""
    data_dir: str
    name: str = ""
    model: str = "ores-hub"
    serial: str = ""
    cycle_s: Positive = 1.0
    snapshot_interval_s: Positive = 60.0
    history_days: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0
    history_step_s: Literal[60, 300, 900] = 300
    reserve_soc: Fraction = 0.1
    outbox_max_mb: Positive = 256.0
    link_lost_after_s: Positive = 900.0
    clock_tolerance_s: Positive = 120.0
    max_catch_up_cycles: Annotated[int, msgspec.Meta(ge=1)] = 600
    grid: GridLimits = msgspec.field(default_factory=GridLimits)
    failsafe: Failsafe | None = None
    island: Island = msgspec.field(default_factory=Island)
    care: Care = msgspec.field(default_factory=Care)
    home: HomeMode = msgspec.field(default_factory=HomeMode)
    comfort: Comfort = msgspec.field(default_factory=Comfort)
    link: LinkConfig = msgspec.field(default_factory=LinkConfig)
    local_api: LocalApiConfig | None = None
    update: UpdateConfig | None = None
    discovery: dict[str, Any] = {}
    driver: dict[str, Any]


def read_document(path: Path) -> dict[str, Any]:
    """The content of a TOML or JSON file."""
    try:
        if path.suffix == ".json":
            return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return tomllib.loads(path.read_text())
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path}: {error}") from error


def hub_config(document: dict[str, Any]) -> HubConfig:
    """A hub's configuration from a document."""
    try:
        return msgspec.convert(document, HubConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"hub configuration: {error}") from error
