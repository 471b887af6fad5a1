"""Periods of local time, through changes of the clocks and leap days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.portal.periods import Span, after, before, cut, date_of, period_of, span_of, year_before

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("span", "on", "first", "end", "hours"),
    [
        ("day", date(2026, 6, 17), date(2026, 6, 17), date(2026, 6, 18), 24),
        ("day", date(2026, 3, 29), date(2026, 3, 29), date(2026, 3, 30), 23),
        ("day", date(2026, 10, 25), date(2026, 10, 25), date(2026, 10, 26), 25),
        ("week", date(2026, 10, 25), date(2026, 10, 19), date(2026, 10, 26), 169),
        ("month", date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1), 672),
        ("year", date(2026, 7, 1), date(2026, 1, 1), date(2027, 1, 1), 8760),
    ],
)
def test_a_span_holds_whole_local_days(span: Span, on: date, first: date, end: date, hours: int) -> None:
    period = period_of(span, on, zone=BERLIN)
    assert (period.first_date, period.end_date) == (first, end)
    assert period.ends_at - period.starts_at == timedelta(hours=hours)


@pytest.mark.parametrize("span", ["day", "week", "month", "year"])
def test_periods_follow_each_other_without_gap(span: Span) -> None:
    period = period_of(span, date(2026, 3, 29), zone=BERLIN)
    assert before(period, zone=BERLIN).ends_at == period.starts_at
    assert after(period, zone=BERLIN).starts_at == period.ends_at


def test_a_year_before() -> None:
    def earlier(span: Span, on: date) -> date:
        return year_before(period_of(span, on, zone=BERLIN), zone=BERLIN).first_date

    assert earlier("day", date(2028, 2, 29)) == date(2027, 2, 28)
    assert earlier("month", date(2026, 3, 9)) == date(2025, 3, 1)
    assert earlier("week", date(2026, 6, 17)) == date(2025, 6, 16)
    assert earlier("year", date(2026, 6, 17)) == date(2025, 1, 1)


def test_a_running_period_is_compared_with_as_much_of_another() -> None:
    month = period_of("month", date(2026, 6, 1), zone=BERLIN)
    may = before(month, zone=BERLIN)
    now = month.starts_at + timedelta(days=10, hours=3)
    assert cut(may, like=month, now=now).ends_at == may.starts_at + timedelta(days=10, hours=3)
    assert cut(may, like=month, now=month.ends_at) == may
    march = period_of("month", date(2026, 3, 1), zone=BERLIN)
    february = before(march, zone=BERLIN)
    assert cut(february, like=march, now=march.ends_at - timedelta(hours=1)).ends_at == february.ends_at


@pytest.mark.parametrize(
    "typed", ["", "yesterday", "2026-13-01", "1999-12-31", "2100-01-01", "20260601T00", "9" * 99]
)
def test_nonsense_means_today(typed: str) -> None:
    today = datetime(2026, 6, 17, tzinfo=UTC).date()
    assert date_of(typed, today=today) == today
    assert span_of(typed) == "day"
