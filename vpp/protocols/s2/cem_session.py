"""The energy manager's end of a session with one resource manager."""

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
    PowerForecast,
    PowerMeasurement,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
)

from vpp.protocols.s2.held import HOLDERS, PREFIX, Held, Power
from vpp.protocols.s2.instructions import Given, InstructionBook
from vpp.protocols.s2.messages import Message, key_of, kind_of
from vpp.protocols.s2.modes import S2ContentError
from vpp.protocols.s2.session import Session, Table

# What tells most of a resource comes first.
PREFERENCE: Final = (
    ControlType.FILL_RATE_BASED_CONTROL,
    ControlType.DEMAND_DRIVEN_BASED_CONTROL,
    ControlType.POWER_PROFILE_BASED_CONTROL,
    ControlType.OPERATION_MODE_BASED_CONTROL,
    ControlType.POWER_ENVELOPE_BASED_CONTROL,
    ControlType.NOT_CONTROLABLE,
)


@dataclass(frozen=True, slots=True)
class Described:
    """The resource manager said what it is; choose a control type where it offers another than before."""

    details: ResourceManagerDetails


@dataclass(frozen=True, slots=True)
class Changed:
    """Something of what the control type holds, or of the power, is new; `kind` is the message that told it."""

    kind: str


@dataclass(frozen=True, slots=True)
class Progress:
    """An instruction got on."""

    given: Given


_ANYTIME: Final = {
    "PowerMeasurement": "_measured",
    "PowerForecast": "_forecast",
    "SessionRequest": "_asked_to_end",
}
_DESCRIBED: Final = {
    **_ANYTIME,
    "ResourceManagerDetails": "_described",
    "InstructionStatusUpdate": "_progressed",
}
_SAID: Final = {
    "PEBC": ("PowerConstraints", "EnergyConstraint"),
    "PPBC": ("PowerProfileDefinition", "PowerProfileStatus"),
    "OMBC": ("SystemDescription", "Status", "TimerStatus"),
    "FRBC": (
        "SystemDescription",
        "ActuatorStatus",
        "StorageStatus",
        "TimerStatus",
        "LeakageBehaviour",
        "UsageForecast",
        "FillLevelTargetProfile",
    ),
    "DDBC": ("SystemDescription", "ActuatorStatus", "TimerStatus", "AverageDemandRateForecast"),
}
CEM_TABLE: Final[Table] = {
    "connected": {**_ANYTIME, "Handshake": "_greeted"},
    "greeted": {**_ANYTIME, "ResourceManagerDetails": "_described"},
    "described": _DESCRIBED,
    "NOT_CONTROLABLE": _DESCRIBED,
    **{
        prefix: {**_DESCRIBED, "RevokeObject": "_revoked", **{f"{prefix}.{name}": "_said" for name in names}}
        for prefix, names in _SAID.items()
    },
}


