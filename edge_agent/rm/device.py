"""What a driver is: one connected device behind four calls, in kW and kWh.

A driver does its own I/O in its own task and knows nothing of S2, controllers or the cloud. `edge_agent.rm` presents it
as an S2 resource manager, by its `Shape`; whoever writes a driver writes a folder with one class like `Device`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vpp.energy_manager.reading import Reading


class DeviceError(Exception):
    """A device did not do what it was asked to. `permanent`: asking again will not help until somebody acts."""

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.detail, self.permanent = detail, permanent


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A store for electricity; its manager speaks FRBC."""

    capacity_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    coldest_c: float = 0.0
    hottest_c: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Sun or wind, which can be curtailed if the device says so; PEBC, else NOT_CONTROLABLE."""

    peak_kw: float
    is_curtailable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Charger:
    """A car's charging point: at least `least_kw` where it charges at all; FRBC with a known battery, else PEBC."""

    charge_kw: float
    least_kw: float = 0.0
    battery_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heater:
    """A heat pump or a boiler: modulating with a store (FRBC), else on and off (OMBC)."""

    rated_kw: float
    tank_kwh: float | None = None
    is_modulating: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A load that is on or off; OMBC."""

    rated_kw: float
    least_on_s: float = 0.0
    least_off_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An appliance that runs a program once it is started: its phases [kW] of `phase_s` each; PPBC."""

    phases_kw: tuple[float, ...]
    phase_s: float
    is_interruptible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The meter at the grid connection point; NOT_CONTROLABLE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A metered consumer that nobody controls; NOT_CONTROLABLE."""


Shape = Battery | Generator | Charger | Heater | Switch | Program | Meter | Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who made a device and which one it is, as far as it says so."""

    maker: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


class Device(Protocol):
    """One device. Calls come one at a time from one task; each may take seconds and raises DeviceError."""

    key: str
    name: str

    async def open(self) -> Identity:
        """Connect, look what is there, and make sure that it is what the configuration says."""

    def shape(self) -> Shape:
        """What it can do; known once it is open."""

    async def read(self) -> Reading:
        """Measure."""

    async def write(self, power_kw: float | None) -> None:
        """Hold this power [kW, load convention] until told otherwise; None gives the device back to itself.

        For a generator it is the strongest output allowed (zero or negative), for a charger the highest power. It is
        called again at least every `RENEWAL_S`: a device with a reversion timer falls back when nobody calls any more.
        """

    async def close(self) -> None:
        """Let go; what is not open is left alone."""


class Finder(Protocol):
    """Looks for devices of one kind where the owner allowed it."""

    async def find(self) -> "Sequence[Found]":
        """What answers, within some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device somebody could add: `config` is the driver table that would do it."""

    kind: str
    address: str
    identity: Identity
    config: dict[str, object]


# How often an order is given again although nothing changed [s]; device-side timers are set to several times this.
RENEWAL_S = 15.0
REVERSION_S = 60
