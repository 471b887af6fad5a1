"""The life of a settlement, as a table, what is due at an instant, and what one version changes.

(none) ──data_due──▶ initial ──inputs_changed──▶ true_up ──┐ inputs_changed, dispute_accepted
                        │                          │  ▲────┘
                        └──────window_over─────────┴──▶ final ──dispute_accepted──▶ correction ─┐ dispute_accepted
                                                                                    ▲───────────┘
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from vpp.intervals import IntervalError
from vpp.settlement.errors import RunError

RunKind = Literal["initial", "true_up", "final", "correction"]
RunCause = Literal["data_due", "inputs_changed", "window_over", "dispute_accepted"]

TRANSITIONS: Final[dict[tuple[RunKind | None, RunCause], RunKind]] = {
    (None, "data_due"): "initial",
    ("initial", "inputs_changed"): "true_up",
    ("initial", "dispute_accepted"): "true_up",
    ("initial", "window_over"): "final",
    ("true_up", "inputs_changed"): "true_up",
    ("true_up", "dispute_accepted"): "true_up",
    ("true_up", "window_over"): "final",
    ("final", "dispute_accepted"): "correction",
    ("correction", "dispute_accepted"): "correction",
}


@dataclass(frozen=True, slots=True)
class RunTimes:
    """How long after an event's end late data may come before the initial run, and before the final one."""

    initial_after: timedelta = timedelta(minutes=10)
    final_after: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a version pays a home above (+) or below (-) the version before."""

    home: str
    amount: Decimal


def next_kind(newest: RunKind | None, *, cause: RunCause) -> RunKind:
    """Return what the next run is, after the newest one (None: there is none).

    Raises
    ------
    RunError
        Where the table has no such step: after a final run only an accepted dispute makes another.
    """
    if (newest, cause) not in TRANSITIONS:
        after = f"after the {newest.replace('_', ' ')} run" if newest else "before the initial run"
        raise RunError(f"{after} no run can follow because of {cause.replace('_', ' ')}")
    return TRANSITIONS[newest, cause]


def due_cause(
    newest: RunKind | None, *, ends_at: datetime, now: datetime, times: RunTimes | None = None
) -> RunCause | None:
    """Return why a run may be due now; `inputs_changed` holds only where the inputs' hash differs.

    Parameters
    ----------
    newest
        Kind of the newest run, None where there is none.
    ends_at
        End of the event.
    now
        The present.
    times
        How long to wait.

    Raises
    ------
    IntervalError
        For an instant without a time zone.
    """
    if ends_at.tzinfo is None or now.tzinfo is None:
        raise IntervalError("an instant needs a time zone")
    times = times or RunTimes()
    if newest is None:
        return "data_due" if now - ends_at >= times.initial_after else None
    if newest in ("final", "correction"):
        return None
    return "window_over" if now - ends_at >= times.final_after else "inputs_changed"


def adjustments(*, before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> tuple[Adjustment, ...]:
    """Return the homes whose amount differs between two versions, by name; a home that is new had 0.

    They sum to the difference of the totals.
    """
    changes = {home: after.get(home, Decimal(0)) - before.get(home, Decimal(0)) for home in {*before, *after}}
    return tuple(Adjustment(home, changes[home]) for home in sorted(changes) if changes[home])
