"""S2's messages as s2-python has them, and stricter ones where its models differ from the published schema.

What is set right here: a profile status tells its progress as a duration; an envelope instruction has its constraints and
envelopes; an allowed limit range says whether it is for abnormal conditions only; a DDBC operation mode has one id, which
the schema spells `Id` and s2-python wants twice.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import model_validator
from s2python.common import Duration, ReceptionStatus
from s2python.ddbc import DDBCActuatorDescription, DDBCOperationMode, DDBCSystemDescription
from s2python.generated.gen_s2 import ID
from s2python.message import S2Message
from s2python.pebc import PEBCAllowedLimitRange, PEBCInstruction, PEBCPowerConstraints, PEBCPowerEnvelope
from s2python.ppbc import PPBCPowerProfileStatus, PPBCPowerSequenceContainerStatus
from s2python.s2_parser import TYPE_TO_MESSAGE_CLASS

Message = S2Message
M = TypeVar("M")


class ContainerStatus(PPBCPowerSequenceContainerStatus):
    """How far a power sequence is."""

    progress: Duration | None = None


class ProfileStatus(PPBCPowerProfileStatus):
    """How far an appliance's program is."""

    sequence_container_status: list[ContainerStatus]  # type: ignore[assignment]


class AllowedLimitRange(PEBCAllowedLimitRange):
    """Where a limit may lie."""

    abnormal_condition_only: bool


class PowerConstraints(PEBCPowerConstraints):
    """What limits a resource takes."""

    allowed_limit_ranges: list[AllowedLimitRange]  # type: ignore[assignment]


class EnvelopeInstruction(PEBCInstruction):
    """Limits over time."""

    power_constraints_id: UUID
    power_envelopes: list[PEBCPowerEnvelope]


class DemandMode(DDBCOperationMode):
    """An operation mode of a demand-driven actuator."""

    @model_validator(mode="before")
    @classmethod
    def _one_id(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and ("Id" in given) != ("id" in given):
            one = given.get("Id", given.get("id"))
            return {**given, "Id": one, "id": one}
        return given


class DemandActuator(DDBCActuatorDescription):
    """A source that can meet a demand."""

    operation_modes: list[DemandMode]  # type: ignore[assignment]


class DemandSystem(DDBCSystemDescription):
    """Several sources of one demand."""

    actuators: list[DemandActuator]  # type: ignore[assignment]


CLASSES: Final[dict[str, type[Message]]] = {
    **TYPE_TO_MESSAGE_CLASS,
    "PPBC.PowerProfileStatus": ProfileStatus,
    "PEBC.PowerConstraints": PowerConstraints,
    "PEBC.Instruction": EnvelopeInstruction,
    "DDBC.SystemDescription": DemandSystem,
}


def made(model: Callable[..., M], /, **fields: Any) -> M:
    """A message or a part of one, with what is optional left out (s2-python's types want it named)."""
    return model(**fields)


def kind_of(message: Message) -> str:
    """The message type in S2's spelling, such as `FRBC.StorageStatus`."""
    return str(message.message_type)


def id_of(message: Message) -> UUID | None:
    """The message's own id; a reception status has none."""
    return None if isinstance(message, ReceptionStatus) else message.message_id


def key_of(given: UUID | ID | str) -> str:
    """An identifier as text, in whichever of its forms a message carries it."""
    return str(given.root if isinstance(given, ID) else given).lower()
