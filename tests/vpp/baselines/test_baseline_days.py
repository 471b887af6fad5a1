from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.baselines.days import BaselineError, day_type, select_days

THURSDAY = date(2026, 1, 15)


def test_a_weekday_takes_the_ten_latest_weekdays() -> None:
    days = select_days(THURSDAY, holidays=[date(2026, 1, 1)], excluded=[date(2026, 1, 13)])
    assert [f"{day:%m-%d}" for day in days] == [
        "01-14", "01-12", "01-09", "01-08", "01-07", "01-06", "01-05", "01-02", "12-31", "12-30",
    ]  # fmt: skip


def test_a_weekend_takes_weekends_and_holidays() -> None:
    days = select_days(date(2026, 1, 10), wanted=4, holidays=[date(2026, 1, 6)])
    assert days == (date(2026, 1, 6), date(2026, 1, 4), date(2026, 1, 3), date(2025, 12, 28))


def test_an_event_on_a_holiday_is_a_weekend() -> None:
    assert day_type(THURSDAY, [THURSDAY]) == "weekend"
    assert select_days(THURSDAY, wanted=1, holidays=[THURSDAY]) == (date(2026, 1, 11),)


def test_fewer_days_than_wanted_are_returned_as_they_are() -> None:
    assert select_days(THURSDAY, look_back_days=3) == (
        date(2026, 1, 14),
        date(2026, 1, 13),
        date(2026, 1, 12),
    )


@pytest.mark.parametrize(("wanted", "look_back_days"), [(0, 45), (10, 0)])
def test_an_impossible_choice_is_refused(wanted: int, look_back_days: int) -> None:
    with pytest.raises(BaselineError):
        select_days(THURSDAY, wanted=wanted, look_back_days=look_back_days)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 20), st.integers(1, 60))
def test_days_are_past_recent_first_and_of_one_type(day: date, wanted: int, look_back_days: int) -> None:
    days = select_days(day, wanted=wanted, look_back_days=look_back_days)
    assert list(days) == sorted(set(days), reverse=True)
    assert len(days) <= wanted
    assert all(day - timedelta(days=look_back_days) <= chosen < day for chosen in days)
    assert {day_type(chosen) for chosen in days} <= {day_type(day)}
