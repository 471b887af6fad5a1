"""A home's devices as the energy manager finds them: its own behind drivers, foreign ones behind sessions of their own."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from s2python.common import ControlType

from edge_agent.cem.ability import Ability
from edge_agent.cem.in_process import InProcess
from edge_agent.cem.member import Member, Rated, RoleKey
from edge_agent.cem.resource import electric_kw, rated_kw
from edge_agent.rm.device import Battery, Charger, Device, Generator, Heater, Meter, Reading, Shape
from edge_agent.rm.manager import DeviceManager
from edge_agent.rm.runner import DeviceRunner, Pace
from vpp.protocols.s2.cem_session import CemSession
from vpp.protocols.s2.frbc import FillRate
from vpp.units import SECONDS_PER_HOUR

# A reading older than this says nothing about now [s].
STALE_S: Final = 60.0


class Unit(Protocol):
    """One device or foreign resource."""

    key: str
    name: str

    @property
    def role(self) -> RoleKey | None:
        """What it is to the home; None before it is known."""

    @property
    def member(self) -> Member | None:
        """Its part in the energy manager; None before it is connected."""

    @property
    def trouble(self) -> str | None:
        """Why it cannot be read or told, or None."""

    def reading(self, now: datetime) -> Reading | None:
        """What it says of itself, where that is still true."""

    def rated(self, now: datetime) -> Rated:
        """What it is built for."""


def role_of_shape(shape: Shape) -> RoleKey:
    """What a device of a shape is to the home."""
    match shape:
        case Meter():
            return "grid"
        case Battery():
            return "battery"
        case Generator():
            return "pv"
        case Charger():
            return "ev"
        case Heater():
            return "heat"
        case _:
            return "load"


def rated_of_shape(shape: Shape | None) -> Rated:
    """What a device of a shape is built for."""
    match shape:
        case Battery():
            return Rated(
                charge_kw=shape.charge_kw,
                discharge_kw=shape.discharge_kw,
                capacity_kwh=shape.capacity_kwh,
                charge_efficiency=shape.charge_efficiency,
                discharge_efficiency=shape.discharge_efficiency,
            )
        case Generator():
            return Rated(discharge_kw=shape.peak_kw)
        case Charger():
            return Rated(charge_kw=shape.charge_kw, capacity_kwh=shape.battery_kwh or 0.0)
        case Heater():
            return Rated(charge_kw=shape.rated_kw, capacity_kwh=shape.tank_kwh or 0.0)
        case _:
            return Rated()


class OwnUnit:
    """A device of the hub: its driver's task, its resource manager, and the session with it."""

    def __init__(self, device: Device, *, clock: Callable[[], datetime], pace: Pace | None = None) -> None:
        self.key, self.name = device.key, device.name
        self.runner = DeviceRunner(device, pace=pace)
        self.runner.on_reading = self._read
        self.is_known = asyncio.Event()
        self.member: Member | None = None
        self._clock = clock
        self._link: InProcess | None = None
        self._manager: DeviceManager | None = None

    @property
    def role(self) -> RoleKey | None:
        """By its shape."""
        return None if self.runner.shape is None else role_of_shape(self.runner.shape)

    @property
    def trouble(self) -> str | None:
        """What the driver or the device says."""
        return self.runner.error or self.runner.refusal

    async def run(self) -> None:
        """Live until cancelled."""
        await self.runner.run()

    def _read(self, reading: Reading) -> None:
        if self._link is None or self._manager is None or self._manager.session.is_over:
            self._connect()
        assert self._manager is not None and self._link is not None
        self._manager.tick()
        self._link.pump()
        self.is_known.set()

    def _connect(self) -> None:
        session = CemSession()
        self._manager = DeviceManager(self.runner, clock=self._clock)
        self._link = InProcess(session, self._manager, clock=self._clock, on_event=self._heard)
        role = self.role
        assert role is not None
        self.member = Member(self.key, role=role, session=session, flush=self._link.pump, gives_back=True)
        self._link.start()

    def _heard(self, event: object) -> None:
        if self.member is not None:
            self.member.heard(event, self._clock())

    def reading(self, now: datetime) -> Reading | None:
        """The latest believable one, unless it is old."""
        age_s = self.runner.age_s
        return self.runner.latest if age_s is not None and age_s <= STALE_S else None

    def rated(self, now: datetime) -> Rated:
        """By its shape."""
        return rated_of_shape(self.runner.shape)


class ForeignUnit:
    """A resource manager of another maker. What it was found to be able to is kept while it is away."""

    def __init__(self, member: Member, *, name: str = "") -> None:
        self.key, self.name = member.key, name or member.key
        self.member: Member | None = member
        self._rated = Rated()

    @property
    def role(self) -> RoleKey | None:
        """As configured, or as it says."""
        return self.member.role if self.member else None

    @property
    def trouble(self) -> str | None:
        """Why the session ended."""
        closed = self.member.closed if self.member else None
        return closed.reason if closed else None

    def reading(self, now: datetime) -> Reading | None:
        """What it said through its session."""
        if self.member is None or self.member.session.is_over:
            return None
        return self.member.said(now)

    def rated(self, now: datetime) -> Rated:
        """The widest powers it offered so far, and the size of a store by how fast it fills."""
        low_kw, high_kw = rated_kw(self.member.session, now) if self.member else (0.0, 0.0)
        before = self._rated
        self._rated = Rated(
            charge_kw=max(before.charge_kw, high_kw),
            discharge_kw=max(before.discharge_kw, -low_kw),
            capacity_kwh=self._capacity_kwh(now) or before.capacity_kwh,
        )
        return self._rated

    def _capacity_kwh(self, now: datetime) -> float:
        held = self.member.session.held if self.member else None
        system = held.system(now) if isinstance(held, FillRate) else None
        if system is None:
            return 0.0
        bounds = system.storage.fill_level_range
        size = bounds.end_of_range - bounds.start_of_range
        found = 0.0
        for actuator in system.actuators:
            for mode in actuator.operation_modes:
                for element in mode.elements:
                    kw, rate = electric_kw(element.power_ranges)[1], element.fill_rate.end_of_range
                    if kw > 0.0 and rate > 0.0:
                        found = max(found, kw * Rated().charge_efficiency * size / (rate * SECONDS_PER_HOUR))
        return found


def is_controlled(able: Ability, member: Member) -> bool:
    """Whether a resource takes orders at all."""
    return able.is_controllable and member.session.control_type != ControlType.NOT_CONTROLABLE
