"""Operation mode based control: modes of a whole resource."""

from datetime import datetime

from s2python.ombc import OMBCStatus, OMBCSystemDescription, OMBCTimerStatus

from vpp.protocols.s2.messages import Message, key_of, kind_of
from vpp.protocols.s2.modes import (
    Facts,
    S2ContentError,
    check,
    check_ranges,
    keep_known,
    take_status,
    take_timer,
)
from vpp.protocols.s2.times import Timeline


class OperationModes:
    """The described system, and which mode is active."""

    def __init__(self) -> None:
        self._systems: Timeline[OMBCSystemDescription] = Timeline()
        self.facts = Facts()

    def system(self, now: datetime) -> OMBCSystemDescription | None:
        """What is described and valid now."""
        return self._systems.at(now)

    def _latest(self) -> OMBCSystemDescription | None:
        said = self._systems.all()
        return said[-1] if said else None

    def take(self, message: Message) -> None:
        """Take up a message of this control type; S2ContentError where it makes no sense."""
        if isinstance(message, OMBCSystemDescription):
            check(message)
            for mode in message.operation_modes:
                check_ranges("an operation mode", mode.power_ranges)
            self._systems.add(message.valid_from, message)
            keep_known(self.facts, message)
        elif isinstance(message, OMBCStatus):
            take_status(self.facts, message, described=self._latest())
        elif isinstance(message, OMBCTimerStatus):
            latest = self._latest()
            take_timer(self.facts, message, timers=latest.timers if latest else None)
        else:
            raise S2ContentError(f"{kind_of(message)} is no message of a resource under OMBC")

    def revoke(self, kind: str, key: str) -> bool:
        """Forget a description, which goes by its message's id."""
        return kind == "OMBC.SystemDescription" and self._systems.drop(
            lambda one: key_of(one.message_id) == key
        )
