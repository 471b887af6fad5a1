from dataclasses import replace

import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, event_of
from vpp.baselines.adjust import Correction
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError, DayType
from vpp.baselines.weather_matching import NO_TEMPERATURE, weather_matching

HIGHS = np.array([[20.0, 31, 25, 30, 18, 29, 40, 35, 33, 12]])
NONE = Correction("none")


def warm(today_c: float = 30.0, *, day_type: DayType = "weekday") -> EventData:
    data = event_of(HAND, day_type=day_type)
    return replace(data, history_max_c=HIGHS, event_day_max_c=np.array([today_c]))


def test_the_four_days_nearest_in_temperature() -> None:
    """30, 31, 29 and then 33 degC: 13, 12, 14 and 11 kW."""
    found = weather_matching(warm(), correction=NONE)
    assert found.baseline_kw == pytest.approx(np.array([[(13 + 12 + 14 + 11) / 4]]))
    assert found.days_used.tolist() == [4]


def test_of_days_equally_near_the_most_recent() -> None:
    """Of 32 degC: 31 and 33, 30, then 35 and 29 at 3 K each; 29 is day 6, 35 day 8."""
    found = weather_matching(warm(32.0), correction=NONE)
    assert found.baseline_kw == pytest.approx(np.array([[(12 + 11 + 13 + 14) / 4]]))


def test_weekends_four_latest_days_need_no_temperature() -> None:
    found = weather_matching(event_of(HAND, day_type="weekend"), correction=NONE)
    assert found.baseline_kw == pytest.approx(np.array([[(10 + 12 + 11 + 13) / 4]]))


def test_weekend_three_of_five() -> None:
    """Of 20, 31, 25, 30 and 18 degC three are nearest to 30: 30, 31, 25."""
    found = weather_matching(warm(day_type="weekend"), correction=NONE, weekend_three_of_five=True)
    assert found.baseline_kw == pytest.approx(np.array([[(13 + 12 + 11) / 3]]))


def test_correction_is_held_within_forty_percent() -> None:
    """The flat event day draws 12 where 6 was usual."""
    data = event_of(HAND, today_kw=12.0)
    data = replace(
        data,
        history_max_c=HIGHS,
        event_day_max_c=np.array([30.0]),
    )
    found = weather_matching(data)
    assert found.adjustment.tolist() == [1.4]
    assert found.baseline_kw == pytest.approx(np.array([[12.5 * 1.4]]))


@pytest.mark.parametrize("three", [False, True])
def test_without_temperatures_there_is_none(three: bool) -> None:
    data = event_of(HAND, day_type="weekend" if three else "weekday")
    for one in (data, replace(data, history_max_c=HIGHS, event_day_max_c=np.array([np.nan]))):
        found = weather_matching(one, weekend_three_of_five=three)
        assert (found.ok.tolist(), found.reason) == ([False], (NO_TEMPERATURE,))
        assert np.isnan(found.baseline_kw).all()


def test_three_days_with_a_temperature_are_too_few() -> None:
    highs = HIGHS.copy()
    highs[0, 3:] = np.nan
    found = weather_matching(replace(warm(), history_max_c=highs))
    assert found.reason == ("too_few_days: 3 of 4",)


@pytest.mark.parametrize("highs", [np.ones((1, 9)), np.ones((2, 10)), np.full((1, 10), np.inf)])
def test_temperatures_that_do_not_fit_are_refused(highs: np.ndarray) -> None:
    with pytest.raises(BaselineError, match="temperature"):
        replace(warm(), history_max_c=highs)
