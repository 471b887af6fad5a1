"""Microinverters and stores: status, energy, control."""

from datetime import datetime

from vpp.protocols.link.messages import ResourceDescription
from vpp.protocols.ores.facts import Action, Facts, Home, Row, Wish
from vpp.protocols.ores.messages import (
    Control,
    Controls,
    DeviceQuery,
    Microinverter,
    MicroinverterControl,
    MicroinverterEnergy,
    MicroinverterStatus,
    PeriodQuery,
    ProducedInterval,
    Storage,
    StorageControl,
    StorageHistory,
    StorageStatus,
    StoredInterval,
)
from vpp.protocols.ores.problems import OresError
from vpp.protocols.ores.values import (
    QUARTER_MS,
    at_of,
    control_of,
    energy_kwh,
    groups,
    is_fresh,
    negative,
    positive,
)
from vpp.units import MS_PER_DAY, clamp

IDLE_KW = 0.02
_LONGEST_MS = 92 * MS_PER_DAY
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2100


def microinverter_status(home: Home, query: DeviceQuery) -> MicroinverterStatus:
    """GET /microinverter/status"""
    facts, wishes = home.facts(), _by_device(home)
    devices = [
        _microinverter(facts, one, wish=wishes.get(one.key))
        for one in _asked(facts, "pv", device_id=query.device_id)
    ]
    return MicroinverterStatus(site_id=facts.site_id, at=at_of(facts.now), devices=devices)


def storage_status(home: Home, query: DeviceQuery) -> StorageStatus:
    """GET /energystorage/status"""
    facts, wishes = home.facts(), _by_device(home)
    held = home.preferences().preferences
    devices = [
        _storage(facts, one, wish=wishes.get(one.key), reserve_soc=held.reserve_soc)
        for one in _asked(facts, "battery", device_id=query.device_id)
    ]
    return StorageStatus(site_id=facts.site_id, at=at_of(facts.now), devices=devices)


def microinverter_energy(home: Home, query: PeriodQuery) -> MicroinverterEnergy:
    """GET /microinverter/energy"""
    facts = home.facts()
    device = _one(facts, "pv", device_id=query.device_id)
    starts_at, ends_at = period(query.starts_at, query.ends_at, now=facts.now, most_ms=_LONGEST_MS)
    step_ms = query.resolution_s * 1000
    starts_at -= starts_at % step_ms
    intervals = [
        _produced(at, rows)
        for at, rows in groups(
            complete(home, facts, starts_at=starts_at, ends_at=ends_at),
            starts_at=starts_at,
            ends_at=ends_at,
            step_ms=step_ms,
        )
    ]
    return MicroinverterEnergy(
        site_id=facts.site_id,
        device_id=device.key,
        starts_at=at_of(starts_at),
        ends_at=at_of(ends_at),
        resolution_s=query.resolution_s,
        now_kw=negative(facts.latest.pv_kw) if facts.latest and is_fresh(facts) else None,
        total_kwh=round(sum(one.production_kwh or 0.0 for one in intervals), 4),
        intervals=intervals,
    )


def storage_history(home: Home, query: PeriodQuery) -> StorageHistory:
    """GET /energystorage/storage"""
    facts = home.facts()
    device = _one(facts, "battery", device_id=query.device_id)
    starts_at, ends_at = period(query.starts_at, query.ends_at, now=facts.now, most_ms=_LONGEST_MS)
    step_ms = query.resolution_s * 1000
    starts_at -= starts_at % step_ms
    capacity_kwh = device.parameters.get("capacity_kwh")
    intervals = [
        _stored(at, rows, capacity_kwh=capacity_kwh)
        for at, rows in groups(
            complete(home, facts, starts_at=starts_at, ends_at=ends_at),
            starts_at=starts_at,
            ends_at=ends_at,
            step_ms=step_ms,
        )
    ]
    return StorageHistory(
        site_id=facts.site_id,
        device_id=device.key,
        starts_at=at_of(starts_at),
        ends_at=at_of(ends_at),
        resolution_s=query.resolution_s,
        now_soc=facts.latest.battery_soc if facts.latest and is_fresh(facts) else None,
        charge_kwh=round(sum(one.charge_kwh or 0.0 for one in intervals), 4),
        discharge_kwh=round(sum(one.discharge_kwh or 0.0 for one in intervals), 4),
        intervals=intervals,
    )


