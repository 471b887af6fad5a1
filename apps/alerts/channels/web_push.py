"""Web Push (RFC 8030): encrypted for one browser (RFC 8291), handed to its push service, which cannot read it."""

import json
from urllib.parse import urlsplit

from apps.alerts.defaults import URGENT
from apps.alerts.errors import DeliveryError, DeliveryRefusedError
from apps.alerts.models import Delivery, PushSubscription
from apps.alerts.preferences import decoded
from apps.alerts.push_encryption import seal
from apps.alerts.vapid import authorization
from apps.alerts.wording import Words
from apps.common.outgoing.addresses import CallbackError, target_of
from apps.common.outgoing.http import exchange

# How long a push service keeps a message for a browser that is not there [s].
KEPT_S = 86_400
GONE = {404, 410}
LONGEST_TEXT = 1500  # of a message of at most 4096 bytes


def send(*, delivery: Delivery, words: Words) -> None:
    """Hand one message to the push service of one browser; one that is gone is forgotten."""
    held = PushSubscription.objects.filter(pk=int(delivery.address), user_id=delivery.notification.user_id)
    subscription = held.first()
    if subscription is None:
        raise DeliveryRefusedError("this browser takes no messages any more")
    kind = delivery.notification.kind
    content = {
        "title": words.title[:200], "body": words.text[:LONGEST_TEXT], "path": words.path,
        "tag": f"{kind}:{delivery.notification.pk}",
    }  # fmt: skip
    status = _post(subscription, encrypted(subscription, json.dumps(content).encode()), urgent=kind in URGENT)
    if status in GONE:
        held.delete()
        raise DeliveryRefusedError("this browser takes no messages any more")
    if not 200 <= status < 300:
        raise DeliveryError(f"the push service answered {status}")


def encrypted(subscription: PushSubscription, content: bytes) -> bytes:
    """Return `content` as only the subscription's browser can read it."""
    return seal(content, p256dh=decoded(subscription.p256dh), auth=decoded(subscription.auth))


def _post(subscription: PushSubscription, body: bytes, *, urgent: bool) -> int:
    parts = urlsplit(subscription.endpoint)
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_S),
        "Urgency": "high" if urgent else "normal",
        "Authorization": authorization(f"{parts.scheme}://{parts.netloc}"),
    }
    try:
        status, _ = exchange(target_of(subscription.endpoint), "POST", headers=headers, body=body)
    except CallbackError as error:
        raise DeliveryError(error.detail) from error
    return status
