"""Speak OpenADR 2.0b with utilities' VTNs as a VEN: one process for all enabled connections."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from apps.openadr.management.ven_command import VenCommand


class Command(VenCommand):
    help = __doc__ or ""

    def reencrypt(self) -> str:
        from apps.openadr.ven2b.connections import connections_reencrypt

        return f"{connections_reencrypt()} secrets"

    def speak(self, stopping: asyncio.Event) -> Coroutine[Any, Any, None]:
        from apps.openadr.ven2b.supervision import Supervisor

        return Supervisor().run(stopping)
