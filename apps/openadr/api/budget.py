"""How many polls a VEN has made this minute: counted in Redis for all processes, reported there in small lots."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from apps.common.throttles import VenRateThrottle

if TYPE_CHECKING:
    import redis.asyncio

LOTS = 50  # a process tells Redis when a VEN has used another fiftieth of its budget
KEPT_S = 120


def this_minute() -> int:
    """Return the number of the minute by the machine's clock."""
    return int(time.time() // 60)


def key_of(client_id: int, minute: int) -> str:
    """Return where a client's polls of a minute are counted."""
    return f"{settings.REDIS_PREFIX}polls:{client_id}:{minute}"


def most_polls() -> int | None:
    """Return how many polls a minute a VEN may make the short way; beyond them the ordinary view keeps the account."""
    most, _ = VenRateThrottle().parse_rate(settings.THROTTLE_RATES["ven"])
    return most


@dataclass
class _Count:
    told: int = 0
    untold: int = 0


class PollBudget:
    """The counts of one process for this minute."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._minute = 0
        self._counts: dict[int, _Count] = {}

    async def is_used_up(self, client_id: int) -> bool:
        """Count a poll; return whether it was one too many."""
        most = most_polls()
        if most is None:
            return False
        minute = this_minute()
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        count = self._counts.setdefault(client_id, _Count())
        count.untold += 1
        if count.untold >= max(1, most // LOTS):
            told, count.untold = count.untold, 0
            count.told = await self._tell(key_of(client_id, minute), told)
        return count.told + count.untold > most

    async def _tell(self, key: str, polls: int) -> int:
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.incrby(key, polls)
            pipeline.expire(key, KEPT_S)
            total, _ = await pipeline.execute()
        return int(total)