class CemSession(Session):
    """States: connected, greeted, described, then the control type's short name; closed at last."""

    role: ClassVar = EnergyManagementRole.CEM
    table: ClassVar[Table] = CEM_TABLE

    def __init__(self, *, preference: Sequence[ControlType] = PREFERENCE, **given: Any) -> None:
        super().__init__(**given)
        self.preference = tuple(preference)
        self.details: ResourceManagerDetails | None = None
        self.control_type = ControlType.NO_SELECTION
        self.held: Held | None = None
        self.power = Power()
        self.instructions = InstructionBook()
        self._left: set[str] = set()
        self._unwanted: set[ControlType] = set()

    def choose(self) -> ControlType:
        """The control type to select: the first preferred one that is offered and was not refused."""
        offered = self.details.available_control_types if self.details else []
        wanted = [one for one in self.preference if one in offered and one not in self._unwanted]
        return wanted[0] if wanted else ControlType.NO_SELECTION

    def select(self, control_type: ControlType, now: datetime) -> None:
        """Choose a control type, or none."""
        if self.details is None or self.is_over:
            raise S2ContentError("a control type is selected after the resource manager's details")
        is_offered = control_type in self.details.available_control_types
        if control_type != ControlType.NO_SELECTION and not is_offered:
            raise S2ContentError(f"{control_type.value} is not offered")
        self.send(SelectControlType(message_id=self.new_id(), control_type=control_type), now)
        self._enter(control_type)

    def _enter(self, control_type: ControlType) -> None:
        if self.held is not None:
            self._left.add(self.state)
        self.control_type = control_type
        holder = HOLDERS.get(control_type)
        self.held = holder() if holder else None
        self.state = PREFIX.get(control_type, "described")
        self._left.discard(self.state)

    def instruct(self, instruction: Message, now: datetime) -> Given:
        """Give an instruction of the selected control type."""
        if kind_of(instruction).partition(".")[0] != self.state:
            raise S2ContentError(f"{kind_of(instruction)} cannot be given while {self.state}")
        given = Given(instruction, now)
        self.instructions.add(key_of(instruction.id), given)  # type: ignore[union-attr]
        self.send(instruction, now)
        return given

    def revoke(self, given: Given, now: datetime) -> None:
        """Take an instruction back."""
        kind, key = RevokableObjects(kind_of(given.message)), given.message.id  # type: ignore[union-attr]
        self.send(RevokeObject(message_id=self.new_id(), object_type=kind, object_id=UUID(key_of(key))), now)

    def is_belated(self, kind: str) -> bool:
        """Messages of a control type that was left may still be under way."""
        return kind.partition(".")[0] in self._left or (kind == "RevokeObject" and bool(self._left))

    def refused(self, message: Message, *, detail: str) -> list[object]:
        """A control type that is refused is not chosen again; an instruction that is refused is rejected."""
        if isinstance(message, SelectControlType) and message.control_type == self.control_type:
            self._unwanted.add(message.control_type)
            self._enter(ControlType.NO_SELECTION)
            assert self.details is not None
            return [Described(self.details)]
        key = key_of(getattr(message, "id", ""))
        if key in self.instructions and self.instructions.news(key, InstructionStatus.REJECTED):
            self.instructions[key].reason = detail
            return [Progress(self.instructions[key])]
        return []

    # --- what the table names

    def _greeted(self, message: Handshake, now: datetime) -> list[object]:
        self._check_peer(message)
        theirs = message.supported_protocol_versions or []
        common = [one for one in self.versions if one in theirs]
        if not common:
            reason = f"no common version: the resource manager speaks {', '.join(theirs) or 'none'}"
            return [self.close(reason[:200], permanent=True)]
        self.version = common[0]
        self.send(HandshakeResponse(message_id=self.new_id(), selected_protocol_version=self.version), now)
        self.state = "greeted"
        return []

    def _described(self, message: ResourceManagerDetails, now: datetime) -> list[object]:
        if self.details is not None and message.resource_id != self.details.resource_id:
            raise S2ContentError("a session is about one resource")
        self.details = message
        if self.state == "greeted":
            self.state = "described"
        elif self.control_type not in {ControlType.NO_SELECTION, *message.available_control_types}:
            self._enter(ControlType.NO_SELECTION)
        return [Described(message)]

    def _measured(self, message: PowerMeasurement, now: datetime) -> list[object]:
        self.power.measured, self.power.heard_at = message, now
        return [Changed("PowerMeasurement")]

    def _forecast(self, message: PowerForecast, now: datetime) -> list[object]:
        self.power.forecast = message
        return [Changed("PowerForecast")]

    def _said(self, message: Message, now: datetime) -> list[object]:
        assert self.held is not None
        self.held.take(message)
        return [Changed(kind_of(message))]

    def _revoked(self, message: RevokeObject, now: datetime) -> list[object]:
        assert self.held is not None
        kind, key = message.object_type.value, key_of(message.object_id)
        if not self.held.revoke(kind, key):
            raise S2ContentError(f"there is no {kind} {key} to revoke")
        return [Changed("RevokeObject")]

    def _progressed(self, message: InstructionStatusUpdate, now: datetime) -> list[object]:
        key = key_of(message.instruction_id)
        if key not in self.instructions:
            raise S2ContentError(f"there is no instruction {key}")
        is_news = self.instructions.news(key, message.status_type)
        if is_news is None:
            before = self.instructions[key].status
            raise S2ContentError(
                f"{message.status_type.value} cannot follow {before.value if before else 'nothing'}"
            )
        return [Progress(self.instructions[key])] if is_news else []
