"""The continuous book, contracts and peer-to-peer preferences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.markets.books import Row, book, rows
from vpp.markets.continuous_book import BookOrder, ContinuousBook, run_book
from vpp.markets.contracts import Contract
from vpp.markets.errors import (
    ContractError,
    MarketError,
    OrderDuplicateError,
    OrderUnknownError,
    WashTradeError,
)
from vpp.markets.orders import PREFER_GREEN, PREFER_NEIGHBOR, make_orders
from vpp.markets.pairing import pair_fills
from vpp.markets.peer_to_peer import clear_peer_to_peer
from vpp.markets.uniform_price import clear_uniform_price


def filled(*resting: BookOrder) -> ContinuousBook:
    made = ContinuousBook()
    for order in resting:
        made.submit(order)
    return made


def test_an_order_that_may_not_rest_lapses() -> None:
    made = filled(BookOrder(1, -1, 10, 5, 1))
    assert [trade.energy_wh for trade in made.submit(BookOrder(2, 1, 10, 8, 2, rests=False))] == [5]
    assert made.best(1) is None
    assert made.depth(-1) == []


def test_a_cancelled_order_does_not_trade() -> None:
    made = filled(BookOrder(1, -1, 10, 5, 1), BookOrder(2, -1, 11, 5, 1))
    assert made.cancel(1) == 5
    assert made.best(-1) == 11
    assert [trade.offer for trade in made.submit(BookOrder(3, 1, 12, 2, 2))] == [2]
    with pytest.raises(OrderUnknownError, match="order 1"):
        made.cancel(1)


def test_a_used_key_is_refused() -> None:
    made = filled(BookOrder(1, -1, 10, 5, 1))
    made.submit(BookOrder(2, 1, 10, 5, 2))
    with pytest.raises(OrderDuplicateError, match="key 2"):
        made.submit(BookOrder(2, 1, 10, 5, 2))


def test_a_wash_trade_is_refused_and_nothing_of_it_trades() -> None:
    made = filled(BookOrder(1, -1, 10, 5, 1), BookOrder(2, -1, 11, 5, 7))
    with pytest.raises(WashTradeError, match="order 2"):
        made.submit(BookOrder(3, 1, 11, 6, 7))
    assert made.depth(-1) == [(10, 5), (11, 5)]
    assert len(made.submit(BookOrder(3, 1, 11, 5, 7))) == 1


@settings(max_examples=80, deadline=None)
@given(table=rows(20), people=st.integers(1, 5))
def test_a_book_never_stays_crossed_and_refuses_own_trades(table: list[Row], people: int) -> None:
    orders = book(table)
    who = np.arange(len(orders)) % people
    orders = make_orders(
        side=orders.side, price_micro=orders.price_micro, quantity_wh=orders.quantity_wh,
        placed=orders.placed, participant=who,
    )  # fmt: skip
    run = run_book(orders)
    trades = run.clearing.trades
    assert trades is not None
    assert (who[trades.bid] != who[trades.offer]).all()
    left = orders.quantity_wh - run.clearing.fill_wh
    left[run.refused] = 0
    bids, offers = (orders.price_micro[index[left[index] > 0]] for index in (orders.bids, orders.offers))
    assert not len(bids) or not len(offers) or bids.max() < offers.min()


STREET = make_orders(
    side=[1, -1, -1, -1, -1],
    price_micro=[300, 100, 200, 150, 250],
    quantity_wh=[10, 2, 3, 4, 5],
    key=[10, 11, 12, 13, 14],
    location=[1, 2, 1, 2, 1],
    green=[False, False, False, True, True],
)


@pytest.mark.parametrize(
    ("preference", "served"),
    [
        (0, [11, 13, 12, 14]),
        (PREFER_GREEN, [13, 14, 11]),
        (PREFER_NEIGHBOR, [12, 14, 11]),
        (PREFER_NEIGHBOR | PREFER_GREEN, [14, 12, 13]),
    ],
)
def test_preferred_offers_go_first_the_cheapest_of_them_before_others(
    preference: int, served: list[int]
) -> None:
    orders = make_orders(
        side=STREET.side, price_micro=STREET.price_micro, quantity_wh=STREET.quantity_wh, key=STREET.key,
        location=STREET.location, green=STREET.green, preference=[preference, 0, 0, 0, 0],
    )  # fmt: skip
    trades = clear_peer_to_peer(orders).trades
    assert trades is not None
    assert [int(orders.key[offer]) for offer in trades.offer] == served


def test_contracts_go_first_at_their_own_price() -> None:
    clearing = clear_peer_to_peer(STREET, contracts=[Contract(10, 14, 5, 280)])
    trades = clearing.trades
    assert trades is not None
    assert [int(STREET.key[offer]) for offer in trades.offer] == [14, 11, 13]
    assert trades.energy_wh.tolist() == [5, 2, 3]
    assert trades.price_micro.tolist() == [280, 200, 225]
    assert clearing.account_nano == 0


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (Contract(10, 99, 1, 280), "no order 99"),
        (Contract(11, 10, 1, 280), "not a bid and an offer"),
        (Contract(10, 14, 0, 280), "more than 0 Wh"),
        (Contract(10, 14, 6, 280), "do not cover"),
        (Contract(10, 14, 1, 301), "between offer 14 and bid 10"),
        (Contract(10, 14, 1, 249), "between offer 14 and bid 10"),
    ],
)
def test_contracts_their_orders_do_not_cover_are_refused(contract: Contract, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        clear_peer_to_peer(STREET, contracts=[contract])


def test_a_contract_with_oneself_is_a_wash_trade() -> None:
    orders = make_orders(side=[1, -1], price_micro=[100, 200], quantity_wh=5, participant=3)
    with pytest.raises(WashTradeError):
        clear_peer_to_peer(orders, contracts=[Contract(0, 1, 1, 150)])


def test_k_is_a_share() -> None:
    with pytest.raises(MarketError, match="1001"):
        clear_peer_to_peer(STREET, k_permille=1001)


@settings(max_examples=60, deadline=None)
@given(table=rows())
def test_pairing_gives_every_fill_its_energy(table: list[Row]) -> None:
    orders = book(table)
    clearing = clear_uniform_price(orders)
    trades = pair_fills(orders, clearing.fill_wh, price_micro=clearing.price_micro or 0)
    found = np.zeros(len(orders), np.int64)
    for index in (trades.bid, trades.offer):
        np.add.at(found, index, trades.energy_wh)
    assert np.array_equal(found, clearing.fill_wh)
    assert (trades.energy_wh > 0).all()
    assert len(trades) <= max(0, int((clearing.fill_wh > 0).sum()) - 1)
