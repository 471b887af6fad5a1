"""What a baseline method answers, put together the same way for all methods."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_USABLE_WINDOW: Final = "not_adjusted: the adjustment window has no usable measurement"
WINDOW_OUTSIDE: Final = "not_adjusted: the data does not reach over the adjustment window"


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """Baselines of S sites over T intervals; NaN where `ok` is False.

    `adjustment` is what was added [kW] or multiplied [1]. `reason` is empty for a site without remark; it
    says why a site has no baseline, or why its baseline is not adjusted (then `ok` stays True).
    """

    baseline_kw: Floats
    unadjusted_kw: Floats
    adjustment: Floats
    days_used: NDArray[np.int64]
    ok: Bools
    reason: tuple[str, ...]


def assemble(
    unadjusted_kw: Floats,
    *,
    days_used: NDArray[np.int64],
    eligible: NDArray[np.int64],
    min_days: int,
    found: Floats | None = None,
    ratio: bool = False,
    not_found: str = NO_USABLE_WINDOW,
) -> BaselineResult:
    """Apply what was found to the unadjusted baselines, and say what could not be done.

    Parameters
    ----------
    unadjusted_kw
        (S, T) mean of the days [kW].
    days_used, eligible
        (S,) days averaged, and days that could have been [1].
    min_days
        How few eligible days are enough [1].
    found
        (S,) what to add [kW] or multiply by [1]; NaN where that cannot be told, None for no adjustment.
    ratio
        Whether `found` multiplies.
    not_found
        Reason where `found` is NaN.
    """
    ok = eligible >= min_days
    unadjusted = np.where(ok[:, None], unadjusted_kw, np.nan)
    reasons = [f"too_few_days: {n} of {min_days}" if n < min_days else "" for n in eligible.tolist()]
    correction = np.full(len(unadjusted), 1.0 if ratio else 0.0)
    if found is not None:
        correction = np.where(ok & ~np.isnan(found), found, correction)
        for site in np.flatnonzero(ok & np.isnan(found)):
            reasons[site] = not_found
    columns = correction[:, None]
    baseline = unadjusted * columns if ratio else unadjusted + columns
    return BaselineResult(baseline, unadjusted, correction, days_used, ok, tuple(reasons))
