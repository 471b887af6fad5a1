"""Data that cannot be believed: stuck, missing, generated at night, negative, or late.

Sources: the run of equal values is what `pvanalytics` calls stale values (window of differences within a tolerance);
the other rules are plain bounds. Data that a meter rounds coarsely looks stuck; give it more intervals.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import (
    DiagnosticsError,
    Floats,
    checked,
    mask,
    median_of_rows,
    one_name_each,
)
from vpp.diagnostics.finding import Finding, Kind
from vpp.diagnostics.runs import Stretches, mean_inside, stretches
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.intervals import Grid
from vpp.units import SECONDS_PER_HOUR

_TEXT: Final[dict[Kind, tuple[str, str]]] = {
    "stuck_value": ("reports the same value", "Restart the meter or its gateway."),
    "missing_data": ("has no measurements", "Look at the hub's connection and the device's address."),
    "night_generation": (
        "reports generation at night",
        "Check clock, time zone and the meter's zero; a battery may be counted as solar.",
    ),
    "negative_generation": (
        "reports negative generation",
        "Turn the meter's sign or its current clamps round.",
    ),
}


def stuck_values(
    values: ArrayLike, *, ignore: ArrayLike | None = None, thresholds: Thresholds = DEFAULTS
) -> Stretches:
    """Find stretches of one and the same value other than zero.

    Zero is what much rests at: solar at night, a car that is away.

    Parameters
    ----------
    values
        (N, T) power [kW]; NaN is missing and ends a stretch.
    ignore
        (N, T) or (T,), where a constant value is right: a plateau of clipping, a schedule that is held.
    thresholds
        Of which `stuck_intervals` and `stuck_kw` count.

    Raises
    ------
    DiagnosticsError
        For infinite values or a mask that does not fit.
    """
    rows = checked("values", values, dimensions=2)
    moving = np.abs(rows) > thresholds.stuck_kw
    if ignore is not None:
        moving &= ~mask("ignore", ignore, shape=rows.shape)
    same = (np.abs(np.diff(rows, axis=1)) <= thresholds.stuck_kw) & moving[:, 1:] & moving[:, :-1]
    # n equal values are n - 1 equal pairs; a single value is no stretch.
    found = stretches(same, max(thresholds.stuck_intervals - 1, 1))
    return Stretches(found.row, found.starts, found.ends + 1)


def missing_data(values: ArrayLike, *, thresholds: Thresholds = DEFAULTS) -> Stretches:
    """Find stretches of (N, T) values without a measurement, `missing_intervals` or longer.

    Raises
    ------
    DiagnosticsError
        For infinite values.
    """
    return stretches(np.isnan(checked("values", values, dimensions=2)), thresholds.missing_intervals)


def night_generation(
    generation_kw: ArrayLike, night: ArrayLike, *, thresholds: Thresholds = DEFAULTS
) -> Stretches:
    """Find generation while the sun is down.

    Parameters
    ----------
    generation_kw
        (N, T) solar power [kW], positive when it generates; NaN is missing.
    night
        (N, T) or (T,), true while the sun is well below the horizon.
    thresholds
        Of which `night_kw` and `night_intervals` count.

    Raises
    ------
    DiagnosticsError
        For infinite values or a mask that does not fit.
    """
    generation = checked("generation", generation_kw, dimensions=2)
    dark = mask("night", night, shape=generation.shape)
    return stretches(dark & (generation > thresholds.night_kw), thresholds.night_intervals)


def negative_generation(generation_kw: ArrayLike, *, thresholds: Thresholds = DEFAULTS) -> Stretches:
    """Find solar power (N, T) below zero by more than `night_kw`, for `night_intervals` or longer.

    Raises
    ------
    DiagnosticsError
        For infinite values.
    """
    generation = checked("generation", generation_kw, dimensions=2)
    return stretches(generation < -thresholds.night_kw, thresholds.night_intervals)


def stretch_findings(
    kind: Kind, found: Stretches, *, values: ArrayLike, resources: Sequence[str], grid: Grid
) -> list[Finding]:
    """One finding for each resource with stretches of a kind, since the first of them.

    Parameters
    ----------
    kind, found
        One of the four kinds of this module, and its stretches.
    values
        (N, T) the data they were found in.
    resources, grid
        Names of the rows, and the intervals of the columns.

    Raises
    ------
    DiagnosticsError
        For another kind, names or intervals that do not fit.
    """
    rows = checked("values", values, dimensions=2)
    one_name_each(resources, len(rows))
    if kind not in _TEXT or rows.shape[1] != grid.count:
        raise DiagnosticsError(
            f"{kind} with {rows.shape[1]} values on {grid.count} intervals is no such finding"
        )
    return [
        _stretch_finding(kind, found, rows=rows, name=resources[row], row=row, grid=grid)
        for row in np.unique(found.row).tolist()
    ]


def late_telemetry(
    latency_s: ArrayLike, resources: Sequence[str], *, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of sites whose measurements arrive late.

    Parameters
    ----------
    latency_s
        (N, M) age of measurements at arrival [s]; NaN is missing. Below zero the sender's clock runs ahead.
    resources
        Names of the rows.
    thresholds
        Of which `latency_s` counts, for the median.

    Raises
    ------
    DiagnosticsError
        For infinite values or names that do not fit.
    """
    ages = checked("latency", latency_s, dimensions=2)
    one_name_each(resources, len(ages))
    median = median_of_rows(np.abs(ages))
    late = np.flatnonzero(median > thresholds.latency_s).tolist()
    return [_late_finding(ages[row], name=resources[row], thresholds=thresholds) for row in late]


def _stretch_finding(
    kind: Kind, found: Stretches, *, rows: Floats, name: str, row: int, grid: Grid
) -> Finding:
    here = np.flatnonzero(found.row == row)
    mine = Stretches(found.row[here], found.starts[here], found.ends[here])
    hours = float(mine.lengths.sum() * grid.hours)
    ongoing = bool(mine.ends[-1] == grid.count)
    evidence = {
        "hours": hours,
        "longest_hours": float(mine.lengths.max() * grid.hours),
        "stretches": float(len(here)),
        "ongoing": float(ongoing),
    }
    if kind != "missing_data":
        evidence["latest_kw"] = float(mean_inside(rows, mine)[-1])
    says, action = _TEXT[kind]
    return Finding(
        kind=kind,
        resource=name,
        since=grid.interval(int(mine.starts[0])).starts_at,
        confidence=min(1.0, 0.5 + hours / 48.0),
        severity="warning" if ongoing or hours >= 24 else "info",
        sentence=f"The meter {says}: {hours:.0f} h in {len(here)} stretches{', until now' if ongoing else ''}.",
        evidence=evidence,
        action=action,
    )


def _late_finding(ages: Floats, *, name: str, thresholds: Thresholds) -> Finding:
    known = ages[~np.isnan(ages)]
    median, worst = np.percentile(known, [50, 95])
    ahead = bool(median < 0)
    return Finding(
        kind="late_telemetry",
        resource=name,
        since=None,
        confidence=float((np.abs(known) > thresholds.latency_s).mean()),
        severity="critical" if abs(median) >= SECONDS_PER_HOUR else "warning",
        sentence=(
            f"Measurements are stamped {-median:.0f} s in the future."
            if ahead
            else f"Half of the measurements arrive {median:.0f} s late or later."
        ),
        evidence={"median_s": float(median), "p95_s": float(worst), "measurements": float(len(known))},
        action="Set the hub's clock." if ahead else "Look at the hub's connection.",
    )
