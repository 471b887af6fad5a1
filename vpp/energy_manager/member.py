"""One resource of the home, seen by the energy manager: its session, what it is told, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid4

from s2python.common import ControlType, RoleType

from vpp.energy_manager.ability import Ability, unable
from vpp.energy_manager.combine import Wish
from vpp.energy_manager.instruct import Instructor
from vpp.energy_manager.programs import Conditions, program_kw
from vpp.energy_manager.reading import Reading
from vpp.protocols.s2.cem_session import CemSession, Changed, Described, Progress
from vpp.protocols.s2.frbc import FillRate
from vpp.protocols.s2.ppbc import PowerProfiles
from vpp.protocols.s2.session import Closed
from vpp.units import kw_from_w

RoleKey = Literal["grid", "load", "pv", "battery", "ev", "heat"]
ROLES: Final[tuple[RoleKey, ...]] = ("grid", "load", "pv", "battery", "ev", "heat")
# A power beyond every home's, so that "as much as possible" stays a number [kW].
FAR_KW: Final = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What a resource is built for [kW, kWh], zero where it is not known."""

    charge_kw: float = 0.0
    discharge_kw: float = 0.0
    capacity_kwh: float = 0.0
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95


class Member:
    """A resource behind a session. `flush` sends what the session has to say."""

    def __init__(
        self,
        key: str,
        *,
        role: RoleKey,
        session: CemSession,
        flush: Callable[[], None],
        new_id: Callable[[], UUID] = uuid4,
        gives_back: bool = False,
    ) -> None:
        self.key, self.role, self.session = key, role, session
        # With `gives_back` nobody controls the resource while nothing is wished of it.
        self.gives_back = gives_back
        self.closed: Closed | None = None
        self.flush = flush
        self._instructor = Instructor(session, new_id)
        self._is_released = False

    @property
    def reason(self) -> str:
        """What was decided last for this resource, in words."""
        return self._instructor.reason

    @property
    def rejections(self) -> list[str]:
        """Why orders were not followed lately."""
        return [one.reason for one in self._instructor.rejections]

    def heard(self, event: object, now: datetime) -> None:
        """React to what the session tells."""
        if isinstance(event, Described):
            chosen = self.session.choose()
            if self.session.control_type != chosen and not self._is_released:
                self._select(chosen, now)
        elif isinstance(event, Progress):
            self._instructor.progressed(event.given, now)
        elif isinstance(event, Closed):
            self.closed = event
        elif isinstance(event, Changed) and event.kind.endswith("SystemDescription"):
            self._instructor.forget()

    @property
    def is_program(self) -> bool:
        """Whether it runs programs, which are scheduled by what there is to spare."""
        return isinstance(self.session.held, PowerProfiles)

    def _select(self, control_type: ControlType, now: datetime) -> None:
        self._instructor.forget()
        if self.session.control_type != control_type:
            self.session.select(control_type, now)

    def ability(self, now: datetime) -> Ability:
        """What it can do now [kW]."""
        if self.session.is_over or self.session.details is None:
            return unable("it is not connected")
        return self._instructor.ability(now)

    def wish(self, wish: Wish, now: datetime, *, conditions: Conditions | None = None) -> None:
        """Have it do something."""
        if self.session.is_over or self.session.details is None:
            return
        if self._is_released:
            self._is_released = False
            self._select(self.session.choose(), now)
            self.flush()
        self._instructor.instruct(wish, now, conditions=conditions)
        self.flush()

    def release(self, now: datetime) -> None:
        """Nothing is wished of it: it is left to itself, or told to do as it likes best."""
        if not self.gives_back:
            self.wish(LIKED[self.role], now)
            return
        if self._is_released or self.session.is_over or self.session.details is None:
            return
        self._is_released = True
        if self.session.control_type not in {ControlType.NO_SELECTION, ControlType.NOT_CONTROLABLE}:
            self._select(ControlType.NO_SELECTION, now)
        self.flush()

    def said(self, now: datetime) -> Reading | None:
        """What the resource says of itself through the session; None before it said anything."""
        watts = self.session.power.watts()
        held = self.session.held
        power_kw = None if watts is None else kw_from_w(watts)
        if power_kw is None and isinstance(held, PowerProfiles):
            power_kw = program_kw(held, now)
        if power_kw is None:
            expected = self.session.power.expected_watts(now)
            power_kw = None if expected is None else kw_from_w(expected)
        soc = self.ability(now).fill if isinstance(held, FillRate) else None
        if power_kw is None and soc is None:
            return None
        return Reading(power_kw=power_kw, soc=soc, is_ready=not self.session.is_over)


# What a resource is told while nobody wants anything: a battery rests, the sun shines, a car charges.
LIKED: Final[dict[RoleKey, Wish]] = {
    "grid": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=0.0),
    "load": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW),
    "pv": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=-FAR_KW),
    "battery": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=0.0),
    "ev": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW),
    "heat": Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW),
}


def role_of(session: CemSession) -> RoleKey:
    """The role a foreign resource plays by what it says of itself: storage, producer, or a load."""
    roles = {one.role for one in session.details.roles} if session.details else set()
    if RoleType.ENERGY_STORAGE in roles:
        return "battery"
    return "pv" if RoleType.ENERGY_PRODUCER in roles else "load"
