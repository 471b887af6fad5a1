import numpy as np
import pytest

from vpp.baselines.choose import highest, latest, latest_without_low_usage
from vpp.baselines.days import BaselineError
from vpp.baselines.result import Bools


def chosen(mask: Bools) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in mask]


def all_of(*levels: float) -> tuple[np.ndarray, Bools]:
    return np.array([levels]), np.ones((1, len(levels)), dtype=bool)


def test_the_latest_eligible_days_of_each_site() -> None:
    eligible = np.array([[True, False, True, True], [False, False, False, True]])
    assert chosen(latest(eligible, 2)) == [[0, 2], [3]]


def test_no_days_cannot_be_chosen() -> None:
    with pytest.raises(BaselineError):
        latest(np.ones((1, 3), dtype=bool), 0)


def test_of_equal_days_the_nearest_stays() -> None:
    level, among = all_of(5.0, 3, 5, 3, 5)
    assert chosen(highest(level, among, count=4)) == [[0, 1, 2, 4]]


def test_only_days_among_the_eligible_are_ranked() -> None:
    level = np.array([[np.nan, 3.0, 9.0, 4.0]])
    assert chosen(highest(level, np.array([[False, True, False, True]]), count=3)) == [[1, 3]]


def test_a_day_below_a_quarter_is_replaced_by_an_earlier_one() -> None:
    level, among = all_of(10.0, 10, 1, 10, 10, 8)  # mean of the first five 8.2, a quarter 2.05
    assert chosen(latest_without_low_usage(level, among, count=5)) == [[0, 1, 3, 4, 5]]


def test_a_quarter_itself_is_not_below() -> None:
    level, among = all_of(5.0, 1, 6)  # mean 4, a quarter 1
    assert chosen(latest_without_low_usage(level, among, count=3)) == [[0, 1, 2]]


def test_low_days_are_looked_for_again_once_replaced() -> None:
    level, among = all_of(10.0, 0, 1, 10, 10)  # mean 3.67 drops 0; then mean 7 of 10, 1, 10 drops 1
    assert chosen(latest_without_low_usage(level, among, count=3)) == [[0, 3, 4]]


@pytest.mark.parametrize("levels", [(-1.0, -9.0, -1.0), (0.0, 0.0, 0.0), (2.0, -2.0, 0.0)])
def test_without_a_positive_mean_no_day_is_low(levels: tuple[float, ...]) -> None:
    level, among = all_of(*levels)
    assert chosen(latest_without_low_usage(level, among, count=3)) == [[0, 1, 2]]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    level, among = all_of(1.0, 2.0)
    with pytest.raises(BaselineError):
        latest_without_low_usage(level, among, count=2, share=share)


def test_a_site_without_days_has_none_chosen() -> None:
    assert chosen(
        latest_without_low_usage(np.full((1, 2), np.nan), np.zeros((1, 2), dtype=bool), count=5)
    ) == [[]]
