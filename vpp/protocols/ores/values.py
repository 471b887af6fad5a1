"""From a row in load convention to what is shown: instants, directions, energies."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vpp.protocols.ores.facts import Facts, Row, Wish
from vpp.protocols.ores.messages import Control, Flow, Logged, Presence, Today
from vpp.units import kwh_from_kw

QUARTER_S = 900
QUARTER_MS = QUARTER_S * 1000
STALE_MS = 300_000


def at_of(ms: int) -> datetime:
    """The wire's form of an instant [ms]."""
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)


def at_or_none(ms: int | None) -> datetime | None:
    """The same of what may be unknown."""
    return None if ms is None else at_of(ms)


def positive(kw: float | None) -> float | None:
    """The part of a power [kW] that is drawn."""
    return None if kw is None else max(kw, 0.0)


def negative(kw: float | None) -> float | None:
    """The part of a power [kW] that is given, without its sign."""
    return None if kw is None else max(-kw, 0.0)


def consumption_kw(row: Row) -> float | None:
    """All that the home consumes [kW], its car and its heating included."""
    if row.load_kw is None:
        return None
    return row.load_kw + max(row.ev_kw or 0.0, 0.0) + (row.heat_kw or 0.0)


def is_fresh(facts: Facts) -> bool:
    """Whether the newest row tells of now."""
    return facts.latest is not None and facts.now - facts.latest.at < STALE_MS


def presence(facts: Facts) -> Presence:
    """Whether the home has a hub and the hub its link."""
    if facts.hub is None:
        return "none"
    if facts.hub.is_alone:
        return "alone"
    return "online" if facts.hub.is_connected else "offline"


def flow_of(row: Row | None) -> Flow:
    """What flows, by direction."""
    row = row or Row(at=0)
    return Flow(
        measured_at=at_of(row.at) if row.at else None,
        import_kw=positive(row.grid_kw),
        export_kw=negative(row.grid_kw),
        consumption_kw=consumption_kw(row),
        production_kw=negative(row.pv_kw),
        charge_kw=positive(row.battery_kw),
        discharge_kw=negative(row.battery_kw),
        soc=row.battery_soc,
        ev_kw=positive(row.ev_kw),
        heat_kw=positive(row.heat_kw),
    )


def logged_of(row: Row) -> Logged:
    """A row as it is logged."""
    return Logged(
        at=at_of(row.at),
        import_kw=positive(row.grid_kw),
        export_kw=negative(row.grid_kw),
        import_kwh=row.import_kwh,
        export_kwh=row.export_kwh,
        consumption_kw=consumption_kw(row),
        production_kw=negative(row.pv_kw),
        charge_kw=positive(row.battery_kw),
        discharge_kw=negative(row.battery_kw),
        soc=row.battery_soc,
        ev_kw=positive(row.ev_kw),
        ev_soc=row.ev_soc,
        heat_kw=positive(row.heat_kw),
        voltage_v=row.voltage_v,
        frequency_hz=row.frequency_hz,
    )


def control_of(wish: Wish) -> Control:
    """A wish as it is shown."""
    return Control(
        control_id=wish.control_id,
        device_id=wish.device_id,
        action=wish.action,
        power_kw=None if wish.kw is None else abs(wish.kw),
        starts_at=at_of(wish.starts_at),
        ends_at=at_of(wish.ends_at),
        note=wish.note,
        state=wish.state,
        reason=wish.reason,
    )


def day_starts_at(now: int, time_zone: str) -> int:
    """The beginning [ms] of the local day that `now` [ms] lies in."""
    local = at_of(now).astimezone(ZoneInfo(time_zone))
    return round(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def today_of(quarters: Iterable[Row]) -> Today:
    """Energies [kWh] of quarter-hours, by their mean powers."""
    rows = list(quarters)
    return Today(
        import_kwh=energy_kwh(positive(row.grid_kw) for row in rows),
        export_kwh=energy_kwh(negative(row.grid_kw) for row in rows),
        production_kwh=energy_kwh(negative(row.pv_kw) for row in rows),
        consumption_kwh=energy_kwh(consumption_kw(row) for row in rows),
    )


def energy_kwh(powers: Iterable[float | None]) -> float:
    """The energy [kWh] of quarter-hours of these mean powers [kW]; what is unknown counts as nothing."""
    return round(sum(kwh_from_kw(kw, QUARTER_S) for kw in powers if kw is not None), 4)


def groups(
    quarters: Iterable[Row], *, starts_at: int, ends_at: int, step_ms: int
) -> Iterator[tuple[int, list[Row]]]:
    """Quarter-hours by the steps of a period, steps without any included."""
    found: dict[int, list[Row]] = {}
    for row in quarters:
        found.setdefault(row.at - row.at % step_ms, []).append(row)
    for at in range(starts_at - starts_at % step_ms, ends_at, step_ms):
        yield at, found.get(at, [])
