"""Speak OpenADR 3.0.1 and 3.1 with utilities' VTNs as a VEN: one process for all enabled connections."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from apps.openadr.management.ven_command import VenCommand


class Command(VenCommand):
    help = __doc__ or ""

    def reencrypt(self) -> str:
        from apps.openadr.ven3.connections import connections_reencrypt

        return f"{connections_reencrypt()} connections"

    def speak(self, stopping: asyncio.Event) -> Coroutine[Any, Any, None]:
        from apps.openadr.ven3.supervision import Supervisor

        return Supervisor().run(stopping)
