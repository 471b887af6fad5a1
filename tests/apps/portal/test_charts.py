"""The chart helper: round ticks, local hours, gaps."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.charts import Series, chart, nice_ticks, stepped
from apps.portal.selectors import local_day

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 0, [0, 0.25, 0.5, 0.75, 1.0]),
        (0, 7.3, [0, 2, 4, 6, 8]),
        (-3.6, 5.2, [-5, -2.5, 0, 2.5, 5, 7.5]),
        (0, 40, [0, 10, 20, 30, 40]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == ticks


@given(st.floats(-1e6, 0), st.floats(0, 1e6))
def test_ticks_enclose_the_values_and_are_few(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    slack = 1e-6 * max(high - low, 1)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 7


@pytest.mark.parametrize(("day", "hours"), [(29, 23), (28, 24)])
def test_a_day_on_which_the_clocks_change_keeps_its_round_hours(day: int, hours: int) -> None:
    period = local_day(datetime(2026, 3, day, 10, tzinfo=UTC), BERLIN)
    drawn = chart(title="", period=period, series=[], zone=BERLIN)
    assert period[1] - period[0] == timedelta(hours=hours)
    assert [tick.label for tick in drawn.x_ticks] == ["00:00", "06:00", "12:00", "18:00", "00:00"]
    assert (drawn.x_ticks[1].at, drawn.x_ticks[-1].at) == ("21.74%" if hours == 23 else "25.00%", "100.00%")


def test_over_weeks_the_days_stand_below_a_few_of_them() -> None:
    start = datetime(2026, 3, 14, 23, tzinfo=UTC)
    drawn = chart(title="", period=(start, start + timedelta(days=28)), series=[], zone=BERLIN)
    assert [tick.label for tick in drawn.x_ticks] == ["15 Mar", "22 Mar", "29 Mar", "5 Apr", "12 Apr"]


def test_a_gap_breaks_the_line_and_bars_stand_on_zero() -> None:
    start = datetime(2026, 6, 17, 16, tzinfo=UTC)
    period = (start, start + timedelta(hours=1))
    line = Series("a", "A", stepped(start, 900, values=[1.0, None, 2.0, 2.0]))
    bars = Series("b", "B", [(start, 2.0), (start + timedelta(minutes=15), None)], "bars", 900)
    drawn = chart(title="", period=period, series=[line, bars], zone=BERLIN).drawn
    assert drawn[0].path == ("M0.0 500.0L250.0 500.0M500.0 0.0L750.0 0.0L750.0 0.0L1000.0 0.0")
    assert drawn[1].path == "M25.0 1000.0V0.0H225.0V1000.0Z"
