"""Take secrets out of what leaves the house: by the name of a field, and by what a text looks like."""

import re
from typing import Any

HIDDEN = "[redacted]"
_SECRET_NAME = re.compile(
    r"pass(word|phrase|wd)?$|secret|token|credential|auth|private|claim|api_?key|pin$", re.I
)
_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+\S+", re.I)
_ASSIGNED = re.compile(
    r"(?i)\b([\w-]*(?:password|passphrase|passwd|secret|token|api_?key|credential)[\w-]*[\"']?\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|\S+)"
)
_PEM = re.compile(r"-----BEGIN [^-]*-----.*?(-----END [^-]*-----|\Z)", re.S)


def redact(value: Any) -> Any:
    """The same value without secrets."""
    if isinstance(value, dict):
        return {key: HIDDEN if _is_secret(key, held) else redact(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [redact(held) for held in value]
    return redact_text(value) if isinstance(value, str) else value


def redact_text(text: str) -> str:
    """The same text without what looks like a secret."""
    text = _PEM.sub(HIDDEN, text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _ASSIGNED.sub(rf"\1{HIDDEN}", text)
    return _IN_URL.sub(f"{HIDDEN}@", text)


def _is_secret(key: object, held: object) -> bool:
    """Switches and numbers are no secrets, except for a PIN."""
    named = isinstance(key, str) and _SECRET_NAME.search(key) is not None
    return named and held is not None and not isinstance(held, bool) and held != ""
