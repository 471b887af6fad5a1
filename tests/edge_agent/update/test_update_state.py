"""The update's states: every event in every state, and what can never be."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.update.state import (
    Event,
    Failed,
    Healthy,
    NotNowError,
    Refused,
    Starting,
    Unpacked,
    UpdateState,
    advance,
)

NEW = UpdateState()
WAITS = UpdateState(
    phase="downloaded", active="a", active_version="1.0.0", candidate="b", candidate_version="1.1.0"
)
TRIED = UpdateState(
    phase="trial",
    active="a",
    active_version="1.0.0",
    candidate="b",
    candidate_version="1.1.0",
    attempts_left=1,
    reason="",
)
LAST = UpdateState(
    phase="trial",
    active="a",
    active_version="1.0.0",
    candidate="b",
    candidate_version="1.1.0",
    reason="crash",
)
KEPT = UpdateState(phase="confirmed", active="b", active_version="1.1.0")
BACK = UpdateState(
    phase="rolled_back", active="a", active_version="1.0.0", failed_version="1.1.0", reason="crash"
)
STATES = {"new": NEW, "waits": WAITS, "tried": TRIED, "last": LAST, "kept": KEPT, "back": BACK}
CRASH = Failed("crash")

TABLE: list[tuple[str, Event, UpdateState | None]] = [
    (
        "new",
        Unpacked("a", "1.0.0"),
        UpdateState(phase="downloaded", candidate="a", candidate_version="1.0.0"),
    ),
    ("new", Unpacked("b", "1.0.0"), None),
    ("new", Starting(), NEW),
    ("new", Healthy(), NEW),
    ("new", CRASH, NEW),
    ("waits", Unpacked("b", "1.2.0"), None),
    ("waits", Starting(), TRIED),
    ("waits", Healthy(), WAITS),
    ("waits", CRASH, WAITS),
    ("tried", Unpacked("b", "1.2.0"), None),
    (
        "tried",
        Starting(),
        UpdateState(
            phase="trial", active="a", active_version="1.0.0", candidate="b", candidate_version="1.1.0"
        ),
    ),
    ("tried", Healthy(), KEPT),
    (
        "tried",
        CRASH,
        UpdateState(
            phase="trial",
            active="a",
            active_version="1.0.0",
            candidate="b",
            candidate_version="1.1.0",
            attempts_left=1,
            reason="crash",
        ),
    ),
    ("last", Unpacked("b", "1.2.0"), None),
    ("last", Starting(), BACK),
    ("last", Healthy(), KEPT),
    ("last", CRASH, BACK),
    (
        "kept",
        Unpacked("a", "1.2.0"),
        UpdateState(
            phase="downloaded", active="b", active_version="1.1.0", candidate="a", candidate_version="1.2.0"
        ),
    ),
    ("kept", Unpacked("b", "1.2.0"), None),
    ("kept", Starting(), KEPT),
    ("kept", CRASH, KEPT),
    ("back", Unpacked("a", "1.2.0"), None),
    ("back", Starting(), BACK),
    ("back", Healthy(), BACK),
    ("back", CRASH, BACK),
]
EVENTS = [
    Unpacked("a", "1.2.0"),
    Unpacked("b", "1.3.0"),
    Refused("1.4.0", "no"),
    Starting(),
    Healthy(),
    CRASH,
]


@pytest.mark.parametrize(("name", "event", "after"), TABLE)
def test_each_event_in_each_state(name: str, event: Event, after: UpdateState | None) -> None:
    if after is None:
        with pytest.raises(NotNowError):
            advance(STATES[name], event)
    else:
        assert advance(STATES[name], event) == after


@pytest.mark.parametrize("name", STATES)
def test_a_refused_version_is_noted_and_changes_nothing_else(name: str) -> None:
    after = advance(STATES[name], Refused("9.0.0", "not for this hardware"))
    assert (after.failed_version, after.reason) == ("9.0.0", "not for this hardware")
    assert (after.phase, after.to_start) == (STATES[name].phase, STATES[name].to_start)


@given(st.lists(st.sampled_from(EVENTS), max_size=30))
def test_what_runs_is_never_overwritten_and_a_trial_ends(events: list[Event]) -> None:
    state, starts_of_a_trial = UpdateState(), 0
    for event in events:
        before = state
        try:
            state = advance(state, event)
        except NotNowError:
            assert isinstance(event, Unpacked)
            continue
        if isinstance(event, Unpacked):
            assert event.slot != before.active
        if isinstance(event, Starting):
            starts_of_a_trial = starts_of_a_trial + 1 if state.phase == "trial" else 0
            assert starts_of_a_trial <= 2
        if state.phase != "trial":
            starts_of_a_trial = 0
        if before.active != state.active:
            assert isinstance(event, Healthy)
            assert before.phase == "trial"
    assert state.spare != state.active


def test_without_any_proof_the_old_version_runs_after_two_starts() -> None:
    for phases in itertools.product([Starting()], repeat=3):
        state = advance(NEW, Unpacked("a", "1.0.0"))
        told = []
        for event in phases:
            state = advance(state, event)
            told.append((state.phase, state.to_start))
        assert told == [("trial", "a"), ("trial", "a"), ("rolled_back", "installed")]
        assert state.reason == "the trial was cut short each time"
