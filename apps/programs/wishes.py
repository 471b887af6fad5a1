"""Grid signals that the organization itself asks for, without a utility's protocol: made, changed and canceled."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from django.db import transaction

from apps.accounts.services import audit
from apps.common.errors import ConflictError, DomainError
from apps.programs.models import GridSignal, Program
from apps.programs.services import signal_cancel, signal_receive, signal_revise
from vpp.errors import VppError
from vpp.intervals import Interval
from vpp.translate.grid_signal import GridSignalDraft, SignalKind, put_on_grid

OWN: Final = "api:"
LONGEST_INTERVAL_S: Final = 900
# What the values of each kind may be.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "shed": (0.0, 1e9), "setpoint": (-1e9, 1e9), "level": (0.0, 3.0), "price": (-1e6, 1e6), "export_price": (-1e6, 1e6),
    "ghg": (0.0, 1e6), "charge_state": (0.0, 1.0), "import_limit": (0.0, 1e9), "export_limit": (0.0, 1e9),
}  # fmt: skip
CURRENCY_KINDS: Final = frozenset({"price", "export_price"})


class SignalInvalidError(DomainError):
    code = "signal_invalid"


class SignalFromElsewhereError(ConflictError):
    """A utility's own event is changed where it came from, else the two would disagree."""

    code = "signal_from_elsewhere"


@dataclasses.dataclass(frozen=True)
class Asked:
    """One piece of time and what is asked in it."""

    starts_at: datetime
    ends_at: datetime
    value: float


@dataclasses.dataclass(frozen=True)
class Wish:
    """A signal as it is asked for."""

    kind: SignalKind
    intervals: Sequence[Asked]
    name: str = ""
    priority: int | None = None
    targets: Sequence[str] = ()


def draft_of(*, program: Program, wish: Wish, now: datetime) -> GridSignalDraft:
    """Put a wish on a regular grid; `SignalInvalidError` carries the reason's own code."""
    low, high = RANGES[wish.kind]
    for one in wish.intervals:
        if not low <= one.value <= high:
            raise SignalInvalidError(f"{one.value:g} is not between {low:g} and {high:g}")
        if wish.kind == "level" and one.value != int(one.value):
            raise SignalInvalidError(f"{one.value:g} is no level: 0, 1, 2 or 3")
        if one.ends_at <= one.starts_at:
            raise SignalInvalidError("an interval ends after it starts")
    try:
        grid = put_on_grid(
            [Interval(one.starts_at, one.ends_at) for one in wish.intervals], now=now,
            longest_interval_s=LONGEST_INTERVAL_S,
        )  # fmt: skip
    except VppError as error:
        raise SignalInvalidError(error.detail, code=error.code) from error
    gap = 0.0 if wish.kind in {"shed", "level"} else None
    values = tuple(gap if place is None else wish.intervals[place].value for place in grid.piece)
    detail: dict[str, Any] = {"currency": program.currency} if wish.kind in CURRENCY_KINDS else {}
    return GridSignalDraft(wish.kind, grid.starts_at, grid.ends_at, grid.interval_s, values, detail=detail)


@transaction.atomic
def wish_create(*, program: Program, wish: Wish, actor: str, now: datetime) -> GridSignal:
    """Ask the program's homes for something; the plan follows within seconds."""
    draft = draft_of(program=program, wish=wish, now=now)
    signal = signal_receive(
        program=program, draft=draft, source=f"{OWN}{uuid4()}", name=wish.name, now=now, priority=wish.priority,
        targets=wish.targets,
    )  # fmt: skip
    _audit(signal, "signal_create", actor=actor, now=now)
    return signal


@transaction.atomic
def wish_change(*, signal: GridSignal, wish: Wish, actor: str, now: datetime) -> GridSignal:
    """Ask for something else, before or during the event; of the same kind."""
    _check_own(signal)
    if wish.kind != signal.kind:
        raise SignalInvalidError("a signal keeps its kind; cancel it and create another one")
    draft = draft_of(program=signal.program, wish=wish, now=now)
    revised = signal_revise(
        signal_id=signal.pk,
        draft=draft,
        name=wish.name,
        now=now,
        priority=wish.priority,
        targets=wish.targets,
    )
    _audit(revised, "signal_change", actor=actor, now=now)
    return revised


@transaction.atomic
def wish_cancel(*, signal: GridSignal, actor: str, now: datetime) -> GridSignal:
    """End it for good; hubs are told at once. One that is over stays as it is."""
    _check_own(signal)
    before = signal.state
    canceled = signal_cancel(signal_id=signal.pk, now=now)
    if canceled.state != before:
        _audit(canceled, "signal_cancel", actor=actor, now=now)
    return canceled


def wish_of(signal: GridSignal) -> Wish:
    """Return what a signal asks, as a wish: what a change does not name stays."""
    step = (signal.ends_at - signal.starts_at) / max(1, len(signal.values))
    starts = [signal.starts_at + step * place for place in range(len(signal.values))]
    pieces = [
        Asked(at, at + step, value)
        for at, value in zip(starts, signal.values, strict=True)
        if value is not None
    ]
    kind: Any = signal.kind
    return Wish(kind, pieces, signal.name, signal.priority, signal.targets)


def _check_own(signal: GridSignal) -> None:
    if not signal.source.startswith(OWN):
        raise SignalFromElsewhereError(
            "this signal came by a utility's protocol and is changed there; homes may opt out of it here"
        )


def _audit(signal: GridSignal, action: str, *, actor: str, now: datetime) -> None:
    audit(
        organization=signal.organization, actor=actor, action=action, subject=f"signal {signal.pk}", now=now,
        kind=signal.kind, values=signal.values, revision=signal.revision,
    )  # fmt: skip
