"""The sum of many sites' forecasts, with the spread of their sum."""

import numpy as np

from vpp.forecasting.question import Floats, ForecastError, check_levels

NEIGHBORS = 2
LEAST_SHARE = 0.5


def joint_residuals(residuals: Floats) -> Floats:
    """(O, T) what the sites' sum missed on O past days; each day keeps what happened to all at once.

    A site without a value on a day is taken to have missed like the others' mean; where fewer than half of
    them have one, the day is NaN there.

    Parameters
    ----------
    residuals
        (N, O, T) actual minus mean, NaN where unknown.
    """
    known = (~np.isnan(residuals)).sum(axis=0)
    total = np.nan_to_num(residuals).sum(axis=0)
    enough = known >= max(1.0, LEAST_SHARE * len(residuals))
    return np.where(enough, total * len(residuals) / np.maximum(known, 1), np.nan)


def portfolio_quantiles(mean: Floats, residuals: Floats, *, levels: tuple[float, ...]) -> Floats:
    """(T, Q) quantiles of a sum: its mean plus the quantiles of its joint past residuals.

    Summing the sites' quantiles would take them all to be high at once; drawing them apart would take clouds to
    pass over one home only. Joint daily scenarios do neither. Each interval borrows the residuals of two
    neighbors on both sides, because a few weeks are few days. Quantiles sit at ranks level * (n + 1), as
    in conformal prediction; the resulting band can be no wider than the past's extremes.

    Parameters
    ----------
    mean
        (T,) sum of the sites' means.
    residuals
        (O, T) from `joint_residuals`; sums of several groups' may be added up.

    Raises
    ------
    ForecastError
        For shapes that do not fit.

    Notes
    -----
    Scenarios from joint past errors: Pinson et al. (Wind Energy 12, 2009) motivate them; this is the plain
    empirical form without a copula.
    """
    check_levels(levels)
    if mean.ndim != 1 or residuals.ndim != 2 or residuals.shape[1] != len(mean):
        raise ForecastError(f"residuals of shape {residuals.shape} do not fit {mean.shape}")
    padded = np.pad(residuals, ((0, 0), (NEIGHBORS, NEIGHBORS)), constant_values=np.nan)
    pooled = np.concatenate([padded[:, k : k + len(mean)] for k in range(2 * NEIGHBORS + 1)])
    ordered = np.sort(pooled, axis=0)
    count = (~np.isnan(pooled)).sum(axis=0)
    quantiles = np.full((len(mean), len(levels)), np.nan)
    for place, level in enumerate(levels):
        position = np.clip(level * (count + 1) - 1, 0, np.maximum(count - 1, 0))
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        if len(ordered):
            below = np.take_along_axis(ordered, low[None], axis=0)[0]
            above = np.take_along_axis(ordered, high[None], axis=0)[0]
            quantiles[:, place] = mean + below + (position - low) * (above - below)
    return np.where((count > 0)[:, None], quantiles, np.nan)
