"""The continuous order book with price and time priority.

As in the single intraday coupling of Regulation (EU) 2015/1222, Art. 51 to 60, and in D. Friedman, "The double auction
market institution: a survey" (1993): an incoming order meets the best resting order of the other side, the earlier
one where prices are equal, at the resting order's price, until it is used up or nothing matches; the rest of it stays
in the book. Two heaps and a table of what is left; a cancelled order leaves its heap when it gets to the top.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, NamedTuple

import numpy as np

from vpp.markets.errors import OrderDuplicateError, OrderUnknownError, WashTradeError
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, Trades, with_payments

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="welfare depends on the order of arrival",
)


class BookOrder(NamedTuple):
    """A limit order: +1 bid or -1 offer, price [1e-6 currency/kWh], quantity [Wh] > 0; `rests` or lapses."""

    key: int
    side: int
    price_micro: int
    quantity_wh: int
    participant: int
    rests: bool = True


class BookTrade(NamedTuple):
    """A trade of two orders, by their keys: energy [Wh] at the resting order's price [1e-6 currency/kWh]."""

    bid: int
    offer: int
    energy_wh: int
    price_micro: int


class ContinuousBook:
    """A book of one product; orders come one at a time."""

    def __init__(self) -> None:
        # Entries are (-side * price, arrival, key, participant): the smallest is the best and earliest.
        self._sides: dict[int, list[tuple[int, int, int, int]]] = {1: [], -1: []}
        self._left: dict[int, int] = {}
        self._seen: set[int] = set()

    def submit(self, order: BookOrder) -> list[BookTrade]:
        """Match an order and return its trades; what is left rests, where it may.

        Raises
        ------
        OrderDuplicateError
            For a key that was used before.
        WashTradeError
            Where it would meet an order of the same participant; then nothing of it trades.
        """
        if order.key in self._seen:
            raise OrderDuplicateError(f"key {order.key} was used before")
        other = self._sides[-order.side]
        limit = -order.side * order.price_micro
        if other and limit + other[0][0] <= 0:
            self._refuse_wash(order)
        self._seen.add(order.key)
        trades, left = self._match(order, other)
        if left and order.rests:
            self._left[order.key] = left
            entry = (limit, len(self._seen), order.key, order.participant)
            heappush(self._sides[order.side], entry)
        return trades

    def cancel(self, key: int) -> int:
        """Take an order out and return what was left of it [Wh].

        Raises
        ------
        OrderUnknownError
            Where it is not in the book.
        """
        try:
            return self._left.pop(key)
        except KeyError:
            raise OrderUnknownError(f"order {key} is not in the book") from None

    def best(self, side: int) -> int | None:
        """Return the best resting price of a side [1e-6 currency/kWh]; None where it is empty."""
        heap, left = self._sides[side], self._left
        while heap and heap[0][2] not in left:
            heappop(heap)
        return -side * heap[0][0] if heap else None

    def depth(self, side: int) -> list[tuple[int, int]]:
        """Return a side's (price [1e-6 currency/kWh], energy [Wh]) levels, the best first."""
        levels: dict[int, int] = {}
        for price, _, key, _ in sorted(self._sides[side]):
            if key in self._left:
                levels[-side * price] = levels.get(-side * price, 0) + self._left[key]
        return list(levels.items())

    def left_wh(self, key: int) -> int:
        """Return what is left of a resting order [Wh]; 0 where it does not rest."""
        return self._left.get(key, 0)

    def _match(self, order: BookOrder, other: list[tuple[int, int, int, int]]) -> tuple[list[BookTrade], int]:
        left, trades = self._left, []
        wanted, buys = order.quantity_wh, order.side > 0
        limit = -order.side * order.price_micro
        while wanted and other and limit + other[0][0] <= 0:
            key = other[0][2]
            available = left.get(key, 0)
            energy = min(wanted, available)
            if energy:
                price = order.side * other[0][0]
                pair = (order.key, key) if buys else (key, order.key)
                trades.append(BookTrade(*pair, energy, price))
            wanted -= energy
            if energy < available:
                left[key] = available - energy
            else:
                left.pop(key, None)
                heappop(other)
        return trades, wanted

    def _refuse_wash(self, order: BookOrder) -> None:
        """Look whether the orders that would be met include one of the same participant."""
        other = self._sides[-order.side]
        limit, wanted, popped = -order.side * order.price_micro, order.quantity_wh, []
        try:
            while wanted > 0 and other and limit + other[0][0] <= 0:
                entry = heappop(other)
                if entry[2] not in self._left:
                    continue
                popped.append(entry)
                if entry[3] == order.participant:
                    raise WashTradeError(
                        f"order {order.key} would meet order {entry[2]} of the same participant"
                    )
                wanted -= self._left[entry[2]]
        finally:
            for entry in popped:
                heappush(other, entry)


@dataclass(frozen=True, slots=True)
class BookRun:
    """What became of N orders put through a book: the clearing and the indices of those refused as wash trades."""

    clearing: Clearing
    refused: Ints


def run_book(orders: Orders) -> BookRun:
    """Put N orders through an empty book in the order of `placed`, then `key`.

    Returns
    -------
    BookRun
        Trades in their order, each at the resting order's price.
    """
    book, found, refused = ContinuousBook(), [], []
    arrival = np.lexsort((orders.key, orders.placed))
    columns = (orders.side, orders.price_micro, orders.quantity_wh, orders.participant)
    rows = zip(arrival.tolist(), *(column[arrival].tolist() for column in columns), strict=True)
    for row in rows:
        try:
            found += book.submit(BookOrder(*row))
        except WashTradeError:
            refused.append(row[0])
    table = np.array(found, np.int64).reshape(-1, 4)
    trades = Trades(table[:, 0], table[:, 1], table[:, 2], table[:, 3])
    return BookRun(clearing_of_trades(orders, trades), np.array(sorted(refused), np.int64))


def clearing_of_trades(orders: Orders, trades: Trades) -> Clearing:
    """Return the clearing that consists of trades between N orders."""
    fill, pay = np.zeros(len(orders), np.int64), np.zeros(len(orders), np.int64)
    money = trades.energy_wh * trades.price_micro
    for index, sign in ((trades.bid, 1), (trades.offer, -1)):
        np.add.at(fill, index, trades.energy_wh)
        np.add.at(pay, index, sign * money)
    return with_payments(orders, fill_wh=fill, pay_nano=pay, trades=trades)
