"""Which instructions the hub holds, what it says about them, and which interval is to be executed now."""

from collections.abc import Collection, Sequence

import msgspec

from vpp.energy_manager.controllers.flaws import flaw_of, kinds_of
from vpp.energy_manager.controllers.periods import (
    Capacity,
    capacity_of,
    ends_at,
    index_of,
    is_valid,
    tightest,
)
from vpp.energy_manager.payload_takers import PayloadTaker
from vpp.protocols.link.messages import Instruction, InstructionState, InstructionStatus
from vpp.units import MS_PER_DAY

# How long a finished or revoked instruction is remembered, so that its late copies are known as such.
_KEPT_MS = MS_PER_DAY


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
    """Instructions by id; whose turn it is where several are valid at once follows from their kind."""

    def __init__(self, controllable: Collection[str], takers: Sequence[PayloadTaker] = ()) -> None:
        self._controllable = controllable
        self._takers = takers
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
        if not kinds_of(instruction):
            return self._revoke(instruction, now_ms)
        flaw = flaw_of(instruction, controllable=self._controllable, takers=self._takers)
        if flaw:
            return [_notice(instruction, "rejected", at=now_ms, reason=flaw)]
        if ends_at(instruction) <= now_ms:
            return [_notice(instruction, "expired", at=now_ms, reason="its time was over when it arrived")]
        self._keep(instruction, "acknowledged")
        return [_notice(instruction, "acknowledged", at=now_ms)]

    def tick(self, now_ms: int, *, connected: bool = True) -> list[Notice]:
        """What time alone has changed: begun, missed, forgotten; `connected` if the cloud was heard lately."""
        notices = []
        executed = self._executed(now_ms, connected=connected)
        for entry in list(self._entries.values()):
            instruction = entry.instruction
            if entry.state == "acknowledged" and any(one is instruction for one in executed):
                entry.state = "applied"
                notices.append(_notice(instruction, "applied", at=now_ms))
            elif entry.state == "acknowledged" and ends_at(instruction) <= now_ms:
                entry.state, entry.reason = "expired", "it ended before any of it was executed"
                notices.append(_notice(instruction, "expired", at=now_ms, reason=entry.reason))
            if max(ends_at(instruction), instruction.expires_at) + _KEPT_MS < now_ms:
                del self._entries[instruction.id]
        return notices

    def active(self, now_ms: int) -> tuple[Instruction, int] | None:
        """The instruction whose schedule is to be executed now, and its interval."""
        for entry in self._by_rank(now_ms):
            schedule = entry.instruction.schedule
            index = None if schedule is None else index_of(schedule, now_ms)
            if index is not None:
                return entry.instruction, index
        return None

    def droop(self, now_ms: int) -> Instruction | None:
        """The instruction whose droop settings hold now, if any."""
        holding = [
            entry
            for entry in self._entries.values()
            if entry.instruction.droop and is_valid(entry.instruction, now_ms)
        ]
        return max(holding, key=lambda entry: entry.order).instruction if holding else None

    def capacity(self, now_ms: int, *, connected: bool) -> Capacity:
        """The tightest limits of the grid connection that hold now."""
        return tightest(capacity for _, capacity in self._capacities(now_ms, connected=connected))

    def payloads(self, now_ms: int) -> dict[str, tuple[Instruction, int]]:
        """The instruction whose payload holds now, and its interval, for each kind of payload."""
        found: dict[str, tuple[Instruction, int]] = {}
        for entry in self._by_rank(now_ms):
            payload = entry.instruction.device
            index = None if payload is None else index_of(payload, now_ms)
            if payload is not None and index is not None:
                found.setdefault(payload.kind, (entry.instruction, index))
        return found

    def _by_rank(self, now_ms: int) -> list[Entry]:
        """What is valid now, the most important first; among equals the one received last."""
        valid = [entry for entry in self._entries.values() if is_valid(entry.instruction, now_ms)]
        return sorted(valid, key=lambda entry: (entry.instruction.priority, -entry.order))

    def _capacities(self, now_ms: int, *, connected: bool) -> list[tuple[Instruction, Capacity]]:
        held = [entry.instruction for entry in self._entries.values() if entry.instruction.limits]
        asked = [(one, capacity_of(one, now_ms, connected=connected)) for one in held]
        return [(one, capacity) for one, capacity in asked if capacity is not None]

    def _executed(self, now_ms: int, *, connected: bool) -> list[Instruction]:
        active, droop = self.active(now_ms), self.droop(now_ms)
        return [
            *([active[0]] if active else []),
            *([droop] if droop else []),
            *(instruction for instruction, _ in self._capacities(now_ms, connected=connected)),
            *(instruction for instruction, _ in self.payloads(now_ms).values()),
        ]

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


def _notice(instruction: Instruction, state: InstructionState, *, at: int, reason: str = "") -> Notice:
    return Notice(instruction.id, instruction.revision, state, at, reason)
