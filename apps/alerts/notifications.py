"""Telling people: each thing once, by the channels that each person wants, not in their quiet hours."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.models import User
from apps.alerts.channels import in_app
from apps.alerts.choices import Person, people
from apps.alerts.models import Channel, Delivery, Notification, NotificationKind
from apps.alerts.quiet import told_at
from apps.common.queue import enqueue_on_commit
from apps.sites.households import in_force
from apps.sites.models import SiteMember

DELIVER_TASK: Final = "alerts.deliver_due"
BATCH: Final = 2000
HOUSEHOLD: Final = (SiteMember.Role.OWNER, SiteMember.Role.MEMBER)


@dataclasses.dataclass(frozen=True)
class Message:
    """What one home is told; `key` names it among its kind, `needed_by` is when it comes too late."""

    site_id: int
    key: str
    facts: dict[str, Any]
    needed_by: datetime | None = None


@dataclasses.dataclass(frozen=True)
class _Told:
    """A message on its way to one person."""

    person: Person
    message: Message
    site_id: int | None
    zone: ZoneInfo


def household_tell(
    *,
    site_id: int,
    kind: str,
    key: str,
    facts: dict[str, Any],
    now: datetime,
    needed_by: datetime | None = None,
) -> int:
    """Tell the people of one home; return how many messages were new."""
    return households_tell(kind=kind, messages=[Message(site_id, key, facts, needed_by)], now=now)


def households_tell(*, kind: str, messages: Iterable[Message], now: datetime) -> int:
    """Tell the people of many homes; return how many messages were new."""
    ones, made = list(messages), 0
    for first in range(0, len(ones), BATCH):
        made += _households_tell(kind, ones[first : first + BATCH], now=now)
    return made


def _households_tell(kind: str, messages: Sequence[Message], *, now: datetime) -> int:
    members: dict[int, list[tuple[int, str]]] = defaultdict(list)
    there = SiteMember.objects.filter(in_force(), site__closed_at=None, role__in=HOUSEHOLD)
    rows = there.filter(site_id__in={one.site_id for one in messages})
    for site_id, user_id, zone in rows.values_list("site_id", "user_id", "site__time_zone"):
        members[site_id].append((user_id, zone))
    known = people(user_ids={user_id for ones in members.values() for user_id, _ in ones})
    told = [
        _Told(known[user_id], message, message.site_id, ZoneInfo(zone))
        for message in messages
        for user_id, zone in members[message.site_id]
        if user_id in known
    ]
    return _tell(kind, told, now=now)


def person_tell(*, user: User, kind: str, key: str, facts: dict[str, Any], now: datetime) -> int:
    """Tell one person of something that is not about a home; return whether it was new."""
    first = (
        SiteMember.objects.filter(user=user).order_by("pk").values_list("site__time_zone", flat=True).first()
    )
    person = people(user_ids=[user.pk]).get(user.pk)
    if person is None:
        return 0
    return _tell(kind, [_Told(person, Message(0, key, facts), None, ZoneInfo(first or "UTC"))], now=now)


@transaction.atomic
def _tell(kind: str, told: Sequence[_Told], *, now: datetime) -> int:
    kind, batch = NotificationKind(kind).value, uuid.uuid4()
    rows = [
        Notification(
            user_id=one.person.user_id, site_id=one.site_id, kind=kind, key=one.message.key, facts=one.message.facts,
            batch=batch, in_app=one.person.wants(kind, Channel.IN_APP), created_at=now,
        )
        for one in told
    ]  # fmt: skip
    Notification.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH)
    new = list(Notification.objects.filter(batch=batch))
    by_place = {(one.person.user_id, one.message.key): one for one in told}
    at = _moments(kind, now=now)
    deliveries = [
        Delivery(
            notification=row, channel=channel, address=address, created_at=now,
            next_attempt_at=at(by_place[row.user_id, row.key]),
        )
        for row in new
        for channel, address in by_place[row.user_id, row.key].person.addresses(kind)
    ]  # fmt: skip
    Delivery.objects.bulk_create(deliveries, batch_size=BATCH)
    if deliveries:
        enqueue_on_commit(DELIVER_TASK)
    in_app.show(site_ids=sorted({row.site_id for row in new if row.site_id is not None}))
    return len(new)


def _moments(kind: str, *, now: datetime) -> Callable[[_Told], datetime]:
    """Return when each may be told; worked out once for all whose clocks and quiet hours are the same."""
    held: dict[Any, datetime] = {}

    def at(one: _Told) -> datetime:
        quiet = one.person.quiet(kind)
        if quiet is None:
            return now
        known = (quiet, one.zone.key)
        if known not in held:
            held[known] = told_at(now, quiet, zone=one.zone)
        too_late = one.message.needed_by is not None and held[known] >= one.message.needed_by
        return now if too_late else held[known]

    return at


def notifications_of(*, user: User) -> "QuerySet[Notification]":
    """Return a person's list, the newest first."""
    return Notification.objects.filter(user=user, in_app=True).select_related("site").order_by("-pk")


def notification_read(*, user: User, notification_id: int, now: datetime) -> Notification | None:
    """Mark one as read; None where it is nobody's or somebody else's."""
    held = notifications_of(user=user).filter(pk=notification_id).first()
    if held is not None and held.read_at is None:
        held.read_at = now
        held.save(update_fields=["read_at"])
    return held


def notifications_read(*, user: User, now: datetime, until_id: int | None = None) -> int:
    """Mark all as read, or all up to one that was shown; return how many."""
    unread = Notification.objects.filter(user=user, in_app=True, read_at=None)
    if until_id is not None:
        unread = unread.filter(pk__lte=until_id)
    return unread.update(read_at=now)
