"""Which instructions the hub holds, what it says about them, and which interval is to be executed now."""

import math
from collections.abc import Iterable

import msgspec

from vpp.dispatch.droop import DroopCurve, DroopError
from vpp.intervals import index_at
from vpp.protocols.link.messages import Instruction, InstructionState, InstructionStatus, Schedule
from vpp.units import MS_PER_DAY

# How long a finished or revoked instruction is remembered, so that its late copies are known as such.
_KEPT_MS = MS_PER_DAY
_MAX_INTERVALS = 10_000


class Entry(msgspec.Struct):
    """An instruction held, and the last state reported for it."""

    instruction: Instruction
    state: InstructionState
    reason: str = ""
    order: int = 0


class Notice(msgspec.Struct, frozen=True):
    """Something to tell the cloud; its seq is given by the outbox."""

    instruction_id: str
    revision: int
    state: InstructionState
    at: int
    reason: str = ""

    def numbered(self, seq: int) -> InstructionStatus:
        """The message."""
        return InstructionStatus(seq, self.instruction_id, self.revision, self.state, self.at, self.reason)


class ScheduleBook:
    """Instructions by id. Where several are valid at once the one received last is executed."""

    def __init__(self, controllable: Iterable[str]) -> None:
        self._controllable = frozenset(controllable)
        self._entries: dict[str, Entry] = {}
        self._order = 0

    def receive(self, instruction: Instruction, now_ms: int) -> list[Notice]:
        """Take an instruction; what comes back goes to the cloud."""
        held = self._entries.get(instruction.id)
        if held and instruction.revision == held.instruction.revision:
            return [_notice(instruction, held.state, at=now_ms, reason=held.reason)]
        if held and instruction.revision < held.instruction.revision:
            reason = f"stale revision: holding {held.instruction.revision}"
            return [_notice(instruction, "rejected", at=now_ms, reason=reason)]
        if instruction.schedule is None and instruction.droop is None:
            return self._revoke(instruction, now_ms)
        flaw = self._flaw(instruction)
        if flaw:
            return [_notice(instruction, "rejected", at=now_ms, reason=flaw)]
        if _ends_at(instruction) <= now_ms:
            return [_notice(instruction, "expired", at=now_ms, reason="its time was over when it arrived")]
        self._keep(instruction, "acknowledged")
        return [_notice(instruction, "acknowledged", at=now_ms)]

    def tick(self, now_ms: int) -> list[Notice]:
        """What time alone has changed: begun, missed, forgotten."""
        notices = []
        active = self.active(now_ms)
        executed = (active[0] if active else None, self.droop(now_ms))
        for entry in list(self._entries.values()):
            instruction = entry.instruction
            if entry.state == "acknowledged" and any(one is instruction for one in executed):
                entry.state = "applied"
                notices.append(_notice(instruction, "applied", at=now_ms))
            elif entry.state == "acknowledged" and _ends_at(instruction) <= now_ms:
                entry.state, entry.reason = "expired", "it ended before any of it was executed"
                notices.append(_notice(instruction, "expired", at=now_ms, reason=entry.reason))
            if max(_ends_at(instruction), instruction.expires_at) + _KEPT_MS < now_ms:
                del self._entries[instruction.id]
        return notices

    def active(self, now_ms: int) -> tuple[Instruction, int] | None:
        """The instruction to execute now and its interval."""
        best: tuple[Instruction, int] | None = None
        best_order = -1
        for entry in self._entries.values():
            instruction = entry.instruction
            if entry.order <= best_order or not instruction.not_before <= now_ms < instruction.expires_at:
                continue
            schedule = instruction.schedule
            if schedule is None:
                continue
            index = index_at(
                now_ms,
                starts_at_ms=schedule.starts_at,
                interval_s=schedule.interval_s,
                count=_intervals(schedule),
            )
            if index is not None:
                best, best_order = (instruction, index), entry.order
        return best

    def droop(self, now_ms: int) -> Instruction | None:
        """The instruction whose droop settings hold now, if any."""
        holding = [
            entry
            for entry in self._entries.values()
            if entry.instruction.droop
            and entry.instruction.not_before <= now_ms < entry.instruction.expires_at
        ]
        return max(holding, key=lambda entry: entry.order).instruction if holding else None

    def dump(self) -> bytes:
        """What a restart needs."""
        return msgspec.json.encode(list(self._entries.values()))

    def load(self, saved: bytes) -> None:
        """Take up where an earlier process stopped."""
        entries = msgspec.json.decode(saved, type=list[Entry])
        self._entries = {entry.instruction.id: entry for entry in entries}
        self._order = max((entry.order for entry in entries), default=0)

    def _keep(self, instruction: Instruction, state: InstructionState, *, reason: str = "") -> None:
        self._order += 1
        self._entries[instruction.id] = Entry(instruction, state, reason, self._order)

    def _revoke(self, instruction: Instruction, now_ms: int) -> list[Notice]:
        self._keep(instruction, "applied", reason="revoked")
        return [_notice(instruction, "applied", at=now_ms, reason="revoked")]

    def _flaw(self, instruction: Instruction) -> str | None:
        if instruction.droop is None:
            assert instruction.schedule is not None
            return self._schedule_flaw(instruction.schedule)
        if instruction.schedule is not None:
            return "a schedule and droop settings need an instruction each"
        if "battery" not in self._controllable:
            return "there is no battery to answer the frequency with"
        try:
            curve_of(instruction)
        except DroopError as error:
            return error.detail
        return None

    def _schedule_flaw(self, schedule: Schedule) -> str | None:
        unknown = sorted(set(schedule.resources) - self._controllable)
        if unknown:
            return f"unknown or uncontrollable resource {', '.join(unknown)}"
        count = _intervals(schedule)
        series = [*schedule.resources.values(), *([schedule.site_kw] if schedule.site_kw else [])]
        if not 0 < count <= _MAX_INTERVALS:
            return f"a schedule has 1 to {_MAX_INTERVALS} intervals, not {count}"
        if any(len(values) != count for values in series):
            return "the series of the schedule differ in length"
        if any(value is not None and not math.isfinite(value) for values in series for value in values):
            return "the schedule has a power that is no number"
        return None


def curve_of(instruction: Instruction) -> DroopCurve:
    """The droop that an instruction sets; DroopError where it makes no sense."""
    assert instruction.droop is not None
    return DroopCurve(**msgspec.structs.asdict(instruction.droop))


def _intervals(schedule: Schedule) -> int:
    if schedule.site_kw:
        return len(schedule.site_kw)
    return max((len(plan) for plan in schedule.resources.values()), default=0)


def _ends_at(instruction: Instruction) -> int:
    schedule = instruction.schedule
    if schedule is None:
        return instruction.expires_at
    end = schedule.starts_at + _intervals(schedule) * schedule.interval_s * 1000
    return min(end, instruction.expires_at)


def _notice(instruction: Instruction, state: InstructionState, *, at: int, reason: str = "") -> Notice:
    return Notice(instruction.id, instruction.revision, state, at, reason)
