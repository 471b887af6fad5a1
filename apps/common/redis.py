"""Redis clients and the live bus: small notes that something of a site or the fleet has changed."""

import functools
import json
from collections.abc import Sequence
from typing import Any

import redis
from django.conf import settings


@functools.lru_cache(maxsize=1)
def client() -> "redis.Redis":
    """Return the process's synchronous client."""
    return redis.Redis.from_url(settings.REDIS_URL)


def channel(name: str) -> str:
    """Return the full name of a bus channel of this installation."""
    return f"{settings.REDIS_PREFIX}{name}"


def publish(name: str, payload: dict[str, Any] | Sequence[Any]) -> None:
    """Tell whoever listens on channel `name` now; nobody listening is fine."""
    client().publish(channel(name), json.dumps(payload))
