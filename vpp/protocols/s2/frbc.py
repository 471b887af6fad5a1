"""Fill rate based control: a store, what fills and empties it, and what is expected of it."""

from datetime import datetime
from itertools import pairwise

from s2python.frbc import (
    FRBCActuatorDescription,
    FRBCActuatorStatus,
    FRBCFillLevelTargetProfile,
    FRBCLeakageBehaviour,
    FRBCStorageStatus,
    FRBCSystemDescription,
    FRBCTimerStatus,
    FRBCUsageForecast,
)
from s2python.generated.gen_s2 import NumberRange

from vpp.protocols.s2.messages import Message, key_of, kind_of
from vpp.protocols.s2.modes import (
    Facts,
    S2ContentError,
    check,
    check_ranges,
    check_room,
    keep_known,
    take_status,
    take_timer,
)
from vpp.protocols.s2.times import EARLIEST, Timeline, after


class FillRate:
    """The described system, its fill level, its actuators, leakage, usage and targets."""

    def __init__(self) -> None:
        self._systems: Timeline[FRBCSystemDescription] = Timeline()
        self._leakage: Timeline[FRBCLeakageBehaviour] = Timeline()
        self.actuators: dict[str, Facts] = {}
        self.level: float | None = None
        self.usage: FRBCUsageForecast | None = None
        self.targets: FRBCFillLevelTargetProfile | None = None

    def system(self, now: datetime) -> FRBCSystemDescription | None:
        """What is described and valid now."""
        return self._systems.at(now)

    def facts(self, actuator: str) -> Facts:
        """What is known of an actuator; nothing yet is a fact as well."""
        return self.actuators.setdefault(actuator, Facts())

    def take(self, message: Message) -> None:
        """Take up a message of this control type; S2ContentError where it makes no sense."""
        if isinstance(message, FRBCStorageStatus):
            self.level = message.present_fill_level
        elif isinstance(message, FRBCSystemDescription):
            self._describe(message)
        elif isinstance(message, FRBCActuatorStatus):
            key, described = self._actuator(message.actuator_id)
            take_status(self.facts(key), message, described=described)
        elif isinstance(message, FRBCTimerStatus):
            key, described = self._actuator(message.actuator_id)
            take_timer(self.facts(key), message, timers=described.timers if described else None)
        elif isinstance(message, FRBCLeakageBehaviour):
            check_contiguous([element.fill_level_range for element in message.elements])
            self._leakage.add(message.valid_from, message)
        elif isinstance(message, FRBCUsageForecast):
            self.usage = message
        elif isinstance(message, FRBCFillLevelTargetProfile):
            for element in message.elements:
                check_order(element.fill_level_range)
            self.targets = message
        else:
            raise S2ContentError(f"{kind_of(message)} is no message of a resource under FRBC")

    def _describe(self, system: FRBCSystemDescription) -> None:
        check_order(system.storage.fill_level_range)
        keys = [key_of(actuator.id) for actuator in system.actuators]
        if len(set(keys)) < len(keys):
            raise S2ContentError("an actuator is described twice")
        for actuator in system.actuators:
            check(actuator)
            for mode in actuator.operation_modes:
                check_contiguous([element.fill_level_range for element in mode.elements])
                for element in mode.elements:
                    check_ranges("an operation mode", element.power_ranges)
        self._systems.add(system.valid_from, system)
        self.actuators = {key: self.facts(key) for key in keys}
        for actuator in system.actuators:
            keep_known(self.actuators[key_of(actuator.id)], actuator)

    def _actuator(self, given: object) -> tuple[str, FRBCActuatorDescription | None]:
        key = str(given)
        said = self._systems.all()
        if not said:
            check_room(self.actuators, key)
            return key, None
        found = next((one for one in said[-1].actuators if key_of(one.id) == key), None)
        if found is None:
            raise S2ContentError(f"there is no actuator {key}")
        return key, found

    def leakage_rate(self, level: float, now: datetime) -> float:
        """How fast the fill level falls by itself [levels/s]."""
        said = self._leakage.at(now)
        for element in said.elements if said else []:
            if element.fill_level_range.start_of_range <= level <= element.fill_level_range.end_of_range:
                return element.leakage_rate
        return 0.0

    def used(self, start: datetime, end: datetime) -> float:
        """By how much the fill level is expected to fall through use between two instants [levels]."""
        total = 0.0
        if self.usage is None:
            return total
        at = self.usage.start_time
        for element in self.usage.elements:
            until = after(at, element.duration)
            overlap_s = (min(until, end) - max(at, start)).total_seconds()
            total += max(0.0, overlap_s) * element.usage_rate_expected
            at = until
        return total

    def target_spans(self) -> list[tuple[datetime, datetime, NumberRange]]:
        """Which fill levels are wanted from when until when."""
        spans: list[tuple[datetime, datetime, NumberRange]] = []
        at = self.targets.start_time if self.targets else EARLIEST
        for element in self.targets.elements if self.targets else []:
            until = after(at, element.duration)
            spans.append((at, until, element.fill_level_range))
            at = until
        return spans

    def revoke(self, kind: str, key: str) -> bool:
        """Forget a description, which goes by its message's id."""
        return kind == "FRBC.SystemDescription" and self._systems.drop(
            lambda one: key_of(one.message_id) == key
        )


def check_order(given: NumberRange) -> None:
    """Refuse a range that ends before it starts."""
    if given.end_of_range < given.start_of_range:
        raise S2ContentError("a range ends before it starts")


def check_contiguous(ranges: list[NumberRange]) -> None:
    """Refuse fill level ranges with gaps or overlaps."""
    ordered = sorted(ranges, key=lambda one: one.start_of_range)
    for one in ordered:
        check_order(one)
    for one, following in pairwise(ordered):
        if abs(one.end_of_range - following.start_of_range) > 1e-6 * max(1.0, abs(one.end_of_range)):
            raise S2ContentError("fill level ranges are not contiguous")
