"""Signatures checked as a receiver would, by the standard library alone."""

import hashlib
import hmac
import time

from tests.apps.alerts.conftest import Call


def is_signed(call: Call, secret: str, *, window_s: float = 300) -> bool:
    """Whether a call carries a signature by `secret` that is not too old."""
    parts = [one.partition("=") for one in call.headers["X-ORES-Signature"].split(",")]
    at = next(value for name, _, value in parts if name == "t")
    content = f"{at}.".encode() + call.body
    wanted = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(at)) <= window_s
    return fresh and any(hmac.compare_digest(value, wanted) for name, _, value in parts if name == "v1")
