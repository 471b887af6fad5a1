"""A straight line through noisy points that a few wild ones do not bend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import DiagnosticsError, Floats, Ints, checked, complete


@dataclass(frozen=True, slots=True)
class Trend:
    """Lines of N rows, (N,) each; NaN where there are too few points.

    `slope`, `low` and `high` are per unit of time, with the interval of 95 %; the line goes through
    (`middle_at`, `middle`), the medians of time and value. `scatter` is the robust standard deviation about
    the line and `points` how many there were [1].
    """

    slope: Floats
    low: Floats
    high: Floats
    middle_at: Floats
    middle: Floats
    scatter: Floats
    points: Ints

    def value_at(self, at: ArrayLike) -> Floats:
        """The lines' values (N,) at one instant, or one instant each."""
        return np.asarray(self.middle + self.slope * (np.asarray(at, dtype=np.float64) - self.middle_at))


def robust_trend(at: ArrayLike, values: ArrayLike, *, least_points: int = 12) -> Trend:
    """Fit the line of Theil and Sen to each row.

    The slope is the median of the slopes between all pairs of points; its interval comes from the ranks
    (Sen 1968), as in `scipy.stats.theilslopes`, which does the work. The interval supposes that the points'
    errors are independent, so give it weeks, not hours.

    Parameters
    ----------
    at
        (W,) instants of the points in any unit of time.
    values
        (N, W); NaN is missing.
    least_points
        Fewest points for a line [1], at least 3.

    Raises
    ------
    DiagnosticsError
        For shapes that do not fit, infinite values or a missing instant.
    """
    from scipy.stats import theilslopes

    times, rows = complete("at", at, dimensions=1), checked("values", values, dimensions=2)
    if rows.shape[1] != len(times) or least_points < 3:
        raise DiagnosticsError(
            f"values {rows.shape}, times {times.shape}, {least_points} points: no trend is there"
        )
    found = np.full((6, len(rows)), np.nan)
    known = ~np.isnan(rows)
    for index in np.flatnonzero(known.sum(axis=1) >= least_points):
        x, y = times[known[index]], rows[index, known[index]]
        if x.min() == x.max():
            continue
        slope, intercept, low, high = theilslopes(y, x)
        away = y - intercept - slope * x
        scatter = 1.4826 * np.median(np.abs(away - np.median(away)))
        found[:, index] = slope, low, high, np.median(x), intercept + slope * np.median(x), scatter
    slope, low, high, middle_at, middle, scatter = found
    return Trend(slope, low, high, middle_at, middle, scatter, known.sum(axis=1))
