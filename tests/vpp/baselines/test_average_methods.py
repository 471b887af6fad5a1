"""CAISO, residential, ISO-NE, ERCOT and NYISO, by hand."""

import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, event_of
from vpp.baselines.adjust import Correction
from vpp.baselines.caiso_ten_of_ten import caiso_ten_of_ten
from vpp.baselines.data import EventData
from vpp.baselines.ercot_middle_eight_of_ten import FOUR_BEFORE, ercot_middle_eight_of_ten
from vpp.baselines.five_of_ten import five_of_ten
from vpp.baselines.iso_ne_ten_of_ten import iso_ne_ten_of_ten
from vpp.baselines.nyiso_high_five_of_ten import nyiso_high_five_of_ten
from vpp.baselines.result import NO_USABLE_WINDOW, WINDOW_OUTSIDE, BaselineResult

WARM = event_of(HAND, today_kw=7.8)  # 30 % above the 6.0 of the past days


def only(result: BaselineResult) -> float:
    assert (result.ok.tolist(), result.reason) == ([True], ("",))
    return float(result.baseline_kw[0, 0])


def test_the_hand_vector_with_both_caps_and_additive() -> None:
    baselines = [
        only(caiso_ten_of_ten(WARM)),
        only(caiso_ten_of_ten(WARM, cap=(0.71, 1.4))),
        only(iso_ne_ten_of_ten(WARM)),
    ]
    assert baselines == pytest.approx([13.2, 14.3, 12.8])
    assert [baseline - 8.0 for baseline in baselines] == pytest.approx([5.2, 6.3, 4.8])  # the reductions


def test_the_hand_vectors_averages() -> None:
    data = event_of(HAND)
    found = [
        only(caiso_ten_of_ten(data)),
        only(five_of_ten(data)),
        only(ercot_middle_eight_of_ten(data)),
        only(nyiso_high_five_of_ten(data)),
    ]
    assert found == pytest.approx([11.0, 12.4, 11.0, 12.4])


@pytest.mark.parametrize(("today", "factor"), [(7.8, 1.2), (4.2, 0.8), (6.6, 1.1)])
def test_caiso_and_nyiso_keep_within_a_fifth(today: float, factor: float) -> None:
    data = event_of(HAND, today_kw=today)
    assert only(caiso_ten_of_ten(data)) == pytest.approx(11.0 * factor)
    assert only(nyiso_high_five_of_ten(data)) == pytest.approx(12.4 * factor)


def test_caiso_looks_at_hours_two_to_four_before() -> None:
    today = np.full((1, 12), 99.0)
    today[0, 2:5] = 6.3, 6.6, 6.9
    data = EventData(WARM.history_kw, today, 6, 7)
    assert only(caiso_ten_of_ten(data)) == pytest.approx(11.0 * 1.1)


def test_caiso_asks_five_weekdays_or_four_others() -> None:
    assert caiso_ten_of_ten(event_of(HAND[:4])).reason == ("too_few_days: 4 of 5",)
    assert only(caiso_ten_of_ten(event_of(HAND[:5]))) == pytest.approx(11.0)
    assert only(caiso_ten_of_ten(event_of(HAND, day_type="weekend"))) == pytest.approx(11.5)
    assert caiso_ten_of_ten(event_of(HAND[:3], day_type="weekend")).reason == ("too_few_days: 3 of 4",)


def test_an_event_too_early_in_the_row_is_not_adjusted() -> None:
    data = EventData(WARM.history_kw, WARM.event_day_kw, 3, 4)
    for method in (caiso_ten_of_ten, five_of_ten, iso_ne_ten_of_ten, nyiso_high_five_of_ten):
        result = method(data)
        assert (result.ok.tolist(), result.reason) == ([True], (WINDOW_OUTSIDE,))
        assert result.baseline_kw.tolist() == result.unadjusted_kw.tolist() == [[6.0]]
        assert result.adjustment.tolist() == [0.0 if method is iso_ne_ten_of_ten else 1.0]


def test_a_missing_hour_of_the_window_leaves_the_average() -> None:
    today = WARM.event_day_kw.copy()
    today[0, 3] = np.nan
    result = five_of_ten(EventData(WARM.history_kw, today, 6, 7))
    assert (result.reason, result.baseline_kw[0, 0]) == ((NO_USABLE_WINDOW,), pytest.approx(12.4))


