"""The token that opens the local server: made on the hub, shown to its owner, readable by the hub's own user only."""

import hmac
import os
import secrets
from pathlib import Path

_FILE = "local_token"


def load_token(data_dir: Path) -> str:
    """The token kept in `data_dir`, made on first call."""
    path = data_dir / _FILE
    if path.exists():
        return path.read_text().strip()
    return new_token(data_dir)


def new_token(data_dir: Path) -> str:
    """A fresh token in place of the old one; a running hub asks for it from its next request on."""
    token = secrets.token_urlsafe(24)
    fresh = data_dir / f"{_FILE}.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(data_dir / _FILE)
    return token


def is_token(shown: str, data_dir: Path) -> bool:
    """Whether what was shown is the token; takes as long whatever it is."""
    return hmac.compare_digest(shown.encode(errors="replace"), load_token(data_dir).encode())
