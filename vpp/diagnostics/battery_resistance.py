"""A battery's inner resistance, from how its voltage answers steps of the current: R = dV / dI.

The steps a schedule makes anyway are enough. Between two samples the state of charge must hardly change, so
samples should be 10 s apart or less; slower ones read diffusion as resistance. Temperature changes resistance more than
a year of age does and is not corrected for here. Source: common practice (direct-current pulse test).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.battery_health import HOURS_PER_WEEK, WEEKS_PER_YEAR, weekly_medians
from vpp.diagnostics.checks import Floats, checked, complete, one_name_each, same_shape
from vpp.diagnostics.finding import Finding, severity_of
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.diagnostics.trend import Trend, robust_trend
from vpp.units import SECONDS_PER_HOUR

LONGEST_STEP_S = 10.0


@dataclass(frozen=True, slots=True)
class Resistance:
    """Weekly medians (N, W) [ohm], their trend over years [ohm/year], and the rise (N,) over the time [%].

    `rise_pct` compares the ends of the trend's line; `rise_low_pct` does so for the low end of its slope.
    """

    weekly_ohm: Floats
    trend: Trend
    rise_pct: Floats
    rise_low_pct: Floats


def resistance(
    voltage_v: ArrayLike, current_a: ArrayLike, *, at_s: ArrayLike, thresholds: Thresholds = DEFAULTS
) -> Resistance:
    """Read the resistance at steps of the current and draw its trend.

    Parameters
    ----------
    voltage_v, current_a
        (N, T) of the battery's DC side [V], [A], charging positive; NaN is missing.
    at_s
        (T,) time of the samples [s], from any zero. Only neighbors up to 10 s apart are compared, so that samples may be
        kept of the steps alone.
    thresholds
        Of which `resistance_step_a` and `trend_points` count.

    Raises
    ------
    DiagnosticsError
        For shapes that do not fit, infinite values, a negative voltage, or time that runs backwards.
    """
    voltage = checked("voltage", voltage_v, dimensions=2, least=0.0)
    current = checked("current", current_a, dimensions=2)
    times = complete("at_s", at_s, dimensions=1, least=0.0)
    same_shape("current", current, shape=voltage.shape)
    same_shape("at_s", times, shape=voltage.shape[1:])
    apart = complete("the time between samples", np.diff(times), dimensions=1, least=0.0)
    step_a, step_v = np.diff(current, axis=1), np.diff(voltage, axis=1)
    near = (apart > 0) & (apart <= LONGEST_STEP_S)
    since_s = times - times[:1]
    row, at = np.nonzero((np.abs(step_a) >= thresholds.resistance_step_a) & ~np.isnan(step_v) & near)
    week = (since_s[at] / (SECONDS_PER_HOUR * HOURS_PER_WEEK)).astype(np.int64)
    span_s = float(since_s.max(initial=0.0))
    weeks = int(span_s // (SECONDS_PER_HOUR * HOURS_PER_WEEK)) + 1
    weekly = weekly_medians(
        step_v[row, at] / step_a[row, at], row=row, week=week, shape=(len(voltage), weeks)
    )
    years = (np.arange(weeks) + 0.5) / WEEKS_PER_YEAR
    trend = robust_trend(years, weekly, least_points=thresholds.trend_points)
    start = trend.value_at(0.0)
    years_pct = 100.0 * span_s / (SECONDS_PER_HOUR * HOURS_PER_WEEK * WEEKS_PER_YEAR)
    span = years_pct / np.where(start > 0, start, np.nan)
    return Resistance(weekly, trend, trend.slope * span, trend.low * span)


def resistance_findings(
    found: Resistance, resources: Sequence[str], *, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of batteries whose resistance rose by more than the threshold.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the batteries.
    """
    one_name_each(resources, len(found.rise_pct))
    limit = thresholds.resistance_rise_pct
    return [
        Finding(
            kind="battery_resistance",
            resource=resources[battery],
            since=None,
            confidence=0.95 if found.rise_low_pct[battery] > limit else 0.5,
            severity=severity_of(found.rise_pct[battery], warning=limit, critical=2 * limit),
            sentence=f"Inner resistance rose by {found.rise_pct[battery]:.0f} %, so that power and efficiency fall.",
            evidence={
                "rise_pct": float(found.rise_pct[battery]),
                "rise_low_pct": float(found.rise_low_pct[battery]),
                "resistance_ohm": float(found.trend.middle[battery]),
                "weeks": float(found.trend.points[battery]),
            },
            action="Compare at the same temperature; have contacts and cells measured.",
        )
        for battery in np.flatnonzero(found.rise_pct > limit).tolist()
    ]
