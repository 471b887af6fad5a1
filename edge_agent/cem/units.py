"""A home's devices as the energy manager finds them: its own behind drivers, foreign ones behind sessions of their own."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from edge_agent.cem.in_process import InProcess
from edge_agent.rm.device import Battery, Charger, Device, Generator, Heater, Meter, Program, Shape, Switch
from edge_agent.rm.manager import DeviceManager
from edge_agent.rm.runner import DeviceRunner, Pace
from vpp.energy_manager.member import Member, Rated, RoleKey
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.units import STALE_S
from vpp.protocols.s2.cem_session import CemSession


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
        case Switch():
            return Rated(charge_kw=shape.rated_kw)
        case Program():
            return Rated(charge_kw=max(shape.phases_kw, default=0.0))
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
