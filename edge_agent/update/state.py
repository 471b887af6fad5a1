"""Which slot runs and what becomes of a new version: a state and its events, without I/O."""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from vpp.protocols.link.update import Phase, Slot

TRIALS: Final = 2
# While a version waits or is tried, its slot belongs to the launcher: nothing is downloaded.
WAITING: Final[tuple[Phase, ...]] = ("downloaded", "trial")


class UpdateState(msgspec.Struct, frozen=True):
    """All that the launcher must know; one file, replaced in one step."""

    phase: Phase = "idle"
    active: Slot = "installed"
    active_version: str = ""
    candidate: Slot | None = None
    candidate_version: str = ""
    attempts_left: int = 0
    failed_version: str = ""
    reason: str = ""

    @property
    def to_start(self) -> Slot:
        """The slot to run now."""
        return self.candidate if self.phase == "trial" and self.candidate else self.active

    @property
    def spare(self) -> Slot:
        """The slot that a new version may be unpacked into: never the one that runs."""
        return "b" if self.active == "a" else "a"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A verified version lies complete in the spare slot."""

    slot: Slot
    version: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A version will never be installed here, for a reason."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Starting:
    """The launcher is about to start an agent."""


@dataclass(frozen=True, slots=True)
class Healthy:
    """The agent that was started proved its health."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The agent on trial ended, or did not prove its health in time."""

    reason: str


Event = Unpacked | Refused | Starting | Healthy | Failed


class NotNowError(Exception):
    """An event that cannot be in this state."""


def advance(state: UpdateState, event: Event) -> UpdateState:
    """The state after an event; NotNowError for one that cannot be."""
    match event:
        case Unpacked(slot, version):
            return _unpacked(state, slot, version=version)
        case Refused(version, reason):
            return replace(state, failed_version=version, reason=reason)
        case Starting():
            return _starting(state)
        case Healthy():
            return _healthy(state)
        case Failed(reason):
            return _failed(state, reason)


def _unpacked(state: UpdateState, slot: Slot, *, version: str) -> UpdateState:
    if state.phase in WAITING:
        raise NotNowError("an earlier version waits or is on trial")
    if slot != state.spare:
        raise NotNowError(f"slot {slot} is in use")
    return replace(state, phase="downloaded", candidate=slot, candidate_version=version, reason="")


def _starting(state: UpdateState) -> UpdateState:
    """An attempt counts when it begins, so that one that takes the machine down counts as well."""
    if state.phase == "downloaded":
        return replace(state, phase="trial", attempts_left=TRIALS - 1)
    if state.phase != "trial":
        return state
    if state.attempts_left == 0:
        return _rolled_back(state, state.reason or "the trial was cut short each time")
    return replace(state, attempts_left=state.attempts_left - 1)


def _healthy(state: UpdateState) -> UpdateState:
    if state.phase != "trial" or state.candidate is None:
        return state
    return UpdateState(phase="confirmed", active=state.candidate, active_version=state.candidate_version)


def _failed(state: UpdateState, reason: str) -> UpdateState:
    if state.phase != "trial":
        return state
    if state.attempts_left == 0:
        return _rolled_back(state, reason)
    return replace(state, reason=reason)


def _rolled_back(state: UpdateState, reason: str) -> UpdateState:
    return UpdateState(
        phase="rolled_back",
        active=state.active,
        active_version=state.active_version,
        failed_version=state.candidate_version,
        reason=reason,
    )
