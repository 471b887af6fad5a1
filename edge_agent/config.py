"""What a hub is told: one TOML or JSON file, checked when it is read."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ConfigError(ValueError):
    """A configuration that cannot be used, with the place and the reason."""


class GridLimits(msgspec.Struct, forbid_unknown_fields=True):
    """What the grid connection may carry [kW]."""

    import_kw: Positive = 30.0
    export_kw: Annotated[float, msgspec.Meta(ge=0)] = 30.0


class LinkConfig(msgspec.Struct, forbid_unknown_fields=True):
    """How to reach the cloud. All times are the machine's own seconds."""

    transport: Literal["websocket", "post"] = "websocket"
    backoff_s: Positive = 0.5
    backoff_max_s: Positive = 60.0
    ack_timeout_s: Positive = 30.0
    claim_poll_s: Positive = 5.0
    post_interval_s: Positive = 10.0
    request_timeout_s: Positive = 20.0


class HubConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One hub. `driver` is read by the driver that its `kind` names. Intervals are simulated seconds."""

    key: str
    cloud_url: str
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
    max_catch_up_cycles: Annotated[int, msgspec.Meta(ge=1)] = 600
    grid: GridLimits = msgspec.field(default_factory=GridLimits)
    link: LinkConfig = msgspec.field(default_factory=LinkConfig)
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
