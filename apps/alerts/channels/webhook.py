"""A person's own webhook: the message as JSON, signed as partners' calls are."""

import json
import time

from django.conf import settings

from apps.alerts.errors import DeliveryError, DeliveryRefusedError
from apps.alerts.models import Delivery, NotificationSettings
from apps.alerts.signing import PURPOSE, SIGNATURE_HEADER, signature
from apps.alerts.wording import Words
from apps.common.encryption import SecretUnreadableError, decrypt
from apps.common.outgoing.addresses import CallbackError, target_of
from apps.common.outgoing.http import exchange


def send(*, delivery: Delivery, words: Words) -> None:
    """Call the person's address once."""
    notification = delivery.notification
    held = NotificationSettings.objects.filter(pk=notification.user_id).first()
    if held is None or not held.webhook_url:
        raise DeliveryRefusedError("the webhook was taken away")
    content = {
        "id": f"{notification.batch}:{notification.pk}", "kind": notification.kind,
        "at": notification.created_at.isoformat(), "site_id": notification.site_id, "title": words.title,
        "text": words.text, "link": settings.SITE_URL + words.path, "facts": notification.facts,
    }  # fmt: skip
    body = json.dumps(content, separators=(",", ":")).encode()
    try:
        secret = decrypt(held.webhook_secret_encrypted, purpose=PURPOSE)
        signed = signature([secret], at=int(time.time()), body=body)
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: signed}
        status, _ = exchange(target_of(held.webhook_url), "POST", headers=headers, body=body)
    except (CallbackError, SecretUnreadableError) as error:
        raise DeliveryError(error.detail) from error
    if not 200 <= status < 300:
        raise DeliveryError(f"it answered {status}")
