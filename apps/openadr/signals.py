"""What a utility's event means to the platform's own homes: the grid signals it makes, changes and ends.

An event asks nothing of them when it carries no payload the platform acts on, or when its targets name VENs and none of
the platform's homes or grid areas; it is stored and shown to VENs all the same.
"""

import logging
import random
from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.common.errors import DomainError
from apps.openadr.errors import BodyError
from apps.openadr.models import EventObject, VenObject
from apps.programs.endless import endless_signals, event_signals_extend
from apps.programs.events import UtilityEvent, event_signals, event_signals_cancel, event_signals_set
from apps.programs.models import SHED_KINDS, GridSignal
from apps.programs.services import RUNNING
from apps.sites.selectors import sites_named
from vpp.errors import VppError
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.timing import Draw, is_void
from vpp.translate.grid_signal import GridSignalDraft
from vpp.translate.openadr3 import signals_from_event

logger = logging.getLogger(__name__)


def event_taken_over(*, event: EventObject, request: EventRequest, now: datetime) -> GridSignal | None:
    """Make the grid signals of an event as it is now; return the one that is measured and reported on, if any."""
    asked = utility_event(event, request)
    for_homes = concerns_homes(organization=event.organization, targets=asked.targets)
    if is_void(request) or not request.intervals or not for_homes:
        event_signals_cancel(event=asked, now=now)
        return None
    found = event_signals_set(event=asked, drafts=_drafts(event, request, now=now, said_at=now), now=now)
    return next((one for one in found if one.kind in SHED_KINDS), None)


def event_changed(*, event: EventObject, request: EventRequest, now: datetime) -> GridSignal | None:
    """Follow a changed event; the signal of one that asks nothing any more is canceled and stays on record."""
    return event_taken_over(event=event, request=request, now=now) or event.signal


def event_gone(*, event: EventObject, now: datetime) -> None:
    """Cancel what a deleted event asked for."""
    event_signals_cancel(event=utility_event(event, decode_event(event.content)), now=now)


def events_extend(*, now: datetime) -> int:
    """Move on the signals of events without end, which reach some days ahead only; return of how many events."""
    endless = endless_signals(source="openadr3:").values_list("source", flat=True)
    ids = {source.removeprefix("openadr3:").split("#")[0] for source in endless}
    return sum(_event_extend(object_id=one, now=now) for one in sorted(ids))


@transaction.atomic
def _event_extend(*, object_id: str, now: datetime) -> bool:
    found = EventObject.objects.select_for_update(of=("self",)).select_related("program_object__program")
    event = found.filter(pk=object_id, deleted_at=None).first()
    if event is None:
        return False
    request = decode_event(event.content)

    def drafts_at(at: datetime) -> tuple[GridSignalDraft, ...]:
        return _drafts(event, request, now=at, said_at=event.modified_at)

    try:
        moved = event_signals_extend(event=utility_event(event, request), drafts_at=drafts_at, now=now)
    except DomainError as error:  # one event's fault must not keep the others back
        logger.warning("event %s is not moved on: %s", event.pk, error)
        return False
    _point_to_running(event, now=now)
    return bool(moved)


def _point_to_running(event: EventObject, *, now: datetime) -> None:
    """Let an event of several weeks show the shed that runs, once the one before is over."""
    held = event.signal
    if held is None or held.ends_at > now:
        return
    later = (
        one
        for one in signals_of_event(event=event)
        if one.is_shed and one.state in RUNNING and one.ends_at > now
    )
    event.signal = min(later, key=lambda one: one.starts_at, default=held)
    event.save(update_fields=["signal"])


def signals_of_event(*, event: EventObject) -> list[GridSignal]:
    """Return what an event has asked of the platform's homes."""
    return list(event_signals(event=utility_event(event, decode_event(event.content))))


def utility_event(event: EventObject, request: EventRequest) -> UtilityEvent:
    """Return an event as programs know it."""
    return UtilityEvent(
        program=event.program_object.program,
        source=f"openadr3:{event.id}",
        name=request.event_name or "",
        priority=request.priority,
        targets=tuple(request.targets or ()),
    )


def draw_of(event: EventObject) -> Draw:
    """Return the random shifts of an event's starts: the same however often it is read."""

    def draw(index: int) -> float:
        return random.Random(f"{event.id}:{index}").uniform(-1, 1)  # noqa: S311

    return draw


def is_for_homes(event: EventObject, targets: Collection[str]) -> bool:
    """Whether an event concerns the platform's homes."""
    return concerns_homes(organization=event.organization, targets=targets)


def concerns_homes(*, organization: Organization, targets: Collection[str]) -> bool:
    """Whether an event without targets, or with one that names homes or no VEN, concerns the platform's homes."""
    if not targets or sites_named(organization=organization, names=targets):
        return True
    vens = VenObject.objects.filter(organization=organization, grants__overlap=sorted(targets))
    return not vens.exists()


def drafts_of(*, request: EventRequest, now: datetime) -> tuple[GridSignalDraft, ...]:
    """Return what an event that nobody has sent would ask for, its start not shifted."""
    try:
        return signals_from_event(request, now=now).drafts
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error


def _drafts(
    event: EventObject, request: EventRequest, *, now: datetime, said_at: datetime
) -> tuple[GridSignalDraft, ...]:
    try:
        return signals_from_event(request, now=now, said_at=said_at, draw=draw_of(event)).drafts
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error
