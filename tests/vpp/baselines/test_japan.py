import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, event_of
from vpp.baselines.adjust import Correction
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError
from vpp.baselines.japan_high_four_of_five import japan_high_four_of_five, japan_reduction_kwh

NONE = Correction("none")


def test_the_hand_vector() -> None:
    data = event_of(HAND, today_kw=7.8)
    assert japan_high_four_of_five(data, correction=NONE).baseline_kw[0, 0] == pytest.approx(11.5)
    assert japan_high_four_of_five(data).baseline_kw[0, 0] == pytest.approx(13.3)


def test_of_days_that_tie_the_farthest_is_dropped() -> None:
    """Two half hours of the same mean but another shape tell which of the two lowest days went."""
    history = np.array([[[4.0, 6.0], [9.0, 9.0], [6.0, 4.0], [9.0, 9.0], [9.0, 9.0]]])
    data = EventData(history, np.zeros((1, 2)), 0, 2, intervals_per_hour=2)
    result = japan_high_four_of_five(data, correction=NONE)
    assert result.baseline_kw.tolist() == [[(4 + 27) / 4, (6 + 27) / 4]]


def test_a_day_below_a_quarter_is_left_out_and_replaced() -> None:
    data = event_of([10.0, 1, 11, 13, 9, 14])
    assert japan_high_four_of_five(data).baseline_kw[0, 0] == pytest.approx((10 + 11 + 13 + 14) / 4)
    short = japan_high_four_of_five(event_of([10.0, 1, 11, 13, 9]))  # four are left, and enough
    assert short.baseline_kw[0, 0] == pytest.approx((10 + 11 + 13 + 9) / 4)


def test_weekends_take_two_of_three() -> None:
    assert japan_high_four_of_five(event_of(HAND, day_type="weekend")).baseline_kw[0, 0] == pytest.approx(
        11.5
    )


def test_too_few_days() -> None:
    assert japan_high_four_of_five(event_of([10.0, 1, 11, 13])).reason == ("too_few_days: 3 of 4",)
    assert japan_high_four_of_five(event_of([10.0], day_type="weekend")).reason == ("too_few_days: 1 of 2",)


@pytest.mark.parametrize(
    ("baseline", "actual", "kwh"),
    [
        ([[3.0, 2.0]], [[1.0, 0.542]], 1.72),  # 1.729 is cut, not rounded
        ([[2.46, 0.0]], [[0.0, 0.0]], 1.23),
        ([[0.58, 0.0]], [[0.0, 0.0]], 0.29),  # 0.29 * 100 is a little below 29
        ([[1.0, 1.0]], [[0.5, 4.0]], 0.0),  # a negative sum is zero
        ([[1.0, 1.0]], [[2.0, -1.0]], 0.5),  # a negative half hour still counts in the sum
    ],
)
def test_the_daily_sum_is_truncated(
    baseline: list[list[float]], actual: list[list[float]], kwh: float
) -> None:
    assert japan_reduction_kwh(np.array(baseline), np.array(actual)).tolist() == [kwh]


def test_other_decimals_and_gaps() -> None:
    baseline, actual = np.array([[3.0, 2.0], [3.0, np.nan]]), np.array([[1.0, 0.542], [1.0, 1.0]])
    found = japan_reduction_kwh(baseline, actual, decimals=3)
    assert found[0] == 1.729
    assert np.isnan(found[1])


def test_a_reduction_of_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BaselineError):
        japan_reduction_kwh(np.zeros((1, 2)), np.zeros((1, 3)))
    with pytest.raises(BaselineError):
        japan_reduction_kwh(np.full((1, 2), np.inf), np.zeros((1, 2)))


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf")])
def test_a_reduction_needs_an_interval_with_a_length(hours: float) -> None:
    with pytest.raises(BaselineError):
        japan_reduction_kwh(np.zeros((1, 2)), np.zeros((1, 2)), hours=hours)
