"""Operation modes, transitions and timers, as OMBC, FRBC and DDBC share them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from s2python.generated.gen_s2 import Timer, Transition

from vpp.errors import VppError
from vpp.protocols.s2.messages import key_of
from vpp.protocols.s2.times import EARLIEST, after, seconds

_MOST_UNDESCRIBED = 32


class S2ContentError(VppError):
    """A message as the schema says that makes no sense here."""

    code = "s2_content"


class HasModes(Protocol):
    """An OMBC system, or an actuator of FRBC or DDBC."""

    operation_modes: Any
    transitions: Any
    timers: Any


@dataclass(slots=True)
class Facts:
    """Which mode is active since when, and when timers end."""

    mode: str | None = None
    factor: float = 0.0
    since: datetime = EARLIEST
    timers: dict[str, datetime] = field(default_factory=dict)


def mode_keys(described: HasModes) -> list[str]:
    """The ids of its modes, in order."""
    return [key_of(mode.id) for mode in described.operation_modes]


def check(described: HasModes) -> None:
    """Refuse modes, transitions and timers that refer to what is not there."""
    modes = mode_keys(described)
    timers = [key_of(timer.id) for timer in described.timers]
    if len(set(modes)) < len(modes) or len(set(timers)) < len(timers):
        raise S2ContentError("an operation mode or a timer is described twice")
    for transition in described.transitions:
        if not {key_of(transition.from_), key_of(transition.to)} <= set(modes):
            raise S2ContentError(f"transition {key_of(transition.id)} is between unknown operation modes")
        named = [key_of(one) for one in (*transition.start_timers, *transition.blocking_timers)]
        if not set(named) <= set(timers):
            raise S2ContentError(f"transition {key_of(transition.id)} names an unknown timer")


def check_ranges(name: str, ranges: Iterable[Any]) -> None:
    """Refuse several ranges of one quantity."""
    quantities = [one.commodity_quantity for one in ranges]
    if len(set(quantities)) < len(quantities):
        raise S2ContentError(f"{name} has two ranges of one quantity")


def check_room(kept: Mapping[str, object], key: str) -> None:
    """Refuse to keep ever more of what nothing describes."""
    if key not in kept and len(kept) >= _MOST_UNDESCRIBED:
        raise S2ContentError("too much is said before anything is described")


def take_status(facts: Facts, status: Any, *, described: HasModes | None) -> None:
    """Note the active mode, and the timers that its transition started."""
    mode = key_of(status.active_operation_mode_id)
    if not 0.0 <= status.operation_mode_factor <= 1.0:
        raise S2ContentError(f"operation mode factor {status.operation_mode_factor:g} is not within 0 and 1")
    if described is not None and mode not in mode_keys(described):
        raise S2ContentError(f"there is no operation mode {mode}")
    is_new = facts.mode != mode
    facts.mode, facts.factor = mode, status.operation_mode_factor
    began = status.transition_timestamp
    if began is None or not is_new:
        return
    facts.since = began
    previous = status.previous_operation_mode_id
    if described is not None and previous is not None:
        _start_timers(facts, described, came_from=key_of(previous))


def _start_timers(facts: Facts, described: HasModes, *, came_from: str) -> None:
    """Timers run from the transition on, also where nobody reports them."""
    transition = find(described.transitions, came_from, to=facts.mode or "")
    if transition is None:
        return
    for timer in described.timers:
        key = key_of(timer.id)
        if key in {key_of(one) for one in transition.start_timers}:
            ends = after(facts.since, timer.duration)
            facts.timers[key] = max(facts.timers.get(key, EARLIEST), ends)


def take_timer(facts: Facts, status: Any, *, timers: Sequence[Timer] | None) -> None:
    """Note when a timer ends."""
    key = key_of(status.timer_id)
    if timers is not None and key not in {key_of(timer.id) for timer in timers}:
        raise S2ContentError(f"there is no timer {key}")
    check_room(facts.timers if timers is None else {}, key)
    facts.timers[key] = status.finished_at


def keep_known(facts: Facts, described: HasModes) -> None:
    """Forget what a new description does not know any more."""
    if facts.mode not in mode_keys(described):
        facts.mode = None
    known = {key_of(timer.id) for timer in described.timers}
    facts.timers = {key: ends for key, ends in facts.timers.items() if key in known}


def find(transitions: Iterable[Transition], came_from: str, *, to: str) -> Transition | None:
    """The transition between two modes."""
    for transition in transitions:
        if key_of(transition.from_) == came_from and key_of(transition.to) == to:
            return transition
    return None


def block(described: HasModes, facts: Facts, *, to: str, now: datetime, abnormal: bool = False) -> str | None:
    """Why a mode cannot be entered now, or None. The active mode can always be kept."""
    mode = next((one for one in described.operation_modes if key_of(one.id) == to), None)
    if mode is None:
        return "it is not described"
    if facts.mode == to:
        return None
    if mode.abnormal_condition_only and not abnormal:
        return "it is for abnormal conditions only"
    if facts.mode is None:
        return None
    transition = find(described.transitions, facts.mode, to=to)
    if transition is None:
        return "there is no transition from the active mode"
    if transition.abnormal_condition_only and not abnormal:
        return "its transition is for abnormal conditions only"
    for timer in transition.blocking_timers:
        ends = facts.timers.get(key_of(timer))
        if ends is not None and now < ends:
            return f"a timer blocks it until {ends:%H:%M:%S}"
    return None


def transition_cost(described: HasModes, facts: Facts, *, to: str) -> tuple[float, float]:
    """What it costs to enter a mode, and how long it takes [s]."""
    if facts.mode is None or facts.mode == to:
        return 0.0, 0.0
    transition = find(described.transitions, facts.mode, to=to)
    if transition is None:
        return 0.0, 0.0
    return transition.transition_costs or 0.0, seconds(transition.transition_duration)


def locked_s(described: HasModes, facts: Facts, *, to: str, now: datetime) -> float:
    """How long a mode that is entered now, or kept, cannot be left for any other [s]."""
    begins_s, left_s = 0.0, {key: (ends - now).total_seconds() for key, ends in facts.timers.items()}
    entered = None if facts.mode in {None, to} else find(described.transitions, facts.mode or "", to=to)
    if entered is not None:
        begins_s = seconds(entered.transition_duration)
        started = {key_of(one) for one in entered.start_timers}
        left_s |= {
            key_of(one.id): seconds(one.duration) for one in described.timers if key_of(one.id) in started
        }
    ways_out = [one.blocking_timers for one in described.transitions if key_of(one.from_) == to]
    blocked = [max((left_s.get(key_of(one), 0.0) for one in timers), default=0.0) for timers in ways_out]
    return max(begins_s, min(blocked, default=0.0))
