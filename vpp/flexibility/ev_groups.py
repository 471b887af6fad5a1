"""All that a fleet of charging cars can do together, exactly, at a size that does not depend on how many they are."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class EvGroupError(VppError):
    """Cars that are no cars: NaN, reversed windows or needs, more energy than the window has room for."""

    code = "invalid_ev_fleet"


@dataclass(frozen=True)
class EvFleet:
    """N cars that only charge (V1G), each in one window of whole intervals.

    Attributes
    ----------
    steps, step_h
        T intervals of `step_h` [h].
    arrival, departure
        (N,) first interval of the window and the first after it, 0 <= arrival < departure <= T.
    charge_kw
        (N,) greatest power [kW], >= 0; the least is 0.
    least_kwh, most_kwh
        (N,) bounds of the energy charged by departure [kWh], 0 <= least <= most; more than the window has room for
        may be allowed, not needed.

    Raises
    ------
    EvGroupError
        Naming the cars.
    """

    steps: int
    step_h: float
    arrival: Integers
    departure: Integers
    charge_kw: Floats
    least_kwh: Floats
    most_kwh: Floats

    def __post_init__(self) -> None:
        shapes = {
            np.shape(one)
            for one in (self.arrival, self.departure, self.charge_kw, self.least_kwh, self.most_kwh)
        }
        if len(shapes) != 1 or len(next(iter(shapes))) != 1 or next(iter(shapes)) == (0,):
            raise EvGroupError(f"columns of shapes {sorted(shapes)} do not describe the same cars")
        if self.steps < 1 or not (np.isfinite(self.step_h) and self.step_h > 0):
            raise EvGroupError(f"{self.steps} intervals of {self.step_h!r} h are none")
        window = (self.arrival >= 0) & (self.arrival < self.departure) & (self.departure <= self.steps)
        _refuse(~window, "has a window that is none or not within the horizon")
        powers = np.isfinite(self.charge_kw) & (self.charge_kw >= 0)
        _refuse(~powers, "has a power that is not a finite number of 0 or more")
        needs = (self.least_kwh >= 0) & (self.least_kwh <= self.most_kwh) & np.isfinite(self.most_kwh)
        _refuse(~needs, "has needs that are negative, reversed or no numbers")
        room = (self.departure - self.arrival) * self.charge_kw * self.step_h
        _refuse(self.least_kwh > room + 1e-9, "needs more energy than its window has room for")

    @property
    def step_kwh(self) -> Floats:
        """(N,) greatest energy of an interval [kWh]."""
        return self.charge_kw * self.step_h

    @cached_property
    def groups(self) -> "EvGroups":
        """The cars grouped by window."""
        return _group(self)


@dataclass(frozen=True)
class EvGroups:
    """G windows, each with the sums over its cars of what k intervals of it can hold [kWh].

    `most_of[g, k]` is the most that any k intervals of the window can take together, `least_of[g, k]` the least; both
    (G, T+1), constant past the window's length. Their differences along k are the sums of the cars' major and minor
    vectors; together they are the generalized polymatroid of the group.
    """

    arrival: Integers
    departure: Integers
    most_of: Floats
    least_of: Floats
    group_of: Integers


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    cars = np.flatnonzero(bad)
    if len(cars):
        more = f" and {len(cars) - 5} more" if len(cars) > 5 else ""
        raise EvGroupError(f"car {', '.join(str(car) for car in cars[:5])}{more} {what}")


def _group(fleet: EvFleet) -> EvGroups:
    keys = fleet.arrival.astype(np.int64) * (fleet.steps + 1) + fleet.departure
    windows, group_of = np.unique(keys, return_inverse=True)
    arrival, departure = windows // (fleet.steps + 1), windows % (fleet.steps + 1)
    most_of, least_of = (np.zeros((len(windows), fleet.steps + 1)) for _ in range(2))
    ordered = np.argsort(group_of, kind="stable")
    starts = np.searchsorted(group_of[ordered], np.arange(len(windows) + 1))
    for group, (first, last) in enumerate(pairwise(starts)):
        cars = ordered[first:last]
        length = int(departure[group] - arrival[group])
        count = np.arange(length + 1)[:, None]
        step = fleet.step_kwh[cars]
        most = np.minimum(count * step, fleet.most_kwh[cars]).sum(axis=1)
        least = np.maximum(0.0, fleet.least_kwh[cars] - (length - count) * step).sum(axis=1)
        most_of[group, : length + 1], most_of[group, length:] = most, most[-1]
        least_of[group, : length + 1], least_of[group, length:] = least, least[-1]
    return EvGroups(arrival, departure, most_of, least_of, group_of)


def most_energy(fleet: EvFleet, intervals: ArrayLike) -> float:
    """b(A): the most energy [kWh] the fleet can charge in a set A of intervals, given as a mask (T,). O(groups)."""
    groups, counts = fleet.groups, _counts(fleet, intervals)
    return float(groups.most_of[np.arange(len(counts)), counts].sum())


def least_energy(fleet: EvFleet, intervals: ArrayLike) -> float:
    """p(A): the least energy [kWh] the fleet must charge in a set A of intervals, given as a mask (T,)."""
    groups, counts = fleet.groups, _counts(fleet, intervals)
    return float(groups.least_of[np.arange(len(counts)), counts].sum())


def cheapest_power(fleet: EvFleet, prices: ArrayLike) -> Floats:
    """The fleet's cheapest power (T,) [kW] at prices (T,) [currency/kWh]: the greedy on the summed vectors.

    Exact: intervals with a price below 0 are filled from the cheapest on by the major vector, the rest only as far as
    the needs force it, by the minor vector. Independent of the number of cars once they are grouped.

    Raises
    ------
    EvGroupError
        For prices that are no finite numbers or do not fit.

    Notes
    -----
    Mukhi, Abate, arXiv 2306.16824 and 2405.08232 (charging cars as permutahedra, their sums by window).
    """
    groups = fleet.groups
    windows = (groups.arrival, groups.departure)
    power = _greedy(fleet, prices, windows=windows, sums=(groups.most_of, groups.least_of))
    return np.asarray(power.sum(axis=0))


def cheapest_profiles(fleet: EvFleet, prices: ArrayLike) -> Floats:
    """Each car's part (N, T) [kW] of `cheapest_power`: the exact disaggregation, and the oracle for mixtures."""
    count = np.arange(fleet.steps + 1)
    length = (fleet.departure - fleet.arrival)[:, None]
    step = fleet.step_kwh[:, None]
    within = np.minimum(count, length)
    most = np.minimum(within * step, fleet.most_kwh[:, None])
    least = np.maximum(0.0, fleet.least_kwh[:, None] - (length - within) * step)
    return _greedy(fleet, prices, windows=(fleet.arrival, fleet.departure), sums=(most, least))


