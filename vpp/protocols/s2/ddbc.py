"""Demand driven based control: several sources that meet one demand."""

from datetime import datetime

from s2python.ddbc import (
    DDBCActuatorDescription,
    DDBCActuatorStatus,
    DDBCAverageDemandRateForecast,
    DDBCSystemDescription,
    DDBCTimerStatus,
)

from vpp.protocols.s2.frbc import check_order
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
from vpp.protocols.s2.times import Timeline, after


class DemandDriven:
    """The described system, its actuators and the demand that is expected."""

    def __init__(self) -> None:
        self._systems: Timeline[DDBCSystemDescription] = Timeline()
        self.actuators: dict[str, Facts] = {}
        self.forecast: DDBCAverageDemandRateForecast | None = None

    def system(self, now: datetime) -> DDBCSystemDescription | None:
        """What is described and valid now."""
        return self._systems.at(now)

    def facts(self, actuator: str) -> Facts:
        """What is known of an actuator; nothing yet is a fact as well."""
        return self.actuators.setdefault(actuator, Facts())

    def take(self, message: Message) -> None:
        """Take up a message of this control type; S2ContentError where it makes no sense."""
        if isinstance(message, DDBCSystemDescription):
            self._describe(message)
        elif isinstance(message, DDBCActuatorStatus):
            key, described = self._actuator(message.actuator_id)
            take_status(self.facts(key), message, described=described)
        elif isinstance(message, DDBCTimerStatus):
            key, described = self._actuator(message.actuator_id)
            take_timer(self.facts(key), message, timers=described.timers if described else None)
        elif isinstance(message, DDBCAverageDemandRateForecast):
            self.forecast = message
        else:
            raise S2ContentError(f"{kind_of(message)} is no message of a resource under DDBC")

    def _describe(self, system: DDBCSystemDescription) -> None:
        keys = [key_of(actuator.id) for actuator in system.actuators]
        if len(set(keys)) < len(keys):
            raise S2ContentError("an actuator is described twice")
        check_order(system.present_demand_rate)
        for actuator in system.actuators:
            check(actuator)
            for mode in actuator.operation_modes:
                check_ranges("an operation mode", mode.power_ranges)
                for supply in mode.supply_range:
                    check_order(supply)
        self._systems.add(system.valid_from, system)
        self.actuators = {key: self.facts(key) for key in keys}
        for actuator in system.actuators:
            keep_known(self.actuators[key_of(actuator.id)], actuator)

    def _actuator(self, given: object) -> tuple[str, DDBCActuatorDescription | None]:
        key = str(given)
        said = self._systems.all()
        if not said:
            check_room(self.actuators, key)
            return key, None
        found = next((one for one in said[-1].actuators if key_of(one.id) == key), None)
        if found is None:
            raise S2ContentError(f"there is no actuator {key}")
        return key, found

    def peak(self, start: datetime, end: datetime) -> tuple[float, datetime] | None:
        """The highest demand rate that is expected between two instants, and when it begins; None where none is forecast."""
        found: tuple[float, datetime] | None = None
        at = self.forecast.start_time if self.forecast else end
        for element in self.forecast.elements if self.forecast else []:
            until = after(at, element.duration)
            if at < end and until > start and (found is None or element.demand_rate_expected > found[0]):
                found = (element.demand_rate_expected, max(at, start))
            at = until
        return found

    def revoke(self, kind: str, key: str) -> bool:
        """Forget a description, which goes by its message's id."""
        return kind == "DDBC.SystemDescription" and self._systems.drop(
            lambda one: key_of(one.message_id) == key
        )
