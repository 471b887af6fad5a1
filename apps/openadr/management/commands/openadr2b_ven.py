"""Speak OpenADR 2.0b with utilities' VTNs as a VEN: one process for all enabled connections."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reencrypt",
            action="store_true",
            help="write all secrets anew under the present SECRET_KEY, and end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reencrypt"]:
            from apps.openadr.ven2b.connections import connections_reencrypt

            self.stdout.write(f"{connections_reencrypt()} secrets written anew")
            return
        asyncio.run(self._run())

    async def _run(self) -> None:
        from apps.openadr.ven2b.supervision import Supervisor

        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        self.stdout.write("VEN speaks with all enabled connections")
        self.stdout.flush()
        await Supervisor().run(stopping)
