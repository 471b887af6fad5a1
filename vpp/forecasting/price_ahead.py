"""Prices as far as they are published, and beyond them forecast ones with calibrated quantiles."""

import dataclasses
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from vpp.forecasting.calibrated import CALIBRATION_DAYS, calibrated
from vpp.forecasting.price import PRICE_RULE, Published, price_by_time, with_published
from vpp.forecasting.question import LEVELS, Forecast, ForecastError, Question
from vpp.intervals import Grid

# A day begun on both ends: the days of the zone do not begin with the history.
HISTORY_DAYS: Final = PRICE_RULE.look_back_days + CALIBRATION_DAYS + 2


def price_ahead(
    known: Published,
    grid: Grid,
    *,
    issued_at: datetime,
    zone: ZoneInfo,
    levels: tuple[float, ...] = LEVELS,
) -> Forecast:
    """Forecast prices from all that are published, those of hours to come included.

    Up to the first interval without a published price, they are certain. From there on `price_by_time` is asked
    as if it were issued at that instant, so that tomorrow's auction counts among the latest days, and its quantiles
    are corrected by how it did on the 14 days before. Later published prices stand again.

    Parameters
    ----------
    known
        (N, L) prices in the currency per kWh, any sign, on the raster of `grid`: the past and what is published
        ahead. NaN is not published. 58 days of past are enough.
    grid
        The T intervals asked for.
    issued_at
        When the forecast is made.
    zone
        Where days begin and end.
    levels
        Q levels of quantiles, rising [0-1].

    Returns
    -------
    Forecast
        (N, T) and (N, T, Q) in the currency per kWh; NaN and a note where fewer than 2 like days are known.

    Raises
    ------
    ForecastError
        For prices published after `issued_at`, or on another raster.

    Notes
    -----
    `seasonal_mean` and `calibrate` name the sources of the two methods. That the calibration holds beyond the
    published prices is as far as past days resemble each other; it was checked on independent noise only.
    """
    if known.published_at > issued_at:
        raise ForecastError("prices that are published later are not known yet")
    if known.grid.interval_s != grid.interval_s:
        raise ForecastError(f"prices every {known.grid.interval_s} s do not lie on {grid.interval_s} s")
    shape = (len(known.prices), grid.count)
    nothing = Forecast(
        "published", issued_at, grid, levels, np.full(shape, np.nan), np.full((*shape, len(levels)), np.nan),
        ("",) * shape[0],
    )  # fmt: skip
    certain = with_published(nothing, [known])
    unknown = np.flatnonzero(np.isnan(certain.mean).any(axis=0))
    if not unknown.size:
        return certain
    return _with_usual(certain, known, first=int(unknown[0]), zone=zone)


def _with_usual(certain: Forecast, known: Published, *, first: int, zone: ZoneInfo) -> Forecast:
    grid = certain.grid
    rest = Grid(grid.interval(first).starts_at, grid.interval_s, grid.count - first)
    question = Question(known.prices, known.grid.starts_at, rest, rest.starts_at, zone, certain.levels)
    usual = calibrated(price_by_time, question).forecast
    mean, quantiles = certain.mean.copy(), certain.quantiles.copy()
    mean[:, first:], quantiles[:, first:] = usual.mean, usual.quantiles
    method = f"published, then {usual.method}" if first else usual.method
    found = dataclasses.replace(certain, method=method, mean=mean, quantiles=quantiles, notes=usual.notes)
    return with_published(found, [known])