@pytest.mark.parametrize(("today", "factor"), [(7.8, 1.3), (9.0, 1.4), (3.0, 1 / 1.4)])
def test_residential_is_held_within_forty_percent(today: float, factor: float) -> None:
    assert only(five_of_ten(event_of(HAND, today_kw=today))) == pytest.approx(12.4 * factor)


def test_residential_looks_before_and_after() -> None:
    today = np.full((1, 12), np.nan)
    today[0, [2, 3]] = 6.0
    today[0, [9, 10]] = 7.2  # mean of the four hours 6.6
    assert only(five_of_ten(EventData(WARM.history_kw, today, 6, 7))) == pytest.approx(12.4 * 1.1)


def test_residential_weekend_weighs_the_three_highest_of_five_by_recency() -> None:
    data = event_of([10.0, 7, 12, 8, 11, 50], day_type="weekend")
    assert only(five_of_ten(data)) == pytest.approx(0.5 * 10 + 0.3 * 12 + 0.2 * 11)


def test_residential_asks_as_many_days_as_it_averages() -> None:
    assert five_of_ten(event_of(HAND[:4])).reason == ("too_few_days: 4 of 5",)
    assert only(five_of_ten(event_of(HAND[:5]))) == pytest.approx(11.0)
    assert five_of_ten(event_of(HAND[:2], day_type="weekend")).reason == ("too_few_days: 2 of 3",)


def test_a_past_day_with_a_gap_gives_way_to_an_earlier_one() -> None:
    history = event_of([*HAND, 21.0]).history_kw.copy()
    history[0, 5, 6] = np.nan  # the 14.0 day
    result = five_of_ten(EventData(history, np.full((1, 12), 6.0), 6, 7))
    assert only(result) == pytest.approx((21 + 13 + 12 + 12 + 11) / 5)


def test_ercot_scales_without_a_cap_by_either_window() -> None:
    today = np.full((1, 12), np.nan)
    today[0, [2, 3]] = 3.0
    today[0, [4, 5]] = 12.0
    data = EventData(WARM.history_kw, today, 6, 7)
    assert only(ercot_middle_eight_of_ten(data)) == pytest.approx(22.0)
    assert only(ercot_middle_eight_of_ten(data, correction=FOUR_BEFORE)) == pytest.approx(5.5)


def test_ercot_ranks_by_the_whole_day() -> None:
    history = event_of(HAND).history_kw.copy()
    history[0, 0, 11] = 100.0  # the 10.0 of the latest day was no extreme by its event hour
    result = ercot_middle_eight_of_ten(EventData(history, np.full((1, 12), 6.0), 6, 7))
    assert only(result) == pytest.approx((110 - 10 - 8) / 8)


def test_ercot_asks_ten_complete_days() -> None:
    history = event_of(HAND).history_kw.copy()
    history[0, 3, 11] = np.nan
    assert ercot_middle_eight_of_ten(EventData(history, np.full((1, 12), 6.0), 6, 7)).reason == (
        "too_few_days: 9 of 10",
    )


def test_nyiso_replaces_low_days_and_takes_two_of_three_on_weekends() -> None:
    plain = Correction("none")
    low = event_of([1.0, *HAND])
    assert only(nyiso_high_five_of_ten(low, correction=plain)) == pytest.approx(12.4)
    weekend = event_of(HAND, day_type="weekend")
    assert only(nyiso_high_five_of_ten(weekend, correction=plain)) == pytest.approx(11.5)


def test_nyiso_looks_at_two_hours_from_four_before() -> None:
    today = np.full((1, 12), np.nan)
    today[0, [2, 3]] = 6.6
    assert only(nyiso_high_five_of_ten(EventData(WARM.history_kw, today, 6, 7))) == pytest.approx(12.4 * 1.1)


def test_iso_ne_averages_what_it_is_told_to() -> None:
    assert only(iso_ne_ten_of_ten(WARM, days=5, min_days=5)) == pytest.approx(11.0 + 1.8)
    assert iso_ne_ten_of_ten(event_of(HAND[:4])).reason == ("too_few_days: 4 of 5",)
