"""The life of an instruction."""

from itertools import product
from typing import get_args

import pytest

from vpp.protocols.link.instruction import (
    OVERTAKEN,
    TERMINAL,
    TRANSITIONS,
    ForbiddenTransition,
    State,
    advance,
    is_repeat,
    is_terminal,
)

STATES: tuple[State, ...] = get_args(State)


def test_the_tables_name_every_state() -> None:
    assert set(TRANSITIONS) == set(OVERTAKEN) == set(STATES)
    assert {"verified", "rejected", "expired"} == TERMINAL


@pytest.mark.parametrize(("current", "to"), list(product(STATES, STATES)))
def test_every_pair_moves_repeats_or_is_forbidden(current: State, to: State) -> None:
    if to in TRANSITIONS[current]:
        assert advance(current, to) == to
        assert not is_repeat(current, to)
    elif is_repeat(current, to):
        assert advance(current, to) == current
    else:
        with pytest.raises(ForbiddenTransition) as caught:
            advance(current, to)
        assert (caught.value.current, caught.value.to) == (current, to)


def test_the_straight_way() -> None:
    state: State = "queued"
    for to in ("sent", "acknowledged", "applied", "verified"):
        state = advance(state, to)
    assert is_terminal(state)


@pytest.mark.parametrize(
    ("current", "to"),
    [("verified", "queued"), ("rejected", "applied"), ("queued", "verified"), ("applied", "queued")],
)
def test_forbidden(current: State, to: State) -> None:
    with pytest.raises(ForbiddenTransition):
        advance(current, to)
