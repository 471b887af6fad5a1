"""All connections in one process: a task for each, started, stopped, woken and started again as the table says."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Any

from apps.openadr.models import VenConnection3
from apps.openadr.offload import database
from apps.openadr.ven3.connections import connection_get
from apps.openadr.ven3.conversation import Conversation

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
RESTART_PAUSE_S = 10.0
# What a task must be started anew for when it changes.
SETTINGS = (
    "url", "name", "version", "program_id", "remote_program", "token_url", "token_auth", "client_id",
    "client_secret_encrypted", "scopes", "ca_pem", "transport", "poll_s", "has_resource_per_home", "callback_key",
    "public_only",
)  # fmt: skip


@dataclass
class Speaker:
    """A connection's task, and what it was started for."""

    settings: tuple[Any, ...]
    woken_at: Any
    conversation: Conversation | None = None
    task: asyncio.Task[None] | None = None

    async def run(self, connection: VenConnection3) -> None:
        """Speak with a VTN; after a fault of ours begin anew, from what the database says."""
        while True:
            try:
                self.conversation = Conversation(connection)
                await self.conversation.run()
            except Exception:  # one connection's fault must not end the others; it is logged whole
                logger.exception("connection %s begins anew", connection.pk)
                await asyncio.sleep(RESTART_PAUSE_S)
                with contextlib.suppress(Exception):
                    connection = await database(connection_get, pk=connection.pk)

    def hear(self, woken_at: Any) -> None:
        """Have the conversation look at once if the VTN called since."""
        if woken_at != self.woken_at and self.conversation is not None:
            self.woken_at = woken_at
            self.conversation.wake.set()


class Supervisor:
    """Keeps one task for each enabled connection; what one of them does wrong does not touch the others."""

    def __init__(self, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._look_every_s = look_every_s
        self._speakers: dict[int, Speaker] = {}

    @property
    def speaking(self) -> set[int]:
        """Return the connections that are spoken on."""
        return set(self._speakers)

    async def run(self, stopping: asyncio.Event) -> None:
        """Tend the tasks until asked to stop."""
        try:
            while not stopping.is_set():
                try:
                    await self._look()
                except (
                    Exception
                ):  # the database may be away; what is said with VTNs meanwhile waits for it too
                    logger.exception("the connections could not be read")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._look_every_s):
                        await stopping.wait()
        finally:
            await asyncio.gather(*(self._end(pk) for pk in list(self._speakers)))

    async def _look(self) -> None:
        wanted = {one.pk: one for one in await database(enabled_connections)}
        for pk in list(self._speakers):
            if pk not in wanted or self._speakers[pk].settings != _settings(wanted[pk]):
                await self._end(pk)
        for pk, connection in wanted.items():
            speaker = self._speakers.get(pk)
            if speaker is None:
                speaker = self._speakers[pk] = Speaker(_settings(connection), connection.woken_at)
                speaker.task = asyncio.create_task(speaker.run(connection))
            speaker.hear(connection.woken_at)

    async def _end(self, pk: int) -> None:
        task = self._speakers.pop(pk).task
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def enabled_connections() -> list[VenConnection3]:
    """Return all tenants' connections that are to be spoken on."""
    found = VenConnection3.objects.filter(enabled=True).select_related(
        "organization", "program__organization"
    )
    return list(found.order_by("pk"))


def _settings(connection: VenConnection3) -> tuple[Any, ...]:
    return tuple(repr(getattr(connection, name)) for name in SETTINGS)
