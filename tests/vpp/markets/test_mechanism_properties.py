"""Every mechanism keeps what its properties promise."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.vpp.markets.books import Row, best_welfare, book, changed_price, check, crossing_pairs, rows
from vpp.markets.errors import UnsuitableOrdersError
from vpp.markets.orders import Orders
from vpp.markets.registry import MECHANISMS, UnknownMechanismError, mechanism_named
from vpp.markets.uniform_price import clear_uniform_price

NAMES = sorted(MECHANISMS)
TRUTHFUL = [name for name in NAMES if MECHANISMS[name].properties.truthful]
SEED = 20_261_121


def orders_for(name: str, table: list[Row]) -> Orders:
    """Lots of 3 Wh for McAfee, several orders a participant for MUDA, one order each for the others."""
    return book(
        table, quantity=3 if name == "mcafee" else None, people=5 if name.startswith("muda") else None
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(table=rows())
def test_balance_rationality_budget_and_welfare(name: str, table: list[Row]) -> None:
    orders = orders_for(name, table)
    mechanism = mechanism_named(name)
    check(orders, mechanism.clear(orders, SEED), promised=mechanism.properties)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(table=rows(), data=st.data())
def test_the_position_of_an_order_does_not_matter(name: str, table: list[Row], data: st.DataObject) -> None:
    orders = orders_for(name, table)
    shuffled = np.array(data.draw(st.permutations(range(len(orders)))), np.int64)
    one = mechanism_named(name).clear(orders, SEED)
    other = mechanism_named(name).clear(orders.take(shuffled), SEED)
    assert np.array_equal(one.fill_wh[shuffled], other.fill_wh)
    assert np.array_equal(one.pay_nano[shuffled], other.pay_nano)


@pytest.mark.parametrize("name", ["uniform_price", "pay_as_bid", "peer_to_peer", "continuous"])
@settings(max_examples=60, deadline=None)
@given(table=rows())
def test_no_crossing_pair_is_left(name: str, table: list[Row]) -> None:
    orders = orders_for(name, table)
    assert crossing_pairs(orders, mechanism_named(name).clear(orders, SEED).fill_wh) == []


@pytest.mark.parametrize("name", TRUTHFUL)
@settings(max_examples=150, deadline=None)
@given(table=rows(8), data=st.data())
def test_nobody_gains_by_another_price(name: str, table: list[Row], data: st.DataObject) -> None:
    assume(table)
    orders = book(table, quantity=3 if name == "mcafee" else None)
    position = data.draw(st.integers(0, len(orders) - 1))
    clear = partial(mechanism_named(name).clear)
    truth = int(clear(orders, SEED).utility_nano(orders)[position])
    for lie in range(-4_500, 10_500, 500):
        told = changed_price(orders, position, price_micro=lie)
        result = clear(told, SEED)
        energy = int(orders.side[position] * result.fill_wh[position])
        gained = energy * int(orders.price_micro[position]) - int(result.pay_nano[position])
        assert gained <= truth


@pytest.mark.parametrize("name", ["muda", "muda_lottery"])
@settings(max_examples=80, deadline=None)
@given(table=rows(10), data=st.data())
def test_muda_gains_nothing_by_another_price_of_several_orders(
    name: str, table: list[Row], data: st.DataObject
) -> None:
    assume(table)
    orders = book(table, people=3)
    position = data.draw(st.integers(0, len(orders) - 1))
    own = orders.participant == orders.participant[position]
    clear = mechanism_named(name).clear
    truth = int(clear(orders, SEED).utility_nano(orders)[own].sum())
    # What the participant gets is worth its own best units to it, whichever of its orders they came by.
    values = np.repeat(orders.price_micro[own], orders.quantity_wh[own])
    side = int(orders.side[position])
    ranked = np.concatenate(([0], np.cumsum(np.sort(values * side)[::-1])))
    for lie in range(-4_500, 10_500, 1_000):
        result = clear(changed_price(orders, position, price_micro=lie), SEED)
        energy = int(result.fill_wh[own].sum())
        assert int(ranked[energy]) - int(result.pay_nano[own].sum()) <= truth


@settings(max_examples=60, deadline=None)
@given(table=rows())
def test_mcafee_loses_no_more_than_the_last_trade(table: list[Row]) -> None:
    orders = book(table, quantity=3)
    best = mechanism_named("pay_as_bid").clear(orders, SEED)
    trades = best.volume_wh // 3
    welfare = mechanism_named("mcafee").clear(orders, SEED).welfare_nano
    assert welfare * max(1, trades) >= best.welfare_nano * max(0, trades - 1)


@settings(max_examples=60, deadline=None)
@given(table=rows(), k=st.integers(0, 1000))
def test_every_k_clears_at_a_price_between_the_margins(table: list[Row], k: int) -> None:
    orders = book(table)
    clearing = clear_uniform_price(orders, k_permille=k)
    bounds = [clear_uniform_price(orders, k_permille=end).price_micro for end in (0, 1000)]
    assert clearing.welfare_nano == best_welfare(orders)
    if clearing.price_micro is None:
        assert bounds == [None, None]
        return
    assert bounds[0] is not None
    assert bounds[1] is not None
    assert bounds[0] <= clearing.price_micro <= bounds[1]
    left = orders.quantity_wh - clearing.fill_wh
    gain = (orders.price_micro - clearing.price_micro) * orders.side
    assert (left[gain > 0] == 0).all()
    assert (clearing.fill_wh[gain < 0] == 0).all()


@pytest.mark.parametrize("name", ["mcafee", "huang"])
def test_several_orders_of_a_participant_are_refused(name: str) -> None:
    orders = book([(1, 5, 2, 0, 0, 0, False, 0)] * 2, people=1)
    with pytest.raises(UnsuitableOrdersError, match="one order of each participant"):
        mechanism_named(name).clear(orders, SEED)


def test_mcafee_refuses_different_quantities() -> None:
    orders = book([(1, 5, 2, 0, 0, 0, False, 0), (-1, 5, 3, 0, 0, 0, False, 0)])
    with pytest.raises(UnsuitableOrdersError, match="one quantity"):
        mechanism_named("mcafee").clear(orders, SEED)


def test_an_unknown_mechanism_is_named() -> None:
    with pytest.raises(UnknownMechanismError, match="barter"):
        mechanism_named("barter")
