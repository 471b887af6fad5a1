"""A home's resources as the energy manager finds them."""

from datetime import datetime
from typing import Final, Protocol

from s2python.common import ControlType

from vpp.energy_manager.ability import Ability
from vpp.energy_manager.member import Member, Rated, RoleKey
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.resource import electric_kw, rated_kw
from vpp.protocols.s2.frbc import FillRate
from vpp.units import SECONDS_PER_HOUR

# A reading older than this says nothing about now [s].
STALE_S: Final = 60.0
# A foreign resource says its power when that changes; one that draws or gives changes sooner than this [s].
SILENT_S: Final = 900.0
# What is believed beyond what a resource offers [share, kW], and of one that offers nothing [kW].
_EXCESS: Final = 1.5
_STANDBY_KW: Final = 0.5
_MOST_KW: Final = 1000.0


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


class ForeignUnit:
    """A resource manager of another maker. What it was found to be able to is kept while it is away."""

    def __init__(self, member: Member, *, name: str = "") -> None:
        self.key, self.name = member.key, name or member.key
        self.member: Member | None = member
        self._rated = Rated()
        self._doubt: str | None = None

    @property
    def role(self) -> RoleKey | None:
        """As configured, or as it says."""
        return self.member.role if self.member else None

    @property
    def trouble(self) -> str | None:
        """Why the session ended, or why what it says is not believed."""
        closed = self.member.closed if self.member else None
        return closed.reason if closed else self._doubt

    def reading(self, now: datetime) -> Reading | None:
        """What it said through its session, unless that cannot be or is old."""
        if self.member is None or self.member.session.is_over:
            return None
        said = self.member.said(now)
        flaw = None if said is None or said.power_kw is None else self._flaw(said.power_kw, now)
        self._doubt = f"not believed: {flaw}" if flaw else None
        return None if flaw else said

    def _flaw(self, power_kw: float, now: datetime) -> str | None:
        """Why a power cannot be true, or not any more."""
        assert self.member is not None
        rated = self.rated(now)
        low_kw, high_kw = -rated.discharge_kw * _EXCESS, rated.charge_kw * _EXCESS
        if not low_kw and not high_kw:
            low_kw, high_kw = -_MOST_KW, _MOST_KW
        if not low_kw - _STANDBY_KW <= power_kw <= high_kw + _STANDBY_KW:
            return f"{power_kw:g} kW is beyond what it offers"
        heard_at = self.member.session.power.heard_at
        if power_kw and heard_at is not None and (now - heard_at).total_seconds() > SILENT_S:
            return f"it has said nothing of its power since {heard_at:%H:%M}"
        return None

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
