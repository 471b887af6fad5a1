"""Spans of local time that people look at: a day, week, month or year, with the ones before and after."""

import calendar
import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Span = Literal["day", "week", "month", "year"]
SPANS: Final[tuple[Span, ...]] = ("day", "week", "month", "year")
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2100, 1, 1)


@dataclasses.dataclass(frozen=True)
class Period:
    """Local days [first_date, end_date) with the instants at which they begin and end (UTC)."""

    span: Span
    first_date: date
    end_date: date
    starts_at: datetime
    ends_at: datetime

    @property
    def last_date(self) -> date:
        return self.end_date - timedelta(days=1)


def span_of(typed: str) -> Span:
    """Return the span that is meant; a day for nonsense."""
    return next((span for span in SPANS if span == typed), "day")


def date_of(typed: str, *, today: date) -> date:
    """Return the local date that is meant; today for nonsense and for what lies beyond any measurement."""
    try:
        meant = date.fromisoformat(typed)
    except ValueError:
        return today
    return meant if EARLIEST <= meant < LATEST else today


def period_of(span: Span, on: date, *, zone: ZoneInfo) -> Period:
    """Return the span that holds `on`; a week begins on Monday."""
    first, end = _days(span, on)
    return Period(span, first, end, local_midnight(first, zone), local_midnight(end, zone))


def before(period: Period, *, zone: ZoneInfo) -> Period:
    """Return the period just before."""
    return period_of(period.span, period.first_date - timedelta(days=1), zone=zone)


def after(period: Period, *, zone: ZoneInfo) -> Period:
    """Return the period just after."""
    return period_of(period.span, period.end_date, zone=zone)


def year_before(period: Period, *, zone: ZoneInfo) -> Period:
    """Return the same period a year before; of weeks the one of the same number of days before (52 weeks)."""
    if period.span == "week":
        return period_of("week", period.first_date - timedelta(weeks=52), zone=zone)
    first = period.first_date
    last_day = calendar.monthrange(first.year - 1, first.month)[1]
    return period_of(period.span, first.replace(year=first.year - 1, day=min(first.day, last_day)), zone=zone)


def cut(period: Period, *, like: Period, now: datetime) -> Period:
    """Return as much of `period` as has passed of `like`, so that a running one is compared with as much of another."""
    if now >= like.ends_at:
        return period
    passed = max(now - like.starts_at, timedelta(0))
    return dataclasses.replace(period, ends_at=min(period.starts_at + passed, period.ends_at))


def local_midnight(on: date, zone: ZoneInfo) -> datetime:
    """Return when a local day begins (UTC)."""
    return datetime.combine(on, time(), tzinfo=zone).astimezone(UTC)


def _days(span: Span, on: date) -> tuple[date, date]:
    if span == "day":
        return on, on + timedelta(days=1)
    if span == "week":
        first = on - timedelta(days=on.weekday())
        return first, first + timedelta(days=7)
    if span == "month":
        first = on.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return date(on.year, 1, 1), date(on.year + 1, 1, 1)
