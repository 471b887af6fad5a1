from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.baselines.days import BaselineError
from vpp.baselines.result import BaselineResult
from vpp.baselines.ten_of_ten import adjustment_window, mean_ten_of_ten
from vpp.intervals import Interval

# The hand-checkable vector of the project's notes (optimization.md, 4.2), most recent day first.
DAYS = np.array([10.0, 12, 11, 13, 9, 14, 10, 12, 11, 8])
HISTORY = DAYS.reshape(1, 10, 1)
BEFORE = np.full((1, 10, 3), 6.0)
TODAY = np.array([[7.6, 7.8, 8.0]])


def adjusted(**options: Any) -> BaselineResult:
    return mean_ten_of_ten(HISTORY, adjust_history_kw=BEFORE, adjust_actual_kw=TODAY, **options)


def test_the_hand_vector_additive() -> None:
    result = adjusted()
    assert result.unadjusted_kw.tolist() == [[11.0]]
    assert result.adjustment == pytest.approx([1.8], abs=1e-12)
    assert result.baseline_kw == pytest.approx(np.array([[12.8]]), abs=1e-12)
    assert (result.days_used.tolist(), result.ok.tolist(), result.reason) == ([10], [True], ("",))


@pytest.mark.parametrize(("cap", "baseline"), [((0.8, 1.2), 13.2), ((0.71, 1.4), 14.3)])
def test_the_hand_vector_ratio(cap: tuple[float, float], baseline: float) -> None:
    result = adjusted(adjustment="ratio", ratio_cap=cap)
    assert result.baseline_kw == pytest.approx(np.array([[baseline]]), abs=1e-12)


def test_without_adjustment() -> None:
    result = mean_ten_of_ten(HISTORY, adjustment="none")
    assert (result.baseline_kw.tolist(), result.adjustment.tolist()) == ([[11.0]], [0.0])


def test_only_the_latest_complete_days_count_and_each_site_has_its_own() -> None:
    history = np.stack([np.arange(12.0), np.arange(12.0)])[:, :, None].repeat(2, axis=2)
    history[1, 0, 1] = np.nan
    result = mean_ten_of_ten(history, adjustment="none")
    assert result.baseline_kw.tolist() == [[4.5, 4.5], [5.5, 5.5]]
    assert result.days_used.tolist() == [10, 10]


def test_a_day_without_its_adjustment_window_does_not_count() -> None:
    before = BEFORE.copy()
    before[0, 5, 0] = np.nan  # the 14.0 day
    result = mean_ten_of_ten(HISTORY, adjust_history_kw=before, adjust_actual_kw=TODAY)
    assert result.days_used.tolist() == [9]
    assert result.unadjusted_kw == pytest.approx(np.array([[96 / 9]]))


def test_too_few_days_give_no_baseline_and_the_reason() -> None:
    history = HISTORY.repeat(2, axis=0)
    history[1, :6] = np.nan
    result = mean_ten_of_ten(history, adjustment="none")
    assert result.ok.tolist() == [True, False]
    assert np.isnan(result.baseline_kw[1]).all()
    assert result.reason == ("", "too_few_days: 4 of 5")
    history[1, 5] = 9.0
    assert mean_ten_of_ten(history, adjustment="none").ok.tolist() == [True, True]


def test_a_site_not_measured_before_the_event_keeps_its_unadjusted_baseline() -> None:
    result = mean_ten_of_ten(HISTORY, adjust_history_kw=BEFORE, adjust_actual_kw=np.full((1, 3), np.nan))
    assert (result.baseline_kw.tolist(), result.adjustment.tolist(), result.ok.tolist()) == (
        [[11.0]],
        [0.0],
        [True],
    )
    assert result.reason[0].startswith("not_adjusted")


@pytest.mark.parametrize("before", [0.0, -2.0])
def test_a_ratio_needs_a_positive_average(before: float) -> None:
    result = mean_ten_of_ten(
        HISTORY, adjust_history_kw=np.full((1, 10, 3), before), adjust_actual_kw=TODAY, adjustment="ratio"
    )
    assert (result.baseline_kw.tolist(), result.adjustment.tolist()) == ([[11.0]], [1.0])
    assert result.reason[0].startswith("not_adjusted")


def test_no_sites_and_no_days() -> None:
    assert mean_ten_of_ten(np.empty((0, 10, 4)), adjustment="none").baseline_kw.shape == (0, 4)
    assert mean_ten_of_ten(np.empty((2, 0, 4)), adjustment="none").ok.tolist() == [False, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"history_kw": np.full((1, 10, 1), np.inf)},
        {"history_kw": np.zeros((10, 1))},
        {"history_kw": np.zeros((1, 10, 0))},
        {"adjust_history_kw": None},
        {"adjust_actual_kw": np.zeros((1, 2))},
        {"adjust_history_kw": np.zeros((1, 9, 3))},
        {"min_days": 11},
        {"min_days": 0},
        {"ratio_cap": (1.2, 0.8)},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    request = {"history_kw": HISTORY, "adjust_history_kw": BEFORE, "adjust_actual_kw": TODAY, **wrong}
    with pytest.raises(BaselineError):
        mean_ten_of_ten(request.pop("history_kw"), **request)


def test_the_window_is_three_hours_that_end_an_hour_before() -> None:
    event = datetime(2026, 1, 15, 18, tzinfo=UTC)
    assert adjustment_window(event) == Interval(event.replace(hour=14), event.replace(hour=17))


@given(st.lists(st.floats(-20, 20), min_size=5, max_size=15), st.floats(-5, 5), st.floats(0.1, 3.0))
def test_the_baseline_moves_and_scales_with_the_meter(days: list[float], shift: float, scale: float) -> None:
    history = np.array(days).reshape(1, -1, 1)
    before = np.cos(history).repeat(3, axis=2)
    one = mean_ten_of_ten(history, adjust_history_kw=before, adjust_actual_kw=TODAY)
    other = mean_ten_of_ten(
        scale * history + shift,
        adjust_history_kw=scale * before + shift,
        adjust_actual_kw=scale * TODAY + shift,
    )
    assert other.baseline_kw == pytest.approx(scale * one.baseline_kw + shift, abs=1e-9)


@given(st.integers(0, 10**6))
def test_all_sites_at_once_are_each_site_by_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    history, before, today = (
        rng.normal(1, 1, (4, 14, 3)),
        rng.normal(1, 1, (4, 14, 2)),
        rng.normal(1, 1, (4, 2)),
    )
    for array in (history, before, today):
        array[rng.random(array.shape) < 0.05] = np.nan
    result = mean_ten_of_ten(history, adjust_history_kw=before, adjust_actual_kw=today)
    for site in range(4):
        usable = [d for d in range(14) if not np.isnan([*history[site, d], *before[site, d]]).any()][:10]
        assert result.days_used[site] == len(usable)
        assert result.ok[site] == (len(usable) >= 5)
        if len(usable) >= 5:
            mean = [sum(history[site, d, t] for d in usable) / len(usable) for t in range(3)]
            past = sum(before[site, d, a] for d in usable for a in range(2)) / (2 * len(usable))
            shift = 0.0 if np.isnan(today[site]).any() else today[site].mean() - past
            assert result.baseline_kw[site] == pytest.approx([value + shift for value in mean])
            assert (result.reason[site] != "") == np.isnan(today[site]).any()
