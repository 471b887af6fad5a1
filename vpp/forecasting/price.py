"""Prices of electricity: the published ones where they are known, the usual ones by time of day beyond."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from vpp.forecasting.question import Floats, Forecast, ForecastError, Question
from vpp.forecasting.seasonal_mean import SeasonalRule, seasonal_mean
from vpp.intervals import Grid

# A market's weekend differs from its week, and its level moves within weeks.
PRICE_RULE: Final = SeasonalRule(mean_days=5, spread_days=10, min_days=2, look_back_days=42, by_day_type=True)


@dataclass(frozen=True, slots=True)
class Published:
    """Prices of N areas or tariffs on `grid`, made known at `published_at`, such as a day-ahead auction's.

    `prices` is (N, T') in the currency per kWh, may be negative; NaN is not published.
    """

    grid: Grid
    prices: Floats
    published_at: datetime

    def __post_init__(self) -> None:
        prices = np.asarray(self.prices, dtype=np.float64)
        if prices.ndim != 2 or prices.shape[1] != self.grid.count or np.isinf(prices).any():
            raise ForecastError(f"prices of shape {prices.shape} do not lie on {self.grid.count} intervals")
        if self.published_at.tzinfo is None:
            raise ForecastError("an instant needs a time zone")
        object.__setattr__(self, "prices", prices)


def price_by_time(question: Question) -> Forecast:
    """Forecast prices by the mean of the 5 latest days of the same type, quantiles of 10; any sign.

    Parameters and result as for `seasonal_mean`.
    """
    return dataclasses.replace(seasonal_mean(question, PRICE_RULE), method="price_by_time")


def with_published(forecast: Forecast, published: Sequence[Published]) -> Forecast:
    """Replace forecast prices by published ones; those made known after the issue time do not count.

    Where two publications cover an interval, the later one counts. A published price is certain: all of its
    quantiles are the price. The grids need not have the same step (an hour's price holds in its quarters).

    Raises
    ------
    ForecastError
        For publications of another number of areas.
    """
    mean, quantiles = forecast.mean.copy(), forecast.quantiles.copy()
    for one in sorted(published, key=lambda one: one.published_at):
        if len(one.prices) != len(mean):
            raise ForecastError(f"{len(one.prices)} rows of prices do not fit {len(mean)}")
        if one.published_at > forecast.issued_at:
            continue
        for index in range(forecast.grid.count):
            place = one.grid.index(forecast.grid.interval(index).starts_at)
            if place is not None:
                known = ~np.isnan(one.prices[:, place])
                mean[known, index] = one.prices[known, place]
                quantiles[known, index] = one.prices[known, place, None]
    whole = [not np.isnan(row).any() for row in mean]
    notes = tuple("" if done else note for done, note in zip(whole, forecast.notes, strict=True))
    return dataclasses.replace(forecast, mean=mean, quantiles=quantiles, notes=notes)
