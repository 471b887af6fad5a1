"""Events without end: their signals reach some days ahead, and are moved on or followed by others as time goes by."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.programs.events import (
    UtilityEvent,
    event_signals,
    part_of,
    signal_follow,
    signal_redraft,
)
from apps.programs.models import GridSignal
from apps.programs.services import RUNNING
from vpp.translate.grid_signal import LONGEST_SIGNAL, GridSignalDraft

DraftsAt = Callable[[datetime], Sequence[GridSignalDraft]]
# A signal is moved on once it reaches this much less far than it could.
STEP: Final = timedelta(hours=1)
# A shed is followed by another so long before it ends, so that homes know in time.
FOLLOWED_BEFORE: Final = timedelta(days=1)


def endless_signals(*, source: str, organization: Organization | None = None) -> QuerySet[GridSignal]:
    """Return what events of these sources ask without end."""
    found = GridSignal.objects.filter(source__startswith=source, detail__endless=True)
    found = found.exclude(state=GridSignal.State.CANCELED)
    return found if organization is None else found.filter(organization=organization)


@transaction.atomic
def event_signals_extend(*, event: UtilityEvent, drafts_at: DraftsAt, now: datetime) -> list[GridSignal]:
    """Move an event's signals on; return those that were moved or made.

    A shed is measured from its start, which must not move: a week of it is followed by the next, each settled by itself.
    `drafts_at` gives what the event asks for from an instant on.
    """
    found = []
    for held in _newest(event).values():
        if not held.detail.get("endless") or held.state == GridSignal.State.CANCELED:
            continue
        if held.is_shed or held.state not in RUNNING:
            moved = _followed(event, held, drafts_at=drafts_at, now=now)
        else:
            moved = _moved_on(event, held, drafts_at=drafts_at, now=now)
        if moved is not None:
            found.append(moved)
    return found


def _newest(event: UtilityEvent) -> dict[str, GridSignal]:
    """Return of each thing that the event asks the last signal that runs, or where none does the last of all.

    A canceled one is the last word only where nothing runs: a change of the event takes back what was to follow.
    """
    found = list(event_signals(event=event).order_by("starts_at", "received_at"))
    running = {part_of(one, event): one for one in found if one.state in RUNNING}
    return {part_of(one, event): one for one in found} | running


def _moved_on(
    event: UtilityEvent, held: GridSignal, *, drafts_at: DraftsAt, now: datetime
) -> GridSignal | None:
    if held.ends_at - now > LONGEST_SIGNAL - STEP:
        return None
    draft = _draft(event, held, drafts=drafts_at(now))
    return None if draft is None else signal_redraft(signal=held, draft=draft, event=event, now=now)


def _followed(
    event: UtilityEvent, held: GridSignal, *, drafts_at: DraftsAt, now: datetime
) -> GridSignal | None:
    if held.ends_at - now > FOLLOWED_BEFORE:
        return None
    draft = _draft(event, held, drafts=drafts_at(max(held.ends_at, now)))
    return None if draft is None else signal_follow(before=held, draft=draft, event=event, now=now)


def _draft(
    event: UtilityEvent, held: GridSignal, *, drafts: Sequence[GridSignalDraft]
) -> GridSignalDraft | None:
    return next((one for one in drafts if one.part == part_of(held, event)), None)
