"""The slope-trick in numpy, many homes at once: the reference the compiled kernel is held against."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.scheduling.battery_problem import Answer, Fleet, Floats

TOLERANCE_KWH: Final = 1e-9
GROUP: Final = 256  # homes at once; their value functions of all steps are held in memory


class Segments(NamedTuple):
    """(n, K) slopes [currency/kWh] in ascending order and lengths [kWh]; unused ones are (inf, 0)."""

    slope: Floats
    length: Floats


class Value(NamedTuple):
    """Value functions after a step: from `left` to `right` [kWh], (n,)."""

    left: Floats
    right: Floats
    segments: Segments


class Cost(NamedTuple):
    """A step's own cost over the change of stored energy, from `lowest` to `highest` [kWh], (n,)."""

    lowest: Floats
    highest: Floats
    at_lowest: Floats
    segments: Segments


def solve_vectorized(fleet: Fleet) -> Answer:
    """Solve every home of the fleet."""
    homes, steps = fleet.net.shape
    answer = Answer(np.zeros(homes), np.zeros((homes, steps)), np.full(homes, -1))
    for first in range(0, homes, GROUP):
        rows = slice(first, min(first + GROUP, homes))
        part = Fleet(*(plane[rows] if len(plane) > 1 else plane for plane in fleet))
        for whole, piece in zip(answer, _solve_group(part), strict=True):
            whole[rows] = piece
    return answer


def _solve_group(fleet: Fleet) -> Answer:
    homes, steps = fleet.net.shape
    planes = Fleet(*(np.broadcast_to(plane, (homes, steps)) for plane in fleet))
    start = planes.start[:, 0]
    empty = Segments(np.empty((homes, 0)), np.empty((homes, 0)))
    values, costs = [Value(start, start, empty)], []
    total, failed = np.zeros(homes), np.full(homes, -1)
    for number in range(steps):
        cost = _cost(Fleet(*(plane[:, number] for plane in planes)))
        values[-1] = _leaked(values[-1], retention=planes.retention[:, number], drain=planes.drain[:, number])
        value, added, broken = _advance(
            values[-1], cost, least=planes.least[:, number], most=planes.most[:, number]
        )
        failed = np.where((failed < 0) & broken, number, failed)
        total += added
        values.append(value)
        costs.append(cost)
    slope, length = values[-1].segments
    down = np.where(slope < 0.0, length, 0.0)
    total += (np.where(slope < 0.0, slope, 0.0) * down).sum(axis=1)
    stored = np.minimum(values[-1].left + down.sum(axis=1), values[-1].right)
    return Answer(total, _recover(values, costs, planes=planes, end=stored), failed)


def _cost(step: Fleet) -> Cost:
    """The cost of one step; each field of `step` is (n,)."""
    giving = np.clip(-step.net, -step.discharge, 0.0)
    taking = np.clip(-step.net, 0.0, step.charge)
    out_of, into = step.discharge_efficiency, step.charge_efficiency
    slope = np.stack(
        [
            (step.sell - step.wear) * out_of,
            (step.buy - step.wear) * out_of,
            step.sell / into,
            step.buy / into,
        ],
        axis=1,
    )
    length = np.stack(
        [
            (step.discharge + giving) / out_of,
            -giving / out_of,
            taking * into,
            (step.charge - taking) * into,
        ],
        axis=1,
    )
    grid = step.net - step.discharge
    at_lowest = np.where(grid > 0.0, step.buy, step.sell) * grid + step.wear * step.discharge
    lowest, highest = -step.discharge / out_of, step.charge * into
    return Cost(lowest, highest, at_lowest, _convex(Segments(slope, length)))


def _convex(pieces: Segments) -> Segments:
    """Pool neighbors whose slopes descend, until none do: the greatest convex minorant; sorted, empty ones last."""
    slope, length = pieces.slope.copy(), pieces.length
    used = length > 0.0
    # the minorant's slope over a piece: max over starts of min over ends of the mean slope between them
    total = np.concatenate(
        [np.zeros((len(slope), 1)), np.cumsum(np.where(used, slope * length, 0.0), axis=1)], axis=1
    )
    reach = np.concatenate([np.zeros((len(slope), 1)), np.cumsum(length, axis=1)], axis=1)
    descending = _descends(slope, used)
    if descending.any():
        rows = np.flatnonzero(descending)
        slope[rows] = _minorant(total[rows], reach[rows])
    slope = np.where(used, slope, np.inf)
    return _sorted(Segments(slope, np.where(used, length, 0.0)))


