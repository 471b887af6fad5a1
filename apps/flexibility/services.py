"""Compute and keep what each home can give to a grid signal."""

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from apps.common.bulk import bulk_copy
from apps.common.progress import Begins, unheard
from apps.flexibility.baselines import BaselineRule, baselines_compute, fits
from apps.flexibility.expected import TOO_LITTLE, expected_power
from apps.flexibility.models import SiteFlexibility
from apps.flexibility.rows import SignalIntervals
from apps.sites.models import Resource, Site
from apps.sites.preferences import comfort_share
from apps.sites.selectors import resources_by_site
from apps.telemetry.rollups import roll_up
from apps.telemetry.selectors import latest_rows, recent_means
from vpp.baselines.names import DEFAULT_METHOD
from vpp.errors import VppError
from vpp.flexibility.envelope import ShedEnvelope, build_shed_envelope
from vpp.forecasting.blend import blend_with_present
from vpp.resources.battery import Battery
from vpp.resources.bounds import ResourceError
from vpp.resources.ev import Ev
from vpp.resources.heat_pump import HeatPump
from vpp.resources.pv import Pv
from vpp.resources.site import SiteState

Floats = NDArray[np.float64]
PRESENT = timedelta(minutes=5)
# What such a home gave could not be told from what it would have drawn anyway.
NO_METER: Final = "no meter tells what the home draws"
# The hub reports a tank's heat; of it half may be missing when the event starts, at this performance.
HEAT_PUMP_COP = 3.0
TANK_USABLE = 0.5
# What a hub must say of a resource for a plan to count on it (docs/reference/link.md).
NEEDED = {
    Resource.Kind.BATTERY: ("capacity_kwh", "charge_kw", "discharge_kw"),
    Resource.Kind.EV_CHARGER: ("charge_kw",),
    Resource.Kind.HEAT_PUMP: ("rated_kw", "tank_kwh"),
    Resource.Kind.PV: ("peak_kw",),
}


@dataclasses.dataclass(frozen=True)
class FleetFlexibility:
    """What `sites` can give; row i of the envelope is site i. `notes` says why a home cannot be counted on."""

    sites: list[Site]
    envelope: ShedEnvelope
    notes: dict[int, str]
    inputs: dict[str, Any]


def flexibility_compute(
    *,
    intervals: SignalIntervals,
    sites: Sequence[Site],
    excluded_days: Collection[date],
    now: datetime,
    freeze_baseline: bool,
    method: str = DEFAULT_METHOD,
    holidays: Collection[date] = (),
    store: bool = True,
    begins: Begins = unheard,
) -> FleetFlexibility:
    """Compute every home's baseline, by the program's method, and envelope for a signal's intervals, and store them.

    With `freeze_baseline`, a baseline that is stored already is kept: what a running event is measured
    against does not move. Without `store` nothing of it is kept. `begins` is told of each stage.
    """
    begins("baselines")
    roll_up(now=now)
    groups: dict[str, list[Site]] = {}
    for site in sites:
        groups.setdefault(site.time_zone, []).append(site)
    frozen = _stored_baselines(intervals) if freeze_baseline else {}
    rule = BaselineRule(method, frozenset(holidays), frozenset(excluded_days))
    ordered = [site for group in groups.values() for site in group]
    baseline_kw, reasons = _baselines(groups, intervals=intervals, rule=rule)
    for index, site in enumerate(ordered):
        if site.pk in frozen:
            baseline_kw[index] = frozen[site.pk].baseline_kw
    begins("forecast")
    expected = expected_power(sites=ordered, intervals=intervals, excluded_days=excluded_days, now=now)
    uncontrolled_kw = _with_present(expected.uncontrolled_kw, ordered, intervals=intervals, now=now)
    begins("envelope")
    states, notes = site_states(ordered)
    for index, (site, reason) in enumerate(zip(ordered, reasons, strict=True)):
        unknown = TOO_LITTLE if np.isnan(uncontrolled_kw[index]).any() else ""
        if reason or unknown:
            notes.setdefault(site.pk, reason or unknown)
    envelope = build_shed_envelope(
        states,
        interval_s=intervals.interval_s,
        baseline_net_kw=baseline_kw,
        uncontrolled_kw=uncontrolled_kw,
        ev_forecast_kw=expected.ev_kw,
        heat_forecast_kw=expected.heat_kw,
    )
    known = {
        "baseline_kw": baseline_kw,
        "uncontrolled_kw": uncontrolled_kw,
        "ev_kw": expected.ev_kw,
        "heat_kw": expected.heat_kw,
    }
    inputs = _inputs(ordered, states, known=known, source=expected.source) | {
        "notes": {str(site_id): note for site_id, note in notes.items()}
    }
    fleet = FleetFlexibility(ordered, envelope, notes, inputs)
    methods = {site.pk: frozen[site.pk].baseline_method if site.pk in frozen else method for site in ordered}
    if store:
        _store(fleet, intervals=intervals, now=now, methods=methods)
    return fleet


