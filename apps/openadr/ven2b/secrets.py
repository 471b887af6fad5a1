"""Secrets of connections, kept encrypted by a key that comes from SECRET_KEY; older keys still read."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.common.errors import DomainError

PURPOSE = b"ores-cloud openadr connection secrets"


class SecretUnreadableError(DomainError):
    code = "secret_unreadable"


def encrypt(text: str) -> str:
    """Return a text that only this installation reads; nothing stays nothing."""
    return _keys().encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """Read what `encrypt` wrote, under SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    try:
        return _keys().decrypt(stored.encode()).decode() if stored else ""
    except InvalidToken as error:
        raise SecretUnreadableError(
            "a secret was written under another SECRET_KEY; add that one to SECRET_KEY_FALLBACKS"
        ) from error


def renew(stored: str) -> str:
    """Write a secret anew under the present SECRET_KEY."""
    return encrypt(decrypt(stored))


def _keys() -> MultiFernet:
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes) -> Fernet:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    derived = HKDF(hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(raw)
    return Fernet(base64.urlsafe_b64encode(derived))
