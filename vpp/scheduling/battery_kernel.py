"""The slope-trick kernel, home by home, in the part of Python that numba compiles.

Nothing here imports numba: `battery_oracle` compiles these functions when it first needs them, and uncompiled they
give the same answers slowly. Arguments come as named tuples, so that no call has more than two by position.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.scheduling.battery_problem import Answer, Fleet, Floats, Totals

TOLERANCE_KWH: Final = 1e-9
PIECES: Final = 4


class Work(NamedTuple):
    """Memory of one home at a time.

    Row t of `slope` [currency/kWh] and `length` [kWh] is the value function after t steps, a convex function from
    `left` to `right` [kWh], with as many segments as `counts` says; once step t has begun, it is that of the energy
    left after the leak and the drain of the step. `step_slope`, `step_length`, `step_count` are the step's own
    cost over the change of stored energy, from its lowest change `lowest` [kWh] up.
    """

    slope: Floats
    length: Floats
    counts: NDArray[np.int64]
    left: Floats
    right: Floats
    step_slope: Floats
    step_length: Floats
    step_count: NDArray[np.int64]
    lowest: Floats


class Place(NamedTuple):
    """A home and a step."""

    home: int
    step: int


def at(plane: Floats, place: Place) -> float:
    """One value of an array that may be the same for all homes or steps."""
    row = place.home if plane.shape[0] > 1 else 0
    column = place.step if plane.shape[1] > 1 else 0
    return plane[row, column]  # type: ignore[no-any-return]


def make_work(steps: int) -> Work:
    """Memory for `steps` steps."""
    width = 3 * steps + 1
    return Work(
        np.empty((steps + 1, width)), np.empty((steps + 1, width)), np.zeros(steps + 1, np.int64),
        np.empty(steps + 1), np.empty(steps + 1),
        np.empty((steps, PIECES)), np.empty((steps, PIECES)), np.zeros(steps, np.int64), np.empty(steps),
    )  # fmt: skip


def push(work: Work, piece: tuple[int, float, float]) -> None:
    """Add a piece (step, slope, length) to a step's cost, pooled with those before it until slopes ascend."""
    step, slope, length = piece
    if length <= 0.0:
        return
    last = work.step_count[step] - 1
    while last >= 0 and work.step_slope[step, last] >= slope:
        before = work.step_slope[step, last]
        whole = work.step_length[step, last] + length
        if before > slope:
            slope = before + (slope - before) * (length / whole)
        length = whole
        last -= 1
    work.step_slope[step, last + 1] = slope
    work.step_length[step, last + 1] = length
    work.step_count[step] = last + 2


class Step(NamedTuple):
    """A home's step: prices [currency/kWh], AC energies [kWh], efficiencies [1]."""

    buy: float
    sell: float
    net: float
    charge: float
    discharge: float
    into: float
    out_of: float
    wear: float


def step_of(fleet: Fleet, place: Place) -> Step:
    """Read a home's step."""
    return Step(
        at(fleet.buy, place), at(fleet.sell, place), at(fleet.net, place),
        at(fleet.charge, place), at(fleet.discharge, place),
        at(fleet.charge_efficiency, place), at(fleet.discharge_efficiency, place), at(fleet.wear, place),
    )  # fmt: skip


def describe(work: Work, given: tuple[int, Step]) -> float:
    """Write the cost of step `number` over the change of stored energy; return its cost at the lowest change."""
    number, step = given
    work.step_count[number] = 0
    work.lowest[number] = -step.discharge / step.out_of
    # AC energy at which the home neither buys nor sells, held within the charging and the discharging range
    giving = min(max(-step.net, -step.discharge), 0.0)
    taking = min(max(-step.net, 0.0), step.charge)
    out_of, into = step.out_of, step.into
    push(work, (number, (step.sell - step.wear) * out_of, (step.discharge + giving) / out_of))
    push(work, (number, (step.buy - step.wear) * out_of, -giving / out_of))
    push(work, (number, step.sell / into, taking * into))
    push(work, (number, step.buy / into, (step.charge - taking) * into))
    grid = step.net - step.discharge
    return (step.buy if grid > 0.0 else step.sell) * grid + step.wear * step.discharge


def merge(work: Work, cut: tuple[int, float, float]) -> float:
    """Merge step's cost into the value function, without `skip` [kWh] at its left; return what the skipped cost.

    `cut` is the step's number, `skip` and the `room` [kWh] that may be kept.
    """
    number, skip, room = cut
    slopes, lengths = work.slope[number], work.length[number]
    step_slopes, step_lengths = work.step_slope[number], work.step_length[number]
    new_slopes, new_lengths = work.slope[number + 1], work.length[number + 1]
    old_count, step_count = work.counts[number], work.step_count[number]
    old, own, new, skipped = 0, 0, -1, 0.0
    while (room > 0.0 or skip > 0.0) and (old < old_count or own < step_count):
        if own >= step_count or (old < old_count and slopes[old] <= step_slopes[own]):
            slope, length = slopes[old], lengths[old]
            old += 1
        else:
            slope, length = step_slopes[own], step_lengths[own]
            own += 1
        if skip > 0.0:
            gone = min(skip, length)
            skipped += gone * slope
            skip -= gone
            length -= gone
        length = min(length, room)
        room -= length
        if length > 0.0:
            if new >= 0 and new_slopes[new] == slope:
                new_lengths[new] += length
            else:
                new += 1
                new_slopes[new] = slope
                new_lengths[new] = length
    work.counts[number + 1] = new + 1
    return skipped


