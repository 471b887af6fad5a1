from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.dispatch.lifecycle import TRANSITIONS, Action, IllegalTransition, State, Step, advance, due, due_at
from vpp.intervals import Interval

START = datetime(2026, 1, 15, 17, tzinfo=UTC)
PERIOD = Interval(START, START + timedelta(hours=2))


def minutes(after_start: float) -> datetime:
    return START + timedelta(minutes=after_start)


@pytest.mark.parametrize(
    ("state", "at", "action"),
    [
        ("accepted", -61, None),
        ("accepted", -60, "plan"),
        ("accepted", 30, "plan"),
        ("accepted", 120, "end"),
        ("planned", -1, None),
        ("planned", 0, "start"),
        ("planned", 500, "end"),
        ("active", 0, "track"),
        ("active", 119, "track"),
        ("active", 120, "end"),
        ("ended", 129, None),
        ("ended", 130, "settle"),
        ("settled", 999, None),
        ("canceled", 60, None),
    ],
)
def test_what_is_due(state: State, at: float, action: Action | None) -> None:
    assert due(state, PERIOD, now=minutes(at)) == action


def test_when_the_next_step_is_due() -> None:
    states: list[State] = ["accepted", "planned", "active", "ended", "settled", "canceled"]
    assert [due_at(state, PERIOD) for state in states] == [
        minutes(-60),
        START,
        minutes(120),
        minutes(130),
        None,
        None,
    ]


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("step", get_args(Step))
def test_only_the_table_s_steps_can_be_taken(state: State, step: Step) -> None:
    if (state, step) in TRANSITIONS:
        assert advance(state, step) == TRANSITIONS[state, step]
    else:
        with pytest.raises(IllegalTransition, match=state):
            advance(state, step)


def test_a_change_of_a_planned_signal_plans_it_anew() -> None:
    assert advance("planned", "revise") == "accepted"
    assert advance("active", "revise") == "active"


@given(st.integers(-100, 300))
def test_every_signal_comes_to_its_end_after_a_restart_at_any_time(restarted: int) -> None:
    state: State = "accepted"
    taken: list[Action] = []
    for minute in range(restarted, 400):
        while (action := due(state, PERIOD, now=minutes(minute))) not in (None, "track"):
            assert action is not None
            assert action != "track"
            taken.append(action)
            state = advance(state, action)
    assert state == "settled"
    assert taken == (["plan", "start", "end", "settle"] if restarted < 120 else ["end", "settle"])
