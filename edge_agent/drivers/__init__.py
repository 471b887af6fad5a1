"""Drivers: each in a folder of its own, behind one small interface."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from vpp.energy_manager.payload_takers import PayloadTaker
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.protocols.link.messages import ResourceDescription


class FollowResidual(Protocol):
    """How a battery answers to the rest of its home."""

    def __call__(self, residual_kw: float, *, soc: float, hours: float) -> float:
        """Battery power [kW] for the rest's power [kW], state of charge, and how long both will hold [h]."""


class Driver(Protocol):
    """The devices of a home as the cycle sees them."""

    def describe(self) -> list[ResourceDescription]:
        """What is there and what it can do."""

    def read(self, now_ms: int) -> ProcessImage:
        """Measure everything."""

    def write(self, setpoints: Setpoints) -> None:
        """Tell the devices what to do until told otherwise."""

    def payload_takers(self) -> Sequence[PayloadTaker]:
        """The resources that take payloads, those asked first in front."""

    def state(self) -> bytes:
        """What has to outlive this process; saved with every cycle."""

    def history(
        self, *, days: int, step_s: int, until_ms: int, decide: "FollowResidual"
    ) -> "HistorySource | None":
        """What was recorded before the hub's first start, if the driver can tell."""


@runtime_checkable
class LivingDriver(Driver, Protocol):
    """A driver that does its input and output in tasks of its own, beside the cycle."""

    async def run(self) -> None:
        """Talk to the devices until cancelled."""

    async def opened(self, timeout_s: float) -> bool:
        """Wait until the devices are known, for so long [s] at most; whether they are."""


class HistorySource(Protocol):
    """Steps through the past of a home; `None` from `step` is the end."""

    def step(self) -> ProcessImage | None:
        """The next recorded row: power as a mean over the step, the rest at its end."""
