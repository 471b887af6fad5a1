"""The life of a grid signal, as a table, and what is due at an instant.

accepted ──plan──▶ planned ──start──▶ active ──end──▶ ended ──settle──▶ settled
    ▲                 │                  │
    └─────revise──────┘       cancel ────┴──▶ canceled   (from accepted, planned and active)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from vpp.errors import VppError
from vpp.intervals import Interval

State = Literal["accepted", "planned", "active", "ended", "settled", "canceled"]
Step = Literal["plan", "start", "end", "settle", "cancel", "revise"]
Action = Literal["plan", "start", "track", "end", "settle"]

TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    ("accepted", "plan"): "planned",
    ("accepted", "end"): "ended",
    ("accepted", "revise"): "accepted",
    ("accepted", "cancel"): "canceled",
    ("planned", "plan"): "planned",
    ("planned", "start"): "active",
    ("planned", "end"): "ended",
    ("planned", "revise"): "accepted",
    ("planned", "cancel"): "canceled",
    ("active", "plan"): "active",
    ("active", "end"): "ended",
    ("active", "revise"): "active",
    ("active", "cancel"): "canceled",
    ("ended", "settle"): "settled",
}


class IllegalTransition(VppError):
    """A step that a signal in this state cannot take."""

    code = "illegal_transition"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long before its start a signal is planned, and how long after its end late data may arrive."""

    plan_ahead: timedelta = timedelta(hours=1)
    settle_after: timedelta = timedelta(minutes=10)


def advance(state: State, step: Step) -> State:
    """Take a step.

    Raises
    ------
    IllegalTransition
        Where the table has none.
    """
    if (state, step) not in TRANSITIONS:
        raise IllegalTransition(f"a signal that is {state} cannot {step}")
    return TRANSITIONS[state, step]


def due(state: State, period: Interval, *, now: datetime, timing: Timing | None = None) -> Action | None:
    """What to do with a signal now, if anything; ask again after doing it.

    An accepted signal whose start has come is planned first, and one whose end has come while nobody
    looked (a restart) is ended, so no signal is ever stuck.
    """
    timing = timing or Timing()
    if state in ("accepted", "planned", "active") and now >= period.ends_at:
        return "end"
    if state == "accepted" and now >= period.starts_at - timing.plan_ahead:
        return "plan"
    if state == "planned" and now >= period.starts_at:
        return "start"
    if state == "active":
        return "track"
    if state == "ended" and now >= period.ends_at + timing.settle_after:
        return "settle"
    return None


def due_at(state: State, period: Interval, *, timing: Timing | None = None) -> datetime | None:
    """The instant from which the state's next step is due; None for a signal that is over."""
    timing = timing or Timing()
    return {
        "accepted": period.starts_at - timing.plan_ahead,
        "planned": period.starts_at,
        "active": period.ends_at,
        "ended": period.ends_at + timing.settle_after,
    }.get(state)
