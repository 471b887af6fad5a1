"""The latest known value at the same time of day: what every method must beat."""

import dataclasses

import numpy as np

from vpp.forecasting.question import Forecast, Question
from vpp.forecasting.seasonal_mean import SeasonalRule, seasonal_mean

LATEST = SeasonalRule(mean_days=1, spread_days=1, min_days=1, look_back_days=28)


def persistence(question: Question) -> Forecast:
    """Repeat the latest measured day, as a point: all quantiles are the mean until a calibration spreads them.

    Parameters and result as for `seasonal_mean`. The reference of MASE (Hyndman and Koehler, 2006).
    """
    found = seasonal_mean(question, LATEST)
    quantiles = np.repeat(found.mean[..., None], len(question.levels), axis=-1)
    return dataclasses.replace(found, method="persistence", quantiles=quantiles)
