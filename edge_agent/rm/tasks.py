"""Ending tasks."""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

log = logging.getLogger(__name__)


async def ended(task: "asyncio.Task[Any]") -> None:
    """Cancel a task until it ends: Python 3.11's `wait_for`, inside aiomqtt, may swallow one cancellation.

    The hub itself waits within `asyncio.timeout`, which never does; `tests/architecture` holds it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)


async def let_end(tasks: "Collection[asyncio.Task[None]]", *, within_s: float) -> None:
    """Cancel tasks and give them so long to tidy up; whoever is not done by then is cancelled until it is."""
    for task in tasks:
        task.cancel()
    _, late = await asyncio.wait(tasks, timeout=within_s) if tasks else (set(), set())
    if late:
        names = ", ".join(sorted(task.get_name() for task in late))
        log.warning("not ended within %g s: %s", within_s, names)
    await asyncio.gather(*(ended(task) for task in tasks))
