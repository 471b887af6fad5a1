"""The grid signals of one utility's event: made, revised and canceled so that they are what the event asks for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from apps.programs.errors import SignalOverError
from apps.programs.models import GridSignal, Program
from apps.programs.services import (
    RUNNING,
    opt_outs_carry_over,
    signal_cancel,
    signal_receive,
    signal_revise,
)
from vpp.translate.grid_signal import GridSignalDraft

PART = "#"


@dataclass(frozen=True)
class UtilityEvent:
    """What a protocol knows of an event beside what it asks for; `source` names it, e.g. openadr3:<event id>."""

    program: Program
    source: str
    name: str = ""
    priority: int | None = None
    targets: Collection[str] = ()


@transaction.atomic
def event_signals_set(
    *, event: UtilityEvent, drafts: Sequence[GridSignalDraft], now: datetime
) -> list[GridSignal]:
    """Let an event's signals be these drafts: new ones are accepted, changed ones revised, others canceled."""
    running, found = _running(event), []
    for left in running.followers:
        signal_cancel(signal_id=left.pk, now=now)
    for draft in drafts:
        held = running.first.pop(draft.part, None)
        if held is None:
            found.append(_receive(event, draft, now=now))
        else:
            found.append(signal_redraft(signal=held, draft=draft, event=event, now=now) or held)
    for left in running.first.values():
        signal_cancel(signal_id=left.pk, now=now)
    return found


@transaction.atomic
def event_signals_cancel(*, event: UtilityEvent, now: datetime) -> None:
    """Cancel all that an event asked for."""
    event_signals_set(event=event, drafts=[], now=now)


def event_signals(*, event: UtilityEvent) -> QuerySet[GridSignal]:
    """Return all signals that an event has had."""
    return GridSignal.objects.filter(
        organization=event.program.organization, source__startswith=f"{event.source}{PART}"
    ).order_by("pk")


def part_of(signal: GridSignal, event: UtilityEvent) -> str:
    """Return which of the things that an event asks a signal is."""
    return signal.source.removeprefix(f"{event.source}{PART}").split(PART)[0]


def signal_redraft(
    *, signal: GridSignal, draft: GridSignalDraft, event: UtilityEvent, now: datetime
) -> GridSignal | None:
    """Let a running signal be this draft; None where it is already."""
    if not _differs(signal, draft, event=event):
        return None
    return signal_revise(
        signal_id=signal.pk, draft=draft, name=event.name, now=now, priority=event.priority, targets=event.targets
    )  # fmt: skip


@transaction.atomic
def signal_follow(
    *, before: GridSignal, draft: GridSignalDraft, event: UtilityEvent, now: datetime
) -> GridSignal:
    """Accept what an event asks once `before` is over; who said no to that has said no to this."""
    made = _receive(event, draft, now=now, follows=True)
    opt_outs_carry_over(signal=before, to=made)
    return made


@dataclass(frozen=True)
class _Running:
    """An event's signals that are not over: of each part the first, and those that are to follow it."""

    first: dict[str, GridSignal]
    followers: list[GridSignal]


def _running(event: UtilityEvent) -> _Running:
    found = _Running({}, [])
    for one in event_signals(event=event).filter(state__in=RUNNING).order_by("starts_at", "pk"):
        if found.first.setdefault(part_of(one, event), one) is not one:
            found.followers.append(one)
    return found


def _receive(
    event: UtilityEvent, draft: GridSignalDraft, *, now: datetime, follows: bool = False
) -> GridSignal:
    source = f"{event.source}{PART}{draft.part}"
    # A part that was canceled stays on record under its name; what comes back gets another.
    held = [one.state for one in event_signals(event=event) if part_of(one, event) == draft.part]
    over = next((state for state in held if state != GridSignal.State.CANCELED), None)
    if over is not None and not follows:
        raise SignalOverError(f"the event is {over}; it cannot be changed any more")
    before = len(held)
    return signal_receive(
        program=event.program,
        draft=draft,
        source=f"{source}{PART}{before + 1}" if before else source,
        name=event.name,
        now=now,
        priority=event.priority,
        targets=event.targets,
    )


def _differs(signal: GridSignal, draft: GridSignalDraft, *, event: UtilityEvent) -> bool:
    asked = (
        draft.kind,
        draft.starts_at,
        draft.ends_at,
        draft.interval_s,
        list(draft.values),
        dict(draft.detail),
    )
    held = (signal.kind, signal.starts_at, signal.ends_at, signal.interval_s, signal.values, signal.detail)
    return asked != held or (event.priority, list(event.targets), event.name[:128]) != (
        signal.priority,
        signal.targets,
        signal.name,
    )
