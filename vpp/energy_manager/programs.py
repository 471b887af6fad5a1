"""Power profiles: when an appliance's program starts, pauses and goes on.

A program is scheduled at once for the last instant that ends it in time, so that it runs whatever happens to the hub,
and is moved to now as soon as the home has power to spare for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from s2python.generated.gen_s2 import PPBCPowerSequenceStatus
from s2python.ppbc import (
    PPBCEndInterruptionInstruction,
    PPBCPowerProfileDefinition,
    PPBCPowerSequence,
    PPBCPowerSequenceContainer,
    PPBCScheduleInstruction,
    PPBCStartInterruptionInstruction,
)

from vpp.energy_manager.ability import Excluded
from vpp.protocols.s2.held import ELECTRIC
from vpp.protocols.s2.messages import Message, key_of
from vpp.protocols.s2.ppbc import PowerProfiles, length_s, sequence_of
from vpp.protocols.s2.times import seconds
from vpp.units import kw_from_w

STATUS = PPBCPowerSequenceStatus
_OVER = frozenset({STATUS.FINISHED, STATUS.ABORTED})
# A start is moved only if that brings it forward by more than this [s].
_WORTH_S = 120.0
_MARGIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What decides over programs: power to spare and the most that may be drawn [kW], and by when they are to be done."""

    spare_kw: float = 0.0
    most_kw: float = float("inf")
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction for a program, and why."""

    message: Message
    choice: tuple[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class _Place:
    profile: PPBCPowerProfileDefinition
    container: PPBCPowerSequenceContainer
    sequence: PPBCPowerSequence
    latest: datetime

    def fields(self, execution_time: datetime, new_id: Callable[[], UUID]) -> dict[str, Any]:
        """What every instruction about this place says."""
        return {
            "message_id": new_id(),
            "id": new_id(),
            "power_profile_id": self.profile.id,
            "sequence_container_id": self.container.id,
            "power_sequence_id": self.sequence.id,
            "execution_time": execution_time,
            "abnormal_condition": False,
        }

    @property
    def choice(self) -> tuple[str, str]:
        """How a rejection of this sequence is remembered."""
        return key_of(self.container.id), key_of(self.sequence.id)


def element_kw(element: Any) -> float:
    """The expected electric power [kW] of an element, all phases together."""
    values = [one.value_expected for one in element.power_values if one.commodity_quantity in ELECTRIC]
    return kw_from_w(sum(values))


def mean_kw(sequence: PPBCPowerSequence) -> float:
    """The mean power [kW] of a sequence."""
    total_s = length_s(sequence)
    if total_s <= 0.0:
        return 0.0
    return sum(element_kw(one) * seconds(one.duration) for one in sequence.elements) / total_s


def peak_kw(sequence: PPBCPowerSequence) -> float:
    """The strongest power [kW] of a sequence."""
    return max((element_kw(one) for one in sequence.elements), default=0.0)


def next_step(
    held: PowerProfiles,
    conditions: Conditions,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
    planned: dict[str, datetime],
    excluded: Excluded = (),
) -> Step | None:
    """The next instruction for a resource's programs, if one is due; `planned` are starts given by container."""
    for profile in held.profiles.values():
        place = _current(held, profile, excluded=excluded, until=conditions.until)
        if place is None:
            continue
        state = held.state(key_of(profile.id), key_of(place.container.id))
        if state in {STATUS.NOT_SCHEDULED, STATUS.SCHEDULED}:
            return _schedule(place, conditions, now=now, new_id=new_id, planned=planned)
        if state == STATUS.EXECUTING:
            return _interrupt(place, conditions, now=now, new_id=new_id)
        return _resume(place, conditions, now=now, new_id=new_id)
    return None


def program_kw(held: PowerProfiles, now: datetime) -> float | None:
    """What a running program draws by its profile [kW]; None where none runs."""
    for profile in held.profiles.values():
        for container in profile.power_sequences_containers:
            status = held.status(key_of(profile.id), key_of(container.id))
            if status is None or status.status != STATUS.EXECUTING or status.selected_sequence_id is None:
                continue
            sequence = sequence_of(container, key_of(status.selected_sequence_id))
            if sequence is not None:
                return _power_at(sequence, seconds(status.progress))
    return None


