"""Orders of one market and period as equally long arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.markets.errors import (
    OrderDuplicateError,
    OrderError,
    OrderNotFiniteError,
    OrderNotPositiveError,
    OrderNotWholeError,
    OrderOversizedError,
    OrderPriceError,
    OrderSideError,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BUY: Final = 1
SELL: Final = -1
PREFER_NEIGHBOR: Final = 1
PREFER_GREEN: Final = 2
LARGEST_VALUE_NANO: Final = 2**62


@dataclass(frozen=True, slots=True)
class Limits:
    """The most energy of an order [Wh], and the bounds of its price [1e-6 currency/kWh].

    A market sets them as tight as its homes and tariffs allow: all orders together must be worth less than 2**62 nano,
    which a handful of orders at these widest limits are not.
    """

    most_wh: int = 1_000_000_000
    least_price_micro: int = -1_000_000_000
    most_price_micro: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Orders:
    """N orders; every array has shape (N,). Build them with `make_orders`, which checks them.

    Attributes
    ----------
    key
        Unique number of the order; the last word where nothing else decides.
    side
        +1 bid, -1 offer.
    price_micro
        Limit [1e-6 currency/kWh].
    quantity_wh
        Most energy [Wh], > 0.
    participant
        Whose order it is.
    priority
        Class that goes first at equal prices, the smallest first.
    placed
        When it came, in any unit that grows with time; used by pairwise mechanisms at equal prices.
    location
        Node, zone or neighborhood.
    green
        Of an offer: energy of renewable origin.
    preference
        Of a bid: sum of PREFER_NEIGHBOR and PREFER_GREEN.
    """

    key: Ints
    side: Ints
    price_micro: Ints
    quantity_wh: Ints
    participant: Ints
    priority: Ints
    placed: Ints
    location: Ints
    green: Bools
    preference: Ints

    def __len__(self) -> int:
        return len(self.key)

    @property
    def bids(self) -> Ints:
        """Indices of the bids."""
        return np.flatnonzero(self.side == BUY)

    @property
    def offers(self) -> Ints:
        """Indices of the offers."""
        return np.flatnonzero(self.side == SELL)

    def take(self, index: Ints | Bools) -> "Orders":
        """Return the orders at some indices, or where a mask is true."""
        return Orders(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def make_orders(
    *,
    side: ArrayLike,
    price_micro: ArrayLike,
    quantity_wh: ArrayLike,
    key: ArrayLike | None = None,
    participant: ArrayLike | None = None,
    priority: ArrayLike = 0,
    placed: ArrayLike = 0,
    location: ArrayLike = 0,
    green: ArrayLike = False,
    preference: ArrayLike = 0,
    limits: Limits | None = None,
) -> Orders:
    """Check arrays (N,), or one value for all, and return them as orders.

    Without keys orders are numbered as they stand; without participants each order is of its own.

    Raises
    ------
    OrderError
        Or the subclass that says why, for the first order that is refused, by its position. `screen` of
        `vpp.markets.screening` sorts bad orders out instead, and finds those of one participant that cross.
    """
    sides = np.atleast_1d(np.asarray(side))
    count = len(sides)
    numbers = np.arange(count)
    columns: dict[str, ArrayLike] = {
        "key": numbers if key is None else key,
        "side": sides,
        "price_micro": price_micro,
        "quantity_wh": quantity_wh,
        "participant": numbers if participant is None else participant,
        "priority": priority,
        "placed": placed,
        "location": location,
        "preference": preference,
    }
    whole = {name: _whole(name, value=values, count=count) for name, values in columns.items()}
    colors = np.array(_broadcast("green", value=green, count=count), np.bool_)
    orders = Orders(green=colors, **whole)
    _check(orders, limits or Limits())
    return orders


def _broadcast(name: str, *, value: ArrayLike, count: int) -> NDArray[Any]:
    try:
        return np.broadcast_to(np.asarray(value), (count,))
    except ValueError:
        raise OrderError(f"{name} has not one value for each of {count} orders") from None


def _whole(name: str, *, value: ArrayLike, count: int) -> Ints:
    array = _broadcast(name, value=value, count=count)
    if array.dtype.kind == "f":
        _refuse(~np.isfinite(array), OrderNotFiniteError, detail=f"{name} is not finite")
        _refuse(array != np.rint(array), OrderNotWholeError, detail=f"{name} is no whole number")
        _refuse(
            np.abs(array) > 2.0**53, OrderOversizedError, detail=f"{name} is too large for an exact number"
        )
    elif array.dtype.kind not in "iub" or (array.dtype.kind == "u" and bool((array > 2**63 - 1).any())):
        raise OrderError(f"{name} is made of {array.dtype}, not of whole numbers")
    return array.astype(np.int64)


def _refuse(bad: Bools, error: type[OrderError], *, detail: str) -> None:
    if bad.any():
        raise error(f"order {int(np.argmax(bad))}: {detail}")


def _check(orders: Orders, limits: Limits) -> None:
    price, quantity = orders.price_micro, orders.quantity_wh
    _refuse(np.abs(orders.side) != 1, OrderSideError, detail="side is neither 1 nor -1")
    _refuse(quantity <= 0, OrderNotPositiveError, detail="quantity is not above 0 Wh")
    _refuse(quantity > limits.most_wh, OrderOversizedError, detail=f"quantity is above {limits.most_wh} Wh")
    outside = (price < limits.least_price_micro) | (price > limits.most_price_micro)
    _refuse(outside, OrderPriceError, detail="price is outside the market's bounds")
    if len(orders):
        check_total(quantity, price)
        _check_keys(orders.key)


def check_total(quantity_wh: Ints, price_micro: Ints) -> None:
    """Refuse orders [Wh], [1e-6 currency/kWh] whose value cannot be counted exactly in 64 bits.

    Raises
    ------
    OrderOversizedError
        Where the sum of quantities times the largest price is 2**62 nano or more.
    """
    largest = max(1, int(np.abs(price_micro).max(initial=0)))
    if float(quantity_wh.sum(dtype=np.float64)) * largest >= LARGEST_VALUE_NANO:
        raise OrderOversizedError("the orders are worth more together than can be counted exactly")


def _check_keys(key: Ints) -> None:
    if len(key) > 1 and bool((np.diff(key) > 0).all()):
        return
    ordered = np.sort(key)
    same = ordered[1:] == ordered[:-1]
    if same.any():
        raise OrderDuplicateError(f"key {int(ordered[1:][same][0])} is used twice")


def concatenate(parts: Sequence[Orders]) -> Orders:
    """Return the orders of several, one after another.

    Raises
    ------
    OrderDuplicateError
        Where two have one key.
    """
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Orders)
    }
    _check_keys(joined["key"])
    return Orders(**joined)
