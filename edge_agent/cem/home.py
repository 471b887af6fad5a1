"""The home's energy manager behind the cycle's driver interface: many resources in, one image in kW out."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from edge_agent.cem.units import OwnUnit
from edge_agent.rm.tasks import let_end
from vpp.energy_manager.household import Household

if TYPE_CHECKING:
    from edge_agent.drivers import FollowResidual, HistorySource
    from vpp.energy_manager.payload_takers import PayloadTaker
    from vpp.protocols.s2.pairing import Fate

# How long a device that is removed may take to be given back to itself [s].
_LET_GO_S: Final = 15.0


class Shell(Protocol):
    """Connects foreign resource managers; `run` lives until cancelled."""

    async def run(self, home: "Home") -> None:
        """Bring units into the home and take them out again."""


@runtime_checkable
class CodeShower(Protocol):
    """Lets foreign resource managers in who know a code that the owner was shown."""

    def show(self) -> tuple[str, timedelta]:
        """A fresh code, and how long it holds; the one before it is void."""

    def fate(self, code: str) -> "tuple[Fate, str]":
        """What has become of a code that was shown; with `paired` the node that used it."""


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Home(Household):
    """A `Driver` over units; `run` has to live beside the cycle."""

    def __init__(
        self,
        units: Sequence[OwnUnit] = (),
        *,
        shells: Sequence[Shell] = (),
        clock: Callable[[], datetime] = utc_now,
        saved: bytes | None = None,
    ) -> None:
        super().__init__(units, clock=clock, saved=saved)
        self._own = list(units)
        self._shells = list(shells)
        self._failed: asyncio.Future[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def code_showers(self) -> list[CodeShower]:
        """The places where devices pair with a code."""
        return [shell for shell in self._shells if isinstance(shell, CodeShower)]

    # --- life

    async def run(self) -> None:
        """Talk to all devices until cancelled."""
        self._failed = asyncio.get_running_loop().create_future()
        for unit in self._own:
            self._start(unit.run(), key=unit.key)
        for number, shell in enumerate(self._shells):
            self._start(shell.run(self), key=f"s2 shell {number}")
        try:
            await self._failed
        finally:
            self._failed = None
            await let_end(list(self._tasks.values()), within_s=_LET_GO_S)
            self._tasks.clear()

    def _start(self, work: Coroutine[Any, Any, None], *, key: str) -> None:
        task = self._tasks[key] = asyncio.create_task(work, name=f"device {key}")
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A bug that ends one task ends the home, loudly."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def add(self, unit: OwnUnit) -> None:
        """Take up a device of the hub, also while running; its key must be free."""
        if unit.key in self.units:
            raise ValueError(f"there is a device {unit.key} already")
        self.units[unit.key] = unit
        self._own.append(unit)
        if self._failed is not None:
            self._start(unit.run(), key=unit.key)

    async def remove(self, key: str) -> None:
        """Give a device of the hub back to itself and forget it."""
        unit = self.units.pop(key)
        self._own = [one for one in self._own if one is not unit]
        self.claims.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            await let_end({task}, within_s=_LET_GO_S)
        if unit.role is not None and not self.of(unit.role):
            self._kept.resources = [one for one in self._kept.resources if one.key != unit.role]

    async def opened(self, timeout_s: float) -> bool:
        """Wait until all own devices are known, for so long at most; whether they are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for unit in self._own:
                    await unit.is_known.wait()
        return all(unit.is_known.is_set() for unit in self._own)

    def payload_takers(self) -> "Sequence[PayloadTaker]":
        """None of these resources takes more than a power."""
        return []

    def history(
        self, *, days: int, step_s: int, until_ms: int, decide: "FollowResidual"
    ) -> "HistorySource | None":
        """Devices tell nothing of the past."""
        return None
