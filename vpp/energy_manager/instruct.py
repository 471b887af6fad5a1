"""A wished power as an instruction of a resource's control type, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from s2python.ddbc import DDBCInstruction
from s2python.frbc import FRBCInstruction
from s2python.generated.gen_s2 import ID, InstructionStatus
from s2python.ombc import OMBCInstruction

from vpp.energy_manager.ability import Ability
from vpp.energy_manager.combine import Setting, Wish, choose
from vpp.energy_manager.envelope import ENVELOPE_S, envelope_instruction, envelope_limits
from vpp.energy_manager.programs import Conditions, Step, next_step
from vpp.energy_manager.resource import ability
from vpp.protocols.s2.cem_session import CemSession
from vpp.protocols.s2.ddbc import DemandDriven
from vpp.protocols.s2.frbc import FillRate
from vpp.protocols.s2.instructions import Given
from vpp.protocols.s2.messages import Message, key_of
from vpp.protocols.s2.ombc import OperationModes
from vpp.protocols.s2.pebc import PowerEnvelopes
from vpp.protocols.s2.ppbc import PowerProfiles
from vpp.units import w_from_kw

# A factor that differs by less is the same to a device.
_FACTOR: Final = 0.002
_LIMIT_W: Final = 5.0
# How long a rejected choice is not tried again [s].
EXCLUDED_S: Final = 120.0
# How long an actuator may take to do as it was told [s].
_IGNORED_S: Final = 60.0
_BAD: Final = frozenset({InstructionStatus.REJECTED, InstructionStatus.ABORTED})


@dataclass(slots=True)
class Rejection:
    """A choice that the resource manager did not follow."""

    choice: tuple[str, str]
    until: datetime
    reason: str


@dataclass(slots=True)
class Instructor:
    """Tells one resource what is wished, remembers what it was told, and takes another choice where that is rejected."""

    session: CemSession
    new_id: Callable[[], UUID]
    rejections: list[Rejection] = field(default_factory=list)
    # What was decided last, in words.
    reason: str = ""
    _told: dict[str, tuple[Setting, str]] = field(default_factory=dict)
    _limits: object = None
    _renew_at: datetime | None = None
    _planned: dict[str, datetime] = field(default_factory=dict)
    _choices: dict[str, tuple[str, str]] = field(default_factory=dict)

    def forget(self) -> None:
        """The control type changed: nothing that was told holds any more."""
        self._told.clear()
        self._planned.clear()
        self._choices.clear()
        self._limits = self._renew_at = None

    def excluded(self, now: datetime) -> set[tuple[str, str]]:
        """The choices that were rejected lately."""
        self.rejections = [one for one in self.rejections if now < one.until]
        return {one.choice for one in self.rejections}

    def ability(self, now: datetime) -> Ability:
        """What the resource can do now, without what it rejected lately."""
        return ability(self.session, now, excluded=self.excluded(now))

    def instruct(self, wish: Wish, now: datetime, *, conditions: Conditions | None = None) -> list[Given]:
        """Give what instructions are needed for a wish; none where the resource does it already."""
        held = self.session.held
        if isinstance(held, PowerProfiles):
            return self._program(held, conditions or Conditions(most_kw=wish.high_kw), now=now)
        if isinstance(held, PowerEnvelopes):
            return self._envelope(held, wish, now=now)
        return self._modes(wish, now)

    def _modes(self, wish: Wish, now: datetime) -> list[Given]:
        able = self.ability(now)
        found = choose(able.combos, wish)
        if found is None:
            self.reason = "; ".join(able.reasons)
            return []
        combo, t = found
        kw = combo.power_kw(t)
        self.reason = f"{kw:.2f} kW"
        if wish.excess_kw(kw) > 0.0 and able.reasons:
            self.reason += f" is the nearest possible: {'; '.join(able.reasons)}"
        return [given for setting in combo.settings(t) for given in self._set(setting, now)]

    def _set(self, setting: Setting, now: datetime) -> list[Given]:
        told = None if self._is_ignored(setting.part, now) else self._told.get(setting.part)
        if (
            told is not None
            and told[0].mode == setting.mode
            and abs(told[0].factor - setting.factor) < _FACTOR
        ):
            return []
        message = self._setting_message(setting, now)
        given = self._give(message, now, choice=(setting.part, setting.mode))
        self._told[setting.part] = (setting, key_of(message.id))  # type: ignore[union-attr]
        return [given]

    def _is_ignored(self, part: str, now: datetime) -> bool:
        """Whether the actuator still says that it does something else, long after it was told."""
        held, told = self.session.held, self._told.get(part)
        if told is None or not isinstance(held, FillRate | OperationModes | DemandDriven):
            return False
        facts = held.facts if isinstance(held, OperationModes) else held.facts(part)
        given_at = self.session.instructions[told[1]].at if told[1] in self.session.instructions else now
        is_other = facts.mode is not None and facts.mode != told[0].mode
        return is_other and (now - given_at).total_seconds() > _IGNORED_S

    def _setting_message(self, setting: Setting, now: datetime) -> Message:
        common: Any = {"message_id": self.new_id(), "execution_time": now, "abnormal_condition": False}
        factor = min(max(setting.factor, 0.0), 1.0)
        if isinstance(self.session.held, OperationModes):
            return OMBCInstruction(
                **common, id=self.new_id(), operation_mode_id=UUID(setting.mode), operation_mode_factor=factor
            )
        if isinstance(self.session.held, FillRate):
            return FRBCInstruction(
                **common,
                id=self.new_id(),
                actuator_id=UUID(setting.part),
                operation_mode=UUID(setting.mode),
                operation_mode_factor=factor,
            )
        assert isinstance(self.session.held, DemandDriven)
        return DDBCInstruction(
            **common,
            id=ID(root=str(self.new_id())),
            actuator_id=UUID(setting.part),
            operation_mode_id=UUID(setting.mode),
            operation_mode_factor=factor,
        )

    def _envelope(self, held: PowerEnvelopes, wish: Wish, *, now: datetime) -> list[Given]:
        limits = envelope_limits(held, wish, now=now)
        if not limits:
            self.reason = "it takes no limits now"
            return []
        choice = ("", str(sorted((quantity.value, *ends) for quantity, ends in limits.items())))
        if choice in self.excluded(now):
            return []
        low = sum(one for one, _ in limits.values())
        high = sum(one for _, one in limits.values())
        self.reason = f"{low / 1000.0:.2f} to {high / 1000.0:.2f} kW"
        if high > w_from_kw(wish.high_kw) + _LIMIT_W or low < w_from_kw(wish.low_kw) - _LIMIT_W:
            self.reason += f" is the nearest possible: {'; '.join(self.ability(now).reasons)}"
        is_same = self._limits == choice and self._renew_at is not None and now < self._renew_at
        message = None if is_same else envelope_instruction(held, wish, now=now, new_id=self.new_id)
        if message is None:
            return []
        self._limits, self._renew_at = choice, now + timedelta(seconds=ENVELOPE_S / 2.0)
        return [self._give(message, now, choice=choice)]

    def _program(self, held: PowerProfiles, conditions: Conditions, *, now: datetime) -> list[Given]:
        step: Step | None = next_step(
            held,
            conditions,
            now=now,
            new_id=self.new_id,
            planned=self._planned,
            excluded=self.excluded(now),
        )
        if step is None or step.choice in self.excluded(now):
            return []
        self.reason = step.reason
        return [self._give(step.message, now, choice=step.choice)]

    def _give(self, message: Message, now: datetime, *, choice: tuple[str, str]) -> Given:
        self._choices[key_of(message.id)] = choice  # type: ignore[union-attr]
        while len(self._choices) > 64:
            del self._choices[next(iter(self._choices))]
        return self.session.instruct(message, now)

    def progressed(self, given: Given, now: datetime) -> None:
        """Take note of what became of an instruction; a rejected choice is not taken again for a while."""
        if given.status not in _BAD:
            return
        key = key_of(given.message.id)  # type: ignore[union-attr]
        choice = self._choices.pop(key, None)
        if choice is None:
            return
        why = given.reason or "no reason given"
        self.rejections.append(
            Rejection(choice, now + timedelta(seconds=EXCLUDED_S), f"{given.status.value}: {why}")
        )
        self._told = {part: told for part, told in self._told.items() if told[1] != key}
        self._planned.pop(choice[0], None)
        if self._limits == choice:
            self._limits = None
