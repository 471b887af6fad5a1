"""What the VEN processes of both protocols share: they run until they are told to stop, or write secrets anew."""

import asyncio
import signal
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class VenCommand(BaseCommand):
    """One process for all enabled connections of a protocol."""

    requires_system_checks = ()

    @abstractmethod
    def reencrypt(self) -> str:
        """Write all secrets anew; return what was written."""

    @abstractmethod
    def speak(self, stopping: asyncio.Event) -> Coroutine[Any, Any, None]:
        """Speak with all VTNs until asked to stop."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reencrypt",
            action="store_true",
            help="write all secrets anew under the present SECRET_KEY, and end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reencrypt"]:
            self.stdout.write(f"{self.reencrypt()} written anew")
            return
        asyncio.run(self._run())

    async def _run(self) -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        self.stdout.write("VEN speaks with all enabled connections")
        self.stdout.flush()
        await self.speak(stopping)
