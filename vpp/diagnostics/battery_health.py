"""What a battery can still store, from its own full charges and discharges.

Energy over the change of the state of charge, in windows in which that changes by 60 % or more, apart for the two
directions: what goes in per full charge is capacity through the charge efficiency, what comes out is capacity times the
discharge efficiency; the square root of their product is the capacity where both are alike, and their quotient the
round-trip efficiency. The trend is a robust line through the medians of weeks. All of it leans on the state of charge
the battery itself reports: one that relearns its own full charge hides its fade, and none of this can see that.
Source: energy counting between two states of charge is common practice; no paper is followed in detail.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import (
    DiagnosticsError,
    Floats,
    Ints,
    checked,
    median_of_rows,
    one_name_each,
    positive,
    same_shape,
)
from vpp.diagnostics.finding import Finding, severity_of
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.diagnostics.trend import Trend, robust_trend

WEEKS_PER_YEAR = 365.25 / 7
HOURS_PER_WEEK = 168.0


@dataclass(frozen=True, slots=True)
class CapacityWindows:
    """Full enough charges and discharges of a fleet, (M,) each, by battery and time.

    `ends` is the interval of the end; `per_full_kwh` the energy [kWh] for the whole state of charge, at the AC
    side, always positive; `charging` the direction.
    """

    battery: Ints
    ends: Ints
    per_full_kwh: Floats
    charging: Ints


@dataclass(frozen=True, slots=True)
class BatteryHealth:
    """Weekly medians (N, W) and trends of N batteries; NaN where a week or battery has no window.

    `charge_kwh` and `discharge_kwh` are energies per full charge [kWh], `capacity_kwh` the capacity of the
    week [kWh], `round_trip` (N,) the median efficiency [0-1]. `trend` is of `capacity_kwh` over years [kWh/year];
    `fade_pct` (N,) with `fade_low_pct` and `fade_high_pct` is the loss in % per year of the capacity at the
    trend's start, positive for a battery that fades.
    """

    charge_kwh: Floats
    discharge_kwh: Floats
    capacity_kwh: Floats
    round_trip: Floats
    trend: Trend
    fade_pct: Floats
    fade_low_pct: Floats
    fade_high_pct: Floats


def capacity_windows(
    power_kw: ArrayLike, soc: ArrayLike, *, step_h: float, thresholds: Thresholds = DEFAULTS
) -> CapacityWindows:
    """Find the stretches in which batteries are charged, or discharged, far enough.

    Rest within a stretch does not end it, but its standby consumption is left out; the other direction or a
    missing value ends it.

    Parameters
    ----------
    power_kw
        (N, T) mean AC power [kW], charging positive; NaN is missing.
    soc
        (N, T) state of charge at the end of each interval [0-1]; NaN is missing.
    step_h
        Length of an interval [h].
    thresholds
        Of which `battery_window_soc` and `battery_idle_kw` count.

    Raises
    ------
    DiagnosticsError
        For shapes that do not fit, infinite values, or a state of charge outside [0, 1].
    """
    power, charge = checked("power", power_kw, dimensions=2), checked("soc", soc, dimensions=2, least=0.0)
    same_shape("soc", charge, shape=power.shape)
    positive("step_h", step_h)
    if (charge > 1).any():
        raise DiagnosticsError(f"soc has {np.nanmax(charge):g}, which is above 1")
    if not power.size:
        nothing = np.empty(0, dtype=np.int64)
        return CapacityWindows(nothing, nothing, np.empty(0), nothing)
    direction = np.where(np.abs(power) > thresholds.battery_idle_kw, np.sign(power), 0.0)
    # Missing values, and the first interval of a row, before which the state of charge is unknown.
    broken = np.isnan(power) | np.isnan(charge)
    broken[:, 0] = True
    going = _carried(np.where(broken, 9.0, direction))
    active = (direction != 0) & ~broken
    row, at = np.nonzero(active)
    if not len(row):
        return CapacityWindows(row, at, np.empty(0), row)
    changed = np.zeros(going.shape, dtype=np.bool_)
    changed[:, 1:] = going[:, 1:] != going[:, :-1]
    block = changed.ravel().cumsum().reshape(changed.shape)[row, at] + row * going.size
    begins = np.flatnonzero(np.diff(block, prepend=-1))
    ends = np.append(begins[1:], len(block)) - 1
    energy = np.add.reduceat(power[row, at], begins) * step_h
    change = charge[row[ends], at[ends]] - charge[row[begins], at[begins] - 1]
    # Of one sign with the energy, or the state of charge was corrected under way.
    full = (np.abs(change) >= thresholds.battery_window_soc) & (change * energy > 0)
    return CapacityWindows(
        row[ends][full],
        at[ends][full],
        np.asarray(energy[full] / change[full]),
        (change[full] > 0).astype(np.int64),
    )


def battery_health(
    power_kw: ArrayLike, soc: ArrayLike, *, step_h: float, thresholds: Thresholds = DEFAULTS
) -> BatteryHealth:
    """Capacity by weeks, its trend and the round-trip efficiency of every battery.

    Parameters and errors as in `capacity_windows`; the trend needs `trend_points` weeks with a window.
    """
    into, out = energy_by_week(power_kw, soc, step_h=step_h, thresholds=thresholds)
    return health_of_weeks(into, out, thresholds=thresholds)


def energy_by_week(
    power_kw: ArrayLike, soc: ArrayLike, *, step_h: float, thresholds: Thresholds = DEFAULTS
) -> tuple[Floats, Floats]:
    """Weekly medians (N, W) of the energy per full charge, and per full discharge [kWh]; NaN for none.

    Weeks count from the first interval. Parameters and errors as in `capacity_windows`.
    """
    windows = capacity_windows(power_kw, soc, step_h=step_h, thresholds=thresholds)
    batteries, intervals = np.shape(power_kw)
    week = (windows.ends * step_h // HOURS_PER_WEEK).astype(np.int64)
    shape = (batteries, int(intervals * step_h // HOURS_PER_WEEK) + 1)
    into, out = (
        weekly_medians(windows.per_full_kwh[way], row=windows.battery[way], week=week[way], shape=shape)
        for way in (windows.charging == 1, windows.charging == 0)
    )
    return into, out


def health_of_weeks(
    charge_kwh: ArrayLike, discharge_kwh: ArrayLike, *, thresholds: Thresholds = DEFAULTS
) -> BatteryHealth:
    """The health of N batteries whose weeks are known already, as kept from `energy_by_week`.

    Parameters
    ----------
    charge_kwh, discharge_kwh
        (N, W) energy per full charge and discharge of weeks in a row [kWh]; NaN is missing.
    thresholds
        Of which `trend_points` counts.

    Raises
    ------
    DiagnosticsError
        For negative or infinite energies, or shapes that do not fit.
    """
    into = checked("charge", charge_kwh, dimensions=2, least=0.0)
    out = checked("discharge", discharge_kwh, dimensions=2, least=0.0)
    same_shape("discharge", out, shape=into.shape)
    round_trip = median_of_rows(out / into)
    # A week with one direction alone says the same, once the losses are taken out by half a round trip each.
    losses = np.sqrt(np.where(np.isnan(round_trip), 1.0, round_trip))[:, None]
    both = np.sqrt(into * out)
    capacity = np.where(~np.isnan(both), both, np.where(np.isnan(into), out / losses, into * losses))
    years = (np.arange(into.shape[1]) + 0.5) / WEEKS_PER_YEAR
    trend = robust_trend(years, capacity, least_points=thresholds.trend_points)
    start = trend.value_at(0.0)
    start = np.where(start > 0, start, np.nan)
    return BatteryHealth(
        into,
        out,
        capacity,
        round_trip,
        trend,
        -100.0 * trend.slope / start,
        -100.0 * trend.high / start,
        -100.0 * trend.low / start,
    )


def battery_fade_findings(
    found: BatteryHealth, resources: Sequence[str], *, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of batteries that more likely than not lose more capacity than is usual.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the batteries.
    """
    from scipy.special import ndtr

    one_name_each(resources, len(found.fade_pct))
    limit = thresholds.fade_pct
    # The interval of 95 % is 2 x 1.96 standard deviations wide.
    deviation = np.maximum((found.fade_high_pct - found.fade_low_pct) / 3.92, 1e-9)
    sure = ndtr((found.fade_pct - limit) / deviation)
    return [
        Finding(
            kind="battery_fade",
            resource=resources[battery],
            since=None,
            confidence=float(sure[battery]),
            severity=severity_of(found.fade_pct[battery], warning=limit, critical=3 * limit),
            sentence=(
                f"Loses {found.fade_pct[battery]:.1f} % of its capacity a year; up to {limit:g} % is usual."
            ),
            evidence={
                "fade_pct": float(found.fade_pct[battery]),
                "low_pct": float(found.fade_low_pct[battery]),
                "high_pct": float(found.fade_high_pct[battery]),
                "capacity_kwh": float(found.trend.middle[battery]),
                "weeks": float(found.trend.points[battery]),
            },
            action="Check temperature and how long it stands full; compare with the warranty.",
        )
        for battery in np.flatnonzero(found.fade_pct > limit).tolist()
    ]


def weekly_medians(values: Floats, *, row: Ints, week: Ints, shape: tuple[int, int]) -> Floats:
    """(N, W) medians of values that lie scattered over rows and weeks; NaN where there is none."""
    found = np.full(shape, np.nan)
    if not len(values):
        return found
    cell = row * shape[1] + week
    order = np.lexsort((values, cell))
    cells, begins, count = np.unique(cell[order], return_index=True, return_counts=True)
    sorted_values = values[order]
    low, high = begins + (count - 1) // 2, begins + count // 2
    found.ravel()[cells] = (sorted_values[low] + sorted_values[high]) / 2
    return found


def _carried(direction: Floats) -> Floats:
    """(N, T) the last direction that was not rest."""
    last = np.where(direction != 0, np.arange(direction.shape[1]), 0)
    return np.asarray(np.take_along_axis(direction, np.maximum.accumulate(last, axis=1), axis=1))
