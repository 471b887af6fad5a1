"""A device that does what a test tells it to, and waiting for what it should lead to."""

import asyncio
from collections.abc import Callable

from edge_agent.rm.device import Identity, Shape
from vpp.energy_manager.reading import Reading


class ScriptedDevice:
    """Reads what `reading` says; an exception in `failing` is raised by the call of that name."""

    def __init__(self, shape: Shape, reading: Reading | None = None, *, key: str = "device") -> None:
        self.key = self.name = key
        self.reading = reading or Reading(power_kw=0.0)
        self.failing: dict[str, Exception] = {}
        self.hanging: set[str] = set()
        self.calls: list[str] = []
        self.written: list[float | None] = []
        self._shape = shape

    async def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hanging:
            await asyncio.Event().wait()
        if name in self.failing:
            raise self.failing[name]

    async def open(self) -> Identity:
        await self._called("open")
        return Identity(maker="Scripted", serial=self.key)

    def shape(self) -> Shape:
        return self._shape

    async def read(self) -> Reading:
        await self._called("read")
        return self.reading

    async def write(self, power_kw: float | None) -> None:
        await self._called("write")
        self.written.append(power_kw)

    async def close(self) -> None:
        await self._called("close")


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
