from math import sqrt

import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, day
from vpp.baselines.accuracy import accuracy, placebo_accuracy
from vpp.baselines.days import BaselineError
from vpp.baselines.registry import method_named


def test_by_hand() -> None:
    """Two sites, two placebo events of two intervals; errors 1, -1, 1, 1 and 2, missing, -2, 0."""
    actual = np.array([[[4.0, 6.0], [5.0, 5.0]], [[2.0, 9.0], [4.0, 6.0]]])
    baseline = np.array([[[5.0, 5.0], [6.0, 6.0]], [[4.0, np.nan], [2.0, 6.0]]])
    found = accuracy(baseline, actual)
    assert found.bias == pytest.approx([2 / 20, 0.0])
    assert found.rrmse == pytest.approx([1 / 5, sqrt(8 / 3) / 4])
    assert found.cvrmse == pytest.approx([sqrt(4 / 3) / 5, sqrt(8 / 2) / 4])
    assert found.intervals.tolist() == [4, 3]
    # Sums: actual 6, 6, 9, 11; baseline 9, 5, 8, 12; errors 3, -1, -1, 1.
    assert found.portfolio_bias == pytest.approx(2 / 32)
    assert found.portfolio_rrmse == pytest.approx(sqrt(12 / 4) / 8)
    assert found.portfolio_cvrmse == pytest.approx(sqrt(12 / 3) / 8)
    assert found.portfolio_intervals == 4


def test_where_nothing_can_be_told() -> None:
    actual = np.array([[[np.nan]], [[-1.0]], [[2.0]]])
    found = accuracy(np.ones((3, 1, 1)), actual)
    assert np.isnan(found.bias).tolist() == [True, True, False]
    assert np.isnan(found.rrmse).tolist() == [True, True, False]
    assert np.isnan(found.cvrmse).all()  # one interval leaves no freedom
    assert found.intervals.tolist() == [0, 1, 1]


def test_no_sites() -> None:
    found = accuracy(np.empty((0, 2, 1)), np.empty((0, 2, 1)))
    assert (found.bias.shape, found.portfolio_intervals) == ((0,), 0)
    assert np.isnan(found.portfolio_bias)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BaselineError):
        accuracy(np.zeros((1, 1, 2)), np.zeros((1, 1, 3)))
    with pytest.raises(BaselineError):
        accuracy(np.full((1, 1, 1), np.inf), np.zeros((1, 1, 1)))


def test_a_placebo_day_is_guessed_from_the_days_before_it() -> None:
    history = np.array([[day(kw) for kw in [12.0, 9.0, *HAND]]])
    found = placebo_accuracy(
        method_named("pjm_high_4_of_5").calculate, history, event_starts=6, event_ends=7, placebo_days=2
    )
    # The latest day from 9, 10, 12, 11, 13: 11.5; the one before from 10, 12, 11, 13, 9: 11.5.
    assert found.bias == pytest.approx([(11.5 - 12 + 11.5 - 9) / 21])
    assert found.rrmse == pytest.approx([sqrt((0.5**2 + 2.5**2) / 2) / 10.5])


@pytest.mark.parametrize("days", [0, 13])
def test_no_more_placebo_days_than_days(days: int) -> None:
    calculate = method_named("meter_before_after").calculate
    with pytest.raises(BaselineError):
        placebo_accuracy(calculate, np.ones((1, 12, 12)), event_starts=6, event_ends=7, placebo_days=days)
