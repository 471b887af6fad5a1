"""Writes of opts: the rows are only added to, the last word on an event counts and reaches the programs."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from apps.openadr.models import EventObject, Opt2b, Ven2b
from apps.openadr.vtn2b.distribution import answered_note
from apps.openadr.vtn2b.selectors import live_events
from apps.programs import services as programs
from apps.programs.errors import NotEnrolledError, SignalOverError
from vpp.protocols.openadr2b.ven_messages import EventResponse, OptRequest
from vpp.protocols.openadr2b.vocabulary import INVALID_DATA, INVALID_ID, OPT_OUT, OpenADR2bError


@transaction.atomic
def event_responses_note(*, ven: Ven2b, responses: Sequence[EventResponse], now: datetime) -> None:
    """Keep a VEN's answers to events, ended ones too; an unknown event refuses the whole message."""
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    for one in responses:
        event = _event(held, one.event_id, modification_number=one.modification_number)
        Opt2b.objects.create(
            ven=held, event=event, modification_number=one.modification_number, opt_type=one.opt_type, at=now,
            reason=f"response code {one.response_code}",
        )  # fmt: skip
        answered_note(ven=held, event_id=event.pk, modification_number=one.modification_number)
        _apply(held, event, now=now)
    held.save(update_fields=["shown"])


@transaction.atomic
def opt_create(*, ven: Ven2b, wish: OptRequest, now: datetime) -> Opt2b:
    """Keep an oadrCreateOpt; the same opt id again takes the place of the one before."""
    if not wish.event_id and not wish.schedule:
        raise OpenADR2bError("an opt needs an event or a schedule", response_code=INVALID_DATA)
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    event = (
        _event(held, wish.event_id, modification_number=wish.modification_number) if wish.event_id else None
    )
    Opt2b.objects.filter(ven=held, opt_id=wish.opt_id, canceled_at=None).update(canceled_at=now)
    opt = Opt2b.objects.create(
        ven=held, event=event, modification_number=wish.modification_number, opt_type=wish.opt_type,
        opt_id=wish.opt_id[:128], reason=wish.reason[:64], market_context=wish.market_context[:256],
        schedule=[[one.starts_at.isoformat(), one.length.total_seconds()] for one in wish.schedule],
        targets=[list(target) for target in wish.targets], at=now,
    )  # fmt: skip
    _apply_all(held, event, now=now)
    return opt


@transaction.atomic
def opt_cancel(*, ven: Ven2b, opt_id: str, now: datetime) -> None:
    """Take an opt back; the word before it counts again."""
    held = Ven2b.objects.select_for_update().get(pk=ven.pk)
    opt = Opt2b.objects.filter(ven=held, opt_id=opt_id, canceled_at=None).exclude(opt_id="").first()
    if opt is None:
        raise OpenADR2bError("there is no such opt", response_code=INVALID_ID)
    opt.canceled_at = now
    opt.save(update_fields=["canceled_at"])
    _apply_all(held, opt.event, now=now)


@transaction.atomic
def schedules_apply(*, ven_pk: int, event_ids: Collection[str], now: datetime) -> None:
    """Let what a VEN said of its time count for events that it has just been told of."""
    ven = Ven2b.objects.select_for_update(of=("self",)).select_related("site").get(pk=ven_pk)
    if ven.site is None or not ven.opts.filter(event=None, canceled_at=None).exists():
        return
    for event in EventObject.objects.filter(pk__in=event_ids, deleted_at=None).select_related("signal"):
        _apply(ven, event, now=now)


def last_opt(*, ven: Ven2b, event: EventObject) -> Opt2b | None:
    """Return what counts of all that a VEN said of an event, or of the time it lies in: the last word."""
    own = Opt2b.objects.filter(ven=ven, event=event, canceled_at=None).order_by("-pk").first()
    first = own.pk if own is not None else 0
    of_time = Opt2b.objects.filter(ven=ven, event=None, canceled_at=None, pk__gt=first).order_by("-pk")
    return next((opt for opt in of_time if _meets(opt, event)), own)


def _meets(opt: Opt2b, event: EventObject) -> bool:
    """Whether an event lies, in part at least, in a stretch of time that an opt is about."""
    if event.signal is None:
        return False
    for start, seconds in opt.schedule:
        starts_at = datetime.fromisoformat(start)
        ends_at = starts_at + timedelta(seconds=seconds) if seconds else event.signal.ends_at
        if starts_at < event.signal.ends_at and event.signal.starts_at < ends_at:
            return True
    return False


def _apply_all(ven: Ven2b, event: EventObject | None, *, now: datetime) -> None:
    """Let an opt count for its event, or one about time for all that go on."""
    if event is not None:
        _apply(ven, event, now=now)
        return
    for one in live_events(organization=ven.organization, now=now).select_related("signal"):
        if one.deleted_at is None and one.pk in ven.shown:
            _apply(ven, one, now=now)


def _event(ven: Ven2b, event_id: str, *, modification_number: int) -> EventObject:
    found = EventObject.objects.filter(pk=event_id, organization_id=ven.organization_id).first()
    targets = (found.content.get("targets") or []) if found is not None else []
    if found is None or (targets and not set(targets) & set(ven.targets) and event_id not in ven.shown):
        raise OpenADR2bError(f"there is no event {event_id[:80]}", response_code=INVALID_ID)
    if modification_number > found.revision:
        raise OpenADR2bError(
            f"event {event_id[:80]} has no modification {modification_number}", response_code=INVALID_DATA
        )
    return found


def _apply(ven: Ven2b, event: EventObject, *, now: datetime) -> None:
    """Let the last word count in the program, if the VEN speaks for a home."""
    last = last_opt(ven=ven, event=event)
    if ven.site is None or event.signal_id is None:
        return
    try:
        with transaction.atomic():
            if last is not None and last.opt_type == OPT_OUT:
                programs.opt_out_create(
                    signal_id=event.signal_id, site=ven.site, user=None, actor=f"VEN {ven.ven_id}",
                    reason="its VEN opted out", now=now,
                )  # fmt: skip
            else:
                programs.opt_out_withdraw(
                    signal_id=event.signal_id, site=ven.site, actor=f"VEN {ven.ven_id}", now=now
                )
    except (NotEnrolledError, SignalOverError) as error:
        if last is not None:  # kept as said; that it has no effect is written beside it
            last.reason = f"without effect: {error.code}"
            last.save(update_fields=["reason"])
