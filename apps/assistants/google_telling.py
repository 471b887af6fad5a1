"""Telling Google's Home Graph: states, and that devices have changed, as the service account of the settings."""

import json
import time
import uuid
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

from apps.assistants.calls import post_form, post_json, text_of
from apps.assistants.errors import LinkEndedError, NotTakenError
from apps.assistants.google_things import state
from apps.assistants.selectors import Thing

SCOPE: Final = "https://www.googleapis.com/auth/homegraph"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIGNED_FOR_S: Final = 3600
# A token is not used to its last second.
EARLY_S: Final = 60.0


class Account(NamedTuple):
    """What of a service account's file is used."""

    email: str
    key_id: str
    private_key: str
    token_url: str


class Token(NamedTuple):
    text: str
    until: float


# One token serves the whole installation; each process asks for its own, and no store holds it.
_tokens: dict[Account, Token] = {}


def states_tell(*, user_id: int, things: list[Thing]) -> None:
    """Tell the states of a person's things."""
    states = {one.key: {k: v for k, v in state(one).items() if k != "status"} for one in things}
    _call(
        "reportStateAndNotification",
        {
            "requestId": str(uuid.uuid4()),
            "agentUserId": str(user_id),
            "payload": {"devices": {"states": states}},
        },
    )


def sync_request(*, user_id: int) -> None:
    """Have Google ask what devices there are."""
    _call("requestSync", {"agentUserId": str(user_id), "async": True})


def _call(method: str, content: dict[str, Any]) -> None:
    account = _account()
    url = f"{settings.GOOGLE_HOMEGRAPH_URL.rstrip('/')}/v1/devices:{method}"
    status, answer = post_json(url, content, token=_token(account))
    if 200 <= status < 300:
        return
    if status == 404:
        raise LinkEndedError("Google knows nobody by this number: the account is not linked any more")
    if status == 401:
        _tokens.pop(account, None)
    error = answer.get("error")
    said = text_of(error, "message") if isinstance(error, dict) else ""
    raise NotTakenError(f"Google answered {status} {said}".strip())


def _token(account: Account) -> str:
    held = _tokens.get(account)
    if held is not None and time.monotonic() < held.until:
        return held.text
    status, answer = post_form(account.token_url, grant_type=GRANT, assertion=_assertion(account))
    text = text_of(answer, "access_token")
    if status != 200 or not text:
        said = text_of(answer, "error_description") or text_of(answer, "error")
        raise NotTakenError(f"the service account gets no token: {status} {said}".strip())
    lasts_s = answer.get("expires_in")
    seconds = float(lasts_s) if isinstance(lasts_s, int | float) else EARLY_S
    _tokens[account] = Token(text, time.monotonic() + seconds - EARLY_S)
    return text


def _assertion(account: Account) -> str:
    """Return who we are, signed with the service account's key (RFC 7523)."""
    from jwcrypto.jwk import JWK
    from jwcrypto.jwt import JWT

    try:
        key = JWK.from_pem(account.private_key.encode())
    except ValueError as error:
        raise NotTakenError("the service account's private_key cannot be read") from error
    at = int(time.time())
    claims = {
        "iss": account.email, "scope": SCOPE, "aud": account.token_url, "iat": at, "exp": at + SIGNED_FOR_S,
    }  # fmt: skip
    token = JWT(header={"typ": "JWT", "alg": "RS256", "kid": account.key_id}, claims=claims)
    token.make_signed_token(key)
    return str(token.serialize())


def _account() -> Account:
    path = Path(settings.GOOGLE_HOMEGRAPH_CREDENTIALS)
    try:
        held = json.loads(path.read_text())
        names = ("client_email", "private_key_id", "private_key", "token_uri")
        return Account(*[str(held[name]) for name in names])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NotTakenError(f"GOOGLE_HOMEGRAPH_CREDENTIALS cannot be read: {type(error).__name__}") from error
