"""Calling webhooks: in order, again after a failure, given up after days; claimed so that two workers never call twice."""

import json
import random
import time
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction

from apps.alerts.errors import DeliveryError
from apps.alerts.models import Webhook, WebhookDelivery
from apps.alerts.signing import PURPOSE, SIGNATURE_HEADER, signature
from apps.alerts.webhook_events import DELIVER_TASK
from apps.common.encryption import decrypt
from apps.common.errors import DomainError
from apps.common.outgoing.addresses import target_of
from apps.common.outgoing.http import exchange
from apps.common.queue import enqueue_on_commit

LEASE: Final = timedelta(seconds=60)
SHORTEST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
# Then what comes after it has its turn; by then about half a day has passed.
MOST_ATTEMPTS: Final = 20
# A webhook that has not answered well for so long is disabled; what waits for it is kept.
LONGEST_SILENCE: Final = timedelta(days=3)
# One go ends well before a claim does; the rest waits for the next.
LONGEST_GO_S: Final = 20.0
_jitter = random.SystemRandom()


class Claimed(NamedTuple):
    delivery: WebhookDelivery
    webhook: Webhook


def webhook_deliver(*, webhook_id: UUID, now: datetime) -> int:
    """Call a webhook for what waits, the oldest first, until one fails; return how many calls were answered."""
    sent, end_s = 0, time.monotonic() + LONGEST_GO_S
    while (claimed := _claim(webhook_id, now=now)) is not None:
        try:
            status = call(claimed.webhook, claimed.delivery, now=now)
        except DomainError as error:
            _failed(claimed, error, now=now)
            return sent
        _succeeded(claimed, status=status, now=now)
        sent += 1
        if time.monotonic() > end_s:
            enqueue_on_commit(DELIVER_TASK, webhook_id=str(webhook_id))
            break
    return sent


def webhooks_due(*, now: datetime) -> list[str]:
    """Return the webhooks that are to be called now."""
    due = WebhookDelivery.objects.filter(
        state=WebhookDelivery.State.WAITING, next_attempt_at__lte=now, webhook__disabled_at=None
    )
    return [str(pk) for pk in due.values_list("webhook_id", flat=True).distinct().order_by("webhook_id")]


def body_of(delivery: WebhookDelivery) -> bytes:
    """Return what a webhook is sent; the same at every attempt."""
    event = delivery.event
    content = {"id": str(event.pk), "kind": event.kind, "at": event.at.isoformat(), "data": event.data}
    return json.dumps(content, separators=(",", ":")).encode()


def call(webhook: Webhook, delivery: WebhookDelivery, *, now: datetime) -> int:
    """Call once; a `DomainError` unless it is answered with success."""
    body = body_of(delivery)
    # Whoever receives it compares with a clock of their own: the machine's time, not the platform's.
    headers = {
        "Content-Type": "application/json",
        "X-ORES-Event": delivery.event.kind,
        "X-ORES-Delivery": str(delivery.event_id),
        SIGNATURE_HEADER: signature(_secrets(webhook, now=now), at=int(time.time()), body=body),
    }
    status, _ = exchange(target_of(webhook.url), "POST", headers=headers, body=body)
    if not 200 <= status < 300:
        raise DeliveryError(f"it answered {status}", status=status)
    return status


def _secrets(webhook: Webhook, *, now: datetime) -> list[str]:
    held = [webhook.secret_encrypted]
    if webhook.old_secret_until is not None and now < webhook.old_secret_until:
        held.append(webhook.old_secret_encrypted)
    return [decrypt(one, purpose=PURPOSE) for one in held]


@transaction.atomic
def _claim(webhook_id: UUID, *, now: datetime) -> Claimed | None:
    """Take the oldest that waits, for a minute, so that no other worker sends it or what comes after it."""
    webhook = Webhook.objects.select_for_update(of=("self",)).select_related("organization")
    held = webhook.filter(pk=webhook_id, disabled_at=None).first()
    if held is None:
        return None
    waiting = WebhookDelivery.objects.filter(webhook=held, state=WebhookDelivery.State.WAITING)
    oldest = waiting.select_related("event").order_by("created_at", "pk").first()
    if oldest is None or oldest.next_attempt_at > now:
        return None
    oldest.attempts += 1
    oldest.next_attempt_at = now + LEASE
    oldest.save(update_fields=["attempts", "next_attempt_at"])
    return Claimed(oldest, held)


@transaction.atomic
def _succeeded(claimed: Claimed, *, status: int, now: datetime) -> None:
    sent = WebhookDelivery.State.SENT
    WebhookDelivery.objects.filter(pk=claimed.delivery.pk).update(
        state=sent, sent_at=now, status_code=status, error=""
    )
    if claimed.webhook.failing_since is not None:
        Webhook.objects.filter(pk=claimed.webhook.pk).update(failing_since=None)


@transaction.atomic
def _failed(claimed: Claimed, error: DomainError, *, now: datetime) -> None:
    delivery, webhook = claimed
    wait_s = min(LONGEST_WAIT_S, SHORTEST_WAIT_S * 2.0 ** min(delivery.attempts - 1, 20))
    given_up = delivery.attempts >= MOST_ATTEMPTS
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=WebhookDelivery.State.DEAD if given_up else WebhookDelivery.State.WAITING,
        error=error.detail[:200], status_code=error.status if error.code == DeliveryError.code else None,
        next_attempt_at=now + timedelta(seconds=wait_s * _jitter.uniform(0.5, 1.0)),
    )  # fmt: skip
    since = webhook.failing_since or now
    changes = {"failing_since": since}
    if now - since >= LONGEST_SILENCE:
        reason = f"not answered since {since:%Y-%m-%d %H:%M} UTC: {error.detail}"[:200]
        changes |= {"disabled_at": now, "disabled_reason": reason}  # type: ignore[dict-item]
    Webhook.objects.filter(pk=webhook.pk).update(**changes)
