"""Secrets of subscriptions: clients' bearer tokens are kept encrypted, signing secrets are derived."""

import base64
import hashlib
import hmac
import json

from cryptography.fernet import Fernet
from django.conf import settings


def _derived(purpose: str) -> bytes:
    return hmac.new(settings.SECRET_KEY.encode(), f"openadr {purpose}".encode(), hashlib.sha256).digest()


def sealed(tokens: dict[str, str]) -> bytes:
    """Encrypt bearer tokens by callback."""
    key = base64.urlsafe_b64encode(_derived("bearer tokens"))
    return Fernet(key).encrypt(json.dumps(tokens).encode()) if tokens else b""


def opened(held: "bytes | memoryview[int]") -> dict[str, str]:
    """Return the bearer tokens by callback."""
    key = base64.urlsafe_b64encode(_derived("bearer tokens"))
    tokens: dict[str, str] = json.loads(Fernet(key).decrypt(bytes(held))) if held else {}
    return tokens


def signing_secret(subscription_id: str) -> str:
    """Return the secret that signs a subscription's notifications; its client is shown it."""
    return hmac.new(_derived("signatures"), subscription_id.encode(), hashlib.sha256).hexdigest()


def signature(subscription_id: str, *, at: int, body: bytes) -> str:
    """Return the header's value for a body sent at `at` (Unix seconds)."""
    secret = signing_secret(subscription_id).encode()
    return f"t={at},v1={hmac.new(secret, f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"
