"""Prices under which no accepted block loses, or loses least.

Given the fills, every period's price may lie between two bounds that the single orders set. Within them a linear
program looks for prices at which each accepted block, together with the accepted blocks that depend on it, has no
loss: the pricing problem of A. Martin, J. C. Müller and S. Pokutta, "Strict linear prices in non-convex European
day-ahead electricity markets", Optimization Methods and Software 29 (2014) 189, arXiv 1203.4177. Of all such prices
those nearest to the middle of the bounds are taken.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.markets.errors import ClearingFailedError
from vpp.markets.orders import Ints, Orders

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PriceBounds:
    """What the single orders allow, and what would be in the middle: each (T,) [1e-6 currency/kWh]."""

    low: Ints
    high: Ints
    middle: Ints


def price_bounds(orders: Orders, fill_wh: Ints, *, period: Ints, outer: tuple[Ints, Ints]) -> PriceBounds:
    """Return the prices at which fills (N,) [Wh] suit all single orders.

    Parameters
    ----------
    orders, fill_wh, period
        N orders, their fills and periods.
    outer
        Bounds (T,) where no order sets one [1e-6 currency/kWh].
    """
    low, high = outer[0].copy(), outer[1].copy()
    filled, open_ = fill_wh > 0, fill_wh < orders.quantity_wh
    buys = orders.side > 0
    at_least, at_most = (filled & ~buys) | (open_ & buys), (filled & buys) | (open_ & ~buys)
    np.maximum.at(low, period[at_least], orders.price_micro[at_least])
    np.minimum.at(high, period[at_most], orders.price_micro[at_most])
    middle = (low + high) // 2
    middle = np.where(low == outer[0], high, np.where(high == outer[1], low, middle))
    return PriceBounds(low, high, middle)


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """Prices (T,) [1e-6 currency/kWh] and the loss per condition (C,) [1e-9 currency]."""

    price_micro: Ints
    loss_nano: Floats


def find_prices(bounds: PriceBounds, *, energy_wh: Ints, worth_nano: Ints, weight: Floats) -> PriceAnswer:
    """Return prices within bounds at which `sum_t price_t energy_ct <= worth_c`, or is above it by least in sum.

    Parameters
    ----------
    bounds
        T periods.
    energy_wh, worth_nano
        Signed energy (C, T) [Wh], drawn = positive, and its worth (C,) [1e-9 currency] of each condition.
    weight
        How much a condition counts where not all can be met (C,).

    Raises
    ------
    ClearingFailedError
        Where HiGHS has no answer to a program that always has one.
    """
    scale = np.maximum(1.0, np.abs(energy_wh).sum(axis=1, dtype=np.float64))
    rows = energy_wh / scale[:, None]
    middle = bounds.middle.astype(np.float64)
    room = worth_nano / scale - rows @ middle
    free = _solve(bounds, rows=rows, room=room, weight=weight)
    spare = room + np.maximum(0.0, free[1]) + 1e-7
    final = _solve(bounds, rows=rows, room=spare, weight=None)
    price = np.clip(np.rint(middle + final[0]).astype(np.int64), bounds.low, bounds.high)
    return PriceAnswer(price, free[1] * scale)


def _solve(
    bounds: PriceBounds, *, rows: Floats, room: Floats, weight: Floats | None
) -> tuple[Floats, Floats]:
    """Return the distance to the middle (T,) and the slack (C,): least weighted slack, or least distance without."""
    from scipy.optimize import linprog

    conditions, periods = rows.shape
    slack = np.zeros(conditions) if weight is None else np.full(conditions, np.inf)
    cost = np.zeros(2 * periods + conditions)
    if weight is None:
        cost[: 2 * periods] = 1.0
    else:
        cost[2 * periods :] = weight
    # Variables: distance up, distance down, slack.
    most = np.concatenate([bounds.high - bounds.middle, bounds.middle - bounds.low, slack])
    answer = linprog(
        cost,
        A_ub=np.hstack([rows, -rows, -np.eye(conditions)]),
        b_ub=room,
        bounds=np.column_stack([np.zeros(len(most)), most]),
        method="highs",
    )
    if answer.x is None:
        raise ClearingFailedError(f"HiGHS: {answer.message}")
    return answer.x[:periods] - answer.x[periods : 2 * periods], answer.x[2 * periods :]