def microinverter_controls(home: Home, query: DeviceQuery) -> Controls:
    """GET /microinverter/control"""
    return _controls(home, query, kind="pv")


def storage_controls(home: Home, query: DeviceQuery) -> Controls:
    """GET /energystorage/control"""
    return _controls(home, query, kind="battery")


def microinverter_control(home: Home, sent: MicroinverterControl) -> Control:
    """POST /microinverter/control"""
    kw = None if sent.action == "release" else -_power(sent.power_kw, sent.action)
    return _control(home, sent, kind="pv", kw=kw)


def storage_control(home: Home, sent: StorageControl) -> Control:
    """POST /energystorage/control"""
    signs = {"charge": 1.0, "discharge": -1.0}
    if sent.action in signs:
        return _control(
            home, sent, kind="battery", kw=signs[sent.action] * _power(sent.power_kw, sent.action)
        )
    return _control(home, sent, kind="battery", kw=0.0 if sent.action == "hold" else None)


def period(
    starts: datetime | None, ends: datetime | None, *, now: int, most_ms: int, usual_ms: int = MS_PER_DAY
) -> tuple[int, int]:
    """The period asked for [ms]; the last `usual_ms` up to now where nothing is said."""
    ends_at = now if ends is None else _ms(ends)
    starts_at = ends_at - usual_ms if starts is None else _ms(starts)
    if not starts_at < ends_at:
        raise OresError(400, "period_invalid", "a period ends after it starts")
    if ends_at - starts_at > most_ms:
        raise OresError(400, "period_too_long", f"a period has at most {most_ms // MS_PER_DAY} days")
    return starts_at, ends_at


def complete(home: Home, facts: Facts, *, starts_at: int, ends_at: int) -> list[Row]:
    """The quarter-hours of a period [ms] that are over: half a one says nothing of its energy."""
    return home.quarters(starts_at, min(ends_at, facts.now - facts.now % QUARTER_MS))


def _ms(at: datetime) -> int:
    ms = round(at.timestamp() * 1000)
    if not _EARLIEST_MS <= ms <= _LATEST_MS:
        raise OresError(400, "period_invalid", "an instant lies in the years 2000 to 2100")
    return ms


def _power(kw: float | None, action: str) -> float:
    if kw is None:
        raise OresError(400, "power_required", f"{action} needs power_kw")
    return kw


def _control(
    home: Home, sent: MicroinverterControl | StorageControl, *, kind: str, kw: float | None
) -> Control:
    facts = home.facts()
    device = _one(facts, kind, device_id=sent.device_id)
    action: Action = sent.action
    ends_at = facts.now if action == "release" else facts.now + sent.duration_s * 1000
    wish = Wish(
        control_id="", device_id=device.key, action=action, kw=kw, starts_at=facts.now, ends_at=ends_at, note=sent.note,
    )  # fmt: skip
    return control_of(home.wish(wish))


def _controls(home: Home, query: DeviceQuery, *, kind: str) -> Controls:
    keys = {one.key for one in _asked(home.facts(), kind, device_id=query.device_id)}
    return Controls(controls=[control_of(wish) for wish in home.wishes() if wish.device_id in keys])


def _by_device(home: Home) -> dict[str, Wish]:
    return {wish.device_id: wish for wish in home.wishes()}