def leak(work: Work, given: tuple[int, float, float]) -> None:
    """Turn a value function into one of the energy left: `retention` of it, less `drain` [kWh]."""
    number, retention, drain = given
    work.left[number] = retention * work.left[number] - drain
    work.right[number] = retention * work.right[number] - drain
    if retention < 1.0:
        for index in range(work.counts[number]):
            work.slope[number, index] /= retention
            work.length[number, index] *= retention


def forward(fleet: Fleet, given: tuple[int, Work]) -> tuple[float, int]:
    """Fill the value functions of a home; return the cost at the left end of the last, and the failing step or -1."""
    home, work = given
    steps = fleet.net.shape[1]
    start = at(fleet.start, Place(home, 0))
    work.left[0], work.right[0], work.counts[0] = start, start, 0
    value = 0.0
    for number in range(steps):
        place = Place(home, number)
        step = step_of(fleet, place)
        value += describe(work, (number, step))
        leak(work, (number, at(fleet.retention, place), at(fleet.drain, place)))
        left = work.left[number] + work.lowest[number]
        right = work.right[number] + step.charge * step.into
        held_left, held_right = max(left, at(fleet.least, place)), min(right, at(fleet.most, place))
        if held_left > held_right + TOLERANCE_KWH:
            return value, number
        held_right = max(held_left, held_right)
        work.left[number + 1], work.right[number + 1] = held_left, held_right
        value += merge(work, (number, held_left - left, held_right - held_left))
    return value, -1


def best_end(work: Work, value: float) -> tuple[float, float]:
    """Return the stored energy [kWh] at the end that costs least, and that cost."""
    last = work.left.shape[0] - 1
    stored = work.left[last]
    for index in range(work.counts[last]):
        if work.slope[last, index] >= 0.0:
            break
        stored += work.length[last, index]
        value += work.slope[last, index] * work.length[last, index]
    return min(stored, work.right[last]), value


def change(work: Work, given: tuple[int, float]) -> float:
    """Return the change of stored energy [kWh] in a step that ends at `stored`; of equal ones the smallest."""
    number, stored = given
    slopes, lengths = work.slope[number], work.length[number]
    step_slopes, step_lengths = work.step_slope[number], work.step_length[number]
    old_count, step_count = work.counts[number], work.step_count[number]
    rest: float = stored - work.left[number] - work.lowest[number]
    done: float = work.lowest[number]
    old, own = 0, 0
    while old < old_count or own < step_count:
        theirs = slopes[old] if old < old_count else np.inf
        ours = step_slopes[own] if own < step_count else np.inf
        before: float = lengths[old] if theirs <= ours else 0.0
        here: float = step_lengths[own] if ours <= theirs else 0.0
        if rest <= before + here:
            return done + min(max(-done, 0.0, rest - before), here, max(rest, 0.0))
        rest -= before + here
        done += here
        old += 1 if theirs <= ours else 0
        own += 1 if ours <= theirs else 0
    return done


def recover(fleet: Fleet, given: tuple[int, float, Work, Floats]) -> None:
    """Write a home's stored energies [kWh] after each step, backwards from the end."""
    home, stored, work, out = given
    for number in range(len(out) - 1, -1, -1):
        place = Place(home, number)
        out[number] = stored
        before = stored - change(work, (number, stored))
        left_over = min(max(before, work.left[number]), work.right[number])
        stored = (left_over + at(fleet.drain, place)) / at(fleet.retention, place)


def solve_homes(fleet: Fleet) -> Answer:
    """Solve every home of the fleet."""
    homes, steps = fleet.net.shape
    answer = Answer(np.zeros(homes), np.zeros((homes, steps)), np.full(homes, -1))
    work = make_work(steps)
    for home in range(homes):
        value, failed = forward(fleet, (home, work))
        answer.failed[home] = failed
        if failed < 0:
            stored, bound = best_end(work, value)
            answer.bound[home] = bound
            recover(fleet, (home, stored, work, answer.stored[home]))
    return answer


def spend(fleet: Fleet, given: tuple[int, float, Floats, Floats]) -> float:
    """Add a home's energy from the grid [kWh] to `usage`; return what its stored energies cost."""
    home, stored, out, usage = given
    cost, before = 0.0, stored
    for number in range(len(out)):
        place = Place(home, number)
        step = step_of(fleet, place)
        change = out[number] - (at(fleet.retention, place) * before - at(fleet.drain, place))
        charge = min(max(change / step.into, 0.0), step.charge)
        discharge = min(max(-change * step.out_of, 0.0), step.discharge)
        grid = step.net + charge - discharge
        cost += (step.buy if grid > 0.0 else step.sell) * grid + step.wear * discharge
        usage[number] += grid
        before = out[number]
    return cost


def total_homes(fleet: Fleet) -> Totals:
    """Solve every home of the fleet and keep the sums only."""
    homes, steps = fleet.net.shape
    usage, out = np.zeros(steps), np.empty(steps)
    work = make_work(steps)
    bound, cost, failed = 0.0, 0.0, -1
    for home in range(homes):
        value, broken = forward(fleet, (home, work))
        if broken >= 0:
            failed = home
            break
        stored, least = best_end(work, value)
        bound += least
        recover(fleet, (home, stored, work, out))
        cost += spend(fleet, (home, at(fleet.start, Place(home, 0)), out, usage))
    return Totals(bound, cost, usage, failed)


HELPERS: Final = (
    at, make_work, push, step_of, describe, merge, leak, forward, best_end, change, recover, spend,
)  # fmt: skip
