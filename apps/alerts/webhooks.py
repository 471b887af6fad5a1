"""Writes of partners' webhooks: made, changed, their secret rotated, tried, called again."""

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.alerts.errors import TooManyWebhooksError, WebhookInvalidError, WebhookUnknownError
from apps.alerts.models import EventKind, Webhook, WebhookDelivery, WebhookEvent
from apps.alerts.signing import PURPOSE, secret_make
from apps.alerts.webhook_events import DELIVER_TASK, deliveries_create
from apps.common.encryption import encrypt
from apps.common.outgoing.addresses import CallbackError, target_of
from apps.common.queue import enqueue_on_commit

MOST_WEBHOOKS: Final = 20
BOTH_SECRETS: Final = timedelta(hours=24)
CHANGEABLE: Final = ("url", "description", "kinds", "enabled")


@dataclasses.dataclass(frozen=True)
class Made:
    """A webhook with its secret, which is shown once."""

    webhook: Webhook
    secret: str


@transaction.atomic
def webhook_create(
    *,
    organization: Organization,
    url: str,
    kinds: Sequence[str],
    description: str,
    actor: str,
    now: datetime,
    enabled: bool = True,
) -> Made:
    """Let an address be called for these kinds of events."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if Webhook.objects.filter(organization=organization).count() >= MOST_WEBHOOKS:
        raise TooManyWebhooksError(f"an organization has at most {MOST_WEBHOOKS} webhooks")
    secret = secret_make()
    webhook = Webhook(
        organization=organization, url=url, kinds=_kinds(kinds), description=description, created_at=now,
        secret_encrypted=encrypt(secret, purpose=PURPOSE),
    )  # fmt: skip
    if not enabled:
        webhook.disabled_at, webhook.disabled_reason = now, f"by {actor}"[:200]
    _check_url(url)
    webhook.save(force_insert=True)
    _audit(webhook, "webhook_create", actor=actor, now=now, url=url, kinds=webhook.kinds)
    return Made(webhook, secret)


@transaction.atomic
def webhook_set(
    *, organization: Organization, webhook_id: UUID, changes: Mapping[str, Any], actor: str, now: datetime
) -> Webhook:
    """Change a webhook; enabling one again also sends what waits for it."""
    held = _locked(organization, webhook_id)
    unknown = set(changes) - set(CHANGEABLE)
    if unknown:
        raise WebhookInvalidError(f"{sorted(unknown)[0]} cannot be changed")
    if "url" in changes:
        _check_url(changes["url"])
        held.url = changes["url"]
    if "kinds" in changes:
        held.kinds = _kinds(changes["kinds"])
    held.description = changes.get("description", held.description)
    if "enabled" in changes:
        _enable(held, wanted=changes["enabled"], actor=actor, now=now)
    held.save()
    _audit(held, "webhook_set", actor=actor, now=now, **dict(changes))
    return held


def _enable(held: Webhook, *, wanted: bool, actor: str, now: datetime) -> None:
    if not wanted:
        held.disabled_at, held.disabled_reason = held.disabled_at or now, f"by {actor}"[:200]
        return
    held.disabled_at, held.disabled_reason, held.failing_since = None, "", None
    waiting = WebhookDelivery.objects.filter(webhook=held, state=WebhookDelivery.State.WAITING)
    waiting.update(next_attempt_at=now)
    enqueue_on_commit(DELIVER_TASK, webhook_id=str(held.pk))


@transaction.atomic
def webhook_delete(*, organization: Organization, webhook_id: UUID, actor: str, now: datetime) -> None:
    """Remove a webhook and what waits for it."""
    held = _locked(organization, webhook_id)
    _audit(held, "webhook_delete", actor=actor, now=now, url=held.url)
    held.delete()


@transaction.atomic
def webhook_rotate(*, organization: Organization, webhook_id: UUID, actor: str, now: datetime) -> Made:
    """Give a webhook another secret; for a day calls are signed with both."""
    held = _locked(organization, webhook_id)
    secret = secret_make()
    held.old_secret_encrypted, held.old_secret_until = held.secret_encrypted, now + BOTH_SECRETS
    held.secret_encrypted = encrypt(secret, purpose=PURPOSE)
    held.save()
    _audit(held, "webhook_rotate", actor=actor, now=now)
    return Made(held, secret)


@transaction.atomic
def webhook_ping(
    *, organization: Organization, webhook_id: UUID, actor: str, now: datetime
) -> WebhookDelivery:
    """Have a webhook called with an event that says nothing."""
    held = _locked(organization, webhook_id)
    if held.disabled_at is not None:
        raise WebhookInvalidError("this webhook is disabled; enable it first", code="webhook_disabled")
    event = WebhookEvent.objects.create(
        organization=organization, kind=EventKind.PING, key=str(uuid.uuid4()), data={"asked_by": actor}, at=now
    )  # fmt: skip
    _audit(held, "webhook_ping", actor=actor, now=now)
    return deliveries_create(webhooks=[held], events=[event], now=now)[0]


@transaction.atomic
def webhook_redeliver(
    *, organization: Organization, webhook_id: UUID, delivery_id: int, actor: str, now: datetime
) -> WebhookDelivery:
    """Have a webhook called again for an event; its receiver knows the event's id."""
    held = _locked(organization, webhook_id)
    found = WebhookDelivery.objects.select_for_update(of=("self",)).select_related("event")
    delivery = found.filter(webhook=held, pk=delivery_id).first()
    if delivery is None:
        raise WebhookUnknownError("no such delivery")
    delivery.state, delivery.attempts, delivery.next_attempt_at = WebhookDelivery.State.WAITING, 0, now
    delivery.sent_at, delivery.error, delivery.status_code = None, "", None
    delivery.created_at = now
    delivery.save()
    _audit(held, "webhook_redeliver", actor=actor, now=now, delivery=delivery.pk)
    enqueue_on_commit(DELIVER_TASK, webhook_id=str(held.pk))
    return delivery


def _locked(organization: Organization, webhook_id: UUID) -> Webhook:
    found = Webhook.objects.select_for_update(of=("self",)).select_related("organization")
    held = found.filter(organization=organization, pk=webhook_id).first()
    if held is None:
        raise WebhookUnknownError("no such webhook")
    return held


def _kinds(wanted: Sequence[str]) -> list[str]:
    known = set(EventKind.values) - {EventKind.PING.value}
    unknown = sorted(set(wanted) - known)
    if unknown or not wanted:
        raise WebhookInvalidError(
            f"{unknown[0][:40]} is no kind of event" if unknown else "name at least one kind"
        )
    return sorted(set(wanted))  # fmt: skip


def _check_url(url: str) -> None:
    if not url or len(url) > 500:
        raise WebhookInvalidError("a URL of 1 to 500 characters is needed")
    try:
        target_of(url)
    except CallbackError as error:
        raise WebhookInvalidError(error.detail, code="webhook_url_refused") from error


def _audit(webhook: Webhook, action: str, *, actor: str, now: datetime, **detail: Any) -> None:
    audit(
        organization=webhook.organization, actor=actor, action=action, subject=f"webhook {webhook.pk}", now=now,
        **detail,
    )  # fmt: skip
