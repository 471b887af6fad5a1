"""Secrets of connections, kept encrypted (apps.common.encryption)."""

from apps.common import encryption
from apps.common.encryption import SecretUnreadableError

__all__ = ["SecretUnreadableError", "decrypt", "encrypt", "renew"]
PURPOSE = b"ores-cloud openadr connection secrets"


def encrypt(text: str) -> str:
    """Return a text that only this installation reads; nothing stays nothing."""
    return encryption.encrypt(text, purpose=PURPOSE)


def decrypt(stored: str) -> str:
    """Read what `encrypt` wrote, under SECRET_KEY or one of SECRET_KEY_FALLBACKS."""
    return encryption.decrypt(stored, purpose=PURPOSE)


def renew(stored: str) -> str:
    """Write a secret anew under the present SECRET_KEY."""
    return encrypt(decrypt(stored))
