"""Reads of the 2.0b server."""

import hashlib
import logging
from datetime import datetime

from django.db.models import Q, QuerySet

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, Ven2b
from vpp.errors import VppError
from vpp.protocols.openadr2b.event import Event2b
from vpp.protocols.openadr2b.vocabulary import ACTIVE
from vpp.protocols.openadr3.event import decode_event
from vpp.translate.openadr2b import event_to_2b

logger = logging.getLogger(__name__)


def ven_of(*, organization: Organization, vtn_id: str, ven_id: str) -> Ven2b | None:
    """Return a VEN of one identity."""
    return Ven2b.objects.filter(organization=organization, vtn_id=vtn_id, ven_id=ven_id).first()


def live_events(*, organization: Organization, now: datetime) -> QuerySet[EventObject]:
    """Return the tenant's events that have not ended, canceled ones included."""
    going_on = Q(ends_at=None) | Q(ends_at__gt=now)
    return EventObject.objects.filter(going_on, organization=organization).order_by("created_at", "pk")


def events_digest(*, organization: Organization, now: datetime) -> str:
    """Return a text that changes whenever any event of the tenant appears, changes or ends."""
    marks = live_events(organization=organization, now=now).values_list("pk", "revision")
    return hashlib.md5(repr(list(marks)).encode(), usedforsecurity=False).hexdigest()


def events_shown_to(*, ven: Ven2b, now: datetime) -> list[Event2b]:
    """Return the events that a VEN may see now, in the profile's order; canceled ones only if it knew them."""
    anybody = Q(content__targets=None) | Q(content__targets__isnull=True) | Q(content__targets=[])
    mine = live_events(organization=ven.organization, now=now).filter(
        anybody | Q(content__targets__has_any_keys=ven.targets)
    )
    events = [_said(event, now=now) for event in mine if event.deleted_at is None or event.pk in ven.shown]
    found = [event for event in events if event is not None]
    return sorted(found, key=lambda one: (one.status != ACTIVE, one.priority or 2**31, one.starts_at))


def _said(event: EventObject, *, now: datetime) -> Event2b | None:
    try:
        return event_to_2b(
            decode_event(event.content), event_id=event.pk, modification_number=event.revision,
            said_at=event.modified_at,
            created_at=event.created_at, market_context=f"urn:ores:program:{event.program_object_id}", now=now,
            canceled=event.deleted_at is not None,
        )  # fmt: skip
    except VppError as error:
        logger.info("event %s is not shown in 2.0b: %s", event.pk, error.detail)
        return None
