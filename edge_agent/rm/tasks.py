"""Ending tasks."""

import asyncio


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task until it ends: Python 3.11's `wait_for`, inside aiomqtt, may swallow one cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
