"""Published examples of single-product auctions, restated with their numbers. Prices per kWh, quantities in Wh."""

import numpy as np

from vpp.markets.continuous_book import BookOrder, BookTrade, ContinuousBook
from vpp.markets.huang import clear_huang
from vpp.markets.mcafee import clear_mcafee
from vpp.markets.muda import trade_at
from vpp.markets.orders import Orders, make_orders
from vpp.markets.uniform_price import clear_uniform_price

UNIT = 1_000_000  # micro in one unit of currency


def two_sided(
    bids: list[tuple[float, float]], offers: list[tuple[float, float]], *, scale: int = 1
) -> Orders:
    """Orders from (quantity, price) pairs, bids first."""
    table = np.array(bids + offers)
    return make_orders(
        side=[1] * len(bids) + [-1] * len(offers),
        quantity_wh=np.rint(table[:, 0] * scale),
        price_micro=np.rint(table[:, 1] * UNIT),
    )


def test_bid_stack_of_two_units() -> None:
    """nempy (UNSW-CEEM, BSD-3), examples/bidstack.py: demand 115, A 35, B 80, price 60."""
    offers = [(20.0, 50.0), (20.0, 60.0), (5.0, 100.0), (50.0, 50.0), (30.0, 55.0), (10.0, 80.0)]
    clearing = clear_uniform_price(two_sided([(115.0, 900.0)], offers), k_permille=0)
    fill = clearing.fill_wh
    assert [int(fill[1:4].sum()), int(fill[4:].sum())] == [35, 80]
    assert clearing.price_micro == 60 * UNIT


def test_welfare_optimum_where_another_tool_stops_early() -> None:
    """gsy-framework's pay-as-clear fills 90 kWh at 2 of these; the most welfare is 120 kWh at 1.5."""
    bids, offers = [(40.0, 1.5), (45.0, 2.0), (50.0, 6.0)], [(55.0, 1.0), (60.0, 5.0), (65.0, 1.0)]
    clearing = clear_uniform_price(two_sided(bids, offers, scale=1000))
    assert clearing.volume_wh == 120_000
    assert clearing.price_micro == 1.5 * UNIT
    assert clearing.fill_wh.tolist() == [25_000, 45_000, 50_000, 55_000, 0, 65_000]
    assert clearing.welfare_nano == (25 * 1.5 + 45 * 2 + 50 * 6 - 120) * 1_000_000_000


LOTS = two_sided(
    [(1.0, price) for price in (100.0, 90.0, 80.0, 70.0, 60.0)],
    [(1.0, price) for price in (80.0, 85.0, 95.0, 100.0, 110.0)],
)


def test_double_auction_average_mechanism() -> None:
    """Hochschule Mittweida, blockchain academy, "Double auction": break-even index 2, prices 85 to 90, p = 87.5."""
    assert clear_uniform_price(LOTS, k_permille=0).price_micro == 85 * UNIT
    assert clear_uniform_price(LOTS, k_permille=1000).price_micro == 90 * UNIT
    clearing = clear_uniform_price(LOTS)
    assert clearing.price_micro == 87.5 * UNIT
    assert np.flatnonzero(clearing.fill_wh).tolist() == [0, 1, 5, 6]


def test_double_auction_of_mcafee() -> None:
    """The same orders by McAfee's rule: (80 + 95) / 2 lies between 85 and 90, both trades stand."""
    clearing = clear_mcafee(LOTS)
    assert clearing.price_micro == 87.5 * UNIT
    assert clearing.volume_wh == 2


def test_double_auction_of_mcafee_reduced() -> None:
    """The same with the third offer at 105: 92.5 is outside, one trade, the buyer pays 90, the seller gets 85."""
    offers = [(1.0, price) for price in (80.0, 85.0, 105.0, 106.0, 110.0)]
    bids = [(1.0, price) for price in (100.0, 90.0, 80.0, 70.0, 60.0)]
    clearing = clear_mcafee(two_sided(bids, offers))
    assert np.flatnonzero(clearing.fill_wh).tolist() == [0, 5]
    assert [clearing.buy_price_micro, clearing.sell_price_micro] == [90 * UNIT, 85 * UNIT]
    assert clearing.account_nano == 5 * UNIT


