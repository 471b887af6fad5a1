"""What may be asked, and what a question forgets."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import BERLIN, START, hourly
from vpp.forecasting.question import ForecastError, Place, Question, local_slots, onto_grid
from vpp.intervals import Grid


def test_history_ends_where_the_forecast_is_issued() -> None:
    question = hourly(np.arange(72.0)[None], days=2)
    assert question.history.tolist() == [list(range(48))]
    assert question.history_grid == Grid(START, 3600, 48)


def test_interval_that_has_not_ended_is_not_known() -> None:
    whole = hourly(np.arange(72.0)[None], days=2)
    early = Question(whole.history, START, whole.grid, whole.issued_at - timedelta(seconds=1), BERLIN)
    assert early.history.shape == (1, 47)


def test_issue_before_the_history_begins_knows_nothing() -> None:
    grid = Grid(START, 3600, 24)
    assert Question(np.ones((2, 24)), START, grid, START - timedelta(days=1), BERLIN).history.shape == (2, 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"history": np.ones(24)}, "shape"),
        ({"history": np.full((1, 24), np.inf)}, "infinite"),
        ({"levels": (0.9, 0.1)}, "levels"),
        ({"levels": (0.0, 0.5)}, "levels"),
        ({"levels": (float("nan"),)}, "levels"),
        ({"places": (None, None)}, "2 places"),
        ({"issued_at": datetime(2026, 6, 2)}, "time zone"),  # noqa: DTZ001
        ({"grid": Grid(START, 3600, 0)}, "0 intervals"),
        ({"grid": Grid(START, 7000, 2)}, "7000 s"),
        ({"grid": Grid(START + timedelta(minutes=5), 3600, 2)}, "raster"),
    ],
)
def test_wrong_question_is_one_named_error(changes: dict[str, Any], says: str) -> None:
    right: dict[str, Any] = {
        "history": np.ones((1, 24)),
        "history_starts_at": START,
        "grid": Grid(START + timedelta(days=1), 3600, 24),
        "issued_at": START + timedelta(days=1),
        "zone": BERLIN,
    }
    with pytest.raises(ForecastError, match=says):
        Question(**(right | changes))


@pytest.mark.parametrize(
    "wrong",
    [
        (91.0, 0.0),
        (0.0, 181.0),
        (float("nan"), 0.0),
        (0.0, 0.0, 30.0),
        (0.0, 0.0, 91.0, 180.0),
        (0.0, 0.0, 30.0, 361.0),
    ],
)
def test_place_that_is_none_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ForecastError):
        Place(*wrong)


def test_time_of_day_is_the_wall_clocks_on_a_day_of_23_hours() -> None:
    grid = Grid(datetime(2026, 3, 28, 23, tzinfo=UTC), 3600, 23)
    dates, slots = local_slots(grid, BERLIN)
    assert {str(day) for day in dates} == {"2026-03-29"}
    assert slots.tolist() == [0, 1, *range(3, 24)]


def test_hour_that_comes_twice_has_one_time_of_day() -> None:
    grid = Grid(datetime(2026, 10, 24, 22, tzinfo=UTC), 3600, 25)
    assert local_slots(grid, BERLIN)[1].tolist() == [0, 1, 2, 2, *range(3, 24)]


@settings(max_examples=60)
@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
    ),
    st.sampled_from([300, 900, 3600]),
    st.integers(0, 2000),
)
def test_time_of_day_is_what_the_calendar_says(start: datetime, name: str, step: int, count: int) -> None:
    grid, zone = Grid(start, step, count), ZoneInfo(name)
    dates, slots = local_slots(grid, zone)
    starts = [at.astimezone(zone) for at in grid.boundaries()[:-1]]
    assert dates == [at.date() for at in starts]
    assert slots.tolist() == [(at.hour * 3600 + at.minute * 60 + at.second) // step for at in starts]


def test_other_steps_take_the_mean_of_what_they_overlap() -> None:
    values = np.array([[1.0, 3.0, np.nan, 5.0]])
    target = Grid(START, 1800, 2)
    found = onto_grid(values, Grid(START, 900, 4), target=target)
    assert found[0, 0] == pytest.approx(2.0)
    assert np.isnan(found[0, 1])


def test_shorter_steps_take_the_value_they_lie_in_and_nothing_beyond() -> None:
    found = onto_grid(
        np.array([[1.0, 3.0]]), Grid(START, 900, 2), target=Grid(START + timedelta(minutes=10), 300, 5)
    )
    assert found[0, :4].tolist() == pytest.approx([1.0, 3.0, 3.0, 3.0])
    assert np.isnan(found[0, 4])


def test_values_off_their_grid_are_refused() -> None:
    with pytest.raises(ForecastError, match="lie on"):
        onto_grid(np.ones((1, 3)), Grid(START, 900, 2), target=Grid(START, 900, 2))


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-50, 50), min_size=8, max_size=8),
    step_s=st.sampled_from([300, 600, 900, 1200, 1800, 3600, 7200]),
)
def test_energy_is_kept_by_a_change_of_steps(values: list[float], step_s: int) -> None:
    found = onto_grid(np.array([values]), Grid(START, 900, 8), target=Grid(START, step_s, 7200 // step_s))
    assert found.sum() * step_s == pytest.approx(sum(values) * 900, abs=1e-6)
