"""Work on the database from an asyncio process."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import close_old_connections

T = TypeVar("T")


async def database(work: Callable[..., T], /, **arguments: Any) -> T:
    """Do work on the database in a thread."""

    def run() -> T:
        close_old_connections()
        try:
            return work(**arguments)
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)
