"""A utility's 3.x events in, grid signals out."""

import hashlib
import logging
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from apps.common.errors import DomainError
from apps.openadr.models import VenConnection3, VenEvent3
from apps.programs.endless import endless_signals, event_signals_extend
from apps.programs.events import UtilityEvent, event_signals_cancel, event_signals_set
from apps.programs.models import SHED_KINDS, Program
from apps.programs.services import program_create
from apps.sites.selectors import sites_named
from vpp.errors import VppError
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.legacy import from_legacy
from vpp.protocols.openadr3.timing import Draw, is_void
from vpp.protocols.openadr3.ven_session import addressed, mark
from vpp.translate.grid_signal import GridSignalDraft
from vpp.translate.openadr3 import signals_from_event

logger = logging.getLogger(__name__)
# The source of a signal has 160 characters, of which a payload type takes up to 40.
LONGEST_SOURCE = 120
NAME_LENGTH = 128
BATCH = 50


class NothingAskedError(Exception):
    """An event that asks nothing of our homes; the text says why."""


def marks_held(*, connection_pk: int) -> dict[str, str]:
    """Return which state of which event is held, of those that the VTN has not taken back."""
    held = VenEvent3.objects.filter(connection_id=connection_pk, deleted_at=None)
    return dict(held.values_list("event_id", "mark"))


@transaction.atomic
def events_take(
    *, connection_pk: int, shown: Sequence[dict[str, Any]], programs: Mapping[str, str], now: datetime
) -> None:
    """Take over new and changed events as the VTN shows them; `programs` are its programs' names by id."""
    connection = _locked(connection_pk)
    ids = [str(one["id"]) for one in shown]
    held = {one.event_id: one for one in connection.events.filter(event_id__in=ids)}
    fresh = []
    for one in shown:
        event = held.get(str(one["id"]))
        if event is None:
            program = _program(connection, one, programs=programs, now=now)
            event = VenEvent3(
                connection=connection, event_id=one["id"], program=program, received_at=now, revision=0
            )
            fresh.append(event)
        event.revision, event.mark, event.deleted_at, event.received_at = (
            event.revision + 1,
            mark(one),
            None,
            now,
        )
        _decide(connection, event, shown=one, now=now)
        if event.pk is not None:
            event.save()
    VenEvent3.objects.bulk_create(fresh)


@transaction.atomic
def events_gone(*, connection_pk: int, event_ids: Sequence[str], now: datetime) -> None:
    """Cancel what deleted events asked for."""
    connection = _locked(connection_pk)
    for event in connection.events.filter(event_id__in=list(event_ids), deleted_at=None).order_by("pk"):
        event_signals_cancel(event=_utility_event(event), now=now)
        event.deleted_at, event.reason = now, "the VTN shows it no more"
        event.save(update_fields=["deleted_at", "reason"])


@transaction.atomic
def events_extend(*, connection_pk: int, now: datetime) -> int:
    """Move on the signals of events without end, which reach some days ahead only; return of how many events."""
    connection = _locked(connection_pk)
    endless = endless_signals(source=f"openadr3ven:{connection.pk}:", organization=connection.organization)
    sources = {source.split("#")[0] for source in endless.values_list("source", flat=True)}
    events = connection.events.filter(deleted_at=None).exclude(signal=None) if sources else ()
    return sum(_extend(connection, one, now=now) for one in events if source_of(one) in sources)


def _extend(connection: VenConnection3, event: VenEvent3, *, now: datetime) -> bool:
    request = decode_event(without_nulls(event.content))

    def drafts_at(at: datetime) -> tuple[GridSignalDraft, ...]:
        said_at = said_at_of(event.content, event.received_at)
        return signals_from_event(request, now=at, said_at=said_at, draw=draw_of(event)).drafts

    try:
        asked = _asked(connection, event, request=request)
        return bool(event_signals_extend(event=asked, drafts_at=drafts_at, now=now))
    except (VppError, DomainError, NothingAskedError) as error:
        logger.warning("event %s is not moved on: %s", event.event_id, error)
        return False


def _locked(connection_pk: int) -> VenConnection3:
    return (
        VenConnection3.objects.select_for_update(of=("self",))
        .select_related("organization", "program__organization")
        .get(pk=connection_pk)
    )


