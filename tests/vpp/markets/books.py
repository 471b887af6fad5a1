"""Generated orders, and checks that every mechanism has to pass."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from vpp.markets.orders import Orders, make_orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing

Row = tuple[int, int, int, int, int, int, bool, int]


def rows(most: int = 14) -> st.SearchStrategy[list[Row]]:
    """Side, price, quantity, priority, placed, location, green, preference."""
    one = st.tuples(
        st.sampled_from([1, -1]), st.integers(-3, 9), st.integers(1, 7), st.integers(0, 1),
        st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(0, 3),
    )  # fmt: skip
    return st.lists(one, min_size=0, max_size=most)


def book(table: list[Row], *, quantity: int | None = None, people: int | None = None) -> Orders:
    """Orders of a table; of `people` participants, who then keep to one side each."""
    columns = [[row[at] for row in table] for at in range(8)]
    numbers = np.arange(len(table))
    sides = np.array(columns[0], np.int64)
    participant = numbers if people is None else (numbers % people) * 2 + (sides > 0)
    return make_orders(
        side=sides,
        price_micro=np.array(columns[1], np.int64) * 1000,
        quantity_wh=np.array(columns[2], np.int64) if quantity is None else np.full(len(table), quantity),
        priority=np.array(columns[3], np.int64),
        placed=np.array(columns[4], np.int64),
        location=np.array(columns[5], np.int64),
        green=np.array(columns[6], np.bool_),
        preference=np.array(columns[7], np.int64),
        participant=participant,
    )


def best_welfare(orders: Orders) -> int:
    """The most welfare of any fills, unit by unit."""
    bids = sorted(
        np.repeat(orders.price_micro[orders.bids], orders.quantity_wh[orders.bids]).tolist(), reverse=True
    )
    offers = sorted(np.repeat(orders.price_micro[orders.offers], orders.quantity_wh[orders.offers]).tolist())
    return sum(max(0, bid - offer) for bid, offer in zip(bids, offers, strict=False))


def check(orders: Orders, clearing: Clearing, *, promised: Properties) -> None:
    """Whatever holds for every clearing, and what the mechanism promises."""
    bought, sold = (int(clearing.fill_wh[index].sum()) for index in (orders.bids, orders.offers))
    assert bought == sold == clearing.volume_wh
    assert ((clearing.fill_wh >= 0) & (clearing.fill_wh <= orders.quantity_wh)).all()
    assert clearing.account_nano == int(clearing.pay_nano.sum())
    assert clearing.welfare_nano == int((clearing.utility_nano(orders)).sum()) + clearing.account_nano
    assert clearing.account_nano == 0 if promised.budget == "strong" else clearing.account_nano >= 0
    if promised.individually_rational:
        people = np.unique(orders.participant)
        gains = [int(clearing.utility_nano(orders)[orders.participant == one].sum()) for one in people]
        assert min(gains, default=0) >= 0
        assert (clearing.pay_nano[clearing.fill_wh == 0] == 0).all()
    best = best_welfare(orders)
    assert clearing.welfare_nano == best if promised.efficient else 0 <= clearing.welfare_nano <= best


def crossing_pairs(orders: Orders, fill: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Bids and offers with energy left that could still trade with a gain."""
    open_ = np.flatnonzero(fill < orders.quantity_wh)
    price, side = orders.price_micro, orders.side
    return [
        (int(b), int(s))
        for b in open_
        for s in open_
        if side[b] == 1 and side[s] == -1 and price[b] > price[s]
    ]


def changed_price(orders: Orders, position: int, *, price_micro: int) -> Orders:
    """The same orders with another price of one."""
    prices = orders.price_micro.copy()
    prices[position] = price_micro
    return make_orders(
        side=orders.side, price_micro=prices, quantity_wh=orders.quantity_wh, key=orders.key,
        participant=orders.participant, priority=orders.priority, placed=orders.placed,
        location=orders.location, green=orders.green, preference=orders.preference,
    )  # fmt: skip
