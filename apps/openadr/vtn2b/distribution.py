"""What a VEN is told of its events, remembered in the database so that no restart loses a change."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr.models import Ven2b
from apps.openadr.vtn2b.selectors import events_shown_to
from vpp.intervals import FOREVER
from vpp.protocols.openadr2b.event import Event2b
from vpp.protocols.openadr2b.status import Shown, is_settled, must_show, showing


@transaction.atomic
def distribution_take(
    *, ven_pk: int, digest: str, now: datetime, asked: bool = False
) -> list[Event2b] | None:
    """Return all events of a VEN if it must be sent them (or asked for them), and remember that it was."""
    ven = Ven2b.objects.select_for_update(of=("self",)).select_related("organization").get(pk=ven_pk)
    events = events_shown_to(ven=ven, now=now)
    current = {event.event_id: (event.modification_number, _end(event)) for event in events}
    numbers = {event_id: number for event_id, (number, _) in current.items()}
    shown = shown_load(ven.shown)
    send = asked or must_show(shown, numbers, now=now)
    if send:
        shown = showing(shown, current, now=now)
        ven.shown = shown_dump(shown)
    ven.seen_digest = digest if is_settled(shown, numbers) else ""
    ven.heard_at = now
    ven.save(update_fields=["shown", "seen_digest", "heard_at"])
    return events if send else None


def answered_note(*, ven: Ven2b, event_id: str, modification_number: int) -> None:
    """Remember that a VEN (locked by the caller, who saves it) answered an event."""
    shown = shown_load(ven.shown)
    told = shown.get(event_id)
    if told is not None and told.modification_number == modification_number:
        shown[event_id] = Shown(modification_number, told.ends_at, told.shown_at, answered=True)
        ven.shown = shown_dump(shown)


def shown_load(stored: dict[str, Any]) -> dict[str, Shown]:
    """Read the stored form: [number, end, when shown, answered] by event."""
    return {
        event_id: Shown(number, datetime.fromisoformat(ends_at), datetime.fromisoformat(shown_at), answered)
        for event_id, (number, ends_at, shown_at, answered) in stored.items()
    }


def shown_dump(shown: dict[str, Shown]) -> dict[str, Any]:
    """Write the stored form."""
    return {
        event_id: [one.modification_number, one.ends_at.isoformat(), one.shown_at.isoformat(), one.answered]
        for event_id, one in shown.items()
    }


def _end(event: Event2b) -> datetime:
    return event.starts_at + event.length if event.length else FOREVER
