"""Webhooks: proving that a callback wants to be called, and calling it."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from apps.common.outgoing.addresses import CallbackError, target_of
from apps.common.outgoing.http import exchange
from apps.openadr.models import Notification
from apps.openadr.notify.secrets import opened, signature

SIGNATURE_HEADER = "X-ORES-Signature"
OK = 200


def callbacks_verify(*, callbacks: Iterable[tuple[str, str | None]]) -> None:
    """Ask each (URL, bearer token) to repeat a random word; `CallbackError` for the first that does not."""
    for url, token in dict.fromkeys(callbacks):
        word = secrets.token_urlsafe(24)
        target = target_of(url)
        asked = f"{target.path}{'&' if '?' in target.path else '?'}echo={word}"
        status, answer = exchange(replace(target, path=asked), "GET", headers=_authorization(token))
        if status != OK or word.encode() not in answer:
            raise CallbackError(
                f"{url[:200]} did not repeat the echo it was sent", code="callback_echo_failed"
            )


def notification_send(*, notification: Notification, now: datetime) -> None:
    """Call the callback once; `CallbackError` unless it answers with success."""
    subscription = notification.subscription
    body = json.dumps(notification.body).encode()
    headers = {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: signature(subscription.pk, at=int(now.timestamp()), body=body),
        **_authorization(opened(subscription.tokens).get(notification.callback_url)),
    }
    target = target_of(notification.callback_url)
    status, _ = exchange(target, "POST", headers=headers, body=body)
    if not OK <= status < 300:
        raise CallbackError(f"the callback answered {status}", code="callback_failed")


def _authorization(token: str | None) -> dict[str, Any]:
    return {"Authorization": f"Bearer {token}"} if token else {}
