"""Which requests go to the log of messages: every write, and every answer that is an error."""

import json
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import ApiClient
from apps.common import clock
from apps.openadr.messages import LONGEST_BODY, message_note
from apps.openadr.models import MessageEntry

SECRETS = {"bearerToken", "client_secret", "secret", "password"}
TOO_MANY_REQUESTS = 429


def note(request: Request, answer: Response) -> None:
    """Note a partner's request and what was answered, unless it is a poll that succeeded."""
    # Asked of the user, which DRF has set by now: `request.auth` would authenticate once more where it failed.
    client = getattr(getattr(request, "_user", None), "client", None)
    is_poll = request.method in {"GET", "HEAD"} and answer.status_code < 400
    if not isinstance(client, ApiClient) or is_poll or answer.status_code == TOO_MANY_REQUESTS:
        return
    sent: dict[str, Any] = {
        "request": _body(request),
        "answer": answer.data if answer.status_code >= 400 else None,
    }
    message_note(
        organization=client.organization,
        protocol=MessageEntry.Protocol.OPENADR_31,
        direction=MessageEntry.Direction.RECEIVED,
        peer=client.name,
        kind=f"{request.method} {request.path}",
        status=answer.status_code,
        body=json.dumps(without_secrets(sent))[:LONGEST_BODY],
        now=clock.now(),
    )


def without_secrets(value: Any) -> Any:
    """Return JSON with every secret's value replaced."""
    if isinstance(value, dict):
        return {
            name: "***" if name in SECRETS and part else without_secrets(part) for name, part in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    return value


def _body(request: Request) -> Any:
    try:
        return request.data or None
    except APIException as error:
        return f"could not be read: {error.detail}"
