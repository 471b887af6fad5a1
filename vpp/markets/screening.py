"""Orders as they come from outside: the good ones stand, each bad one gets the code of its first fault."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.markets.errors import (
    OrderCrossedError,
    OrderDuplicateError,
    OrderError,
    OrderNotFiniteError,
    OrderNotPositiveError,
    OrderNotWholeError,
    OrderOversizedError,
    OrderPriceError,
    OrderSideError,
)
from vpp.markets.orders import BUY, Bools, Ints, Limits, Orders, make_orders

CODES: tuple[type[OrderError], ...] = (
    OrderNotFiniteError,
    OrderSideError,
    OrderNotWholeError,
    OrderNotPositiveError,
    OrderOversizedError,
    OrderPriceError,
    OrderDuplicateError,
    OrderCrossedError,
)

EXACT = 2.0**53  # floating-point numbers beyond are not exact


@dataclass(frozen=True, slots=True)
class Screened:
    """What is left of N raw orders.

    Attributes
    ----------
    orders
        The good ones, in their order.
    accepted
        Their positions among the raw ones.
    rejected
        Position and error class (with its `code`) of each bad one, by position.
    """

    orders: Orders
    accepted: Ints
    rejected: tuple[tuple[int, type[OrderError]], ...]


def screen(*, limits: Limits | None = None, **columns: ArrayLike) -> Screened:
    """Sort out bad orders; columns as for `make_orders`, numbers may be floating point.

    Refused are NaN and infinity, unknown sides, fractions of units, quantities not above zero or above the limit,
    prices out of bounds, keys already used by an earlier order, and what would be a wash trade: a participant's
    bids at or above its own lowest offer, and its offers at or below its own highest bid, all of them.

    Raises
    ------
    OrderError
        Where the columns have different lengths, or no number at all.
    OrderOversizedError
        Where the good orders are worth more together than can be counted exactly.
    """
    bounds = limits or Limits()
    table = _table(columns)
    fault = _faults(table, bounds)
    alone = np.flatnonzero(fault < 0)
    crossed = _crossed({name: values[alone] for name, values in table.items()})
    fault[alone[crossed]] = CODES.index(OrderCrossedError)
    good = np.flatnonzero(fault < 0)
    kept = {name: values[good] for name, values in table.items()}
    rejected = tuple((int(at), CODES[fault[at]]) for at in np.flatnonzero(fault >= 0))
    return Screened(make_orders(limits=bounds, **kept), good, rejected)


def _table(columns: dict[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    count = len(np.atleast_1d(np.asarray(columns["side"])))
    raw: dict[str, ArrayLike] = {"key": np.arange(count), "participant": np.arange(count), **columns}
    try:
        table = {name: np.broadcast_to(np.asarray(values), (count,)) for name, values in raw.items()}
    except ValueError:
        raise OrderError(f"not every column has one value for each of {count} orders") from None
    for name, values in table.items():
        if values.dtype.kind not in "iufb":
            raise OrderError(f"{name} is made of {values.dtype}, not of numbers")
    return table


def _faults(table: dict[str, NDArray[Any]], limits: Limits) -> NDArray[np.int64]:
    """Index into CODES of the first fault of each order, -1 for none."""
    side, price, quantity = table["side"], table["price_micro"], table["quantity_wh"]
    numbers = [values for values in table.values() if values.dtype.kind == "f"]
    nothing = np.zeros(len(side), np.bool_)
    infinite = np.logical_or.reduce([nothing, *(~np.isfinite(values) for values in numbers)])
    with np.errstate(invalid="ignore"):
        broken = np.logical_or.reduce([nothing, *(values != np.rint(values) for values in numbers)])
        inexact = np.logical_or.reduce([nothing, *(np.abs(values) > EXACT for values in numbers)])
        checks = {
            OrderNotFiniteError: infinite,
            OrderSideError: np.abs(side) != 1,
            OrderNotWholeError: broken,
            OrderNotPositiveError: quantity <= 0,
            OrderOversizedError: (quantity > limits.most_wh) | inexact,
            OrderPriceError: (price < limits.least_price_micro) | (price > limits.most_price_micro),
        }
    fault = np.full(len(side), -1)
    for error, bad in reversed(checks.items()):
        fault[bad] = CODES.index(error)
    good = np.flatnonzero(fault < 0)
    _, first = np.unique(table["key"][good], return_index=True)
    again = np.setdiff1d(np.arange(len(good)), first)
    fault[good[again]] = CODES.index(OrderDuplicateError)
    return fault


def _crossed(table: dict[str, NDArray[Any]]) -> Bools:
    """Orders that could trade with one of the same participant."""
    people, who = np.unique(table["participant"], return_inverse=True)
    buys = table["side"] == BUY
    price = table["price_micro"].astype(np.float64)
    highest = np.full(len(people), -np.inf)
    lowest = np.full(len(people), np.inf)
    np.maximum.at(highest, who[buys], price[buys])
    np.minimum.at(lowest, who[~buys], price[~buys])
    return np.where(buys, price >= lowest[who], price <= highest[who])
