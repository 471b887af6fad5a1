"""Who trades at the margin: class first, then in proportion, in whole units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.markets.errors import MarketError
from vpp.markets.orders import make_orders
from vpp.markets.rationing import share_pro_rata, take_equally
from vpp.markets.uniform_price import clear_uniform_price

shares = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def test_the_smaller_class_goes_first_at_equal_prices() -> None:
    orders = make_orders(
        side=[1, 1, 1, -1],
        price_micro=[300, 300, 400, 100],
        quantity_wh=[10, 10, 5, 12],
        priority=[2, 1, 9, 0],
    )
    assert clear_uniform_price(orders).fill_wh.tolist() == [0, 7, 5, 12]


def test_one_class_shares_in_proportion_with_largest_remainders() -> None:
    """By hand: 10 of 7, 7, 3, 3: 3.5, 3.5, 1.5, 1.5; the two units left go to the smaller keys."""
    orders = make_orders(
        side=[1, 1, 1, 1, -1],
        price_micro=[300, 300, 300, 300, 100],
        quantity_wh=[7, 7, 3, 3, 10],
        key=[4, 3, 2, 1, 0],
    )
    assert clear_uniform_price(orders).fill_wh.tolist() == [3, 3, 2, 2, 10]


def test_offers_at_the_margin_share_as_well() -> None:
    orders = make_orders(
        side=[1, -1, -1, -1],
        price_micro=[300, 200, 200, 100],
        quantity_wh=[10, 12, 4, 2],
        priority=[0, 1, 1, 1],
    )
    clearing = clear_uniform_price(orders, k_permille=0)
    assert clearing.fill_wh.tolist() == [10, 6, 2, 2]
    assert clearing.price_micro == 200


def test_quantities_beyond_64_bits_of_product_are_shared_exactly() -> None:
    quantity = np.array([10**12, 10**12, 10**12], np.int64)
    assert share_pro_rata(10**12 + 1, quantity, key=np.arange(3)).tolist() == [
        333_333_333_334, 333_333_333_334, 333_333_333_333,
    ]  # fmt: skip


@given(quantity=shares, part=st.floats(0, 1))
def test_shares_sum_to_the_whole_and_are_near_their_proportion(quantity: list[int], part: float) -> None:
    total = int(part * sum(quantity))
    got = share_pro_rata(total, np.array(quantity), key=np.arange(len(quantity)))
    assert int(got.sum()) == total
    ideal = np.array(quantity) * total / sum(quantity)
    assert (np.abs(got - ideal) < 1).all()
    assert (got <= quantity).all()


@given(quantity=shares, part=st.floats(0, 1))
def test_what_is_taken_evenly_leaves_nobody_below_zero(quantity: list[int], part: float) -> None:
    surplus = int(part * sum(quantity))
    left = take_equally(surplus, np.array(quantity), key=np.arange(len(quantity)))
    taken = np.array(quantity) - left
    assert int(taken.sum()) == surplus
    assert (left >= 0).all()
    # Whoever keeps something gave as much as anyone, to the unit.
    assert (taken[left > 0] >= taken.max() - 1).all()


@pytest.mark.parametrize("k", [-1, 1001])
def test_k_outside_0_to_1000_is_refused(k: int) -> None:
    orders = make_orders(side=[1], price_micro=1, quantity_wh=1)
    with pytest.raises(MarketError, match=str(k)):
        clear_uniform_price(orders, k_permille=k)
