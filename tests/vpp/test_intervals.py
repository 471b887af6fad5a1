from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import (
    INFINITE,
    CalendarDurationError,
    DurationError,
    Grid,
    Interval,
    IntervalError,
    format_duration,
    local_date,
    local_day,
    local_day_grid,
    parse_duration,
    same_local_time,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT15M", timedelta(minutes=15)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P2W", timedelta(days=14)),
        ("PT0S", timedelta(0)),
        ("-PT0S", timedelta(0)),
        ("P0Y1D", timedelta(days=1)),
        ("PT90M", timedelta(minutes=90)),
        ("P9999Y", INFINITE),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "15M",
        "PT1.5H",
        "pt1h",
        "-PT1H",
        "PT1H ",
        "P99999999999D",
        "PT" + "9" * 99 + "S",
        "P٣D",
    ],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert caught.value.code == "invalid_duration"


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M3D", "P9998Y", "P1MT1H"])
def test_months_and_years_are_refused_by_name(text: str) -> None:
    with pytest.raises(CalendarDurationError) as caught:
        parse_duration(text)
    assert caught.value.code == "calendar_duration"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_what_is_written_is_read_back(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length


def test_durations_are_written_short() -> None:
    assert format_duration(timedelta(minutes=15)) == "PT15M"
    assert format_duration(timedelta(days=2)) == "P2D"
    assert format_duration(timedelta(0)) == "PT0S"
    assert format_duration(INFINITE) == "P9999Y"
    with pytest.raises(DurationError):
        format_duration(-timedelta(seconds=1))


def test_a_grid_is_half_open() -> None:
    grid = Grid(NOON, 900, 4)
    assert grid.ends_at == NOON + timedelta(hours=1)
    assert grid.hours == 0.25
    assert grid.index(NOON) == 0
    assert grid.index(NOON + timedelta(minutes=15)) == 1
    assert grid.index(NOON + timedelta(hours=1)) is None
    assert grid.index(NOON - timedelta(microseconds=1)) is None
    assert grid.interval(3) == Interval(NOON + timedelta(minutes=45), NOON + timedelta(hours=1))
    assert grid.boundaries()[0] == NOON
    assert grid.boundaries()[-1] == grid.ends_at
    with pytest.raises(IntervalError):
        grid.interval(4)


@pytest.mark.parametrize(
    ("start", "interval_s", "count"), [(NOON, 0, 1), (NOON, 900, -1), (NOON.replace(tzinfo=None), 900, 1)]
)
def test_a_grid_that_is_none_is_refused(start: datetime, interval_s: int, count: int) -> None:
    with pytest.raises(IntervalError):
        Grid(start, interval_s, count)


@pytest.mark.parametrize(
    ("day", "quarters"), [(date(2026, 3, 28), 96), (date(2026, 3, 29), 92), (date(2026, 10, 25), 100)]
)
def test_a_local_day_has_as_many_quarters_as_its_clocks_allow(day: date, quarters: int) -> None:
    grid = local_day_grid(day, BERLIN, interval_s=900)
    assert grid.count == quarters
    assert local_day(day, BERLIN).seconds == quarters * 900
    assert grid.ends_at == local_day(day + timedelta(days=1), BERLIN).starts_at


def test_a_day_that_does_not_divide_is_refused() -> None:
    with pytest.raises(IntervalError):
        local_day_grid(date(2026, 3, 29), BERLIN, interval_s=86_400)
    with pytest.raises(IntervalError):
        local_day_grid(date(2026, 3, 29), BERLIN, interval_s=0)


def test_the_same_wall_clock_time_on_another_day() -> None:
    event = datetime(2026, 3, 31, 16, tzinfo=UTC)  # 18:00 in Berlin, summer
    assert same_local_time(event, day=date(2026, 3, 27), zone=BERLIN) == datetime(2026, 3, 27, 17, tzinfo=UTC)
    skipped = datetime(2026, 3, 28, 1, 30, tzinfo=UTC)  # 02:30, which 29 March does not have
    assert same_local_time(skipped, day=date(2026, 3, 29), zone=BERLIN) == datetime(
        2026, 3, 29, 1, 30, tzinfo=UTC
    )
    twice = datetime(2026, 10, 24, 0, 30, tzinfo=UTC)  # 02:30, which 25 October has twice
    assert same_local_time(twice, day=date(2026, 10, 25), zone=BERLIN) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_the_local_date_of_an_instant() -> None:
    assert local_date(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), BERLIN) == date(2026, 7, 2)


@given(st.integers(0, 10_000), st.integers(1, 86_400), st.integers(1, 200))
def test_each_interval_holds_its_own_instants(offset_s: int, interval_s: int, count: int) -> None:
    grid = Grid(NOON, interval_s, count)
    index = grid.index(NOON + timedelta(seconds=offset_s))
    if index is None:
        assert offset_s >= interval_s * count
    else:
        assert grid.interval(index).contains(NOON + timedelta(seconds=offset_s))
