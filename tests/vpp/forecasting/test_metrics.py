"""Error metrics against numbers worked out by hand and against scipy's integral for CRPS."""

import numpy as np
import pytest
from scipy import integrate, stats

from vpp.forecasting.metrics import forecast_errors, pinball_loss
from vpp.forecasting.question import ForecastError

LEVELS = (0.1, 0.5, 0.9)


def test_by_hand() -> None:
    mean = np.array([[2.0, 2.0, 2.0, np.nan]])
    actual = np.array([[1.0, 4.0, -1.0, 7.0]])
    quantiles = np.stack([mean - 1, mean, mean + 1], axis=-1)
    reference = np.array([[1.0, 1.0, 1.0, 1.0]])
    found = forecast_errors(mean, quantiles, actual=actual, levels=LEVELS, reference=reference)
    assert found.count.tolist() == [3]
    assert found.bias[0] == pytest.approx((1 - 2 + 3) / 6)
    assert found.nmae[0] == pytest.approx(6 / 6)
    assert found.nrmse[0] == pytest.approx(np.sqrt((1 + 4 + 9) / 3) / 4)
    assert found.mase[0] == pytest.approx(6 / (0 + 3 + 2))
    pinball = [0, 0.5, 0.9 * 0 + 0.1 * 2, 0.1 * 3, 0.5 * 2, 0.9 * 1, 0.9 * 2, 0.5 * 3, 0.1 * 4]
    assert found.pinball[0] == pytest.approx(sum(pinball) / 3 / 6)
    assert found.crps[0] == pytest.approx(2 * found.pinball[0])
    assert found.coverage[0] == pytest.approx(1 / 3)
    assert found.width[0] == pytest.approx(1.0)


def test_nothing_to_compare_and_nothing_drawn_give_no_share() -> None:
    zero = np.zeros((1, 3))
    band = np.zeros((1, 3, 3))
    nothing = forecast_errors(zero, band, actual=np.full((1, 3), np.nan), levels=LEVELS)
    assert nothing.count.tolist() == [0] and np.isnan(nothing.coverage[0])
    idle = forecast_errors(zero, band, actual=zero, levels=LEVELS)
    assert np.isnan(idle.nmae[0]) and np.isnan(idle.mase[0])
    assert idle.coverage.tolist() == [1.0]
    assert (
        forecast_errors(
            np.empty((0, 3)), np.empty((0, 3, 3)), actual=np.empty((0, 3)), levels=LEVELS
        ).nmae.size
        == 0
    )


def test_many_levels_give_the_normal_distributions_crps() -> None:
    levels = tuple((np.arange(400) + 0.5) / 400)
    quantiles = stats.norm.ppf(levels)[None, None, :]
    found = forecast_errors(np.zeros((1, 1)), quantiles, actual=np.array([[0.7]]), levels=levels)
    exact = integrate.quad(lambda x: (stats.norm.cdf(x) - (x >= 0.7)) ** 2, -9, 9, points=[0.7])[0]
    assert found.crps[0] * 0.7 == pytest.approx(exact, rel=2e-3)


def test_pinball_loss_is_least_at_the_quantile() -> None:
    draw = np.random.default_rng(1).exponential(1.0, 4001)
    candidates = np.linspace(0, 4, 401)
    losses = [pinball_loss(np.full((4001, 1), one), draw, levels=(0.8,)).mean() for one in candidates]
    assert candidates[int(np.argmin(losses))] == pytest.approx(np.quantile(draw, 0.8), abs=0.02)


def test_shapes_that_do_not_fit_are_refused() -> None:
    one = np.ones((1, 2))
    with pytest.raises(ForecastError, match="do not fit"):
        forecast_errors(one, np.ones((1, 2, 2)), actual=one, levels=LEVELS)
    with pytest.raises(ForecastError, match="do not fit"):
        forecast_errors(one, np.ones((1, 2, 3)), actual=one, levels=LEVELS, reference=np.ones((1, 3)))
