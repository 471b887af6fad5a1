"""The household's week: windows in which a device is on or off, and what has to be ready by when.

What has to be ready runs in the cheapest time before its deadline, or from the sun where one price holds all day, and
begins at the latest instant that leaves enough time. Until then the cloud's schedules may move it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from edge_agent.config import HomeMode
from edge_agent.controllers.home_mode import Tariff
from edge_agent.controllers.week import holds, local, next_deadline
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits
from vpp.protocols.link.messages import PayloadValues, ResourceDescription
from vpp.protocols.ores.rules import RULES, HouseRules, Routine, rules_flaw, rules_of

_MS_PER_H = 3_600_000.0
# A deadline further away than this does not matter yet.
_AHEAD_MS = 86_400_000
# How much earlier than needed the last run begins: a share of it, and a fixed time.
_SPARE_SHARE, _SPARE_MS = 0.1, 600_000
_CHARGE_EFFICIENCY = 0.9
_READY_SOC = 0.002


class Given(msgspec.Struct):
    """The energy [kWh] a device has had for one deadline [ms]."""

    due: int
    kwh: float = 0.0


class RulesState(msgspec.Struct):
    """What outlives the process."""

    rules: HouseRules = msgspec.field(default_factory=HouseRules)
    given: dict[str, Given] = {}


@dataclass(frozen=True, slots=True)
class Need:
    """What a device still needs [kWh] by an instant [ms], at a power [kW]."""

    key: str
    due: int
    kwh: float
    kw: float
    by: str

    @property
    def hours(self) -> float:
        """How long it has to run [h]."""
        return self.kwh / self.kw

    def is_last_call(self, at: int) -> bool:
        """Whether it has to run from now on to be ready."""
        return at + self.hours * (1.0 + _SPARE_SHARE) * _MS_PER_H + _SPARE_MS >= self.due


class RulesController:
    """Behind the owner's own wishes, before the cloud's schedules; takes the household's rules as a payload.

    `described` tells what is there; programs' deadlines are left in `deadlines` [ms] for who starts them.
    """

    name = "rules"
    key = "rules"

    def __init__(
        self, limits: DeviceLimits, *, described: Callable[[], Sequence[ResourceDescription]], saved: bytes | None = None
    ) -> None:  # fmt: skip
        self._limits = limits
        self._described = described
        self._state = msgspec.json.decode(saved, type=RulesState) if saved else RulesState()
        self._before: int | None = None
        self._told = Allowed()
        self._begun: set[tuple[str, int]] = set()
        self.needs: dict[str, Need] = {}
        self.drawn_kw: Mapping[str, float] = {}
        self.deadlines: dict[str, int] = {}

    def dump(self) -> bytes:
        """What a restart needs."""
        return msgspec.json.encode(self._state)

    @property
    def rules(self) -> HouseRules:
        """What holds."""
        return self._state.rules

    # --- the cloud's word, as payloads

    def takes_payload(self, kind: str) -> bool:
        """Whether payloads of this kind are the household's rules."""
        return kind == RULES

    def payload_flaw(self, kind: str, values: PayloadValues) -> str | None:
        """Why these rules cannot be followed, or None."""
        try:
            return rules_flaw(rules_of(values), keys=self._limits.ranges)
        except msgspec.MsgspecError as error:
            return f"the rules cannot be read: {error}"

    def apply_payload(self, kind: str, values: PayloadValues) -> None:
        """Follow these rules; they hold until others come."""
        if values:
            self._state.rules = rules_of(values)

    # --- deciding

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Apply windows, and begin what has to begin now."""
        # Who comes later goes on narrowing it: in the next cycle it says what was told in this one.
        before, self._told = self._told, allowed
        rules = self._state.rules
        if not rules.routines:
            self.needs, self.deadlines = {}, {}
            return
        zone = ZoneInfo(rules.time_zone)
        for kind in ("off", "on"):
            for one in rules.routines:
                if one.kind == kind and holds(one, image.at, zone=zone):
                    self._switch(one, allowed)
        self._look_ahead(image, zone, told=before)
        self._begun = {
            (need.key, need.due) for need in self.needs.values() if self.is_pressing(need, image.at)
        }
        for need in self.needs.values():
            if self.is_pressing(need, image.at):
                reason = f"ready by {need.by}: {need.kwh:.1f} kWh to go"
                allowed.want(need.key, need.kw, by=self.name, reason=reason)

    def is_pressing(self, need: Need, at: int) -> bool:
        """Whether a device has to run now; once it has begun it goes on to the end."""
        return (need.key, need.due) in self._begun or need.is_last_call(at)

    def _switch(self, routine: Routine, allowed: Allowed) -> None:
        most = self._limits.ranges.get(routine.device_id, (0.0, 0.0))[1]
        kw = 0.0 if routine.kind == "off" else most if routine.kw is None else min(routine.kw, most)
        reason = f"{routine.kind} from {routine.starts} to {routine.ends}"
        allowed.want(routine.device_id, kw, by=self.name, reason=reason)

    def _look_ahead(self, image: ProcessImage, zone: ZoneInfo, *, told: Allowed) -> None:
        hours = 0.0 if self._before is None else max(0, image.at - self._before) / _MS_PER_H
        self._before = image.at
        drawn = {
            one.device_id: drawn_kw(one.device_id, image, told=told) for one in self._state.rules.routines
        }
        had = {key: kw * hours for key, kw in drawn.items()}
        self.drawn_kw = drawn
        self.needs, self.deadlines = {}, {}
        for one in self._state.rules.routines:
            if one.kind != "ready_by":
                continue
            due = next_deadline(one, image.at, zone=zone)
            self.deadlines[one.device_id] = min(due, self.deadlines.get(one.device_id, due))
            need = self._need(one, due, image=image, had_kwh=had[one.device_id])
            held = self.needs.get(one.device_id)
            if need is not None and (held is None or need.due < held.due):
                self.needs[one.device_id] = need

    def _need(self, one: Routine, due: int, *, image: ProcessImage, had_kwh: float) -> Need | None:
        most = self._limits.ranges.get(one.device_id, (0.0, 0.0))[1]
        if most <= 0.0 or due - image.at > _AHEAD_MS:
            return None
        if one.soc is not None:
            kwh = self._missing_soc(one, image)
        else:
            kwh = self._missing_kwh(
                one, due, had_kwh=had_kwh, is_there=one.device_id != "ev" or image.ev_kw is not None
            )
        if kwh is None or kwh <= 0.0:
            return None
        by = local(due, ZoneInfo(self._state.rules.time_zone)).strftime("%H:%M")
        return Need(one.device_id, due, kwh, most, by)

    def _missing_soc(self, one: Routine, image: ProcessImage) -> float | None:
        """What the car lacks [kWh]; None where there is no car, or nobody knows how full it is."""
        soc = (
            image.ev_soc
            if one.device_id == "ev"
            else image.battery_soc
            if one.device_id == "battery"
            else None
        )
        size = _sizes(self._described()).get(one.device_id, 0.0)
        if soc is None or one.soc is None or size <= 0.0 or soc >= one.soc - _READY_SOC:
            return None
        return (one.soc - soc) * size / _CHARGE_EFFICIENCY

    def _missing_kwh(self, one: Routine, due: int, *, had_kwh: float, is_there: bool) -> float | None:
        if one.kwh is None or not is_there:
            return None
        given = self._state.given.get(one.routine_id)
        if given is None or given.due != due:
            given = self._state.given[one.routine_id] = Given(due)
        else:
            given.kwh += had_kwh
        return one.kwh - given.kwh


def drawn_kw(key: str, image: ProcessImage, *, told: Allowed) -> float:
    """What a device draws [kW]; of an appliance, which has no column of its own, what it was told."""
    measured = {"ev": image.ev_kw, "heat": image.heat_kw, "battery": image.battery_kw}
    if key in measured:
        return max(0.0, measured[key] or 0.0)
    given = told.ranges.get(key)
    return given.low if given is not None and given.pinned else 0.0


class LeisureController:
    """Behind the cloud's schedules: what has time until its deadline waits for cheap power or for the sun."""

    name = "rules"

    def __init__(self, rules: RulesController, *, home: HomeMode) -> None:
        self._rules = rules
        self._tariff = Tariff(home.tariff, time_zone=home.time_zone) if home.tariff else None

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Let run or wait what is not decided yet."""
        for need in self._rules.needs.values():
            if self._rules.is_pressing(need, image.at) or not allowed.undecided(need.key):
                continue
            if self._tariff is not None and self._tariff.cheapest < self._tariff.dearest:
                self._by_price(need, image.at, tariff=self._tariff, allowed=allowed)
            else:
                self._by_sun(need, image, allowed=allowed)

    def _by_price(self, need: Need, at: int, *, tariff: Tariff, allowed: Allowed) -> None:
        limit = tariff.limit_price(at, need.due, hours=need.hours)
        now = tariff.at(at).price
        if now <= limit:
            allowed.want(need.key, need.kw, by=self.name, reason=f"ready by {need.by}: power is cheap now")
        else:
            allowed.want(need.key, 0.0, by=self.name, reason=f"ready by {need.by}: waits for cheaper power")

    def _by_sun(self, need: Need, image: ProcessImage, *, allowed: Allowed) -> None:
        own = self._rules.drawn_kw.get(need.key, 0.0)
        spare = max(0.0, own - image.grid_kw + max(0.0, image.battery_kw or 0.0))
        if spare < need.kw * 0.2:
            allowed.want(need.key, 0.0, by=self.name, reason=f"ready by {need.by}: waits for the sun")
        else:
            allowed.want(
                need.key, min(spare, need.kw), by=self.name, reason=f"ready by {need.by}: from the sun"
            )


def _sizes(described: Sequence[ResourceDescription]) -> dict[str, float]:
    names = {"ev_charger": "battery_kwh", "battery": "capacity_kwh", "heat_pump": "tank_kwh"}
    return {one.key: one.parameters.get(names.get(one.kind, ""), 0.0) for one in described}
