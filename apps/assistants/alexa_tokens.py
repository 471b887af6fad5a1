"""A person's tokens for Alexa's event gateway: got for the code of AcceptGrant, kept encrypted, got anew when they end."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings

from apps.assistants.calls import post_form, text_of
from apps.assistants.errors import LinkEndedError, NotTakenError
from apps.assistants.models import AssistantLink
from apps.common.encryption import decrypt, encrypt

PURPOSE: Final = b"ores-cloud alexa event gateway"
# A token is not used to its last minute.
EARLY: Final = timedelta(minutes=1)
USUAL_S: Final = 3600


def tokens_for_code(code: str) -> dict[str, Any]:
    """Return the fields of a link that a code of AcceptGrant stands for."""
    status, answer = _ask(grant_type="authorization_code", code=code)
    fields = _fields(answer)
    if status != 200 or not fields.get("refresh_token_encrypted"):
        raise NotTakenError(f"the code got no tokens: {_said(status, answer)}")
    return fields


def token_of(link: AssistantLink, *, anew: bool = False) -> str:
    """Return a token that opens the gateway for a link; LinkEndedError where the person has ended it."""
    until = link.access_token_until
    if not anew and until is not None and _machine_now() < until - EARLY:
        return decrypt(link.access_token_encrypted, purpose=PURPOSE)
    refresh = decrypt(link.refresh_token_encrypted, purpose=PURPOSE)
    status, answer = _ask(grant_type="refresh_token", refresh_token=refresh)
    if status == 400 and text_of(answer, "error") == "invalid_grant":
        raise LinkEndedError("Alexa gives no more tokens for this person: the skill was disabled")
    fields = _fields(answer)
    if status != 200 or not fields:
        raise NotTakenError(f"the refresh token got no other: {_said(status, answer)}")
    for name, value in fields.items():
        setattr(link, name, value)
    link.save(update_fields=list(fields))
    return decrypt(link.access_token_encrypted, purpose=PURPOSE)


def _ask(**fields: str) -> tuple[int, dict[str, Any]]:
    return post_form(
        settings.ALEXA_TOKEN_URL, client_id=settings.ALEXA_CLIENT_ID, client_secret=settings.ALEXA_CLIENT_SECRET,
        **fields,
    )  # fmt: skip


def _fields(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what of an answer is kept; a refresh token that is not told stays as it is."""
    access, refresh = text_of(answer, "access_token"), text_of(answer, "refresh_token")
    if not access:
        return {}
    lasts_s = answer.get("expires_in")
    seconds = lasts_s if isinstance(lasts_s, int) else USUAL_S
    kept = {
        "access_token_encrypted": encrypt(access, purpose=PURPOSE),
        "access_token_until": _machine_now() + timedelta(seconds=seconds),
    }
    return kept | ({"refresh_token_encrypted": encrypt(refresh, purpose=PURPOSE)} if refresh else {})


def _said(status: int, answer: dict[str, Any]) -> str:
    return f"{status} {text_of(answer, 'error_description') or text_of(answer, 'error')}".strip()


def _machine_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
