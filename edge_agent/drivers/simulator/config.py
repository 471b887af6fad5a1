"""A simulated home: which profiles drive it and how big its devices are."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from edge_agent.config import ConfigError, Fraction, Positive

DAY_STEPS = 96
WEEK_STEPS = 7 * DAY_STEPS


class Household(msgspec.Struct, forbid_unknown_fields=True):
    """Uncontrollable load: a profile scaled to a year's consumption."""

    profile: str
    annual_kwh: Positive
    first_week: int = 0


class PvString(msgspec.Struct, forbid_unknown_fields=True):
    """A part of a PV system: its share of the modules, and how far it looks to the west (1) or the east (-1).

    From `lost_from` on it gives the share `lost` less.
    """

    name: str
    share: Positive
    west: float = 0.0
    lost: Fraction = 0.0
    lost_from: datetime | None = None


class Pv(msgspec.Struct, forbid_unknown_fields=True):
    """A PV system; its series gives power per installed kW. With `strings` each is measured by itself."""

    profile: str
    peak_kw: Positive
    first_week: int = 0
    strings: list[PvString] = []


class Appliance(msgspec.Struct, forbid_unknown_fields=True):
    """An appliance behind a plug that measures: its program in quarter-hours, and when it is started.

    `starts` is a local time of the day, `days` the days of the week, Monday 0.
    """

    key: str
    quarters_kw: list[float]
    starts: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


class Battery(msgspec.Struct, forbid_unknown_fields=True):
    """A home battery. `standby_kw` is drawn from the AC side all the time."""

    capacity_kwh: Positive
    charge_kw: Positive
    discharge_kw: Positive
    charge_efficiency: Fraction = 0.95
    discharge_efficiency: Fraction = 0.95
    standby_kw: float = 0.008
    initial_soc: Fraction = 0.5


class Ev(msgspec.Struct, forbid_unknown_fields=True):
    """A car at a home charger; when it comes and what it needs follows from the charger's profile."""

    profile: str
    charge_kw: Positive
    battery_kwh: Positive
    first_week: int = 0
    full_soc: Fraction = 0.9


class Heat(msgspec.Struct, forbid_unknown_fields=True):
    """A heat pump with a thermal store between it and the house."""

    profile: str
    rated_kw: Positive
    tank_kwh: Positive
    cop: Positive = 3.2
    first_week: int = 0
    target: Fraction = 0.7


class Outage(msgspec.Struct, forbid_unknown_fields=True):
    """A time without the grid, as UTC instants."""

    starts_at: datetime
    ends_at: datetime


class Home(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A simulated home. The `weeks` from each `first_week` on repeat, beginning on `first_monday`."""

    kind: str = "simulator"
    seed: int
    household: Household
    pv: Pv | None = None
    battery: Battery | None = None
    ev: Ev | None = None
    heat: Heat | None = None
    time_zone: str = "Europe/Berlin"
    first_monday: str = "2026-04-06"
    weeks: int = 3
    noise: float = 0.005
    profiles: str = ""
    outages: list[Outage] = []
    appliances: list[Appliance] = []


def home_config(document: dict[str, Any]) -> Home:
    """A home from a hub's `driver` table."""
    try:
        home = msgspec.convert(document, Home)
        ZoneInfo(home.time_zone)
        for one in home.appliances:
            time.fromisoformat(one.starts)
        monday = date.fromisoformat(home.first_monday).weekday() == 0
    except (msgspec.ValidationError, ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"simulated home: {error}") from error
    if not monday:
        raise ConfigError(f"simulated home: first_monday {home.first_monday} is no Monday")
    if any(one.starts_at.tzinfo is None or one.ends_at.tzinfo is None for one in home.outages):
        raise ConfigError("simulated home: an outage begins and ends at an instant with its time zone")
    if home.ev:
        charger_kw(home.ev.profile)
    return home


def charger_kw(profile: str) -> float:
    """The rated power [kW] that a charger's profile has in its name."""
    try:
        return float(profile.rpartition("_")[2])
    except ValueError:
        raise ConfigError(f"simulated home: {profile!r} is no charger's profile") from None
