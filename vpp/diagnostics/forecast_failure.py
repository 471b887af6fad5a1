"""When an ageing number will cross the value at which its resource is at its end.

The robust line of `trend` is drawn on. The early and late end of the answer are those of the line's slope of 95 %, turned
about the middle of the data, and the level's own error. A straight line is the plainest model of ageing: a battery
that has passed its knee fails earlier than this says, and a young one, whose first losses slow down, later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import DiagnosticsError, Floats, checked, one_name_each, same_shape
from vpp.diagnostics.finding import Finding
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.diagnostics.trend import Trend

# The error of a median is 1.25 times that of a mean; 1.96 gives 95 %.
_LEVEL = 1.96 * 1.2533


@dataclass(frozen=True, slots=True)
class Crossing:
    """When N falling numbers cross their limits, (N,) each, in the trend's unit of time, counted as its times are.

    `at` with `early` and `late`: infinity is never, NaN unknown. `chance` is the probability [0-1] that it is
    crossed within the horizon.
    """

    at: Floats
    early: Floats
    late: Floats
    chance: Floats


def time_to_threshold(trend: Trend, limit: ArrayLike, *, now: float, horizon: float) -> Crossing:
    """Draw falling trends on to their limits.

    Parameters
    ----------
    trend
        Of N numbers.
    limit
        (N,) below which each is at its end, in the number's unit; NaN is unknown.
    now, horizon
        Now, in the trend's time, and how far beyond it is looked for `chance`.

    Raises
    ------
    DiagnosticsError
        For limits that do not fit, a time that is not finite, or no horizon.
    """
    from scipy.special import ndtr

    limits = checked("limit", limit, dimensions=1)
    same_shape("limit", limits, shape=trend.slope.shape)
    if not (math.isfinite(now) and math.isfinite(horizon) and horizon > 0):
        raise DiagnosticsError(f"now {now} and a horizon of {horizon} are no times")
    level = _LEVEL * trend.scatter / np.sqrt(np.maximum(trend.points, 1))
    at = _crossing(trend.middle - limits, trend.slope, middle_at=trend.middle_at)
    early = _crossing(trend.middle - level - limits, trend.low, middle_at=trend.middle_at)
    late = _crossing(trend.middle + level - limits, trend.high, middle_at=trend.middle_at)
    ahead = now + horizon - trend.middle_at
    deviation = np.hypot((trend.high - trend.low) / 3.92 * ahead, level / 1.96)
    away = trend.middle + trend.slope * ahead - limits
    chance = ndtr(-away / np.maximum(deviation, 1e-12))
    return Crossing(at, early, late, chance)


def end_of_life_findings(
    crossing: Crossing, resources: Sequence[str], *, now: float, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of batteries that more likely than not reach their end within the horizon; times are years.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the numbers.
    """
    one_name_each(resources, len(crossing.at))
    share = thresholds.end_of_life_share
    findings = []
    for battery in np.flatnonzero(crossing.chance > 0.5).tolist():
        years = {
            name: float(max(value[battery] - now, 0.0))
            for name, value in (
                ("years", crossing.at),
                ("early_years", crossing.early),
                ("late_years", crossing.late),
            )
        }
        until = f"{years['late_years']:.1f}" if math.isfinite(years["late_years"]) else "many"
        findings.append(
            Finding(
                kind="battery_end_of_life",
                resource=resources[battery],
                since=None,
                confidence=float(crossing.chance[battery]),
                severity="critical" if years["years"] < 1 else "warning",
                sentence=(
                    f"Will fall below {100 * share:.0f} % of its capacity in {years['years']:.1f} years "
                    f"({years['early_years']:.1f} to {until})."
                ),
                evidence={name: value for name, value in years.items() if math.isfinite(value)}
                | {"end_of_life_pct": 100 * share},
                action="Plan its replacement; ask for the warranty before it ends.",
            )
        )
    return findings


def _crossing(above: Floats, slope: Floats, *, middle_at: Floats) -> Floats:
    """Time at which a line `above` its limit at `middle_at` reaches it; infinity for one that does not fall."""
    falls = np.where(slope < 0, slope, -1.0)
    at = middle_at + above / -falls
    never = np.where(np.isnan(above) | np.isnan(slope), np.nan, np.inf)
    return np.where(slope < 0, at, np.where(above <= 0, middle_at, never))