def _decide(connection: VenConnection3, event: VenEvent3, *, shown: dict[str, Any], now: datetime) -> None:
    """Ask the homes what the platform can act on; keep the reason where it cannot."""
    event.content, event.reason = shown, ""
    try:
        if connection.version == VenConnection3.Version.V301:
            event.content = from_legacy(shown, kind="EVENT")
        request = decode_event(without_nulls(event.content))
        asked = _asked(connection, event, request=request)
        drafts = signals_from_event(
            request, now=now, said_at=said_at_of(event.content, now), draw=draw_of(event)
        ).drafts
        if not drafts:
            raise NothingAskedError("it carries no payload that the platform acts on")
        with transaction.atomic():
            found = event_signals_set(event=asked, drafts=drafts, now=now)
        event.signal = next((one for one in found if one.kind in SHED_KINDS), found[0])
    except (VppError, DomainError, NothingAskedError) as error:
        event.reason = str(error)[:300]
        # What was asked before holds no more.
        if event.pk is not None:
            event_signals_cancel(event=_utility_event(event), now=now)


def _asked(connection: VenConnection3, event: VenEvent3, *, request: EventRequest) -> UtilityEvent:
    if is_void(request) or not request.intervals:
        raise NothingAskedError("it asks for nothing any more")
    targets = targets_of(connection, request.targets or ())
    if targets is None:
        raise NothingAskedError("its targets name others")
    return _utility_event(event, request, targets=targets)


def targets_of(connection: VenConnection3, targets: Sequence[str]) -> tuple[str, ...] | None:
    """Return for which homes or grid areas an event is: () for all of the program, None for none."""
    ours = {connection.name, *connection.targets}
    per_home = connection.has_resource_per_home
    resources = {name: held[1] for name, held in connection.resources.items()} if per_home else {}
    if not per_home:
        ours.update(one for name, held in connection.resources.items() for one in (name, *held[1]))
    found = addressed(targets, ours=ours, resources=resources, is_private=False)
    if found is not None:
        return found
    if sites_named(organization=connection.organization, names=targets):
        return tuple(targets)
    return () if connection.version == VenConnection3.Version.V310 else None


def _program(
    connection: VenConnection3, shown: Mapping[str, Any], *, programs: Mapping[str, str], now: datetime
) -> Program:
    if connection.program is not None:
        return connection.program
    program_id = str(shown.get("programID") or "")
    name = (programs.get(program_id) or program_id or connection.name)[:NAME_LENGTH]
    held = Program.objects.filter(organization=connection.organization, name=name).first()
    return held or program_create(organization=connection.organization, name=name, now=now)


def _utility_event(
    event: VenEvent3, request: EventRequest | None = None, *, targets: Sequence[str] = ()
) -> UtilityEvent:
    return UtilityEvent(
        program=event.program,
        source=source_of(event),
        name=((request.event_name if request else None) or event.event_id)[:NAME_LENGTH],
        priority=request.priority if request else None,
        targets=tuple(targets),
    )


def source_of(event: VenEvent3) -> str:
    """Return what an event's signals' sources begin with."""
    start = f"openadr3ven:{event.connection_id}:"
    source = f"{start}{event.event_id}"
    if len(source) <= LONGEST_SOURCE:
        return source
    return f"{start}{hashlib.sha256(source.encode()).hexdigest()}"


def said_at_of(content: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the event was last changed, which is what a start of "now" means."""
    try:
        at = datetime.fromisoformat(str(content.get("modificationDateTime")))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return now


def draw_of(event: VenEvent3) -> Draw:
    """Return the random shifts of an event's starts."""

    def draw(index: int) -> float:
        """Return the same shift for the same event, however often it is read."""
        return random.Random(f"{source_of(event)}:{index}").uniform(-1, 1)  # noqa: S311

    return draw


def without_nulls(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is null: to OpenADR it is absent."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: cleaned(part) for name, part in value.items() if part is not None}
        return [cleaned(part) for part in value] if isinstance(value, list) else value

    return {name: cleaned(value) for name, value in content.items() if value is not None}
