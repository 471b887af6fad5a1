"""The resource manager's end of a session with its energy manager."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from s2python.common import (
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    ResourceManagerDetails,
    RevokeObject,
    SelectControlType,
)

from vpp.protocols.s2.held import PREFIX
from vpp.protocols.s2.messages import Message, key_of
from vpp.protocols.s2.modes import S2ContentError
from vpp.protocols.s2.session import Session, Table


@dataclass(frozen=True, slots=True)
class Welcomed:
    """The version is agreed on: `describe` comes next."""

    version: str


@dataclass(frozen=True, slots=True)
class Selected:
    """The energy manager chose a control type, or none."""

    control_type: ControlType


@dataclass(frozen=True, slots=True)
class Instructed:
    """An instruction came; `progress` tells what becomes of it."""

    instruction: Message


@dataclass(frozen=True, slots=True)
class Revoked:
    """An instruction was taken back."""

    key: str


_ANYTIME: Final = {"SessionRequest": "_asked_to_end"}
_ORDERS: Final = {
    "PEBC": ("Instruction",),
    "PPBC": ("ScheduleInstruction", "StartInterruptionInstruction", "EndInterruptionInstruction"),
    "OMBC": ("Instruction",),
    "FRBC": ("Instruction",),
    "DDBC": ("Instruction",),
}
_DESCRIBED: Final = {**_ANYTIME, "SelectControlType": "_selected"}
RM_TABLE: Final[Table] = {
    "connected": {**_ANYTIME, "Handshake": "_greeted", "HandshakeResponse": "_welcomed"},
    "greeted": _ANYTIME,
    "described": _DESCRIBED,
    "NOT_CONTROLABLE": _DESCRIBED,
    **{
        prefix: {
            **_DESCRIBED,
            "RevokeObject": "_revoked",
            **{f"{prefix}.{name}": "_instructed" for name in names},
        }
        for prefix, names in _ORDERS.items()
    },
}


class RmSession(Session):
    """States: connected, greeted, described, then the control type's short name; closed at last."""

    role: ClassVar = EnergyManagementRole.RM
    table: ClassVar[Table] = RM_TABLE

    def __init__(self, offers: Sequence[ControlType], **given: Any) -> None:
        super().__init__(**given)
        self.offers = tuple(offers)
        self.control_type = ControlType.NO_SELECTION

    def describe(self, details: ResourceManagerDetails, now: datetime) -> None:
        """Say what the resource is, after the handshake and whenever it changed."""
        self.offers = tuple(details.available_control_types)
        if self.state == "greeted":
            self.state = "described"
        self.send(details, now)

    def progress(self, key: str, status: InstructionStatus, *, now: datetime) -> None:
        """Tell what became of an instruction."""
        update = InstructionStatusUpdate(
            message_id=self.new_id(), instruction_id=UUID(key), status_type=status, timestamp=now
        )
        self.send(update, now)

    # --- what the table names

    def _greeted(self, message: Handshake, now: datetime) -> list[object]:
        self._check_peer(message)
        return []

    def _welcomed(self, message: HandshakeResponse, now: datetime) -> list[object]:
        if message.selected_protocol_version not in self.versions:
            reason = f"the energy manager chose version {message.selected_protocol_version[:40]}"
            return [self.close(reason, permanent=True)]
        self.version = message.selected_protocol_version
        self.state = "greeted"
        return [Welcomed(self.version)]

    def _selected(self, message: SelectControlType, now: datetime) -> list[object]:
        chosen = message.control_type
        if chosen != ControlType.NO_SELECTION and chosen not in self.offers:
            raise S2ContentError(f"{chosen.value} is not offered")
        self.control_type = chosen
        self.state = PREFIX.get(chosen, "described")
        return [Selected(chosen)]

    def _instructed(self, message: Message, now: datetime) -> list[object]:
        try:
            UUID(key_of(message.id))  # type: ignore[union-attr]
        except ValueError:
            raise S2ContentError("an instruction's id is a UUID") from None
        return [Instructed(message)]

    def _revoked(self, message: RevokeObject, now: datetime) -> list[object]:
        kind = message.object_type.value
        if kind not in {f"{self.state}.{name}" for name in _ORDERS[self.state]}:
            raise S2ContentError(f"{kind} is not for an energy manager to revoke")
        return [Revoked(key_of(message.object_id))]
