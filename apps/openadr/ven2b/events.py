"""A utility's 2.0b events in, grid signals and our answers out."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import transaction

from apps.common.errors import DomainError
from apps.openadr.models import VenConnection2b, VenEvent2b
from apps.programs.endless import event_signals_extend
from apps.programs.events import UtilityEvent, event_signals_cancel, event_signals_set
from apps.programs.models import SHED_KINDS, GridSignal
from apps.programs.selectors import enrolled_site_ids, opted_out_site_ids
from apps.programs.services import RUNNING
from vpp.errors import VppError
from vpp.protocols.openadr2b.event import Event2b
from vpp.protocols.openadr2b.vocabulary import CANCELED, COMPLETED, OK, OPT_IN, OPT_OUT, SIGNAL_NOT_SUPPORTED
from vpp.protocols.openadr3.event import EventRequest
from vpp.translate.grid_signal import GridSignalDraft, UnsupportedPayload
from vpp.translate.openadr2b import event_from_2b
from vpp.translate.openadr3 import signals_from_event

OVER = (CANCELED, COMPLETED)
logger = logging.getLogger(__name__)
# The source of a signal has 160 characters, of which a payload type takes up to 40.
LONGEST_SOURCE = 120
HOMES_OUT = "every home has opted out"


@transaction.atomic
def events_take(*, connection_pk: int, request_id: str, events: Sequence[Event2b], now: datetime) -> None:
    """Take all events that a VTN has for us; one that is missing is canceled, as 2.0b has it."""
    connection = (
        VenConnection2b.objects.select_for_update(of=("self",))
        .select_related("program__organization")
        .get(pk=connection_pk)
    )
    for event in events:
        _take(connection, event, request_id=request_id, now=now)
    missing = connection.events.exclude(status__in=OVER).exclude(
        event_id__in=[event.event_id for event in events]
    )
    for held in missing.order_by("pk"):
        if held.ends_at is not None and held.ends_at <= now:
            held.status = COMPLETED
        else:
            _cancel(connection, held, now=now)
            held.reason = "canceled by its absence"
        held.response_required = False
        held.save()


@transaction.atomic
def events_extend(*, connection_pk: int, now: datetime) -> int:
    """Move on the signals of events without end, which reach some days ahead only; return of how many events."""
    found = VenConnection2b.objects.select_for_update(of=("self",)).select_related("program__organization")
    connection = found.get(pk=connection_pk)
    running = connection.events.filter(ends_at=None, opt_type=OPT_IN).exclude(status__in=OVER)
    endless = running.exclude(signal=None).exclude(content=None)
    return sum(_extend(connection, held, now=now) for held in endless.order_by("pk"))


def _extend(connection: VenConnection2b, held: VenEvent2b, *, now: datetime) -> bool:
    event = msgspec.convert(held.content, Event2b)
    try:
        neutral = _neutral(connection, event)
        asked = _utility_event(connection, held, priority=neutral.priority)

        def drafts_at(at: datetime) -> tuple[GridSignalDraft, ...]:
            return signals_from_event(neutral, now=at).drafts

        return bool(event_signals_extend(event=asked, drafts_at=drafts_at, now=now))
    except (VppError, DomainError) as error:
        logger.warning("event %s is not moved on: %s", held.event_id, error)
        return False


def answers_due(*, connection_pk: int) -> tuple[list[VenEvent2b], list[VenEvent2b]]:
    """Return the events that the VTN waits to hear of, and those of which we have changed our mind."""
    asked = VenEvent2b.objects.filter(connection_id=connection_pk, response_required=True).order_by("pk")
    fresh, changed = [], []
    for event in asked:
        if not event.answered_opt:
            fresh.append(event)
        elif event.answered_opt != event.opt_type and event.status not in OVER:
            changed.append(event)
    return fresh, changed


@transaction.atomic
def answers_note(*, events: Sequence[VenEvent2b]) -> None:
    """Note that the VTN has heard our answers to events as they were then."""
    for event in events:
        VenEvent2b.objects.filter(pk=event.pk, modification_number=event.modification_number).update(
            answered_opt=event.opt_type
        )


@transaction.atomic
def opts_review(*, connection_pk: int, now: datetime) -> int:
    """Say no to events whose signal the platform has canceled by itself, or that every home has left; return how many."""
    gone = VenEvent2b.objects.filter(
        connection_id=connection_pk, opt_type=OPT_IN, signal__state=GridSignal.State.CANCELED
    ).exclude(status__in=OVER)
    return gone.update(opt_type=OPT_OUT, reason="the platform canceled it") + _follow_homes(
        connection_pk, now
    )


def _follow_homes(connection_pk: int, now: datetime) -> int:
    """Say no where no home is left in an event, and yes again once one is back."""
    found = VenEvent2b.objects.filter(connection_id=connection_pk, signal__state__in=RUNNING)
    changed = 0
    for event in found.exclude(status__in=OVER).select_related("signal__program"):
        assert event.signal is not None
        homes = set(enrolled_site_ids(program=event.signal.program, at=now))
        all_out = bool(homes) and homes <= opted_out_site_ids(signal_id=event.signal.pk)
        if all_out and event.opt_type == OPT_IN:
            changed += _say(event, OPT_OUT, reason=HOMES_OUT)
        elif not all_out and event.opt_type == OPT_OUT and event.reason == HOMES_OUT:
            changed += _say(event, OPT_IN, reason="")
    return changed


def _say(event: VenEvent2b, opt_type: str, *, reason: str) -> int:
    return VenEvent2b.objects.filter(pk=event.pk).update(opt_type=opt_type, reason=reason)


def _take(connection: VenConnection2b, event: Event2b, *, request_id: str, now: datetime) -> None:
    held = connection.events.select_related("signal").filter(event_id=event.event_id).first()
    known = held is not None and held.modification_number == event.modification_number
    if held is None:
        held = VenEvent2b(connection=connection, event_id=event.event_id, opt_type=OPT_IN)
    # A known event comes again with every change of another: what is said of it is said again.
    held.answered_opt, held.request_id = "", request_id[:256]
    reappears = held.status == CANCELED and not event.canceled
    held.modification_number, held.status = event.modification_number, event.status
    held.response_required = event.response_required and event.status != COMPLETED
    held.starts_at, held.received_at = event.starts_at, now
    held.ends_at = event.starts_at + event.length if event.length else None
    held.content = msgspec.to_builtins(event)
    if event.canceled:
        _cancel(connection, held, now=now)
    elif not known or reappears:
        _decide(connection, held, event=event, now=now)
    held.save()


def _cancel(connection: VenConnection2b, held: VenEvent2b, *, now: datetime) -> None:
    event_signals_cancel(event=_utility_event(connection, held), now=now)
    held.status = CANCELED


def _decide(connection: VenConnection2b, held: VenEvent2b, *, event: Event2b, now: datetime) -> None:
    """Accept what the platform can act on, and say no to the rest."""
    held.opt_type, held.response_code, held.reason = OPT_IN, OK, ""
    if event.test_event:
        held.reason = "a test: nothing is asked of the homes"
        return
    try:
        neutral = _neutral(connection, event)
        drafted = signals_from_event(neutral, now=now)
        if not drafted.drafts:
            raise UnsupportedPayload(
                f"nothing is done about {', '.join(drafted.ignored) or 'an empty event'}"
            )
        with transaction.atomic():
            found = event_signals_set(
                event=_utility_event(connection, held, priority=neutral.priority),
                drafts=drafted.drafts,
                now=now,
            )
        held.signal = next((one for one in found if one.kind in SHED_KINDS), found[0])
    except (VppError, DomainError) as error:
        held.opt_type, held.reason = OPT_OUT, str(error)[:300]
        held.response_code = SIGNAL_NOT_SUPPORTED if isinstance(error, UnsupportedPayload) else OK
        # What was asked before holds no more.
        event_signals_cancel(event=_utility_event(connection, held), now=now)


def _neutral(connection: VenConnection2b, event: Event2b) -> EventRequest:
    return event_from_2b(event, program_id=str(connection.program_id), level_kw=connection.level_kw)


def _utility_event(
    connection: VenConnection2b, held: VenEvent2b, *, priority: int | None = None
) -> UtilityEvent:
    source = f"openadr2b:{connection.pk}:{held.event_id}"
    if len(source) > LONGEST_SOURCE:
        source = f"openadr2b:{connection.pk}:{hashlib.sha256(source.encode()).hexdigest()}"
    return UtilityEvent(
        program=connection.program, source=source, name=held.event_id[:128], priority=priority
    )
