"""The listening end of the live bus: one subscription a process, handed on to whoever waits in it."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from apps.common.redis import channel

log = logging.getLogger(__name__)
RETRY_S = 1.0
Listener = Callable[[Any], None]


class Bus:
    """Delivers each channel's notes to its listeners; notes missed while Redis was away are not repeated."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._task: asyncio.Task[None] | None = None
        self._client = redis.asyncio.Redis.from_url(settings.REDIS_URL)

    def listen(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each note on channel `name`; return what ends it. Channels are fixed at start()."""
        self._listeners.setdefault(name, set()).add(listener)
        return lambda: self._listeners[name].discard(listener)

    def start(self, *names: str) -> None:
        for name in names:
            self._listeners.setdefault(name, set())
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.aclose()

    async def publish(self, name: str, payload: Any) -> None:
        await self._client.publish(channel(name), json.dumps(payload))

    async def _run(self) -> None:
        names = {channel(name): name for name in self._listeners}
        while True:
            try:
                async with self._client.pubsub() as subscription:
                    await subscription.subscribe(*names)
                    async for note in subscription.listen():
                        if note["type"] == "message":
                            self._hand_on(names[note["channel"].decode()], json.loads(note["data"]))
            except (RedisError, OSError) as error:
                log.warning("the live bus is out of reach, trying again: %s", error)
                await asyncio.sleep(RETRY_S)

    def _hand_on(self, name: str, payload: Any) -> None:
        for listener in list(self._listeners[name]):
            try:
                listener(payload)
            except Exception:
                log.exception("a listener on %s failed", name)
