"""What homes will draw by themselves in a signal's intervals: from the stored forecast, else asked for now."""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.flexibility.forecast_selectors import means_of_sites, run_known
from apps.flexibility.models import ForecastRun
from apps.flexibility.rows import QUARTER, Intervals, parts_of
from apps.sites.models import Resource, Site
from apps.sites.selectors import sites_with_resource
from apps.telemetry.arrays import QUARTERS_OF_DAY, quarter_history
from vpp.forecasting.question import QUARTER_S, Question, onto_grid
from vpp.forecasting.registry import METHODS
from vpp.intervals import Grid

Floats = NDArray[np.float64]
MOVABLE: Final = (Resource.Kind.EV_CHARGER, Resource.Kind.HEAT_PUMP)
# An hour's clock change moves a wall-clock time by four quarter-hours of the UTC day.
CLOCK_CHANGE: Final = 4
FRESH: Final = timedelta(hours=2)
METHOD: Final = METHODS["seasonal_mean"]
TOO_LITTLE: Final = "too little history for a forecast of its load"


@dataclasses.dataclass(frozen=True)
class Expected:
    """(N, T) load less PV, EV and heat pump [kW]; `source` says which forecasts were used, for a replay."""

    uncontrolled_kw: Floats
    ev_kw: Floats
    heat_kw: Floats
    source: dict[str, Any]


def expected_power(
    *, sites: Sequence[Site], intervals: Intervals, excluded_days: Collection[date], now: datetime
) -> Expected:
    """Forecast what cannot be moved, and what EV and heat pump would draw.

    Load and PV come from the newest run, where it is fresh and reaches far enough; what it does not hold is
    forecast now. EV and heat pump are forecast now, from days without events, or a fleet that is called
    often would be thought to charge less.
    """
    grid = Grid(intervals.starts_at, intervals.interval_s, intervals.count)
    uncontrolled, runs, from_run = _from_run(sites, grid, now=now)
    missing = [row for row, held in enumerate(from_run) if not held]
    house = _asked_now(
        [sites[row] for row in missing], intervals, columns=("load_kw", "pv_kw"), excluded_days=(), now=now
    )
    uncontrolled[missing] = house["load_kw"] + np.nan_to_num(house["pv_kw"])
    movable = sites_with_resource(site_ids=[site.pk for site in sites], kinds=MOVABLE)
    with_device = [row for row, site in enumerate(sites) if site.pk in movable]
    devices = _asked_now(
        [sites[row] for row in with_device],
        intervals,
        columns=("ev_kw", "heat_kw"),
        excluded_days=excluded_days,
        now=now,
    )
    ev, heat = np.zeros_like(uncontrolled), np.zeros_like(uncontrolled)
    # What was never measured cannot be cut.
    ev[with_device], heat[with_device] = np.nan_to_num(devices["ev_kw"]), np.nan_to_num(devices["heat_kw"])
    source = {
        "runs": runs,
        "computed_now": [sites[row].pk for row in missing],
        "method": METHOD.name,
        "issued_at": now.isoformat(),
    }
    return Expected(uncontrolled, ev, heat, source)


def _from_run(
    sites: Sequence[Site], grid: Grid, *, now: datetime
) -> tuple[Floats, list[dict[str, Any]], NDArray[np.bool_]]:
    """Load less PV of the newest fresh runs, which runs those are, and which homes they hold."""
    values = np.full((len(sites), grid.count), np.nan)
    used: list[dict[str, Any]] = []
    for organization_id in sorted({site.organization_id for site in sites}):
        rows = [row for row, site in enumerate(sites) if site.organization_id == organization_id]
        runs = [
            run_known(
                organization_id=organization_id,
                quantity=quantity,
                as_of=now,
                covering=(grid.starts_at, grid.ends_at),
                not_before=now - FRESH,
            )
            for quantity in (ForecastRun.Quantity.LOAD, ForecastRun.Quantity.PV)
        ]
        if any(run is None for run in runs):
            continue
        load, pv = (_means(run, [sites[row].pk for row in rows], grid=grid) for run in runs if run)
        values[rows] = load + np.nan_to_num(pv)
        used += [
            {"run": run.pk, "quantity": run.quantity, "issued_at": run.issued_at.isoformat()}
            for run in runs
            if run
        ]
    return values, used, ~np.isnan(values).any(axis=1)


def _means(run: ForecastRun, site_ids: Sequence[int], *, grid: Grid) -> Floats:
    step = timedelta(seconds=run.step_s)
    first, last = (grid.starts_at - run.starts_at) // step, -((run.starts_at - grid.ends_at) // step)
    means = means_of_sites(run=run, site_ids=site_ids, intervals=range(first, last))
    nothing = [None] * (last - first)
    values = np.array([means.get(site_id, nothing) for site_id in site_ids], dtype=np.float64)
    source = Grid(run.starts_at + first * step, run.step_s, last - first)
    return onto_grid(values.reshape(len(site_ids), last - first), source, target=grid)


def _asked_now(
    sites: Sequence[Site],
    intervals: Intervals,
    *,
    columns: Sequence[str],
    excluded_days: Collection[date],
    now: datetime,
) -> dict[str, Floats]:
    """(N, T) forecasts of `columns` from what is known now, without the local days left out."""
    grid = _quarters(intervals)
    count = METHOD.history_days * QUARTERS_OF_DAY
    starts_at = min(grid.starts_at, _floor(now) + QUARTER) - count * QUARTER
    first = int(grid.starts_at.timestamp()) // QUARTER_S
    steps = range(first - CLOCK_CHANGE, first + grid.count + CLOCK_CHANGE)
    history = quarter_history(
        site_ids=[site.pk for site in sites],
        columns=columns,
        starts_at=starts_at,
        count=count,
        of_day=sorted({step % QUARTERS_OF_DAY for step in steps}),
    )
    values = {name: np.full((len(sites), grid.count), np.nan) for name in columns}
    for zone_name in {site.time_zone for site in sites}:
        zone = ZoneInfo(zone_name)
        rows = [row for row, site in enumerate(sites) if site.time_zone == zone_name]
        days = [(starts_at + step * QUARTER).astimezone(zone).date() for step in range(count)]
        left_out = np.array([day in excluded_days for day in days])
        for name in columns:
            past = history[name] if len(rows) == len(sites) else history[name][rows]
            past[:, left_out] = np.nan
            values[name][rows] = METHOD.calculate(Question(past, starts_at, grid, now, zone, levels=())).mean
    target = Grid(intervals.starts_at, intervals.interval_s, intervals.count)
    return {name: onto_grid(found, grid, target=target) for name, found in values.items()}


def _quarters(intervals: Intervals) -> Grid:
    quarters = [at for part in parts_of(intervals) for at in part]
    return Grid(quarters[0], QUARTER_S, len(quarters))


def _floor(at: datetime) -> datetime:
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER
