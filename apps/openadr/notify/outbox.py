"""The outbox: changes are written down with what they change, and delivered after commit."""

import random
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from apps.common.outgoing.addresses import CallbackError
from apps.common.queue import enqueue_on_commit
from apps.openadr.models import Notification, SubscriptionObject, TopicMessage, VenObject, WireObject
from apps.openadr.notify.audience import Change, subscriptions_told
from apps.openadr.notify.topics import topics_of
from apps.openadr.notify.webhooks import notification_send
from apps.openadr.wire import wire

DELIVER_TASK = "openadr.deliver_subscription"
PUBLISH_TASK = "openadr.publish_topics"
LEASE = timedelta(seconds=60)
SHORTEST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
MOST_ATTEMPTS = 24
LONGEST_SILENCE = timedelta(days=3)
_jitter = random.SystemRandom()


def announce(object_: WireObject, operation: str, *, now: datetime) -> None:
    """Write down a change for all who are to be told; inside the change's own transaction."""
    change = Change(object_, operation)
    rows = [
        Notification(
            subscription=subscription, callback_url=url, body=body, next_attempt_at=now, created_at=now
        )
        for subscription, url, body in _callbacks(change)
    ]
    Notification.objects.bulk_create(rows, batch_size=1000)
    for subscription_id in dict.fromkeys(row.subscription_id for row in rows):
        enqueue_on_commit(DELIVER_TASK, subscription_id=subscription_id)
    if settings.OPENADR_MQTT_URL:
        _announce_topics(change, now=now)


def _announce_topics(change: Change, *, now: datetime) -> None:
    TopicMessage.objects.bulk_create(
        [
            TopicMessage(
                organization_id=change.object_.organization_id, topic=topic, created_at=now,
                body=notification_body(change, grants=grants),
            )
            for topic, grants in topics_of(change)
        ],
        batch_size=1000,
    )  # fmt: skip
    enqueue_on_commit(PUBLISH_TASK)


def notification_body(change: Change, *, grants: frozenset[str] | None) -> dict[str, Any]:
    """Return the notification; with `grants` as a VEN that has these may see it."""
    shown = wire(change.object_)
    targets = change.targets
    if grants is not None and change.object_type in {"PROGRAM", "EVENT"} and targets:
        targets = [target for target in targets if target in grants]
        shown = {**shown, "targets": targets}
    body = {"objectType": change.object_type, "operation": change.operation, "object": shown}
    return {**body, "targets": targets} if targets else body


def _callbacks(change: Change) -> list[tuple[SubscriptionObject, str, dict[str, Any]]]:
    told = list(subscriptions_told(change))
    keys = {one.client_key for one in told if not one.is_business_logic}
    vens = VenObject.objects.filter(organization_id=change.object_.organization_id, client_key__in=keys)
    grants = {client_key: frozenset(held) for client_key, held in vens.values_list("client_key", "grants")}
    found = []
    for one in told:
        seen = None if one.is_business_logic else grants.get(one.client_key, frozenset())
        body = notification_body(change, grants=seen)
        urls = [
            wanted["callbackUrl"]
            for wanted in one.content["objectOperations"]
            if change.object_type in wanted["objects"] and change.operation in wanted["operations"]
        ]
        found += [(one, url, body) for url in dict.fromkeys(urls)]
    return found


def subscription_deliver(*, subscription_id: str, now: datetime) -> int:
    """Send what waits for a subscription, in order, until it is empty or one fails; return how many were sent."""
    sent = 0
    while (notification := _claimed(subscription_id, now=now)) is not None:
        try:
            notification_send(notification=notification, now=now)
        except CallbackError as error:
            _failed(notification, error, now=now)
            return sent
        _succeeded(notification, now=now)
        sent += 1
    return sent


def subscriptions_due(*, now: datetime) -> list[str]:
    """Return subscriptions with something to send now."""
    due = Notification.objects.filter(state=Notification.State.WAITING, next_attempt_at__lte=now)
    return list(due.values_list("subscription_id", flat=True).distinct().order_by("subscription_id"))


@transaction.atomic
def _claimed(subscription_id: str, *, now: datetime) -> Notification | None:
    """Take the oldest that waits, for a while, so that no other worker sends it or what comes after it."""
    waiting = Notification.objects.filter(subscription_id=subscription_id, state=Notification.State.WAITING)
    oldest = waiting.select_for_update(of=("self",)).select_related("subscription").order_by("pk").first()
    if oldest is None or oldest.next_attempt_at > now:
        return None
    oldest.attempts += 1
    oldest.next_attempt_at = now + LEASE
    oldest.save(update_fields=["attempts", "next_attempt_at"])
    return oldest


@transaction.atomic
def _succeeded(notification: Notification, *, now: datetime) -> None:
    Notification.objects.filter(pk=notification.pk).update(
        state=Notification.State.SENT, sent_at=now, error=""
    )
    SubscriptionObject.objects.filter(pk=notification.subscription_id).update(failures=0)


@transaction.atomic
def _failed(notification: Notification, error: CallbackError, *, now: datetime) -> None:
    wait_s = min(LONGEST_WAIT_S, SHORTEST_WAIT_S * 2.0 ** (notification.attempts - 1))
    Notification.objects.filter(pk=notification.pk).update(
        error=error.detail[:200], next_attempt_at=now + timedelta(seconds=wait_s * _jitter.uniform(0.5, 1.0))
    )
    SubscriptionObject.objects.filter(pk=notification.subscription_id).update(failures=F("failures") + 1)
    if notification.attempts >= MOST_ATTEMPTS or now - notification.created_at > LONGEST_SILENCE:
        _broken(notification.subscription_id, now=now)


def _broken(subscription_id: str, *, now: datetime) -> None:
    """Give a subscription up until its client puts it again."""
    SubscriptionObject.objects.filter(pk=subscription_id).update(broken_at=now)
    waiting = Notification.objects.filter(subscription_id=subscription_id, state=Notification.State.WAITING)
    waiting.update(state=Notification.State.FAILED)
