"""The spread of a sum: between nobody together and everybody together, as the past was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.forecasting.portfolio import joint_residuals, portfolio_quantiles
from vpp.forecasting.question import ForecastError

LEVELS = (0.1, 0.9)


def width(residuals: np.ndarray) -> float:
    band = portfolio_quantiles(np.zeros(residuals.shape[2]), joint_residuals(residuals), levels=LEVELS)
    return float((band[:, 1] - band[:, 0]).mean())


def test_homes_that_err_together_add_up_and_homes_that_do_not_cancel() -> None:
    draw = np.random.default_rng(1)
    one = draw.normal(0, 1, (1, 300, 8))
    together = np.repeat(one, 16, axis=0)
    apart = draw.normal(0, 1, (16, 300, 8))
    assert width(together) == pytest.approx(16 * width(one), rel=1e-9)
    assert width(apart) == pytest.approx(4 * width(one), rel=0.08)


def test_quantiles_by_hand() -> None:
    residuals = np.arange(1.0, 20.0)[:, None]  # 1 to 19, one interval: ranks 2 and 18 of 20
    assert portfolio_quantiles(np.array([100.0]), residuals, levels=LEVELS).tolist() == [[102.0, 118.0]]


def test_neighbors_lend_their_residuals() -> None:
    residuals = np.array([[0.0, 10.0, 20.0, 30.0, 40.0, 50.0]])
    band = portfolio_quantiles(np.zeros(6), residuals, levels=(0.5,))
    assert band[:, 0].tolist() == pytest.approx([10.0, 15.0, 20.0, 30.0, 35.0, 40.0])


def test_missing_home_is_taken_for_one_like_the_others_and_half_of_them_must_be_there() -> None:
    residuals = np.array([[[1.0, 1.0]], [[3.0, np.nan]], [[2.0, np.nan]]])
    assert joint_residuals(residuals)[0, 0] == 6.0
    assert np.isnan(joint_residuals(residuals)[0, 1])
    assert joint_residuals(np.array([[[1.0]], [[np.nan]]])).tolist() == [[2.0]]
    assert np.isnan(joint_residuals(np.empty((0, 2, 3)))).all()


def test_without_a_past_there_is_no_band() -> None:
    assert np.isnan(portfolio_quantiles(np.ones(3), np.full((5, 3), np.nan), levels=LEVELS)).all()
    assert np.isnan(portfolio_quantiles(np.ones(3), np.empty((0, 3)), levels=LEVELS)).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), homes=st.integers(1, 6), days=st.integers(1, 20))
def test_never_wider_than_the_sum_of_the_homes_extremes(seed: int, homes: int, days: int) -> None:
    residuals = np.random.default_rng(seed).normal(0, 1, (homes, days, 4))
    band = portfolio_quantiles(np.zeros(4), joint_residuals(residuals), levels=(0.1, 0.5, 0.9))
    assert (np.diff(band, axis=1) >= -1e-12).all()
    most = residuals.max(axis=(1, 2)).sum() - residuals.min(axis=(1, 2)).sum()
    assert (band[:, 2] - band[:, 0]).max() <= most + 1e-9


def test_residuals_of_other_intervals_are_refused() -> None:
    with pytest.raises(ForecastError, match="do not fit"):
        portfolio_quantiles(np.zeros(3), np.zeros((2, 4)), levels=LEVELS)
