"""What a resource manager does under a control type: what it tells, which power an instruction means, and when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from s2python.common import ControlType
from s2python.frbc import FRBCActuatorStatus, FRBCInstruction, FRBCStorageStatus
from s2python.generated.gen_s2 import ID, PPBCPowerSequenceStatus
from s2python.ombc import OMBCInstruction, OMBCStatus
from s2python.pebc import PEBCInstruction
from s2python.ppbc import (
    PPBCEndInterruptionInstruction,
    PPBCPowerProfileDefinition,
    PPBCScheduleInstruction,
    PPBCStartInterruptionInstruction,
)

from edge_agent.rm import menu
from edge_agent.rm.device import Charger, Generator, Program, Shape
from vpp.energy_manager.reading import Reading
from vpp.protocols.s2.messages import ContainerStatus, Message, ProfileStatus, key_of
from vpp.protocols.s2.times import after
from vpp.units import kw_from_w

# A fill level that changed by less is not news.
_LEVEL = 0.002
STATUS = PPBCPowerSequenceStatus
NewId = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Due:
    """What the device is to hold now [kW], None for itself; nothing at all where no instruction came."""

    is_due: bool = False
    power_kw: float | None = None


class Duty(Protocol):
    """A control type seen from the device."""

    def description(self, now: datetime) -> list[Message]:
        """What the energy manager has to know first."""

    def news(self, reading: Reading, now: datetime) -> list[Message]:
        """What is new since it was told last."""

    def take(self, instruction: Message, now: datetime) -> str | None:
        """Take up an instruction, or say why not."""

    def due(self, now: datetime) -> Due:
        """What the instructions ask for now."""

    def done(self, now: datetime) -> None:
        """The device does it."""


class NoDuty:
    """No control type: the device looks after itself."""

    def description(self, now: datetime) -> list[Message]:
        """Nothing."""
        return []

    def news(self, reading: Reading, now: datetime) -> list[Message]:
        """Nothing."""
        return []

    def take(self, instruction: Message, now: datetime) -> str | None:
        """No instruction fits."""
        return "no control type is selected"

    def due(self, now: datetime) -> Due:
        """Nothing."""
        return Due()

    def done(self, now: datetime) -> None:
        """Nothing to note."""


class ModeDuty:
    """Operation modes with factors: FRBC for what has a fill level, OMBC for the rest."""

    def __init__(self, ids: menu.Ids, shape: Shape, *, control_type: ControlType, new_id: NewId) -> None:
        self._ids, self._shape, self._new_id = ids, shape, new_id
        self._is_store = control_type == ControlType.FILL_RATE_BASED_CONTROL
        self._modes = {str(ids(mode.name)): mode for mode in menu.modes(shape)}
        self._ordered: tuple[str, float, datetime] | None = None
        self._active: tuple[str, float] | None = None
        self._told: tuple[str, float] | None = None
        self._since: datetime | None = None
        self._previous: str | None = None
        self._level: float | None = None

    def description(self, now: datetime) -> list[Message]:
        """The modes and, for a store, its size."""
        describe = menu.store if self._is_store else menu.switched
        return [describe(self._ids, self._shape, now=now, message_id=self._new_id())]

    def news(self, reading: Reading, now: datetime) -> list[Message]:
        """Fill level and active mode."""
        found: list[Message] = []
        level = reading.soc
        if (
            self._is_store
            and level is not None
            and (self._level is None or abs(level - self._level) >= _LEVEL)
        ):
            self._level = level
            found.append(FRBCStorageStatus(message_id=self._new_id(), present_fill_level=level))
        if self._active is not None and self._active != self._told:
            self._told = self._active
            found.append(self._status())
        return found

    def _status(self) -> Message:
        assert self._active is not None
        mode, factor = self._active
        common: Any = {"message_id": self._new_id(), "operation_mode_factor": factor}
        if self._previous is not None:
            common |= {"transition_timestamp": self._since}
        if self._is_store:
            previous = UUID(self._previous) if self._previous else None
            return FRBCActuatorStatus(
                **common,
                actuator_id=self._ids("actuator"),
                active_operation_mode_id=UUID(mode),
                previous_operation_mode_id=previous,
            )
        before = ID(root=self._previous) if self._previous else None
        return OMBCStatus(**common, active_operation_mode_id=ID(root=mode), previous_operation_mode_id=before)

    def take(self, instruction: Message, now: datetime) -> str | None:
        """Note which mode is wanted from when on."""
        if isinstance(instruction, FRBCInstruction):
            mode = key_of(instruction.operation_mode)
        elif isinstance(instruction, OMBCInstruction):
            mode = key_of(instruction.operation_mode_id)
        else:
            return "it is for another control type"
        factor = instruction.operation_mode_factor
        if mode not in self._modes:
            return "there is no such operation mode"
        if not 0.0 <= factor <= 1.0:
            return "the factor is not within 0 and 1"
        self._ordered = (mode, factor, instruction.execution_time)
        return None

    def due(self, now: datetime) -> Due:
        """The power of the mode that is wanted."""
        if self._ordered is None or now < self._ordered[2]:
            return Due()
        mode, factor, _ = self._ordered
        low, high = self._modes[mode].power_kw
        return Due(True, low + factor * (high - low))

    def done(self, now: datetime) -> None:
        """The mode is active."""
        if self._ordered is None:
            return
        mode, factor, _ = self._ordered
        if self._active is not None and self._active[0] != mode:
            self._previous, self._since = self._active[0], now
        self._active = (mode, factor)


class EnvelopeDuty:
    """Limits over time: the strongest output of a generator, the highest power of a charger."""

    def __init__(self, ids: menu.Ids, shape: Shape, *, new_id: NewId) -> None:
        assert isinstance(shape, Generator | Charger)
        self._ids, self._shape, self._new_id = ids, shape, new_id
        self._spans: list[tuple[datetime, datetime, float, float]] = []

    def description(self, now: datetime) -> list[Message]:
        """Where the limits may lie."""
        return [menu.limited(self._ids, self._shape, now=now, message_id=self._new_id())]

    def news(self, reading: Reading, now: datetime) -> list[Message]:
        """Nothing changes by itself."""
        return []

    def take(self, instruction: Message, now: datetime) -> str | None:
        """Note the limits and when they hold."""
        if not isinstance(instruction, PEBCInstruction):
            return "it is for another control type"
        if key_of(instruction.power_constraints_id) != str(self._ids("constraints")):
            return "it is for other constraints"
        envelopes = [one for one in instruction.power_envelopes if one.commodity_quantity == menu.QUANTITY]
        if len(envelopes) != 1:
            return f"it needs one envelope of {menu.QUANTITY.value}"
        spans, at = [], instruction.execution_time
        for element in envelopes[0].power_envelope_elements:
            if element.lower_limit > element.upper_limit:
                return "a lower limit is above its upper limit"
            until = after(at, element.duration)
            spans.append((at, until, element.lower_limit, element.upper_limit))
            at = until
        self._spans = spans
        return None

    def due(self, now: datetime) -> Due:
        """The limit that holds now; none outside of the envelope."""
        if not self._spans or now < self._spans[0][0]:
            return Due()
        for starts_at, ends_at, lower, upper in self._spans:
            if starts_at <= now < ends_at:
                return Due(True, self._limit_kw(kw_from_w(lower), kw_from_w(upper)))
        return Due(True, None)

    def _limit_kw(self, lower_kw: float, upper_kw: float) -> float | None:
        if isinstance(self._shape, Generator):
            return None if lower_kw <= -self._shape.peak_kw else min(lower_kw, 0.0)
        return None if upper_kw >= self._shape.charge_kw else max(upper_kw, 0.0)

    def done(self, now: datetime) -> None:
        """Nothing to note."""


class ProgramDuty:
    """A program that waits to be started, runs, may be interrupted, and ends."""

    def __init__(self, shape: Shape, *, new_id: NewId) -> None:
        assert isinstance(shape, Program)
        self._shape, self._new_id = shape, new_id
        self._profile: PPBCPowerProfileDefinition | None = None
        self._status = STATUS.NOT_SCHEDULED
        self._told: STATUS | None = None
        self._starts_at: datetime | None = None
        self._ran = timedelta()
        self._since: datetime | None = None
        self._is_new = False

    def description(self, now: datetime) -> list[Message]:
        """Nothing before a program is ready."""
        return []

    def news(self, reading: Reading, now: datetime) -> list[Message]:
        """A program that is ready now, and how far it is."""
        found: list[Message] = []
        self._advance(now)
        if self._profile is None and reading.is_ready:
            self._profile = menu.program(self._shape, now=now, new_id=self._new_id)
            self._status, self._told, self._starts_at = STATUS.NOT_SCHEDULED, STATUS.NOT_SCHEDULED, None
            self._ran, self._since = timedelta(), None
            found.append(self._profile)
        if self._profile is not None and self._status != self._told:
            self._told = self._status
            found.append(self._message())
            if self._status == STATUS.FINISHED and not reading.is_ready:
                self._profile = None
        return found

    def _advance(self, now: datetime) -> None:
        if self._since is not None:
            self._ran += now - self._since
            self._since = now
        if self._ran.total_seconds() >= self._shape.phase_s * len(self._shape.phases_kw):
            self._status, self._since = STATUS.FINISHED, None

    def _message(self) -> Message:
        assert self._profile is not None
        container = self._profile.power_sequences_containers[0]
        status = ContainerStatus(
            power_profile_id=self._profile.id,
            sequence_container_id=container.id,
            selected_sequence_id=container.power_sequences[0].id,
            progress=menu.milliseconds(self._ran.total_seconds()),
            status=self._status,
        )
        return ProfileStatus(message_id=self._new_id(), sequence_container_status=[status])

    def take(self, instruction: Message, now: datetime) -> str | None:
        """Schedule, interrupt or resume."""
        if self._profile is None:
            return "no program is ready"
        if isinstance(instruction, PPBCScheduleInstruction):
            return self._schedule(instruction)
        if isinstance(instruction, PPBCStartInterruptionInstruction):
            return self._interrupt(instruction, now)
        if isinstance(instruction, PPBCEndInterruptionInstruction):
            if self._status != STATUS.INTERRUPTED:
                return "it is not interrupted"
            self._status, self._since = STATUS.EXECUTING, now
            return None
        return "it is for another control type"

    def _schedule(self, instruction: PPBCScheduleInstruction) -> str | None:
        if self._status not in {STATUS.NOT_SCHEDULED, STATUS.SCHEDULED}:
            return f"it is {self._status.value}"
        container = self._profile.power_sequences_containers[0] if self._profile else None
        if container is None or instruction.power_sequence_id != container.power_sequences[0].id:
            return "there is no such power sequence"
        self._starts_at, self._status = instruction.execution_time, STATUS.SCHEDULED
        return None

    def _interrupt(self, instruction: PPBCStartInterruptionInstruction, now: datetime) -> str | None:
        if not self._shape.is_interruptible:
            return "it cannot be interrupted"
        if self._status != STATUS.EXECUTING:
            return "it does not run"
        self._advance(now)
        self._status, self._since = STATUS.INTERRUPTED, None
        return None

    def due(self, now: datetime) -> Due:
        """Its strongest power while it may run, nothing while it may not."""
        if self._starts_at is None or self._status == STATUS.FINISHED:
            return Due()
        runs = now >= self._starts_at and self._status != STATUS.INTERRUPTED
        return Due(True, max(self._shape.phases_kw) if runs else 0.0)

    def done(self, now: datetime) -> None:
        """It runs, from now on."""
        if self._status == STATUS.SCHEDULED and self._starts_at is not None and now >= self._starts_at:
            self._status, self._since = STATUS.EXECUTING, now
