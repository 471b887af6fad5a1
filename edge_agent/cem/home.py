"""The home's energy manager behind the cycle's driver interface: many resources in, one image in kW out."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from edge_agent.cem.units import OwnUnit
from vpp.energy_manager.household import Household

if TYPE_CHECKING:
    from edge_agent.drivers import FollowResidual, HistorySource
    from vpp.energy_manager.payload_takers import PayloadTaker


class Shell(Protocol):
    """Connects foreign resource managers; `run` lives until cancelled."""

    async def run(self, home: "Home") -> None:
        """Bring units into the home and take them out again."""


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

    # --- life

    async def run(self) -> None:
        """Talk to all devices until cancelled."""
        tasks = [asyncio.create_task(unit.run(), name=f"device {unit.key}") for unit in self._own]
        tasks += [asyncio.create_task(shell.run(self), name="s2 shell") for shell in self._shells]
        try:
            await asyncio.gather(*tasks)
            await asyncio.Event().wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