def _descends(slope: Floats, used: NDArray[np.bool_]) -> NDArray[np.bool_]:
    highest = np.maximum.accumulate(np.where(used, slope, -np.inf), axis=1)
    return np.asarray((used & (slope < highest)).any(axis=1))


def _minorant(total: Floats, reach: Floats) -> Floats:
    pieces = total.shape[1] - 1
    slope = np.full((len(total), pieces), -np.inf)
    for piece in range(pieces):
        for start in range(piece + 1):
            means = [
                np.divide(
                    total[:, end] - total[:, start],
                    reach[:, end] - reach[:, start],
                    out=np.full(len(total), np.inf),
                    where=reach[:, end] > reach[:, start],
                )
                for end in range(piece + 1, pieces + 1)
            ]
            slope[:, piece] = np.maximum(slope[:, piece], np.min(means, axis=0))
    return slope


def _sorted(segments: Segments) -> Segments:
    order = np.argsort(segments.slope, axis=1, kind="stable")
    return Segments(
        np.take_along_axis(segments.slope, order, axis=1), np.take_along_axis(segments.length, order, axis=1)
    )


def _merged(one: Segments, other: Segments) -> Segments:
    return _sorted(Segments(np.hstack([one.slope, other.slope]), np.hstack([one.length, other.length])))


def _advance(
    value: Value, cost: Cost, *, least: Floats, most: Floats
) -> tuple[Value, Floats, NDArray[np.bool_]]:
    """The value functions after a step, what their left ends cost more, and where no stored energy is left."""
    lowest, highest = value.left + cost.lowest, value.right + cost.highest
    left, right = np.maximum(lowest, least), np.minimum(highest, most)
    broken = left > right + TOLERANCE_KWH
    right = np.maximum(left, right)
    slope, length = _merged(value.segments, cost.segments)
    ends = np.cumsum(length, axis=1)
    skip, keep = (left - lowest)[:, None], (right - lowest)[:, None]
    skipped = np.clip(skip - (ends - length), 0.0, length)
    added = np.where(skipped > 0.0, slope, 0.0) * skipped
    kept = np.maximum(np.minimum(ends, keep) - np.maximum(ends - length, skip), 0.0)
    slope = np.where(kept > 0.0, slope, np.inf)
    segments = _sorted(Segments(slope, kept))
    width = int((segments.length > 0.0).sum(axis=1).max(initial=0))
    narrow = Segments(segments.slope[:, :width].copy(), segments.length[:, :width].copy())
    return Value(left, right, narrow), cost.at_lowest + added.sum(axis=1), broken


def _leaked(value: Value, *, retention: Floats, drain: Floats) -> Value:
    """The value functions of the energy left after a step's leak and drain."""
    segments = Segments(value.segments.slope / retention[:, None], value.segments.length * retention[:, None])
    return Value(retention * value.left - drain, retention * value.right - drain, segments)


def _recover(values: list[Value], costs: list[Cost], *, planes: Fleet, end: Floats) -> Floats:
    """(n, T) stored energies [kWh] after each step, backwards from the end."""
    stored = np.empty((len(end), len(costs)))
    now = end
    for number in range(len(costs) - 1, -1, -1):
        stored[:, number] = now
        value = values[number]
        left_over = np.clip(now - _change(value, costs[number], stored=now), value.left, value.right)
        now = (left_over + planes.drain[:, number]) / planes.retention[:, number]
    return stored


def _change(value: Value, cost: Cost, *, stored: Floats) -> Floats:
    """(n,) changes of stored energy [kWh] in a step that ends at `stored`; of equal ones the smallest."""
    slope, length = _merged(value.segments, cost.segments)
    fill = stored - value.left - cost.lowest
    index = (np.cumsum(length, axis=1) < fill[:, None]).sum(axis=1)
    last = np.maximum((length > 0.0).sum(axis=1) - 1, 0)
    marginal = np.take_along_axis(slope, np.minimum(index, last)[:, None], axis=1)
    done = cost.lowest + _where(cost.segments, cost.segments.slope < marginal)
    rest = fill - (_where(value.segments, value.segments.slope < marginal) + done - cost.lowest)
    before = _where(value.segments, value.segments.slope == marginal)
    here = _where(cost.segments, cost.segments.slope == marginal)
    return done + np.minimum(
        np.maximum(-done, np.maximum(0.0, rest - before)), np.minimum(here, np.maximum(rest, 0.0))
    )


def _where(segments: Segments, chosen: NDArray[np.bool_]) -> Floats:
    total: Floats = np.where(chosen, segments.length, 0.0).sum(axis=1)
    return total