def _asked(facts: Facts, kind: str, *, device_id: str | None) -> list[ResourceDescription]:
    found = [one for one in facts.resources if one.kind == kind and device_id in (None, one.key)]
    if device_id is not None and not found:
        raise OresError(404, "device_unknown", "the home has no such device of this kind")
    return found


def _one(facts: Facts, kind: str, *, device_id: str | None) -> ResourceDescription:
    found = _asked(facts, kind, device_id=device_id)
    if not found:
        raise OresError(404, "device_unknown", "the home has no device of this kind")
    return found[0]


def _microinverter(facts: Facts, device: ResourceDescription, *, wish: Wish | None) -> Microinverter:
    row = facts.latest or Row(at=0)
    producing: bool = (negative(row.pv_kw) or 0.0) >= IDLE_KW
    known = row.pv_kw is not None
    return Microinverter(
        device_id=device.key,
        name=device.name,
        state="unknown"
        if not known
        else "stale"
        if not is_fresh(facts)
        else "producing"
        if producing
        else "idle",
        rated_kw=device.parameters.get("peak_kw"),
        production_kw=negative(row.pv_kw),
        voltage_v=row.voltage_v,
        frequency_hz=row.frequency_hz,
        measured_at=at_of(row.at) if known else None,
        reason=facts.reasons.get(device.key, ""),
        control=None if wish is None else control_of(wish),
    )


def _storage(
    facts: Facts, device: ResourceDescription, *, wish: Wish | None, reserve_soc: float | None
) -> Storage:
    row, given = facts.latest or Row(at=0), device.parameters
    capacity_kwh = given.get("capacity_kwh")
    known = row.battery_kw is not None or row.battery_soc is not None
    kw = row.battery_kw or 0.0
    working = "charging" if kw >= IDLE_KW else "discharging" if kw <= -IDLE_KW else "idle"
    return Storage(
        device_id=device.key,
        name=device.name,
        state="unknown" if not known else "stale" if not is_fresh(facts) else working,  # type: ignore[arg-type]
        soc=row.battery_soc,
        soh=given.get("state_of_health"),
        temperature_c=facts.battery_c,
        capacity_kwh=capacity_kwh,
        stored_kwh=_kwh(row.battery_soc, capacity_kwh),
        charge_kw=positive(row.battery_kw),
        discharge_kw=negative(row.battery_kw),
        rated_charge_kw=given.get("charge_kw"),
        rated_discharge_kw=given.get("discharge_kw"),
        reserve_soc=given.get("reserve_soc", reserve_soc),
        measured_at=at_of(row.at) if known else None,
        reason=facts.reasons.get(device.key, ""),
        control=None if wish is None else control_of(wish),
    )


def _kwh(soc: float | None, capacity_kwh: float | None) -> float | None:
    if soc is None or capacity_kwh is None:
        return None
    return round(clamp(soc, low=0.0, high=1.0) * capacity_kwh, 4)


def _produced(at: int, rows: list[Row]) -> ProducedInterval:
    powers = [kw for row in rows if (kw := negative(row.pv_kw)) is not None]
    if not powers:
        return ProducedInterval(starts_at=at_of(at), production_kwh=None, mean_kw=None)
    mean_kw = round(sum(powers) / len(powers), 4)
    return ProducedInterval(starts_at=at_of(at), production_kwh=energy_kwh(powers), mean_kw=mean_kw)


def _stored(at: int, rows: list[Row], *, capacity_kwh: float | None) -> StoredInterval:
    levels = [row.battery_soc for row in rows if row.battery_soc is not None]
    powers = [row.battery_kw for row in rows if row.battery_kw is not None]
    soc = round(sum(levels) / len(levels), 4) if levels else None
    return StoredInterval(
        starts_at=at_of(at),
        soc=soc,
        stored_kwh=_kwh(soc, capacity_kwh),
        charge_kwh=energy_kwh(map(positive, powers)) if powers else None,
        discharge_kwh=energy_kwh(map(negative, powers)) if powers else None,
    )
