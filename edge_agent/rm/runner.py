"""The task round one device: opens it, reads it, renews what it was told, backs off, doubts it, lets it go."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from edge_agent.backoff import Backoff
from edge_agent.rm.device import RENEWAL_S, Device, DeviceError, Identity, Shape
from edge_agent.rm.plausible import Watch, flaw_of
from vpp.energy_manager.reading import Reading

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how patiently a device is talked to, in seconds of the machine."""

    poll_s: float = 1.0
    timeout_s: float = 10.0
    renewal_s: float = RENEWAL_S
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    # So many failures in a row, and the connection is made anew.
    failures: int = 3


class DeviceRunner:
    """One device; `run` it as a task. Everything else may be asked and told at any time."""

    def __init__(
        self, device: Device, *, pace: Pace | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.device = device
        self.pace = pace or Pace()
        self.identity: Identity | None = None
        self.shape: Shape | None = None
        self.latest: Reading | None = None
        # Why nothing is read, and why the last order was not taken; None while all is well.
        self.error: str | None = None
        self.refusal: str | None = None
        self.on_reading: Callable[[Reading], None] | None = None
        self.on_written: Callable[[float | None, str | None], None] | None = None
        self._clock = clock
        self._read_at = 0.0
        self._wanted: float | None = None
        self._is_told = False
        self.is_refused_for_good = False
        # Whether the device may still hold an order of ours.
        self._holds = False
        self._written_at = 0.0
        self._changed = asyncio.Event()
        self._failures = 0
        self._watch: Watch | None = None
        self._backoff = Backoff(self.pace.backoff_s, self.pace.backoff_max_s)

    @property
    def is_open(self) -> bool:
        """Whether the device is connected and known."""
        return self._watch is not None

    @property
    def age_s(self) -> float | None:
        """How old the latest believable reading is [s]; None before the first."""
        return None if self.latest is None else self._clock() - self._read_at

    @property
    def wanted_kw(self) -> float | None:
        """What the device is told to hold [kW]; None: itself."""
        return self._wanted

    @property
    def is_told(self) -> bool:
        """Whether the device took what is wanted of it."""
        return self._is_told and self.refusal is None

    def want(self, power_kw: float | None) -> None:
        """Tell the device, now and again until told otherwise; None gives it back to itself."""
        if power_kw == self._wanted and self._is_told:
            return
        self._wanted = power_kw
        self._is_told = False
        self._changed.set()

    async def run(self) -> None:
        """Live until cancelled; the device is given back and closed at the end."""
        try:
            while True:
                hopeless = False
                try:
                    await self._open()
                    await self._live()
                except DeviceError as error:
                    hopeless = error.permanent
                await self._let_go()
                await asyncio.sleep(self._backoff.next_s(hopeless=hopeless))
        finally:
            await self._let_go()

    async def _open(self) -> None:
        self.identity = await self._call(self.device.open())
        self.shape = self.device.shape()
        self._watch = Watch(self.shape)
        self._is_told = self._wanted is None and not self._holds
        self._failures = 0

    async def _live(self) -> None:
        """Read and write until it fails too often."""
        read_next_at = self._clock()
        while self._failures < self.pace.failures:
            self._changed.clear()
            if self._clock() >= read_next_at:
                read_next_at = self._clock() + self.pace.poll_s
                await self._read()
            if self._write_is_due():
                await self._write()
            await self._pause(min(read_next_at - self._clock(), self.pace.poll_s))

    async def _pause(self, seconds: float) -> None:
        # After a refusal, only time helps: a changed wish does not hurry it.
        if self._failures:
            await asyncio.sleep(max(seconds, 0.0))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._changed.wait()

    async def _read(self) -> None:
        assert self.shape is not None and self._watch is not None
        try:
            reading = await self._call(self.device.read())
        except DeviceError:
            self._failures += 1
            return
        flaw = flaw_of(reading, self.shape) or self._watch.stuck(reading, self._clock())
        if flaw is not None:
            self.error = f"not believed: {flaw}"
            return
        self.latest, self._read_at = reading, self._clock()
        self.error = None
        self._failures = 0
        self._backoff.succeeded()
        if self.on_reading:
            self.on_reading(reading)

    def _write_is_due(self) -> bool:
        if not self._is_told:
            return True
        is_again = self._wanted is not None or self.refusal is not None
        return is_again and self._clock() - self._written_at >= self.pace.renewal_s

    async def _write(self) -> None:
        wanted = self._wanted
        self._written_at = self._clock()
        self._holds = self._holds or wanted is not None
        try:
            await self._call(self.device.write(wanted))
        except DeviceError as error:
            self.refusal, self.is_refused_for_good = error.detail, error.permanent
            # Asked again with the next renewal, or at once when something else is wanted.
            self._is_told = wanted == self._wanted
            self._failures += not error.permanent
        else:
            self.refusal = None
            self._is_told = wanted == self._wanted
            self._holds = wanted is not None
        if self.on_written:
            self.on_written(wanted, self.refusal)

    async def _call(self, call: Awaitable[T]) -> T:
        """One call to the driver, in time; whatever goes wrong in it is a DeviceError, kept in `error`."""
        try:
            async with asyncio.timeout(self.pace.timeout_s):
                return await call
        except DeviceError as error:
            self.error = error.detail
            raise
        except TimeoutError:
            self.error = f"no answer within {self.pace.timeout_s:g} s"
        except Exception as error:  # a driver's bug stops one device, never the hub
            log.exception("the driver of %s failed", self.device.key)
            self.error = f"its driver failed: {type(error).__name__}: {error}"
        raise DeviceError(self.error)

    async def _let_go(self) -> None:
        error = self.error
        if self._holds:
            with suppress(DeviceError):
                await self._call(self.device.write(None))
                self._holds = False
        self._watch = None
        with suppress(DeviceError):
            await self._call(self.device.close())
        self.error = error
