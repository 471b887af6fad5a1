"""When a car comes, what it needs and when it leaves, read off a home charger's measured power."""

from __future__ import annotations  # array[float] is for the type checker only

from array import array
from dataclasses import dataclass

from vpp.units import kwh_from_kw

_STEP_S = 900.0
_DAY = 96
_IDLE_KW = 0.02  # below: the charger's own consumption
_JOIN_GAP = 6  # steps; shorter pauses belong to the same visit
_MORNING = 7 * 4  # step of the day at which cars leave
_LONGEST_EARLY_VISIT = 24  # steps a car that came in the morning stays, charging time apart
_SHORTEST_VISIT_KWH = 0.3


@dataclass(frozen=True, slots=True)
class Visit:
    """A car at home during steps [arrives, departs), lacking `need_kwh` when it comes."""

    arrives: int
    departs: int
    need_kwh: float


def visits(power_kw: array[float]) -> list[Visit]:
    """The visits behind a series of charging power [kW] at 15-minute steps.

    The series tells the arrival (charging starts on arrival) and the energy. Departure is an assumption: who
    comes after noon stays until seven in the morning, who comes earlier for six hours after charging; and
    nobody stays into the next visit.
    """
    blocks = _blocks(power_kw)
    found = []
    for place, (first, last) in enumerate(blocks):
        need_kwh = sum(kwh_from_kw(power, _STEP_S) for power in power_kw[first:last])
        if need_kwh < _SHORTEST_VISIT_KWH:
            continue
        following = blocks[place + 1][0] - 1 if place + 1 < len(blocks) else len(power_kw)
        departs = max(last, min(_departure(first, last), following))
        found.append(Visit(first, departs, need_kwh))
    return found


def _blocks(power_kw: array[float]) -> list[tuple[int, int]]:
    """Steps [first, last) of charging, joined across short pauses."""
    blocks: list[tuple[int, int]] = []
    for step, power in enumerate(power_kw):
        if power <= _IDLE_KW:
            continue
        if blocks and step - blocks[-1][1] < _JOIN_GAP:
            blocks[-1] = (blocks[-1][0], step + 1)
        else:
            blocks.append((step, step + 1))
    return blocks


def _departure(first: int, last: int) -> int:
    if first % _DAY >= _DAY // 2:
        return (first // _DAY + 1) * _DAY + _MORNING
    return last + _LONGEST_EARLY_VISIT
