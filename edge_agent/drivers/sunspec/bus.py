"""One Modbus TCP address: a thread of its own, one request at a time, shared by the devices behind it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from edge_agent.drivers.sunspec.unit import Unit
from edge_agent.rm.device import DeviceError

T = TypeVar("T")


class Bus:
    """Used by as many devices as hold it; the last one that lets go ends the thread."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, f"modbus-{host}")
        self._units: dict[int, tuple[Unit, int]] = {}

    def hold(self, number: int, timeout_s: float) -> Unit:
        """The unit of this number, for one more device."""
        host, port = self._address
        unit, holders = self._units.get(number, (None, 0))
        unit = unit or Unit(host, port, unit=number, timeout_s=timeout_s)
        self._units[number] = (unit, holders + 1)
        return unit

    def release(self, number: int) -> None:
        """One device less."""
        unit, holders = self._units.pop(number)
        if holders > 1:
            self._units[number] = (unit, holders - 1)
            return
        unit.abort()
        self._thread.submit(unit.drop)
        if not self._units:
            self._thread.shutdown(wait=False)
            _BUSES.pop(self._address, None)

    async def run(self, unit: Unit, work: Callable[[], T], *, limit_s: float) -> T:
        """Do `work` in the bus's thread; what takes longer than `limit_s` in all is broken off."""
        async with self._lock:
            running = asyncio.get_running_loop().run_in_executor(self._thread, work)
            try:
                async with asyncio.timeout(limit_s):
                    return await asyncio.shield(running)
            except TimeoutError:
                unit.abort()
                with suppress(DeviceError):
                    await running
                raise DeviceError(f"{unit.where}: no complete answer within {limit_s:g} s") from None
            except asyncio.CancelledError:
                unit.abort()
                running.add_done_callback(_seen)
                raise


def _seen(done: "asyncio.Future[T]") -> None:
    """An error nobody waits for any more."""
    if not done.cancelled():
        done.exception()


_BUSES: dict[tuple[str, int], Bus] = {}


def bus_at(host: str, port: int) -> Bus:
    """The bus at an address."""
    if (host, port) not in _BUSES:
        _BUSES[host, port] = Bus(host, port)
    return _BUSES[host, port]
