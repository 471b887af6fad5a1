"""A device as an S2 resource manager: it offers what its shape allows and does what it is instructed."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from s2python.common import ControlType, InstructionStatus, PowerMeasurement, PowerValue

from edge_agent.rm import menu
from edge_agent.rm.device import Program
from edge_agent.rm.duty import Duty, EnvelopeDuty, ModeDuty, NoDuty, ProgramDuty
from edge_agent.rm.runner import DeviceRunner
from vpp.energy_manager.reading import Reading
from vpp.protocols.s2.messages import Message, key_of
from vpp.protocols.s2.rm_session import Instructed, Revoked, RmSession, Selected, Welcomed
from vpp.units import w_from_kw


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class DeviceManager:
    """One device's resource manager. Created once the device is open; `tick` lets it act on what is read."""

    def __init__(
        self,
        runner: DeviceRunner,
        *,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self.runner = runner
        self.ids = menu.Ids(runner.device.key)
        self.session = RmSession((), new_id=new_id)
        self._clock = clock
        self._new_id = new_id
        self._duty: Duty = NoDuty()
        self._offers: list[ControlType] = []
        self._waiting: str | None = None
        runner.on_written = self._written

    def start(self) -> None:
        """Greet the energy manager."""
        self.session.start(self._clock())

    def feed(self, message: Message) -> None:
        """Take a message of the energy manager."""
        now = self._clock()
        for event in self.session.feed(message, now):
            if isinstance(event, Welcomed):
                self._describe(now)
            elif isinstance(event, Selected):
                self._enter(event.control_type, now)
            elif isinstance(event, Instructed):
                self._instructed(event.instruction, now)
            elif isinstance(event, Revoked) and event.key == self._waiting:
                self._waiting = None
                self.session.progress(event.key, InstructionStatus.REVOKED, now=now)
                self.runner.want(None)

    def tick(self) -> None:
        """Tell what is new, and do what is due."""
        now, reading = self._clock(), self.runner.latest
        if self.session.version is None or self.session.is_over or self.runner.shape is None:
            return
        if menu.control_types(self.runner.shape, reading) != self._offers:
            self._describe(now)
        if reading is None:
            return
        for message in self._duty.news(reading, now):
            self.session.send(message, now)
        self._apply(now)

    def measure(self) -> None:
        """Tell the power that was read last."""
        reading = self.runner.latest
        if reading is None or reading.power_kw is None or self.session.version is None:
            return
        now = self._clock()
        value = PowerValue(commodity_quantity=menu.QUANTITY, value=w_from_kw(reading.power_kw))
        self.session.send(
            PowerMeasurement(message_id=self._new_id(), measurement_timestamp=now, values=[value]), now
        )

    def stop(self) -> None:
        """The energy manager is gone: the device looks after itself."""
        self._duty = NoDuty()
        self._waiting = None
        self.runner.want(None)

    def _describe(self, now: datetime) -> None:
        shape, identity = self.runner.shape, self.runner.identity
        if shape is None or identity is None:
            return
        offers = menu.control_types(shape, self.runner.latest)
        if self.session.control_type not in offers:
            self._duty = NoDuty()
        self._offers = offers
        said = menu.details(
            self.ids,
            self.runner.device.name,
            shape=shape,
            identity=identity,
            offers=offers,
            message_id=self._new_id(),
        )
        self.session.describe(said, now)

    def _enter(self, control_type: ControlType, now: datetime) -> None:
        """Describe what the chosen control type needs; without one the device looks after itself."""
        shape = self.runner.shape
        assert shape is not None
        match control_type:
            case ControlType.FILL_RATE_BASED_CONTROL | ControlType.OPERATION_MODE_BASED_CONTROL:
                self._duty = ModeDuty(self.ids, shape, control_type=control_type, new_id=self._new_id)
            case ControlType.POWER_ENVELOPE_BASED_CONTROL:
                self._duty = EnvelopeDuty(self.ids, shape, new_id=self._new_id)
            case ControlType.POWER_PROFILE_BASED_CONTROL:
                self._duty = ProgramDuty(shape, new_id=self._new_id)
            case _:
                self._duty = NoDuty()
        self._waiting = None
        self.runner.want(None)
        for message in self._duty.description(now):
            self.session.send(message, now)
        self.tick()

    def _instructed(self, instruction: Message, now: datetime) -> None:
        key = key_of(instruction.id)  # type: ignore[union-attr]
        flaw = self._flaw(self.runner.latest) or self._duty.take(instruction, now)
        if flaw is not None:
            self.session.progress(key, InstructionStatus.REJECTED, now=now)
            return
        self._waiting = key
        self.session.progress(key, InstructionStatus.NEW, now=now)
        self._apply(now)

    def _flaw(self, reading: Reading | None) -> str | None:
        if reading is None or reading.is_ready or isinstance(self.runner.shape, Program):
            return None
        return "it takes no orders now"

    def _apply(self, now: datetime) -> None:
        due = self._duty.due(now)
        if not due.is_due:
            return
        if due.power_kw == self.runner.wanted_kw and self.runner.is_told:
            self._written(due.power_kw, None)
        else:
            self.runner.want(due.power_kw)

    def _written(self, power_kw: float | None, refusal: str | None) -> None:
        """The device took an order, or refused it: the instruction behind it is started, or rejected."""
        key, now = self._waiting, self._clock()
        due = self._duty.due(now)
        if key is None or not due.is_due or due.power_kw != power_kw:
            return
        if refusal is None:
            self._waiting = None
            self._duty.done(now)
            self.session.progress(key, InstructionStatus.ACCEPTED, now=now)
            self.session.progress(key, InstructionStatus.STARTED, now=now)
        elif self.runner.is_refused_for_good:
            self._waiting = None
            self.session.progress(key, InstructionStatus.REJECTED, now=now)
        for message in self._duty.news(self.runner.latest or Reading(), now):
            self.session.send(message, now)
