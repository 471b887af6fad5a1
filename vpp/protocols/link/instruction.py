"""The life of an instruction, as a table. `advance` is the only way from one state to the next."""

from typing import Final, Literal

from vpp.errors import VppError

State = Literal["queued", "sent", "acknowledged", "applied", "verified", "rejected", "expired"]

# What may follow. Reports of the hub may overtake the cloud's own book-keeping, so `queued` can become
# whatever a hub reports; `sent` goes back to `queued` when the connection is lost before an answer.
TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    "queued": frozenset({"sent", "acknowledged", "applied", "rejected", "expired"}),
    "sent": frozenset({"queued", "acknowledged", "applied", "rejected", "expired"}),
    "acknowledged": frozenset({"applied", "rejected", "expired"}),
    "applied": frozenset({"verified", "rejected", "expired"}),
    "verified": frozenset(),
    "rejected": frozenset(),
    "expired": frozenset(),
}

# Late news that changes nothing: what was reported lies behind the present state. An instruction that the
# cloud gave up as expired may still be reported on by a hub that was cut off.
OVERTAKEN: Final[dict[State, frozenset[State]]] = {
    "queued": frozenset(),
    "sent": frozenset(),
    "acknowledged": frozenset({"sent"}),
    "applied": frozenset({"sent", "acknowledged"}),
    "verified": frozenset({"sent", "acknowledged", "applied", "expired"}),
    "rejected": frozenset({"sent", "acknowledged", "expired"}),
    "expired": frozenset({"sent", "acknowledged", "applied", "rejected"}),
}

TERMINAL: Final[frozenset[State]] = frozenset(state for state, then in TRANSITIONS.items() if not then)


class ForbiddenTransition(VppError):
    """A state that cannot follow the present one."""

    code = "forbidden_transition"

    def __init__(self, current: State, to: State) -> None:
        super().__init__(f"an instruction that is {current} cannot become {to}")
        self.current = current
        self.to = to


def is_terminal(state: State) -> bool:
    """Whether nothing can follow `state`."""
    return state in TERMINAL


def is_repeat(current: State, to: State) -> bool:
    """Whether `to` tells nothing new: the same again, or overtaken by what is already known."""
    return to == current or to in OVERTAKEN[current]


def advance(current: State, to: State) -> State:
    """The state after `to` was wanted or reported.

    Returns
    -------
    `to`, or `current` where `to` is an idempotent repeat.

    Raises
    ------
    ForbiddenTransition
        `to` can never follow `current`.
    """
    if to in TRANSITIONS[current]:
        return to
    if is_repeat(current, to):
        return current
    raise ForbiddenTransition(current, to)
