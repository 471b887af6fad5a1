"""Short-lived signed texts: a challenge that is good once, and the token that a hub shows on the link.

Both use the machine's clock: they are about security, not about the energy day.
"""

import dataclasses
import secrets

from django.conf import settings
from django.core import signing

from apps.common.redis import client
from apps.hubs.errors import ChallengeError, TokenError

CHALLENGE_S = 60
TOKEN_S = 3600
_CHALLENGE_SALT = "hubs.challenge"
_TOKEN_SALT = "hubs.token"  # noqa: S105


@dataclasses.dataclass(frozen=True, slots=True)
class HubToken:
    """Who is speaking. A hub whose generation went on (revoked, replaced) shows an old one."""

    hub_id: str
    site_id: int
    generation: int


def challenge_issue(*, hub_id: str) -> str:
    """Return a fresh challenge for `hub_id`."""
    return signing.dumps([hub_id, secrets.token_urlsafe(16)], salt=_CHALLENGE_SALT)


def challenge_redeem(challenge: str, *, hub_id: str) -> None:
    """Accept `challenge` once, in time and from the hub it was made for, or raise ChallengeError."""
    try:
        owner, nonce = signing.loads(challenge, salt=_CHALLENGE_SALT, max_age=CHALLENGE_S)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise ChallengeError("the challenge is unknown or too old; ask for a new one") from error
    if owner != hub_id:
        raise ChallengeError("the challenge was made for another hub")
    if not client().set(f"{settings.REDIS_PREFIX}challenge:{nonce}", 1, nx=True, ex=CHALLENGE_S * 2):
        raise ChallengeError("the challenge was used already; ask for a new one")


def token_issue(token: HubToken) -> str:
    """Return the text of `token`, valid for TOKEN_S seconds."""
    return signing.dumps([token.hub_id, token.site_id, token.generation], salt=_TOKEN_SALT)


def token_read(text: str) -> HubToken:
    """Return what a valid token says, or raise TokenError."""
    try:
        hub_id, site_id, generation = signing.loads(text, salt=_TOKEN_SALT, max_age=TOKEN_S)
    except signing.SignatureExpired as error:
        raise TokenError("the token has expired; authenticate again", code="token_expired") from error
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise TokenError("this is not a token of ours") from error
    return HubToken(hub_id, site_id, generation)
