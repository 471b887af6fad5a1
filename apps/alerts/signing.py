"""How calls to webhooks are signed: `t=<Unix seconds>,v1=<hex>`, HMAC-SHA256 of `<t>.<body>`, once for each secret."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

SIGNATURE_HEADER: Final = "X-ORES-Signature"
# Receivers refuse what is older: what somebody recorded cannot be played again later.
REPLAY_WINDOW_S: Final = 300
PREFIX: Final = "whsec_"
PURPOSE: Final = b"ores-cloud webhook secrets"


def secret_make() -> str:
    """Return a new secret."""
    return PREFIX + secrets.token_urlsafe(32)


def signature(keys: Sequence[str], *, at: int, body: bytes) -> str:
    """Return the header's value for a body sent at `at`; a receiver takes any one `v1` that fits."""
    content = f"{at}.".encode() + body
    made = [f"v1={hmac.new(key.encode(), content, hashlib.sha256).hexdigest()}" for key in keys]
    return ",".join([f"t={at}", *made])
