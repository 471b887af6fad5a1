"""How good forecasts were, per site. Errors are forecast minus actual; what is NaN on either side does not count.

Sources: Hyndman and Koehler (2006) for MASE; Gneiting and Raftery (2007) for the pinball loss and CRPS; the
rest is textbook. NaN where nothing was compared or a denominator is zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.forecasting.question import Floats, ForecastError, check_levels


@dataclass(frozen=True, slots=True)
class ForecastErrors:
    """Errors of N sites, each (N,).

    Attributes
    ----------
    count
        Intervals compared [1].
    bias, nmae
        Mean error and mean absolute error over the mean absolute actual [1].
    nrmse
        Root of the mean square error over the greatest absolute actual [1].
    mase
        Mean absolute error over that of the reference forecast in the same intervals [1].
    pinball, crps
        Mean pinball loss over the levels, and twice that, over the mean absolute actual [1]. With few levels
        CRPS is an approximation.
    coverage, width
        Share of the actuals within the lowest and highest quantile, and their mean distance over the mean
        absolute actual [1].
    """

    count: NDArray[np.int64]
    bias: Floats
    nmae: Floats
    nrmse: Floats
    mase: Floats
    pinball: Floats
    crps: Floats
    coverage: Floats
    width: Floats


def forecast_errors(
    mean: Floats,
    quantiles: Floats,
    *,
    actual: Floats,
    levels: tuple[float, ...],
    reference: Floats | None = None,
) -> ForecastErrors:
    """Compare forecasts of N sites with what was.

    Parameters
    ----------
    mean, actual
        (N, ...) with any further axes, such as days and intervals.
    quantiles
        (N, ..., Q) at `levels`.
    reference
        Like `mean`: the naive forecast of MASE; without it MASE is NaN.

    Raises
    ------
    ForecastError
        For shapes that do not fit.
    """
    check_levels(levels)
    if mean.shape != actual.shape or quantiles.shape != (*mean.shape, len(levels)):
        raise ForecastError(f"shapes {mean.shape}, {quantiles.shape} and {actual.shape} do not fit")
    if reference is not None and reference.shape != mean.shape:
        raise ForecastError(f"shapes {mean.shape} and {reference.shape} do not fit")
    rows = (len(mean), -1) if mean.size else (len(mean), 0)
    mean, actual = mean.reshape(rows), actual.reshape(rows)
    quantiles = quantiles.reshape((*mean.shape, len(levels)))
    known = ~(np.isnan(mean) | np.isnan(actual) | np.isnan(quantiles).any(axis=-1))
    truth, error = np.where(known, actual, 0.0), np.where(known, mean - actual, 0.0)
    count = known.sum(axis=1)
    level = np.abs(truth).sum(axis=1)
    pinball = _pinball(quantiles, truth, known=known, levels=levels)
    return ForecastErrors(
        count=count,
        bias=_over(error.sum(axis=1), level),
        nmae=_over(np.abs(error).sum(axis=1), level),
        nrmse=_over(np.sqrt(_over((error**2).sum(axis=1), count)), np.abs(truth).max(axis=1, initial=0.0)),
        mase=_mase(error, truth, known=known, reference=reference),
        pinball=_over(pinball, level),
        crps=_over(2 * pinball, level),
        coverage=_over(_inside(quantiles, truth, known=known), count),
        width=_over(_width(quantiles, known=known), level),
    )


def pinball_loss(quantiles: Floats, actual: Floats, *, levels: tuple[float, ...]) -> Floats:
    """Pinball loss of each (..., Q) quantile: level * (y - q) above it, (1 - level) * (q - y) below."""
    short = actual[..., None] - quantiles
    share = np.array(levels)
    return np.asarray(np.maximum(share * short, (share - 1) * short))


def _pinball(
    quantiles: Floats, truth: Floats, *, known: NDArray[np.bool_], levels: tuple[float, ...]
) -> Floats:
    if not levels:
        return np.full(len(truth), np.nan)
    loss = pinball_loss(quantiles, truth, levels=levels).mean(axis=-1)
    return np.asarray(np.where(known, loss, 0.0).sum(axis=1))


def _mase(error: Floats, truth: Floats, *, known: NDArray[np.bool_], reference: Floats | None) -> Floats:
    if reference is None:
        return np.full(len(truth), np.nan)
    naive = reference.reshape(truth.shape)
    both = known & ~np.isnan(naive)
    absolute = np.where(both, np.abs(naive - truth), 0.0).sum(axis=1)
    return _over(np.where(both, np.abs(error), 0.0).sum(axis=1), absolute)


def _inside(quantiles: Floats, truth: Floats, *, known: NDArray[np.bool_]) -> Floats:
    if quantiles.shape[-1] < 2:
        return np.full(len(truth), np.nan)
    # A band of one value, as at night, holds it in spite of rounding.
    slack = 1e-9 * (1 + np.abs(truth))
    inside = (quantiles[..., 0] - slack <= truth) & (truth <= quantiles[..., -1] + slack)
    return np.asarray((inside & known).sum(axis=1), dtype=np.float64)


def _width(quantiles: Floats, *, known: NDArray[np.bool_]) -> Floats:
    if quantiles.shape[-1] < 2:
        return np.full(len(known), np.nan)
    return np.asarray(np.where(known, quantiles[..., -1] - quantiles[..., 0], 0.0).sum(axis=1))


def _over(value: Floats, by: Floats | NDArray[np.int64]) -> Floats:
    return np.where(by > 0, value / np.where(by > 0, by, 1), np.nan)
