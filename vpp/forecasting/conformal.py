"""Quantiles that hold what they promise: corrected by how past ones did.

Split conformal quantile regression (Romano, Patterson and Candes, 2019), one side at a time, with scores in
units of the band's own width, by lead time; and its adaptive form (Gibbs and Candes, 2021), in which the level
follows the misses. The exchangeability that the theorem asks for holds only roughly from day to day.
"""

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np

from vpp.forecasting.backtest import Backtest
from vpp.forecasting.question import DAY_S, Floats, Forecast, ForecastError, Ints

BUCKET_S: Final = 6 * 3600
MIN_SCORES: Final = 20
# A band of no width still has a scale to be widened by: this share of the site's mean absolute value.
FLOOR: Final = 0.02
LEAST_LEVEL: Final = 0.001


@dataclass(frozen=True, slots=True)
class Calibration:
    """By how many of its widths each quantile moves outwards: (N, B, Q) for B buckets of lead time.

    It moves by no more than `most`, (N, B, Q), the farthest that a past actual lay from it: a band that was
    narrow and wrong must not make a wide one absurd. `floor` is (N,) the least width. Both in the forecast's
    unit. Buckets are `bucket_s` long [s], counted from the start of the forecast's period.
    """

    levels: tuple[float, ...]
    bucket_s: int
    shift: Floats
    most: Floats
    floor: Floats


def calibrate(past: Backtest, *, step_s: int, bucket_s: int = BUCKET_S, rate: float = 0.0) -> Calibration:
    """Learn from past forecasts how far quantiles must move to cover their share.

    A lower quantile at level a moves so far that a share of 1 - a of the past lies above it, with the finite
    sample's correction ceil((n + 1)(1 - a)); an upper one likewise; the median stays. Intervals in which a band
    of no width came true (PV at night) do not count. Fewer than 20 scores move nothing.

    Parameters
    ----------
    past
        (N, O, T) forecasts and actuals, the oldest first.
    step_s, bucket_s
        Length of an interval and of a bucket of lead time [s].
    rate
        0 is split conformal; above, the level adapts from issue to issue by rate * (a - share missed) [0-1].

    Raises
    ------
    ForecastError
        For lengths or a rate that make no sense.
    """
    if step_s <= 0 or bucket_s < step_s or not 0 <= rate <= 1:
        raise ForecastError(
            f"steps of {step_s} s, buckets of {bucket_s} s and a rate of {rate} make no sense"
        )
    sites, _, count = past.mean.shape
    floor = FLOOR * _mean_absolute(past.actual)
    bucket = np.arange(count) * step_s // bucket_s
    shift = np.zeros((sites, int(bucket[-1]) + 1 if count else 0, len(past.levels)))
    most = np.zeros_like(shift)
    width = _width(past.quantiles, floor)
    for place, level in enumerate(past.levels):
        if level == 0.5:
            continue
        side = 1.0 if level > 0.5 else -1.0
        missed = side * (past.actual - past.quantiles[..., place])
        scores = missed / np.where(width > 0, width, 1.0)
        certain = (past.quantiles[..., -1] == past.quantiles[..., 0]) & (np.abs(scores) < 1e-9)
        scores = np.where(certain, np.nan, scores)
        for index in range(shift.shape[1]):
            part = scores[:, :, bucket == index]
            shift[:, index, place] = _shift(part, missing=min(level, 1 - level), rate=rate)
            far = np.nan_to_num(np.abs(missed[:, :, bucket == index]))
            most[:, index, place] = far.max(axis=(1, 2), initial=0.0)
    return Calibration(past.levels, bucket_s, shift, most, floor)


def apply_calibration(forecast: Forecast, calibration: Calibration, *, later_s: int = 0) -> Forecast:
    """Move a forecast's quantiles; they stay in order (rearranged, Chernozhukov et al., 2010).

    Parameters
    ----------
    forecast, calibration
        Of the same sites and levels.
    later_s
        By how much the forecast's period begins after the one that the calibration was made for [s], >= 0. Its intervals then
        take the buckets of the same instants, and beyond those the buckets of the same time of day before: right as far as
        errors follow the time of day rather than the lead time.

    Raises
    ------
    ForecastError
        For a calibration of other levels or sites, or one that does not reach as far.
    """
    if forecast.levels != calibration.levels or len(forecast.mean) != len(calibration.shift):
        raise ForecastError("the calibration is for other sites or levels")
    bucket = _buckets(forecast, calibration, later_s=later_s)
    width = _width(forecast.quantiles, calibration.floor)
    side = np.sign(np.array(forecast.levels) - 0.5)
    most = calibration.most[:, bucket]
    moved = forecast.quantiles + side * np.clip(calibration.shift[:, bucket] * width[..., None], -most, most)
    # A night that is always dark stays dark.
    flat = (forecast.quantiles == 0).all(axis=-1) & (forecast.mean == 0)
    moved = np.where(flat[..., None], 0.0, moved)
    return dataclasses.replace(forecast, quantiles=np.sort(moved, axis=-1))


def _buckets(forecast: Forecast, calibration: Calibration, *, later_s: int) -> Ints:
    """(T,) which bucket each interval takes."""
    if later_s < 0:
        raise ForecastError(f"a forecast {-later_s} s before its calibration is none")
    reach_s = calibration.shift.shape[1] * calibration.bucket_s
    offset_s = later_s + np.arange(forecast.grid.count) * forecast.grid.interval_s
    days_back = np.maximum(0, (offset_s - reach_s) // DAY_S + 1) if later_s else 0
    found: Ints = (offset_s - days_back * DAY_S) // calibration.bucket_s
    if forecast.grid.count and not 0 <= found.min() <= found.max() < calibration.shift.shape[1]:
        raise ForecastError("the calibration does not reach as far ahead as the forecast")
    return found


def _mean_absolute(actual: Floats) -> Floats:
    flat = np.abs(actual.reshape(len(actual), int(np.prod(actual.shape[1:]))))
    count = (~np.isnan(flat)).sum(axis=1)
    return np.where(count > 0, np.nansum(flat, axis=1) / np.maximum(count, 1), 0.0)


def _width(quantiles: Floats, floor: Floats) -> Floats:
    if quantiles.shape[-1] == 0:
        return np.zeros(quantiles.shape[:-1])
    least = floor.reshape(-1, *(1,) * (quantiles.ndim - 2))
    return np.maximum(quantiles[..., -1] - quantiles[..., 0], least)


def _shift(scores: Floats, *, missing: float, rate: float) -> Floats:
    """(N,) the score that a share of `missing` of the (N, O, K) scores exceeds."""
    level = np.full(len(scores), missing)
    if rate > 0:
        for day in range(1, scores.shape[1]):
            limit = _upper(scores[:, :day], level)
            known = ~np.isnan(scores[:, day])
            missed = (known & (scores[:, day] > limit[:, None])).sum(axis=1)
            step = rate * (missing - missed / np.maximum(known.sum(axis=1), 1))
            level = np.clip(np.where(known.any(axis=1), level + step, level), LEAST_LEVEL, 0.5)
    return _upper(scores, level)


def _upper(scores: Floats, level: Floats) -> Floats:
    flat = np.sort(scores.reshape(len(scores), scores.shape[1] * scores.shape[2]), axis=1)
    count = (~np.isnan(flat)).sum(axis=1)
    rank = np.minimum(np.ceil((count + 1) * (1 - level)).astype(np.int64), count)
    chosen = np.take_along_axis(flat, np.maximum(rank - 1, 0)[:, None], axis=1)[:, 0] if flat.size else level
    return np.where(count >= MIN_SCORES, chosen, 0.0)
