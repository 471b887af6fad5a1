"""A forecast of the coming hours, corrected by what is measured now."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]


class BlendError(VppError):
    """Arrays that do not fit, or a time constant that makes no sense."""

    code = "invalid_blend"


def blend_with_present(
    forecast_kw: ArrayLike,
    *,
    present_kw: ArrayLike,
    lead_s: ArrayLike,
    time_constant_s: float = 2700.0,
    weight: float = 0.8,
) -> Floats:
    """Pull a forecast towards the present measurement, the less the farther ahead.

    forecast + weight * exp(-lead / time constant) * (present - forecast): damped persistence, the usual
    intraday correction. The two constants are ours: what a household draws now says something for about
    three quarters of an hour.

    Parameters
    ----------
    forecast_kw
        (N, T) [kW]; NaN stays NaN.
    present_kw
        (N,) measured now [kW]; NaN leaves the home's forecast as it is.
    lead_s
        (T,) from now to the middle of each interval [s]; intervals that have passed count as now.
    time_constant_s, weight
        [s], and the pull at lead 0 [0-1].

    Raises
    ------
    BlendError
        For shapes that do not fit or constants that make no sense.
    """
    forecast = np.asarray(forecast_kw, dtype=np.float64)
    present, lead = np.asarray(present_kw, dtype=np.float64), np.asarray(lead_s, dtype=np.float64)
    if forecast.ndim != 2 or present.shape != forecast.shape[:1] or lead.shape != forecast.shape[1:]:
        raise BlendError(f"shapes {forecast.shape}, {present.shape} and {lead.shape} do not fit")
    if not (time_constant_s > 0 and 0 <= weight <= 1):
        raise BlendError(f"a time constant of {time_constant_s} s and a weight of {weight} make no sense")
    pull = weight * np.exp(-np.maximum(lead, 0.0) / time_constant_s)
    blended = forecast + pull * (present[:, None] - forecast)
    return np.where(np.isnan(present)[:, None], forecast, blended)