def test_muda_at_an_exogenous_price() -> None:
    """Segal-Halevi et al. 2018, example 1 (also pymarket, MIT): at 50 the sellers pay 20 and 10 for what they displace."""
    buyer = [100, 90, 80, 60, 40, 20]
    sellers = [10, 20, 40, 60, 70], [15, 25, 35, 45, 65]
    orders = make_orders(
        side=[1] * 6 + [-1] * 10,
        price_micro=np.array([*buyer, *sellers[0], *sellers[1]]) * UNIT,
        quantity_wh=1,
        participant=[0] * 6 + [1] * 5 + [2] * 5,
    )
    fill, pay = trade_at(orders, price_micro=50 * UNIT, seed=0, long_side="vickrey")
    assert np.flatnonzero(fill).tolist() == [0, 1, 2, 3, 6, 7, 11, 12]
    charge = pay - orders.side * fill * 50 * UNIT
    assert [int(charge[orders.participant == one].sum()) // UNIT for one in range(3)] == [0, 20, 10]


def test_huang_example() -> None:
    """pymarket (MIT), tests/test_huang.py with its dataset 0: one unit at 3 for the buyer and 2 for the seller."""
    clearing = clear_huang(two_sided([(1, 3), (2, 4), (5, 1)], [(4, 2), (1, 1), (5, 6)]))
    assert clearing.fill_wh.tolist() == [0, 1, 0, 0, 1, 0]
    assert [clearing.buy_price_micro, clearing.sell_price_micro] == [3 * UNIT, 2 * UNIT]
    assert (
        clear_uniform_price(two_sided([(1, 3), (2, 4), (5, 1)], [(4, 2), (1, 1), (5, 6)])).welfare_nano
        == 6 * UNIT
    )


def test_first_in_first_out_book() -> None:
    """Donadio and Ghosh, "Learn Algorithmic Trading" (2019), FIFO matching: K sells 4 at 10 to A 1, B 2, C 1."""
    book = ContinuousBook()
    resting = [("A", 1, 10, 1), ("B", 1, 10, 2), ("C", 1, 10, 3), ("D", 1, 9, 1)]
    resting += [("X", -1, 11, 1), ("Y", -1, 11, 2), ("Z", -1, 12, 2)]
    for name, side, price, quantity in resting:
        assert book.submit(BookOrder(ord(name), side, price, quantity, ord(name))) == []
    trades = book.submit(BookOrder(ord("K"), -1, 10, 4, 0))
    assert trades == [
        BookTrade(ord(name), ord("K"), energy, 10) for name, energy in (("A", 1), ("B", 2), ("C", 1))
    ]
    assert book.left_wh(ord("C")) == 2
    assert book.depth(1) == [(10, 2), (9, 1)]


def test_continuous_trade_of_the_budapest_exchange() -> None:
    """Budapest Stock Exchange, order matching with continuous trade: bid 8 meets orders 6 (20 at 5640) and 4 (5 at 5645)."""
    book = ContinuousBook()
    resting = {2: (1, 5630, 10), 1: (1, 5625, 15), 3: (1, 5610, 8), 5: (1, 5600, 40)}
    resting |= {6: (-1, 5640, 20), 4: (-1, 5645, 35), 7: (-1, 5655, 10)}
    for number in sorted(resting):
        side, price, quantity = resting[number]
        assert book.submit(BookOrder(number, side, price, quantity, number)) == []
    assert book.submit(BookOrder(8, 1, 5645, 25, 8)) == [BookTrade(8, 6, 20, 5640), BookTrade(8, 4, 5, 5645)]
    assert book.best(-1) == 5645
    assert book.left_wh(4) == 30
