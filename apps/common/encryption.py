"""Secrets that have to be read again, kept encrypted by a key that comes from SECRET_KEY; older keys still read."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.common.errors import DomainError


class SecretUnreadableError(DomainError):
    code = "secret_unreadable"


def encrypt(text: str, *, purpose: bytes) -> str:
    """Return a text that only this installation reads, and only for `purpose`; nothing stays nothing."""
    return seal(text.encode(), purpose=purpose).decode() if text else ""


def decrypt(stored: str, *, purpose: bytes) -> str:
    """Read what `encrypt` wrote, under SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    return unseal(stored.encode(), purpose=purpose).decode() if stored else ""


def seal(content: bytes, *, purpose: bytes) -> bytes:
    """Return bytes that only this installation reads, and only for `purpose`."""
    return _keys(purpose).encrypt(content)


def unseal(sealed: bytes | memoryview, *, purpose: bytes) -> bytes:
    """Read what `seal` wrote, under SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    try:
        return _keys(purpose).decrypt(bytes(sealed))
    except InvalidToken as error:
        raise SecretUnreadableError(
            "a secret was written under another SECRET_KEY; add that one to SECRET_KEY_FALLBACKS"
        ) from error


def derived(purpose: bytes) -> bytes:
    """Return 32 bytes that only this installation knows, the same as long as SECRET_KEY is."""
    return _derived(settings.SECRET_KEY, purpose)


def _keys(purpose: bytes) -> MultiFernet:
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(one, purpose))) for one in secrets])


def _derived(secret: str | bytes, purpose: bytes) -> bytes:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose).derive(raw)
