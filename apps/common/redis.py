"""Redis clients and the live bus: small notes that something of a site or the fleet has changed."""

import functools
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    import redis


@functools.lru_cache(maxsize=1)
def client() -> "redis.Redis":
    """Return the process's synchronous client."""
    import redis  # takes a third of a second that manage.py does not need

    return redis.Redis.from_url(settings.REDIS_URL)


def channel(name: str) -> str:
    """Return the full name of a bus channel of this installation."""
    return f"{settings.REDIS_PREFIX}{name}"


def publish(name: str, payload: dict[str, Any] | Sequence[Any]) -> None:
    """Tell whoever listens on channel `name` now; nobody listening is fine."""
    client().publish(channel(name), json.dumps(payload))
