"""What partners are told: written down with what happened, one row for each webhook that wants it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import transaction

from apps.alerts.models import EventKind, Webhook, WebhookDelivery, WebhookEvent
from apps.common.queue import enqueue_on_commit

DELIVER_TASK: Final = "alerts.deliver_webhook"


class Told(NamedTuple):
    """One thing that happened; `key` names it, so that it is told once."""

    key: str
    data: dict[str, Any]


def event_publish(
    *, organization_id: int, kind: EventKind, key: str, data: dict[str, Any], now: datetime
) -> None:
    """Tell the webhooks that want this kind; nothing is written where none does."""
    events_publish(organization_id=organization_id, kind=kind, told=[Told(key, data)], now=now)


@transaction.atomic
def events_publish(*, organization_id: int, kind: EventKind, told: Iterable[Told], now: datetime) -> int:
    """Tell of several things at once; return how many were new."""
    webhooks = webhooks_wanting(organization_id=organization_id, kind=kind)
    wanted = {one.key: one for one in told} if webhooks else {}
    if not wanted:
        return 0
    held = WebhookEvent.objects.filter(organization_id=organization_id, kind=kind, key__in=list(wanted))
    known = set(held.values_list("key", flat=True))
    events = [
        WebhookEvent(organization_id=organization_id, kind=kind, key=key, data=one.data, at=now)
        for key, one in wanted.items()
        if key not in known
    ]
    # Somebody else may be telling of the same thing at this moment; whose row stands tells.
    WebhookEvent.objects.bulk_create(events, ignore_conflicts=True, batch_size=1000)
    new = list(WebhookEvent.objects.filter(pk__in=[one.pk for one in events]))
    deliveries_create(webhooks=webhooks, events=new, now=now)
    return len(new)


def deliveries_create(
    *, webhooks: Sequence[Webhook], events: Sequence[WebhookEvent], now: datetime
) -> list[WebhookDelivery]:
    """Write down that these webhooks are to be told of these events."""
    rows = [
        WebhookDelivery(webhook=webhook, event=event, created_at=now, next_attempt_at=now)
        for webhook in webhooks
        for event in events
    ]
    WebhookDelivery.objects.bulk_create(rows, batch_size=1000)
    for webhook in webhooks if rows else ():
        enqueue_on_commit(DELIVER_TASK, webhook_id=str(webhook.pk))
    return rows


def webhooks_wanting(*, organization_id: int, kind: EventKind) -> list[Webhook]:
    """Return the tenant's webhooks that are called for a kind."""
    enabled = Webhook.objects.filter(organization_id=organization_id, disabled_at=None)
    return list(enabled.filter(kinds__contains=[kind]).order_by("pk"))
