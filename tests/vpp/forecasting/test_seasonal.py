"""The seasonal mean and persistence on histories whose answer is known by hand."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import BERLIN, HOURS, START, daily_levels, hourly
from vpp.forecasting.local_days import latest_known, local_days, mean_known, quantiles_known
from vpp.forecasting.persistence import persistence
from vpp.forecasting.question import ForecastError, Ints, Question, local_slots
from vpp.forecasting.seasonal_mean import SeasonalRule, seasonal_mean, seasonal_mean_by_day_type
from vpp.intervals import Grid


def test_mean_of_the_latest_seven_days_and_quantiles_of_fourteen() -> None:
    found = seasonal_mean(hourly(daily_levels([100.0, *range(1, 15)]), days=15))
    assert found.mean.tolist() == [[11.0] * HOURS]  # 8 to 14
    assert found.quantiles[0, 0].tolist() == pytest.approx([2.3, 7.5, 12.7])  # of 1 to 14
    assert found.notes == ("",)
    assert (found.method, found.issued_at) == ("seasonal_mean", START + timedelta(days=15))


def test_gap_is_passed_over_for_an_older_day() -> None:
    history = daily_levels(list(range(1, 11)))
    history[0, -HOURS:] = np.nan
    assert seasonal_mean(hourly(history, days=10)).mean.tolist() == [[6.0] * HOURS]  # 3 to 9


def test_today_counts_as_far_as_it_is_known() -> None:
    history = daily_levels(list(range(1, 9)))
    question = hourly(history, days=7)
    later = Question(
        history,
        START,
        Grid(START + timedelta(days=8), 3600, 24),
        question.issued_at + timedelta(hours=6),
        BERLIN,
    )
    # 06:00 UTC is 08:00 in Berlin: of what Berlin calls 0 to 8 o'clock the eighth day is known.
    found = seasonal_mean(later).mean[0]
    by_wall = {slot: value for slot, value in zip([*range(2, 24), 0, 1], found, strict=True)}
    assert [by_wall[2], by_wall[7], by_wall[8], by_wall[23]] == [5.0, 5.0, 4.0, 4.0]


@pytest.mark.parametrize("days", [0, 1, 2])
def test_too_little_history_is_no_forecast_and_says_so(days: int) -> None:
    found = seasonal_mean(hourly(daily_levels([1.0] * days) if days else np.empty((1, 0)), days=days))
    assert np.isnan(found.mean).all() and np.isnan(found.quantiles).all()
    assert found.notes == ("24 of 24 intervals have fewer than 3 measured days",)


def test_no_site_is_an_answer_too() -> None:
    assert seasonal_mean(hourly(np.empty((0, 240)), days=10)).mean.shape == (0, 24)


def test_constant_zero_and_negative_values_are_values() -> None:
    found = seasonal_mean(hourly([[0.0] * 240, [-2.5] * 240], days=10))
    assert found.mean[:, 0].tolist() == [0.0, -2.5]
    assert found.quantiles[:, 5].tolist() == [[0.0] * 3, [-2.5] * 3]


def test_weekends_look_at_weekends_and_a_holiday_does_too() -> None:
    levels = [10.0 if (START + timedelta(days=day)).weekday() < 5 else 1.0 for day in range(42)]
    monday = hourly(daily_levels(levels), days=42)
    saturday = hourly(daily_levels([*levels, *[10.0] * 5]), days=47)
    assert seasonal_mean_by_day_type(monday).mean.tolist() == [[10.0] * HOURS]
    assert seasonal_mean_by_day_type(saturday).mean.tolist() == [[1.0] * HOURS]
    holiday = hourly(daily_levels(levels), days=42, holidays={date(2026, 7, 13)})
    assert seasonal_mean_by_day_type(holiday).mean.tolist() == [[1.0] * HOURS]


def test_evening_stays_the_evening_over_the_change_of_clocks() -> None:
    start = datetime(2026, 3, 14, 23, tzinfo=UTC)  # local midnight of 15 March
    grid = Grid(start, 3600, 14 * 24 + 23)  # up to the midnight after the day of 23 hours
    _, slots = local_slots_of(grid)
    history = slots[None].astype(np.float64)
    coming = Grid(grid.ends_at, 3600, 24)
    found = seasonal_mean(Question(history, start, coming, grid.ends_at, BERLIN))
    assert found.mean.tolist() == [list(range(24))]
    # The hour that spring skips is the mean of the days that have it.
    assert local_days(Question(history, start, coming, grid.ends_at, BERLIN), look_back_days=28).values[
        0, 1, 1:4
    ].tolist()[0::2] == [1.0, 3.0]


def test_hour_that_autumn_has_twice_counts_by_its_mean() -> None:
    start = datetime(2026, 10, 22, 22, tzinfo=UTC)  # local midnight of 23 October
    grid = Grid(start, 3600, 48 + 25)
    history = np.ones((1, grid.count))
    history[0, 48 + 2], history[0, 48 + 3] = 4.0, 8.0
    question = Question(history, start, Grid(grid.ends_at, 3600, 24), grid.ends_at, BERLIN)
    found = local_days(question, look_back_days=28)
    assert found.dates[:2] == (date(2026, 10, 25), date(2026, 10, 24))
    assert found.values[0, 0, :4].tolist() == [1.0, 1.0, 6.0, 1.0]
    assert seasonal_mean(question).mean[0, 2] == pytest.approx((6 + 1 + 1) / 3)


def local_slots_of(grid: Grid) -> tuple[list[date], Ints]:

    return local_slots(grid, BERLIN)


def test_persistence_repeats_the_latest_day() -> None:
    found = persistence(hourly(daily_levels([1.0, 2.0, 5.0]), days=3, count=48))
    assert found.mean.tolist() == [[5.0] * 48]
    assert found.quantiles[0, 0].tolist() == [5.0] * 3
    assert found.method == "persistence"


@pytest.mark.parametrize("wrong", [{"min_days": 0}, {"mean_days": 20}, {"spread_days": 40}])
def test_rule_that_contradicts_itself_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ForecastError, match="days is wrong"):
        SeasonalRule(**wrong)  # type: ignore[arg-type]


gappy = st.lists(
    st.lists(st.one_of(st.floats(-5, 5), st.just(float("nan"))), min_size=9, max_size=9),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100, deadline=None)
@given(rows=gappy, level=st.floats(0.01, 0.99))
def test_quantiles_are_numpys(rows: list[list[float]], level: float) -> None:
    values = np.array(rows)[:, :, None]
    found = quantiles_known(values, (level,))[:, 0, 0]
    for row, value in zip(rows, found, strict=True):
        known = [one for one in row if one == one]
        assert np.isnan(value) if not known else value == pytest.approx(np.quantile(known, level), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(rows=gappy, wanted=st.integers(1, 9))
def test_latest_values_are_those_that_are_there(rows: list[list[float]], wanted: int) -> None:
    values = np.array(rows)[:, :, None]
    packed = latest_known(values, wanted)[:, :, 0]
    for row, kept in zip(rows, packed, strict=True):
        known = [one for one in row if one == one][:wanted]
        assert [one for one in kept if one == one] == known
        mean = mean_known(kept[None, :, None])[0, 0]
        assert np.isnan(mean) if not known else mean == pytest.approx(sum(known) / len(known))


def test_zones_of_half_hours_have_days_too() -> None:
    question = hourly(daily_levels([1.0] * 5), days=5, zone=ZoneInfo("Asia/Kolkata"))
    assert seasonal_mean(question).mean.tolist() == [[1.0] * HOURS]