def _baselines(
    groups: Mapping[str, Sequence[Site]], *, intervals: SignalIntervals, rule: BaselineRule
) -> tuple[Floats, list[str]]:
    """Return (N, T) baselines and why there is none, for the sites of each time zone in turn."""
    found = [
        baselines_compute(
            site_ids=[site.pk for site in group], zone=ZoneInfo(name), intervals=intervals, rule=rule
        )
        for name, group in groups.items()
    ]
    values = np.concatenate([np.empty((0, intervals.count)), *(one.baseline_kw for one in found)])
    return values, [reason for one in found for reason in one.reasons]


def _with_present(
    forecast_kw: Floats, sites: Sequence[Site], *, intervals: SignalIntervals, now: datetime
) -> Floats:
    """Correct the forecast of load less PV by the last minutes."""
    measured = recent_means(
        site_ids=[site.pk for site in sites],
        columns=("load_kw", "pv_kw"),
        starts_at=now - PRESENT,
        ends_at=now,
    )
    present = [
        load + (pv or 0.0) if load is not None else math.nan
        for load, pv in (measured.get(site.pk, (None, None)) for site in sites)
    ]
    middles = [intervals.starts_at + intervals.step * (index + 0.5) for index in range(intervals.count)]
    lead_s = [(middle - now).total_seconds() for middle in middles]
    return blend_with_present(forecast_kw, present_kw=np.array(present), lead_s=np.array(lead_s))


def site_states(sites: Sequence[Site]) -> tuple[list[SiteState], dict[int, str]]:
    """Return what is known of each home's resources now, and why a home cannot be counted on."""
    ids = [site.pk for site in sites]
    resources = resources_by_site(site_ids=ids)
    rows = latest_rows(site_ids=ids, columns=("battery_soc", "ev_soc", "grid_kw"))
    latest = {site_id: (soc, ev_soc) for site_id, _, soc, ev_soc, _ in rows}
    unmetered = {site_id for site_id, *_, grid_kw in rows if grid_kw is None}
    states: list[SiteState] = []
    notes: dict[int, str] = {}
    for site in sites:
        soc, ev_soc = latest.get(site.pk, (None, None))
        if site.pk in unmetered:
            notes[site.pk] = NO_METER
            states.append(SiteState(name=site.name, export_limit_kw=site.export_limit_kw))
            continue
        try:
            states.append(_site_state(site, resources[site.pk], soc=soc, ev_soc=ev_soc))
        except VppError as error:
            notes[site.pk] = f"its hub describes a resource wrongly: {error.detail}"[:200]
            states.append(SiteState(name=site.name, export_limit_kw=site.export_limit_kw))
        if site.pk not in latest:
            notes[site.pk] = "it has sent no measurement yet"
    return states, notes


def _site_state(
    site: Site, resources: Mapping[str, Resource], *, soc: float | None, ev_soc: float | None
) -> SiteState:
    battery = resources.get(Resource.Kind.BATTERY)
    ev = resources.get(Resource.Kind.EV_CHARGER)
    heat = resources.get(Resource.Kind.HEAT_PUMP)
    pv = resources.get(Resource.Kind.PV)
    ev_most_kw = float(ev.parameters["charge_kw"]) if ev and not _charges_first(site, ev_soc) else None
    soc = None if battery is None else soc
    _check_described(resources)
    return SiteState(
        name=site.name,
        battery=_battery(battery.parameters, site) if battery else None,
        battery_soc=None if soc is None else min(1.0, max(0.0, soc)),
        ev=None if ev_most_kw is None else Ev(max_kw=ev_most_kw),
        heat_pump=_heat_pump(heat.parameters, site) if heat else None,
        pv=Pv(peak_kw=float(pv.parameters["peak_kw"]), curtailable=True) if pv else None,
        export_limit_kw=site.export_limit_kw,
        import_limit_kw=site.import_limit_kw,
    )


