from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from vpp.intervals import local_day_grid
from vpp.resources.bounds import ResourceError
from vpp.resources.horizon import Horizon

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("day", "steps"), [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)]
)
def test_a_day_that_clocks_change_has_fewer_or_more_steps(day: date, steps: int) -> None:
    horizon = Horizon.of(local_day_grid(day, BERLIN, interval_s=900), BERLIN)
    assert (horizon.steps, horizon.step_h) == (steps, 0.25)
    assert horizon.label(0) == "00:00"
    assert horizon.label(steps) == "00:00"
    seven = datetime(day.year, day.month, day.day, 7, tzinfo=BERLIN)
    assert horizon.label(horizon.boundary(seven)) == "07:00"


def test_a_boundary_is_rounded_to_the_safe_side() -> None:
    horizon = Horizon(8, 0.5, datetime(2026, 1, 1, tzinfo=UTC))
    at = datetime(2026, 1, 1, 1, 10, tzinfo=UTC)
    assert (horizon.boundary(at), horizon.boundary(at, late=True)) == (2, 3)
    assert horizon.boundary(at - timedelta(hours=2)) == -2
    assert horizon.label(3) == "step 3"


def test_a_longer_horizon_names_the_day() -> None:
    horizon = Horizon(96, 0.5, datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
    assert horizon.label(62) == "Fri 07:00"


@pytest.mark.parametrize("wrong", [(0, 1.0), (True, 1.0), (2.0, 1.0), (4, 0.0), (4, np.nan), (4, 1.0, NAIVE)])
def test_an_impossible_horizon_is_refused(wrong: Any) -> None:
    with pytest.raises(ResourceError):
        Horizon(*wrong)


def test_an_instant_needs_a_start_and_a_zone() -> None:
    with pytest.raises(ResourceError, match="a horizon with a start"):
        Horizon(4, 1.0).boundary(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ResourceError, match="time zone"):
        Horizon(4, 1.0, datetime(2026, 1, 1, tzinfo=UTC)).boundary(NAIVE)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1.0, np.nan, 1.0], "demand is not a finite number"),
        ([1.0, 2.0], r"demand of shape \(2,\) does not fit 3 steps"),
        (-1.0, "demand is -1, must be at least 0"),
        ("much", "demand is not an array of numbers"),
    ],
)
def test_a_series_is_refused_by_name(value: Any, said: str) -> None:
    with pytest.raises(ResourceError, match=said):
        Horizon(3, 1.0).series("demand", value, low=0.0)


def test_a_series_of_one_number_is_that_number_in_every_step() -> None:
    assert Horizon(3, 1.0).series("demand", 2).tolist() == [2.0, 2.0, 2.0]
