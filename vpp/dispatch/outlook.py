"""What an event will have delivered at its end, said with an interval while it runs."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.dispatch.responsiveness import Responsiveness
from vpp.dispatch.tracking import TrackingError

Floats = NDArray[np.float64]
# What is believed of the fleet's performance before it was looked at, as if it had been seen in this many looks.
PRIOR_LOOKS: Final = 3.0
PRIOR_DEVIATION: Final = 0.1
MOST: Final = 1.5


@dataclass(frozen=True, slots=True)
class Performance:
    """Delivered over planned [1] of the fleet as a whole: what to go on with, and its standard deviation."""

    ratio: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """Energy at the end of the event [kWh]: expected, and between which bounds with `probability` [0-1]."""

    expected_kwh: float
    low_kwh: float
    high_kwh: float
    probability: float


def performance_so_far(delivered_kw: ArrayLike, planned_kw: ArrayLike, *, expected: float) -> Performance:
    """The fleet's performance over the latest looks, pulled to what its homes were `expected` to do before.

    Parameters
    ----------
    delivered_kw, planned_kw
        (L,) [kW]; looks with NaN or nothing planned are left out.
    expected
        Delivered over planned [1] that the homes' responsiveness speaks for.

    Notes
    -----
    The deviation is that of a single look and not of their mean: looks a minute apart repeat the same error.

    Raises
    ------
    TrackingError
        For shapes that do not fit, or an expectation that is negative or not finite.
    """
    delivered, planned = (np.asarray(values, dtype=np.float64) for values in (delivered_kw, planned_kw))
    if delivered.ndim != 1 or delivered.shape != planned.shape:
        raise TrackingError(f"shapes {delivered.shape} and {planned.shape} do not fit")
    if not 0 <= expected < math.inf:
        raise TrackingError(f"an expected performance of {expected} makes no sense")
    known = np.isfinite(delivered) & np.isfinite(planned) & (planned > 0)
    ratios = np.clip(delivered[known] / planned[known], 0.0, MOST)
    looks = PRIOR_LOOKS + len(ratios)
    ratio = (PRIOR_LOOKS * expected + float(ratios.sum())) / looks
    square = PRIOR_LOOKS * PRIOR_DEVIATION**2 + float(((ratios - ratio) ** 2).sum())
    return Performance(ratio, math.sqrt(square / looks))


def outlook(
    *,
    delivered_kwh: float,
    planned_kwh: ArrayLike,
    responsiveness: Responsiveness,
    performance: Performance,
    probability: float = 0.9,
) -> Outlook:
    """What the event will have delivered, if it goes on as it goes.

    The rest of the plan is delivered at the fleet's performance so far. Two errors are added up: the homes' own, which
    are independent, and the performance's, which hits all of them together. The sum is taken for normal; the rest is
    not below 0.

    Parameters
    ----------
    delivered_kwh
        Until now [kWh], any sign.
    planned_kwh
        (N,) what each home is still asked for [kWh], >= 0.
    responsiveness
        Of the same homes.
    probability
        Of the interval, between 0 and 1.

    Raises
    ------
    TrackingError
        For shapes that do not fit, numbers that are none, a probability of 0 or 1.
    """
    rest = np.asarray(planned_kwh, dtype=np.float64)
    if rest.shape != responsiveness.factor.shape or not (np.isfinite(rest) & (rest >= 0)).all():
        raise TrackingError("the rest of the plan needs a finite number of 0 or more for every home")
    if not (math.isfinite(delivered_kwh) and 0 < probability < 1):
        raise TrackingError(f"{delivered_kwh} kWh so far, or a probability of {probability}, makes no sense")
    whole = float(rest.sum())
    mean = performance.ratio * whole
    deviation = math.hypot(
        math.sqrt(float((rest**2) @ responsiveness.variance)), performance.deviation * whole
    )
    reach = NormalDist().inv_cdf(0.5 + probability / 2) * deviation
    return Outlook(
        expected_kwh=delivered_kwh + mean,
        low_kwh=delivered_kwh + max(mean - reach, 0.0),
        high_kwh=delivered_kwh + mean + reach,
        probability=probability,
    )
