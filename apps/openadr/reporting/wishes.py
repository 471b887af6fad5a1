"""What reports an event asks the platform for. Without the numerical stack, for the web door takes events too."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from apps.openadr.messages import message_note
from apps.openadr.models import EventObject, MessageEntry, ReportWish
from apps.openadr.signals import draw_of, is_for_homes
from vpp.errors import VppError
from vpp.protocols.openadr3.common import ReportDescriptor
from vpp.protocols.openadr3.event import EventRequest
from vpp.protocols.openadr3.reporting import ReportRequestError, next_due
from vpp.protocols.openadr3.timing import is_void
from vpp.translate.openadr3_measured import DATA_QUALITY, Wanted, wanted_of

# Hubs send what they measure with some delay.
SETTLED = timedelta(minutes=1)


@dataclasses.dataclass(frozen=True)
class Group:
    """Wishes that one report fulfils: they differ in nothing but what is told."""

    descriptor: ReportDescriptor
    wanted: tuple[Wanted, ...]
    with_quality: bool

    @property
    def wait(self) -> timedelta:
        """How long a report waits for measurements that are under way."""
        return SETTLED if self.descriptor.historical else timedelta(0)


def groups_of(request: EventRequest) -> tuple[list[Group], list[str]]:
    """Return an event's wishes, and a sentence for each that cannot be fulfilled."""
    held: dict[tuple[bytes, int], list[Wanted]] = {}
    frames: dict[bytes, ReportDescriptor] = {}
    quality, refused = set(), []
    for descriptor in request.report_descriptors or ():
        frame = _frame(descriptor)
        said = msgspec.json.encode(frame)
        frames[said] = frame
        if descriptor.payload_type == DATA_QUALITY:
            quality.add(said)
            continue
        try:
            _add(held, wanted_of(descriptor), said=said)
        except ReportRequestError as error:
            refused.append(error.detail)
    groups = [Group(frames[said], tuple(wanted), said in quality) for (said, _), wanted in held.items()]
    return groups, refused


def _add(held: dict[tuple[bytes, int], list[Wanted]], wanted: Wanted, *, said: bytes) -> None:
    """Put a payload to those told alike; the same type in other units goes into a report of its own."""
    for number in range(len(held) + 1):
        told = held.setdefault((said, number), [])
        if wanted in told:
            return
        if all(one.payload_type != wanted.payload_type for one in told):
            told.append(wanted)
            return


def event_reports_wanted(*, event: EventObject, request: EventRequest, now: datetime) -> None:
    """Note when the next report of a new or changed event is due; of a changed one what was due before may come again."""
    asks = bool(request.report_descriptors) and not is_void(request)
    if not asks or not is_for_homes(event, request.targets or ()):
        ReportWish.objects.filter(event=event).delete()
        return
    wish, _ = ReportWish.objects.get_or_create(event=event)
    wish.reported_until = None
    # The newest of what is past is due at once.
    at, refused = next_look(event=event, request=request, after=None)
    wish.next_at = None if at is None else now
    wishes_refused(wish=wish, event=event, sentences=[*groups_of(request)[1], *refused], now=now)
    wish.save()


def next_look(
    *, event: EventObject, request: EventRequest, after: datetime | None
) -> tuple[datetime | None, list[str]]:
    """Return when a report is due next after all until `after` were made, and what can never be."""
    found, refused = [], []
    for group in groups_of(request)[0]:
        begin = datetime.min.replace(tzinfo=event.modified_at.tzinfo) if after is None else after - group.wait
        try:
            at = next_due(
                group.descriptor, request, said_at=event.modified_at, after=begin, draw=draw_of(event)
            )
        except VppError as error:
            refused.append(error.detail)
            continue
        if at is None and after is None:
            asked = " ".join(one.payload_type for one in group.wanted)
            refused.append(f"the event has no interval on which a report of {asked} would be due")
        found += [at + group.wait] if at is not None else []
    return min(found, default=None), refused


def wishes_refused(*, wish: ReportWish, event: EventObject, sentences: Sequence[str], now: datetime) -> None:
    """Say in the message log, once for each, what will not be reported; the caller saves the wish."""
    fresh = [one for one in dict.fromkeys(sentences) if one not in wish.refused]
    if not fresh:
        return
    wish.refused = [*wish.refused, *fresh]
    message_note(
        organization=event.organization, protocol=MessageEntry.Protocol.OPENADR_31,
        direction=MessageEntry.Direction.RECEIVED, peer=event.client.name if event.client else "",
        kind=f"reportDescriptors of event {event.id}", body="; ".join(fresh), now=now,
    )  # fmt: skip


def _frame(descriptor: ReportDescriptor) -> ReportDescriptor:
    """A descriptor but for what is told."""
    return msgspec.structs.replace(descriptor, payload_type="*", reading_type=None, units=None)
