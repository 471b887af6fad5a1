"""The support function of devices without losses: the dearest profile of each, all at once."""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.flexibility.bounds import BoundsError, FlexibilityBounds
from vpp.flexibility.support_kernel import Order, Planes, fill_all

Floats = NDArray[np.float64]
Path = Literal["auto", "compiled", "numpy"]
# A sum over many devices of this many cells at once: what stands in the cache of a small machine.
CELLS: Final = 2_000_000

# An oracle: prices (T,) in, for each device the profile (N, T) [kW] with the least sum_t price_t * p_t.
Oracle = Callable[[Floats], Floats]


def greedy_profiles(bounds: FlexibilityBounds, prices: ArrayLike, *, path: Path = "auto") -> Floats:
    """The cheapest profile (N, T) [kW] of each device, by the greedy of a generalized polymatroid.

    Intervals and prefixes form a laminar family, so what a device can do is a generalized polymatroid, and linear
    programs over it are solved greedily. The greedy here goes through time and keeps, for every device, how much of
    each interval's room is still open, in the order of price, which is the same for all devices: a most energy that
    would be passed closes the dearest open room, a least energy that would be missed takes the cheapest. O(N T^2)
    steps, no solver.

    Parameters
    ----------
    prices
        (T,) [currency/kWh]; negative ones are paid for taking.
    path
        "compiled" uses numba, "numpy" needs nothing; both give the same to rounding. "auto" compiles where numba
        is there and the fleet is large enough to be worth the wait.

    Raises
    ------
    BoundsError
        For prices that are no finite numbers or do not fit.

    Notes
    -----
    Mukhi, Loho, Abate, arXiv 2503.23458 (generalized polymatroids of devices and their Minkowski sums); Frank,
    Connections in Combinatorial Optimization (2011) for the greedy. Ties of price are broken by time.
    """
    cost = _checked_prices(bounds, prices)
    order = np.argsort(cost, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    sorted_prices = Order(order, rank, int(np.count_nonzero(cost < 0)))
    if path == "compiled" or (path == "auto" and _is_worth_compiling(bounds)):
        return _compiled(bounds, sorted_prices)
    size = max(1, CELLS // len(cost))
    parts = [
        _greedy(bounds, slice(first, first + size), prices=sorted_prices)
        for first in range(0, len(bounds.least_kw), size)
    ]
    return np.concatenate(parts)


def aggregate_support(bounds: FlexibilityBounds, prices: ArrayLike, *, path: Path = "auto") -> float:
    """sigma(c) = max sum_t c_t P_t over all the aggregate can do [price * kW], exact: the sum of the devices' own.

    Parameters
    ----------
    prices
        (T,) the direction c.
    """
    direction = np.asarray(prices, dtype=np.float64)
    return float(greedy_profiles(bounds, -direction, path=path).sum(axis=0) @ direction)


def greedy_oracle(bounds: FlexibilityBounds, *, path: Path = "auto") -> Oracle:
    """The oracle of these devices, for `solve_over_aggregate`."""
    return lambda prices: greedy_profiles(bounds, prices, path=path)


def joined_oracle(*oracles: Oracle) -> Oracle:
    """The oracle of several fleets together, whatever each consists of: their devices one after the other."""
    return lambda prices: np.concatenate([oracle(prices) for oracle in oracles])


def _checked_prices(bounds: FlexibilityBounds, prices: ArrayLike) -> Floats:
    cost = np.asarray(prices, dtype=np.float64)
    if cost.shape != bounds.least_kw.shape[1:]:
        raise BoundsError(f"prices of shape {cost.shape} do not fit {bounds.least_kw.shape[1]} intervals")
    if not np.isfinite(cost).all():
        raise BoundsError("a price is not a finite number")
    return cost


def _is_worth_compiling(bounds: FlexibilityBounds) -> bool:
    return bounds.least_kw.size >= CELLS and find_spec("numba") is not None


def _greedy(bounds: FlexibilityBounds, part: slice, *, prices: Order) -> Floats:
    """`open_` (N, T) is the room [kWh] left in each interval, cheapest first; `taken` what is used for sure."""
    low = bounds.least_kw[part] * bounds.step_h
    room = bounds.most_kw[part] * bounds.step_h - low
    least, most = bounds.least_kwh[part], bounds.most_kwh[part]
    open_, taken = np.zeros_like(room), np.zeros_like(room)
    sure = np.zeros(len(room))
    for step in range(room.shape[1]):
        open_[:, prices.rank[step]] = room[:, step]
        sure += low[:, step]
        lacking = least[:, step] - sure
        rows = np.flatnonzero(lacking > 0)
        if len(rows):
            used = _first(open_[rows], lacking[rows])
            open_[rows] -= used
            taken[rows] += used
            sure[rows] += used.sum(axis=1)
        over = sure + open_.sum(axis=1) - most[:, step]
        rows = np.flatnonzero(over > 0)
        if len(rows):
            open_[rows] -= _first(open_[rows][:, ::-1], over[rows])[:, ::-1]
    taken[:, : prices.wanted] += open_[:, : prices.wanted]
    energy = low
    energy[:, prices.order] += taken
    return np.asarray(energy / bounds.step_h)


def _first(room: Floats, amount: Floats) -> Floats:
    """How much of each cell an amount takes that fills them from the left."""
    before = np.cumsum(room, axis=1) - room
    return np.clip(amount[:, None] - before, 0.0, room)


@cache
def _kernel() -> Callable[[Planes, Order], Floats]:
    from numba import njit

    kernel: Callable[[Planes, Order], Floats] = njit(nogil=True)(fill_all)
    return kernel


def _compiled(bounds: FlexibilityBounds, prices: Order) -> Floats:
    planes = (
        bounds.least_kw * bounds.step_h,
        bounds.most_kw * bounds.step_h,
        bounds.least_kwh,
        bounds.most_kwh,
    )
    ready = Planes(*(np.ascontiguousarray(plane, dtype=np.float64) for plane in planes))
    return np.asarray(_kernel()(ready, prices) / bounds.step_h)


def possible(bounds: FlexibilityBounds, profiles: Floats, *, tolerance: float = 1e-9) -> NDArray[np.bool_]:
    """(N,) whether each profile (N, T) [kW] keeps within the bounds of its device, to `tolerance` [kW, kWh]."""
    energy = np.cumsum(profiles, axis=1) * bounds.step_h
    powers = (profiles >= bounds.least_kw - tolerance) & (profiles <= bounds.most_kw + tolerance)
    energies = (energy >= bounds.least_kwh - tolerance) & (energy <= bounds.most_kwh + tolerance)
    return np.asarray((powers & energies).all(axis=1))
