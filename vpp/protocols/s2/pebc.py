"""Power envelope based control: what a resource said of the limits it takes."""

from datetime import datetime

from s2python.pebc import PEBCEnergyConstraint, PEBCPowerConstraints

from vpp.protocols.s2.messages import Message, key_of, kind_of
from vpp.protocols.s2.modes import S2ContentError
from vpp.protocols.s2.times import LATEST, Timeline


class PowerEnvelopes:
    """Constraints on power and energy by the time they are valid."""

    def __init__(self) -> None:
        self._constraints: Timeline[PEBCPowerConstraints] = Timeline()
        self._energy: Timeline[PEBCEnergyConstraint] = Timeline()

    def take(self, message: Message) -> None:
        """Take up a message of this control type; S2ContentError where it makes no sense."""
        if isinstance(message, PEBCPowerConstraints):
            if not message.allowed_limit_ranges:
                raise S2ContentError("there is no allowed limit range")
            self._constraints.add(message.valid_from, message)
        elif isinstance(message, PEBCEnergyConstraint):
            if message.valid_until < message.valid_from:
                raise S2ContentError("the energy constraint ends before it starts")
            if message.upper_average_power < message.lower_average_power:
                raise S2ContentError("the energy constraint's lower average power is above the upper")
            self._energy.add(message.valid_from, message)
        else:
            raise S2ContentError(f"{kind_of(message)} is no message of a resource under PEBC")

    def constraints(self, now: datetime) -> PEBCPowerConstraints | None:
        """What limits are taken now."""
        said = self._constraints.at(now)
        return said if said is not None and now < (said.valid_until or LATEST) else None

    def energy(self, now: datetime) -> PEBCEnergyConstraint | None:
        """Between which mean powers the resource has to stay now."""
        said = self._energy.at(now)
        return said if said is not None and now < said.valid_until else None

    def revoke(self, kind: str, key: str) -> bool:
        """Forget an object; whether it was there."""
        if kind == "PEBC.PowerConstraints":
            return self._constraints.drop(lambda one: key_of(one.id) == key)
        if kind == "PEBC.EnergyConstraint":
            return self._energy.drop(lambda one: key_of(one.id) == key)
        return False
