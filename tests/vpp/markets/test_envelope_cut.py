"""Orders beyond what a site or transformer lets through are cut, the worst first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vpp.markets.books import Row, book, rows
from vpp.markets.envelope_cut import cut_to_envelopes
from vpp.markets.errors import UnsuitableOrdersError
from vpp.markets.orders import make_orders


def test_the_best_orders_of_a_group_keep_their_energy() -> None:
    orders = make_orders(
        side=[-1, -1, -1, 1, -1], price_micro=[30, 10, 20, 50, 15], quantity_wh=[5, 5, 5, 9, 5]
    )
    cut = cut_to_envelopes(
        orders,
        group=np.array([0, 0, 0, 0, 1]),
        most_bought_wh=np.array([4, 0]),
        most_sold_wh=np.array([8, 5]),
    )
    assert cut.cut_wh.tolist() == [5, 0, 2, 5, 0]
    assert cut.kept.tolist() == [1, 2, 3, 4]
    assert cut.orders.quantity_wh.tolist() == [5, 3, 4, 5]
    assert cut.orders.key.tolist() == [1, 2, 3, 4]


@given(table=rows(), groups=st.integers(1, 3), most=st.integers(0, 12))
def test_no_group_exceeds_its_limits_and_nothing_is_cut_without_need(
    table: list[Row], groups: int, most: int
) -> None:
    orders = book(table)
    group = np.arange(len(orders)) % groups
    limits = np.full(groups, most)
    cut = cut_to_envelopes(orders, group=group, most_bought_wh=limits, most_sold_wh=limits)
    left = orders.quantity_wh - cut.cut_wh
    assert np.array_equal(left[cut.kept], cut.orders.quantity_wh)
    for one in range(groups):
        for side in (1, -1):
            own = (group == one) & (orders.side == side)
            assert int(left[own].sum()) == min(most, int(orders.quantity_wh[own].sum()))


def test_groups_and_limits_without_sense_are_refused() -> None:
    orders = make_orders(side=[1], price_micro=1, quantity_wh=1)
    one = np.array([1])
    with pytest.raises(UnsuitableOrdersError, match="0 to 0"):
        cut_to_envelopes(orders, group=np.array([1]), most_bought_wh=one, most_sold_wh=one)
    with pytest.raises(UnsuitableOrdersError, match="below 0"):
        cut_to_envelopes(orders, group=np.array([0]), most_bought_wh=-one, most_sold_wh=one)