def _check_described(resources: Mapping[str, Resource]) -> None:
    for kind, names in NEEDED.items():
        resource = resources.get(kind)
        for name in names if resource else ():
            value = resource.parameters.get(name) if resource else None
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ResourceError(f"the {kind.label.lower()} does not say its {name}")


def _battery(parameters: Mapping[str, float], site: Site) -> Battery:
    names = ("capacity_kwh", "charge_kw", "discharge_kw", "charge_efficiency", "discharge_efficiency")
    known = {name: float(parameters[name]) for name in names if name in parameters}
    # The hub keeps its own reserve; whichever is higher counts, or the plan would ask for what it refuses.
    reserve = max(site.reserve_soc, float(parameters.get("reserve_soc", 0.0)))
    return Battery(**known, reserve_soc=reserve)


def _charges_first(site: Site, ev_soc: float | None) -> bool:
    """Whether the car has less than its owner wants at any time: then nobody else is asked to let it wait."""
    return ev_soc is not None and ev_soc < site.ev_least_soc


def _heat_pump(parameters: Mapping[str, float], site: Site) -> HeatPump:
    share = comfort_share(low_c=site.comfort_low_c, high_c=site.comfort_high_c)
    deferrable = float(parameters["tank_kwh"]) * TANK_USABLE / HEAT_PUMP_COP * share
    return HeatPump(max_kw=float(parameters["rated_kw"]), deferrable_kwh=deferrable)


def _inputs(
    sites: Sequence[Site],
    states: Sequence[SiteState],
    *,
    known: Mapping[str, Floats],
    source: Mapping[str, Any],
) -> dict[str, Any]:
    """What was known, for a replay of the decision."""
    return {
        "sites": [site.pk for site in sites],
        "states": [_plain(state) for state in states],
        **{name: _listed(values) for name, values in known.items()},
        "forecast": dict(source),
    }


def _plain(described: Any) -> dict[str, Any]:
    """The same as dataclasses.asdict, which copies every number by itself."""
    values = {field.name: getattr(described, field.name) for field in dataclasses.fields(described)}
    return {
        name: _plain(value) if dataclasses.is_dataclass(value) else value for name, value in values.items()
    }


def _listed(values: Floats) -> list[list[float | None]]:
    rows: list[list[float | None]] = values.round(5).tolist()
    for index in np.flatnonzero(np.isnan(values).any(axis=1)):
        rows[index] = [None if value is None or math.isnan(value) else value for value in rows[index]]
    return rows


def _stored_baselines(intervals: SignalIntervals) -> dict[int, SiteFlexibility]:
    rows = SiteFlexibility.objects.filter(signal_id=intervals.signal_id)
    return {row.site_id: row for row in rows if fits(row, intervals=intervals)}


@transaction.atomic
def _store(
    fleet: FleetFlexibility, *, intervals: SignalIntervals, now: datetime, methods: Mapping[int, str]
) -> None:
    envelope = fleet.envelope
    baseline_kw, most_kw = envelope.baseline_kw, envelope.max_shed_kw
    known = np.asarray(~np.isnan(baseline_kw + most_kw).any(axis=1))
    rows = [
        SiteFlexibility(
            signal_id=intervals.signal_id,
            site=site,
            computed_at=now,
            starts_at=intervals.starts_at,
            interval_s=intervals.interval_s,
            baseline_kw=baseline_kw[index].tolist(),
            max_shed_kw=np.maximum(0.0, most_kw[index]).tolist(),
            energy_kwh=float(envelope.battery_kwh[index]),
            baseline_method=methods[site.pk],
            note=fleet.notes.get(site.pk, ""),
        )
        for index, site in enumerate(fleet.sites)
        if known[index]
    ]
    SiteFlexibility.objects.filter(
        signal_id=intervals.signal_id, site_id__in=[row.site_id for row in rows]
    ).delete()
    bulk_copy(SiteFlexibility, rows)