def _power_at(sequence: PPBCPowerSequence, progress_s: float) -> float:
    passed = 0.0
    for element in sequence.elements:
        passed += seconds(element.duration)
        if progress_s < passed:
            return element_kw(element)
    return 0.0


def _current(
    held: PowerProfiles,
    profile: PPBCPowerProfileDefinition,
    *,
    excluded: Excluded,
    until: datetime | None,
) -> _Place | None:
    """The first container that is not over, and the sequence chosen for it."""
    containers = profile.power_sequences_containers
    for place, container in enumerate(containers):
        status = held.status(key_of(profile.id), key_of(container.id))
        if status is not None and status.status in _OVER:
            continue
        chosen = status.selected_sequence_id if status else None
        sequence = sequence_of(container, key_of(chosen)) if chosen is not None else None
        sequence = sequence or _preferred(container, excluded)
        if sequence is None:
            return None
        return _Place(
            profile,
            container,
            sequence,
            _latest(profile, [sequence, *_following(containers[place + 1 :], excluded)], until=until),
        )
    return None


def _preferred(container: PPBCPowerSequenceContainer, excluded: Excluded) -> PPBCPowerSequence | None:
    """The sequence that needs least energy of those that may be chosen."""
    key = key_of(container.id)
    may = [
        one
        for one in container.power_sequences
        if not one.abnormal_condition_only and (key, key_of(one.id)) not in excluded
    ]
    return min(may, key=lambda one: mean_kw(one) * length_s(one), default=None)


def _following(later: Sequence[PPBCPowerSequenceContainer], excluded: Excluded) -> list[PPBCPowerSequence]:
    """What is expected to run in the containers that come later."""
    return [one for container in later if (one := _preferred(container, excluded)) is not None]


def _latest(
    profile: PPBCPowerProfileDefinition, sequences: Sequence[PPBCPowerSequence], *, until: datetime | None
) -> datetime:
    """The last instant to begin these, one after another, so that they end in time."""
    total_s = sum(length_s(one) for one in sequences)
    end = profile.end_time if until is None else min(until, profile.end_time)
    return end - timedelta(seconds=min(total_s, 1e9))


def _schedule(
    place: _Place,
    conditions: Conditions,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
    planned: dict[str, datetime],
) -> Step | None:
    key = key_of(place.container.id)
    fits = place.profile.start_time <= now and peak_kw(place.sequence) <= conditions.most_kw
    spare = conditions.spare_kw >= mean_kw(place.sequence)
    if fits and spare:
        start, reason = now, f"{conditions.spare_kw:.1f} kW to spare"
    else:
        start, reason = (
            max(place.latest, place.profile.start_time),
            f"by {min(conditions.until or place.profile.end_time, place.profile.end_time):%H:%M} at the latest",
        )
    start = max(start, now)
    before = planned.get(key)
    if before is not None and (before <= now or (before - start).total_seconds() < _WORTH_S):
        return None
    planned[key] = start
    message = PPBCScheduleInstruction(**place.fields(start, new_id))
    return Step(message=message, choice=place.choice, reason=reason)


def _remaining_s(place: _Place, now: datetime) -> float:
    """How long a program can still wait [s]."""
    return (place.latest - now).total_seconds()


def _interrupt(
    place: _Place, conditions: Conditions, *, now: datetime, new_id: Callable[[], UUID]
) -> Step | None:
    too_strong = peak_kw(place.sequence) > conditions.most_kw
    if not place.sequence.is_interruptible or not too_strong or _remaining_s(place, now) < _MARGIN_S:
        return None
    message = PPBCStartInterruptionInstruction(**place.fields(now, new_id))
    return Step(message=message, choice=place.choice, reason=f"{conditions.most_kw:g} kW at most are allowed")


def _resume(
    place: _Place, conditions: Conditions, *, now: datetime, new_id: Callable[[], UUID]
) -> Step | None:
    too_strong = peak_kw(place.sequence) > conditions.most_kw
    if too_strong and _remaining_s(place, now) > _MARGIN_S:
        return None
    message = PPBCEndInterruptionInstruction(**place.fields(now, new_id))
    reason = "it has to go on to end in time" if too_strong else "there is room for it again"
    return Step(message=message, choice=place.choice, reason=reason)
