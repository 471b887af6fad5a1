"""How good the methods are on the committed profiles: SimBench, 7 March to 29 May 2016, tested on the last four weeks.

The numbers in docs/reference/forecasting.md are from here.
"""

from functools import cache

import numpy as np
import pytest

from tests.exhaustive import exhaustive
from tests.vpp.forecasting.cases import KASSEL, Floats, ask_profiles, profiles
from vpp.forecasting.calibrated import calibrated
from vpp.forecasting.metrics import ForecastErrors, forecast_errors
from vpp.forecasting.portfolio import joint_residuals, portfolio_quantiles
from vpp.forecasting.question import LEVELS
from vpp.forecasting.registry import METHODS

TEST_DAYS = range(56, 84)


@cache
def measured(kind: str, name: str, days: int) -> ForecastErrors:
    """Errors of day-ahead forecasts issued at midnight, calibrated on so many days."""
    history = profiles(kind) if kind == "H0" else -profiles(kind)
    places = (KASSEL,) * len(history)
    means, bands, truths, naive = [], [], [], []
    for day in TEST_DAYS:
        question = ask_profiles(history, day, places=places)
        found = calibrated(METHODS[name].calculate, question, days=days).forecast
        means.append(found.mean)
        bands.append(found.quantiles)
        truths.append(history[:, day * 96 : (day + 1) * 96])
        naive.append(history[:, (day - 1) * 96 : day * 96])
    return forecast_errors(
        np.stack(means, axis=1),
        np.stack(bands, axis=1),
        actual=np.stack(truths, axis=1),
        levels=LEVELS,
        reference=np.stack(naive, axis=1),
    )


def mean_of(values: Floats) -> float:
    return float(values.mean())


def test_conformal_band_of_households_covers_what_it_says() -> None:
    before, after = measured("H0", "seasonal_mean", 0), measured("H0", "seasonal_mean", 14)
    assert mean_of(before.coverage) == pytest.approx(0.69, abs=0.02)
    assert 0.75 <= mean_of(after.coverage) <= 0.85
    assert after.coverage.min() >= 0.74 and after.coverage.max() <= 0.86


def test_seasonal_mean_beats_persistence_for_every_household() -> None:
    found = measured("H0", "seasonal_mean", 0)
    assert found.mase.max() < 0.9
    assert mean_of(found.nmae) == pytest.approx(0.47, abs=0.02)


def test_clear_sky_beats_the_seasonal_mean_and_that_persistence() -> None:
    sky, seasonal = measured("PV", "clear_sky", 0), measured("PV", "seasonal_mean", 0)
    assert mean_of(sky.nmae) < mean_of(seasonal.nmae) < 0.95 * mean_of(measured("PV", "persistence", 0).nmae)
    assert abs(mean_of(sky.bias)) < abs(mean_of(seasonal.bias))


@exhaustive
def test_conformal_band_of_the_sun_covers_by_daylight() -> None:
    history = -profiles("PV")
    inside = lit = 0
    for day in TEST_DAYS:
        question = ask_profiles(history, day, places=(KASSEL,) * len(history))
        band = calibrated(METHODS["clear_sky"].calculate, question).forecast.quantiles
        truth = history[:, day * 96 : (day + 1) * 96]
        light = truth < -0.001
        inside += int((light & (band[..., 0] <= truth) & (truth <= band[..., 2])).sum())
        lit += int(light.sum())
    assert 0.75 <= inside / lit <= 0.85


def test_band_of_the_sum_is_narrower_than_the_sum_of_bands_and_covers() -> None:
    history = profiles("H0")
    inside, widths = [], []
    for day in TEST_DAYS:
        found = calibrated(METHODS["seasonal_mean"].calculate, ask_profiles(history, day))
        mean = found.forecast.mean.sum(axis=0)
        band = portfolio_quantiles(mean, joint_residuals(found.past.residuals), levels=LEVELS)
        truth = history[:, day * 96 : (day + 1) * 96].sum(axis=0)
        inside.append((band[:, 0] <= truth) & (truth <= band[:, 2]))
        summed = found.forecast.quantiles.sum(axis=0)
        widths.append((band[:, 2] - band[:, 0]).mean() / (summed[:, 2] - summed[:, 0]).mean())
    assert 0.75 <= np.mean(inside) <= 0.85
    assert max(widths) < 0.6
