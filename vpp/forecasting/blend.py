"""A forecast of the coming hours, corrected by what is measured now."""

import dataclasses
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError
from vpp.forecasting.question import Forecast

Floats = NDArray[np.float64]

TIME_CONSTANT_S = 2700.0
WEIGHT = 0.8


class BlendError(VppError):
    """Arrays that do not fit, or a time constant that makes no sense."""

    code = "invalid_blend"


def blend_with_present(
    forecast_kw: ArrayLike,
    *,
    present_kw: ArrayLike,
    lead_s: ArrayLike,
    time_constant_s: float = TIME_CONSTANT_S,
    weight: float = WEIGHT,
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
    pull = _pull(lead, time_constant_s=time_constant_s, weight=weight)
    blended = forecast + pull * (present[:, None] - forecast)
    return np.where(np.isnan(present)[:, None], forecast, blended)


def blend_forecast(
    forecast: Forecast,
    *,
    present: ArrayLike,
    now: datetime,
    time_constant_s: float = TIME_CONSTANT_S,
    weight: float = WEIGHT,
) -> Forecast:
    """Blend a forecast's mean with the present and narrow its quantiles as the present becomes known.

    With the pull p as the correlation of an error with the present one, the error's spread that is left is
    sqrt(1 - p²) (conditional normal, any textbook): quantile = blended mean + sqrt(1 - p²) (quantile - mean).

    Parameters
    ----------
    forecast
        Of N sites.
    present
        (N,) measured now, in the forecast's unit; NaN leaves the site as it is.
    now
        When that was; the new forecast's issue time.
    time_constant_s, weight
        As for `blend_with_present`.

    Raises
    ------
    BlendError
        As for `blend_with_present`; also for a `now` before the forecast was issued.
    """
    if now < forecast.issued_at:
        raise BlendError(f"a forecast of {forecast.issued_at} cannot be blended at {now}")
    first = (forecast.grid.starts_at - now).total_seconds() + forecast.grid.interval_s / 2
    lead_s = first + forecast.grid.interval_s * np.arange(forecast.grid.count, dtype=np.float64)
    mean = blend_with_present(
        forecast.mean, present_kw=present, lead_s=lead_s, time_constant_s=time_constant_s, weight=weight
    )
    pull = _pull(lead_s, time_constant_s=time_constant_s, weight=weight)
    left = np.where(np.isnan(np.asarray(present))[:, None], 1.0, np.sqrt(1.0 - pull**2))
    quantiles = mean[..., None] + left[..., None] * (forecast.quantiles - forecast.mean[..., None])
    return dataclasses.replace(forecast, issued_at=now, mean=mean, quantiles=quantiles)


def _pull(lead_s: Floats, *, time_constant_s: float, weight: float) -> Floats:
    if not (time_constant_s > 0 and 0 <= weight <= 1):
        raise BlendError(f"a time constant of {time_constant_s} s and a weight of {weight} make no sense")
    return np.asarray(weight * np.exp(-np.maximum(lead_s, 0.0) / time_constant_s))
