"""PJM's three baselines and the meter-before one, by hand."""

from datetime import date

import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, event_of
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError, day_type_with_saturday, select_days
from vpp.baselines.meter_before import meter_before
from vpp.baselines.pjm_high_four_of_five import pjm_high_four_of_five
from vpp.baselines.pjm_match_day import pjm_match_day
from vpp.baselines.pjm_same_day import pjm_same_day
from vpp.baselines.same_day import NOT_MEASURED, OUTSIDE

NO_HISTORY = np.empty((1, 0, 24))


def a_day() -> np.ndarray:
    """Power in hour ending h is h, so that means can be read off the clock."""
    return np.arange(1.0, 25.0).reshape(1, 24)


def test_high_four_of_five_adds_what_the_hours_before_show() -> None:
    result = pjm_high_four_of_five(event_of(HAND, today_kw=7.8))
    assert result.unadjusted_kw[0, 0] == pytest.approx(11.5)
    assert result.adjustment == pytest.approx([1.8])
    assert result.baseline_kw[0, 0] == pytest.approx(13.3)
    assert (result.days_used.tolist(), result.reason) == ([4], ("",))


def test_the_additive_adjustment_goes_down_as_well_and_has_no_cap() -> None:
    assert pjm_high_four_of_five(event_of(HAND, today_kw=1.0)).baseline_kw[0, 0] == pytest.approx(6.5)


def test_a_low_usage_day_is_replaced() -> None:
    data = event_of([10.0, 1, 11, 13, 9, 14])  # mean of the first five 8.8, a quarter 2.2
    assert pjm_high_four_of_five(data).baseline_kw[0, 0] == pytest.approx((10 + 11 + 13 + 14) / 4)
    kept = pjm_high_four_of_five(data, low_usage=0.0)
    assert kept.baseline_kw[0, 0] == pytest.approx((10 + 11 + 13 + 9) / 4)


def test_on_other_days_two_of_three() -> None:
    assert pjm_high_four_of_five(event_of(HAND, day_type="weekend")).baseline_kw[0, 0] == pytest.approx(11.5)
    one = pjm_high_four_of_five(event_of(HAND[:1], day_type="weekend"))
    assert one.reason == ("too_few_days: 1 of 2",)


def test_four_weekdays_are_enough_and_three_are_not() -> None:
    assert pjm_high_four_of_five(event_of(HAND[:4])).baseline_kw[0, 0] == pytest.approx(11.5)
    result = pjm_high_four_of_five(event_of(HAND[:3]))
    assert (result.ok.tolist(), result.reason) == ([False], ("too_few_days: 3 of 4",))
    assert np.isnan(result.baseline_kw).all()


def test_saturdays_and_sundays_are_chosen_apart_and_holidays_are_sundays() -> None:
    holiday = date(2026, 1, 19)
    assert day_type_with_saturday(date(2026, 1, 17)) == "saturday"
    assert select_days(date(2026, 1, 24), wanted=2, type_of=day_type_with_saturday) == (
        date(2026, 1, 17),
        date(2026, 1, 10),
    )
    assert select_days(date(2026, 1, 25), wanted=2, holidays=[holiday], type_of=day_type_with_saturday) == (
        holiday,
        date(2026, 1, 18),
    )


def test_same_day_of_hours_ending_13_to_17() -> None:
    result = pjm_same_day(EventData(NO_HISTORY, a_day(), event_starts=12, event_ends=17))
    expected = (9 + 10 + 11 + 19 + 20) / 5
    assert result.baseline_kw.tolist() == [[expected] * 5]
    assert (result.ok.tolist(), result.reason, result.days_used.tolist()) == ([True], ("",), [0])


def test_same_day_misses_an_hour() -> None:
    today = a_day().repeat(2, axis=0)
    today[1, 19] = np.nan
    result = pjm_same_day(EventData(np.empty((2, 0, 24)), today, event_starts=12, event_ends=17))
    assert (result.ok.tolist(), result.reason) == ([True, False], ("", NOT_MEASURED))
    assert np.isnan(result.baseline_kw[1]).all()


def test_same_day_of_an_event_at_the_end_of_the_data() -> None:
    result = pjm_same_day(EventData(NO_HISTORY, a_day(), event_starts=17, event_ends=22))
    assert (result.ok.tolist(), result.reason) == ([False], (OUTSIDE,))


def test_meter_before_holds_the_last_hours() -> None:
    data = EventData(NO_HISTORY, a_day(), event_starts=12, event_ends=14)
    assert meter_before(data).baseline_kw.tolist() == [[12.0, 12.0]]
    assert meter_before(data, hours=2, gap_hours=1).baseline_kw.tolist() == [[10.5, 10.5]]
    assert meter_before(EventData(NO_HISTORY, a_day(), 0, 2)).reason == (OUTSIDE,)
    with pytest.raises(BaselineError):
        meter_before(data, hours=0)
    with pytest.raises(BaselineError):
        meter_before(data, gap_hours=-1)


def matchable() -> tuple[np.ndarray, np.ndarray]:
    """Five days; away from the event they differ from a flat 6.0 by 3, 1, 0, 2 and 1 kW."""
    history = event_of([20.0, 10, 30, 40, 12]).history_kw.copy()
    away = [0, 1, 2, 3, 4, 8, 9, 10, 11]
    for past, kw in enumerate([9.0, 7.0, 6.0, 8.0, 5.0]):
        history[0, past, away] = kw
    return history, np.full((1, 12), 6.0)


def test_match_day_takes_the_three_most_alike() -> None:
    history, today = matchable()
    result = pjm_match_day(EventData(history, today, 6, 7))
    assert result.baseline_kw[0, 0] == pytest.approx((10 + 30 + 12) / 3)
    assert result.days_used.tolist() == [3]


def test_match_day_does_not_look_at_the_hours_beside_the_event() -> None:
    history, today = matchable()
    today[0, [5, 7]] = 99.0
    history[0, :, 5] = np.nan
    assert pjm_match_day(EventData(history, today, 6, 7)).baseline_kw[0, 0] == pytest.approx(52 / 3)


def test_match_day_of_equally_like_days_takes_the_most_recent() -> None:
    history, today = matchable()
    assert pjm_match_day(EventData(history, today, 6, 7), days=2).baseline_kw[0, 0] == pytest.approx(20.0)


def test_match_day_with_gaps() -> None:
    history, today = matchable()
    today[0, 0] = np.nan  # compared by the other hours
    history[0, 2, 6] = np.nan  # no event hour
    history[0, 1, 4] = np.nan  # cannot be compared
    result = pjm_match_day(EventData(history, today, 6, 7))
    assert result.baseline_kw[0, 0] == pytest.approx((20 + 40 + 12) / 3)
    history[0, 0] = np.nan
    assert pjm_match_day(EventData(history, today, 6, 7)).reason == ("too_few_days: 2 of 3",)
    assert pjm_match_day(EventData(history, np.full((1, 12), np.nan), 6, 7)).reason == (
        "too_few_days: 0 of 3",
    )
