"""All connections in one process: a task for each, started, stopped and started again as the table says."""

import asyncio
import contextlib
import logging
from typing import Any

from apps.openadr.models import VenConnection2b
from apps.openadr.offload import database
from apps.openadr.ven2b.connections import connection_get
from apps.openadr.ven2b.conversation import Conversation

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
RESTART_PAUSE_S = 10.0
# What a task must be started anew for when it changes.
SETTINGS = (
    "url", "name", "program_id", "certificate_pem", "key_pem_encrypted", "ca_pem", "check_hostname", "signs",
    "vtn_fingerprint", "poll_s", "level_kw", "public_only",
)  # fmt: skip


class Supervisor:
    """Keeps one task for each enabled connection; what one of them does wrong does not touch the others."""

    def __init__(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s
        self._tasks: dict[int, tuple[Any, asyncio.Task[None]]] = {}

    @property
    def speaking(self) -> set[int]:
        """Return the connections that are spoken on."""
        return set(self._tasks)

    async def run(self, stopping: asyncio.Event) -> None:
        """Tend the tasks until asked to stop."""
        try:
            while not stopping.is_set():
                await self._look()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_every_s):
                        await stopping.wait()
        finally:
            await asyncio.gather(*(self._end(pk) for pk in list(self._tasks)))

    async def _look(self) -> None:
        wanted = {one.pk: one for one in await database(enabled_connections)}
        for pk in list(self._tasks):
            if pk not in wanted or self._tasks[pk][0] != _settings(wanted[pk]):
                await self._end(pk)
        for pk, connection in wanted.items():
            if pk not in self._tasks:
                task = asyncio.create_task(_speak(connection))
                self._tasks[pk] = (_settings(connection), task)

    async def _end(self, pk: int) -> None:
        _, task = self._tasks.pop(pk)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _speak(connection: VenConnection2b) -> None:
    """Speak with a VTN; after a fault of ours begin anew, from what the database says."""
    while True:
        try:
            await Conversation(connection).run()
        except Exception:  # one connection's fault must not end the others; it is logged whole
            logger.exception("connection %s begins anew", connection.pk)
            await asyncio.sleep(RESTART_PAUSE_S)
            with contextlib.suppress(Exception):
                connection = await database(connection_get, pk=connection.pk)


def enabled_connections() -> list[VenConnection2b]:
    """Return all tenants' connections that are to be spoken on."""
    found = VenConnection2b.objects.filter(enabled=True).select_related(
        "organization", "program__organization"
    )
    return list(found.order_by("pk"))


def _settings(connection: VenConnection2b) -> tuple[Any, ...]:
    return tuple(repr(getattr(connection, name)) for name in SETTINGS)