def _greedy(
    fleet: EvFleet, prices: ArrayLike, *, windows: tuple[Integers, Integers], sums: tuple[Floats, Floats]
) -> Floats:
    """Power (rows, T) [kW] of rows with a window and sums each."""
    cost = np.asarray(prices, dtype=np.float64)
    if cost.shape != (fleet.steps,) or not np.isfinite(cost).all():
        raise EvGroupError(f"prices must be {fleet.steps} finite numbers")
    (arrival, departure), (most, least) = windows, sums
    order = np.argsort(cost, kind="stable")
    inside = (order >= arrival[:, None]) & (order < departure[:, None])
    place = np.cumsum(inside, axis=1)
    length = (departure - arrival)[:, None]
    rows = np.arange(len(arrival))[:, None]
    # The k-th cheapest interval of a window: its major entry, or the minor one counted from the dearest.
    major = most[rows, place] - most[rows, np.maximum(place - 1, 0)]
    minor = least[rows, np.minimum(length - place + 1, fleet.steps)] - least[rows, length - place]
    energy = np.zeros(inside.shape)
    energy[:, order] = np.where(inside, np.where(cost[order] < 0, major, minor), 0.0)
    return np.asarray(energy / fleet.step_h)


def _counts(fleet: EvFleet, intervals: ArrayLike) -> Integers:
    mask = np.asarray(intervals, dtype=bool)
    if mask.shape != (fleet.steps,):
        raise EvGroupError(f"a set of intervals needs {fleet.steps} truths, not shape {mask.shape}")
    before = np.concatenate([[0], np.cumsum(mask)])
    return np.asarray(before[fleet.groups.departure] - before[fleet.groups.arrival])
