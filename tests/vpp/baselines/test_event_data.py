from typing import Any

import numpy as np
import pytest

from vpp.baselines.adjust import Correction
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError

HISTORY, TODAY = np.ones((2, 3, 24)), np.ones((2, 24))


def data(**changes: Any) -> EventData:
    request = {"history_kw": HISTORY, "event_day_kw": TODAY, "event_starts": 12, "event_ends": 17, **changes}
    return EventData(**request)


@pytest.mark.parametrize(
    "wrong",
    [
        {"history_kw": np.ones((2, 24))},
        {"event_day_kw": np.ones((2, 23))},
        {"event_day_kw": np.ones((3, 24))},
        {"history_kw": np.full((2, 3, 24), np.inf)},
        {"event_day_kw": np.full((2, 24), -np.inf)},
        {"event_starts": 17},
        {"event_starts": -1},
        {"event_ends": 25},
        {"intervals_per_hour": 0},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BaselineError):
        data(**wrong)


def test_the_events_own_intervals_are_forgotten() -> None:
    today = np.arange(48.0).reshape(2, 24)
    kept = data(event_day_kw=today).event_day_kw
    assert np.isnan(kept[:, 12:17]).all()
    assert np.isnan(kept).sum() == 10
    assert not np.isnan(today).any()


def test_windows_are_hours_of_so_many_intervals() -> None:
    quarters = EventData(
        np.ones((1, 1, 24)), np.ones((1, 24)), event_starts=12, event_ends=16, intervals_per_hour=4
    )
    before, after = quarters.before(hours=2, gap_hours=1), quarters.after(hours=1, gap_hours=1)
    assert before is not None and before.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert after is not None and after.tolist() == [20, 21, 22, 23]
    assert quarters.before(hours=3, gap_hours=1) is None
    assert quarters.after(hours=2, gap_hours=1) is None
    assert quarters.outside_event(gap_hours=1).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 23]


@pytest.mark.parametrize("wrong", [{"hours": 0}, {"gap_hours": -1}, {"cap": (2.0, 1.0)}, {"cap": (0.0, 0.0)}])
def test_an_impossible_correction_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BaselineError):
        Correction("ratio", **wrong)
