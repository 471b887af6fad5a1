"""Deliveries: claimed one by one, sent by their channel, tried again with growing pauses, dead with a reason."""

import random
import time
from datetime import datetime, timedelta
from typing import Final, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import translation

from apps.alerts.channels import email, web_push, webhook
from apps.alerts.errors import DeliveryError
from apps.alerts.models import Channel, Delivery
from apps.alerts.notifications import DELIVER_TASK
from apps.alerts.wording import Words, words_of
from apps.common.queue import enqueue_on_commit

LEASE: Final = timedelta(minutes=5)
SHORTEST_WAIT_S, LONGEST_WAIT_S = 30.0, 7200.0
MOST_ATTEMPTS: Final = 10
LONGEST_GO_S: Final = 20.0
_jitter = random.SystemRandom()


class _Send(Protocol):
    def __call__(self, *, delivery: Delivery, words: Words) -> None: ...


SEND: Final[dict[str, _Send]] = {
    Channel.EMAIL: email.send,
    Channel.WEB_PUSH: web_push.send,
    Channel.WEBHOOK: webhook.send,
}


def deliveries_send(*, now: datetime) -> int:
    """Send what is due until nothing is, or this go has lasted long enough; return how many were sent."""
    sent, end_s = 0, time.monotonic() + LONGEST_GO_S
    while (delivery := _claim(now=now)) is not None:
        sent += _send(delivery, now=now)
        if time.monotonic() > end_s:
            enqueue_on_commit(DELIVER_TASK)
            break
    return sent


@transaction.atomic
def _claim(*, now: datetime) -> Delivery | None:
    """Take one that is due; nobody else takes it for some minutes."""
    due = Delivery.objects.filter(state=Delivery.State.WAITING, next_attempt_at__lte=now)
    held = due.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk").first()
    if held is None:
        return None
    held.attempts += 1
    held.next_attempt_at = now + LEASE
    held.save(update_fields=["attempts", "next_attempt_at"])
    return Delivery.objects.select_related("notification__user", "notification__site").get(pk=held.pk)


def _send(delivery: Delivery, *, now: datetime) -> bool:
    with translation.override(language_of(delivery)):
        try:
            SEND[delivery.channel](delivery=delivery, words=words_of(delivery.notification))
        except DeliveryError as error:
            _failed(delivery, error, now=now)
            return False
    Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.SENT, sent_at=now, error="")
    return True


def language_of(delivery: Delivery) -> str:
    """Return the language that a person has chosen to read."""
    return delivery.notification.user.language or settings.LANGUAGE_CODE


def _failed(delivery: Delivery, error: DeliveryError, *, now: datetime) -> None:
    is_dead = error.permanent or delivery.attempts >= MOST_ATTEMPTS
    wait_s = min(LONGEST_WAIT_S, SHORTEST_WAIT_S * 2.0 ** (delivery.attempts - 1)) * _jitter.uniform(0.5, 1.0)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=Delivery.State.DEAD if is_dead else Delivery.State.WAITING,
        error=error.detail[:200],
        next_attempt_at=now + timedelta(seconds=wait_s),
    )
