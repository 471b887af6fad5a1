"""Reads of people's messages and partners' webhooks; each takes who is looking."""

import dataclasses
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.models import Organization, User
from apps.alerts.errors import WebhookUnknownError
from apps.alerts.models import Delivery, EventKind, Notification, Webhook, WebhookDelivery
from apps.alerts.notifications import notifications_of
from apps.alerts.wording import Words, words_of

PAGE_SIZE: Final = 30
LOG_SIZE: Final = 20


@dataclasses.dataclass(frozen=True)
class Row:
    """One message as a list shows it; what is about no home has no time zone of its own."""

    notification: Notification
    words: Words
    time_zone: str


@dataclasses.dataclass(frozen=True)
class Page:
    """One page of somebody's list; `before` leads to the next, None on the last."""

    rows: Sequence[Row]
    before: int | None
    unread: int
    newest_id: int


def unread_count(*, user: User) -> int:
    """Return how many messages somebody has not read."""
    return Notification.objects.filter(user=user, in_app=True, read_at=None).count()


def notification_page(*, user: User, before: int | None = None) -> Page:
    """Return one page of somebody's list, the newest first."""
    found = notifications_of(user=user)
    if before is not None:
        found = found.filter(pk__lt=before)
    ones = list(found[: PAGE_SIZE + 1])
    shown = ones[:PAGE_SIZE]
    return Page(
        rows=[Row(one, words_of(one), one.site.time_zone if one.site else "") for one in shown],
        before=shown[-1].pk if len(ones) > PAGE_SIZE else None,
        unread=unread_count(user=user),
        newest_id=shown[0].pk if shown else 0,
    )


@dataclasses.dataclass(frozen=True)
class LogRow:
    """One delivery as its person sees it."""

    delivery: Delivery
    title: str


def delivery_log(*, user: User) -> list[LogRow]:
    """Return what left the platform for somebody lately, the newest first."""
    found = Delivery.objects.filter(notification__user=user).select_related("notification__site")
    return [LogRow(one, words_of(one.notification).title) for one in found.order_by("-pk")[:LOG_SIZE]]


def organizations_wanting(*, kind: EventKind) -> list[int]:
    """Return the organizations with a webhook for a kind, for the periodic work."""
    wanting = Webhook.objects.filter(disabled_at=None, kinds__contains=[kind])
    return list(wanting.values_list("organization_id", flat=True).distinct().order_by("organization_id"))


def webhooks_of_organization(*, organization: Organization) -> QuerySet[Webhook]:
    """Return the tenant's webhooks."""
    return Webhook.objects.filter(organization=organization).order_by("created_at", "pk")


def webhook_of_organization(*, organization: Organization, webhook_id: UUID, locked: bool = False) -> Webhook:
    """Return one of the tenant's webhooks."""
    rows = webhooks_of_organization(organization=organization)
    found = (rows.select_for_update() if locked else rows).filter(pk=webhook_id).first()
    if found is None:
        raise WebhookUnknownError("no such webhook")
    return found


def webhook_deliveries(
    *, organization: Organization, webhook_id: UUID, state: str = "", kind: str = ""
) -> QuerySet[WebhookDelivery]:
    """Return a webhook's deliveries, the newest first; of one state, of one kind of event."""
    webhook = webhook_of_organization(organization=organization, webhook_id=webhook_id)
    found = WebhookDelivery.objects.filter(webhook=webhook).select_related("event").order_by("-pk")
    found = found.filter(state=state) if state else found
    return found.filter(event__kind=kind) if kind else found
