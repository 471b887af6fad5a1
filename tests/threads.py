"""Doors and clients that run beside a test, each in a thread with a loop of its own."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any


class LoopThread(ABC):
    """Asynchronous work that goes on until a test stops it; `begin` returns once the work says that it is `ready`."""

    loop: asyncio.AbstractEventLoop

    @abstractmethod
    async def work(self, stopping: asyncio.Event) -> None:
        """Set `ready`, go on until asked to stop, and tidy up."""

    def begin(self) -> None:
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self.ready.wait(20)

    def _run(self) -> None:
        # All in the thread: where a browser is driven, the test's own has a loop that runs.
        try:
            self.loop.run_until_complete(self.work(self._stopping))
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())

    def result(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine answers that is run in the thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(20)
        self.loop.close()


class VenThread(LoopThread):
    """The VEN of all connections; `Supervisor` of either protocol. It looks often, so that tests need not wait for it."""

    def __init__(self, supervisor: Any) -> None:
        self.supervisor = supervisor
        self.begin()

    async def work(self, stopping: asyncio.Event) -> None:
        self.ready.set()
        await self.supervisor.run(stopping)
