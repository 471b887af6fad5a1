"""What is refused, with which code, and that what is left stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.markets.errors import OrderError, OrderOversizedError
from vpp.markets.orders import Limits, concatenate, make_orders
from vpp.markets.screening import screen

BAD = [
    ({"price_micro": float("nan")}, "order_not_finite"),
    ({"quantity_wh": float("inf")}, "order_not_finite"),
    ({"price_micro": 0.5}, "order_not_whole"),
    ({"quantity_wh": 1.5}, "order_not_whole"),
    ({"side": [0, -1]}, "order_side_unknown"),
    ({"quantity_wh": 0}, "order_not_positive"),
    ({"quantity_wh": -5}, "order_not_positive"),
    ({"quantity_wh": 2_000_000_000}, "order_oversized"),
    ({"price_micro": 2_000_000_000}, "order_price_out_of_bounds"),
    ({"price_micro": -2_000_000_000}, "order_price_out_of_bounds"),
    ({"price_micro": "cheap"}, "order_invalid"),
    ({"key": [1, 1]}, "order_duplicate"),
    ({"key": [1, 2, 3]}, "order_invalid"),
]
GOOD = {"side": [1, -1], "price_micro": [300_000, 200_000], "quantity_wh": [500, 700]}


@pytest.mark.parametrize(("change", "code"), BAD)
def test_bad_orders_are_refused_with_their_code(change: dict[str, object], code: str) -> None:
    with pytest.raises(OrderError) as refused:
        make_orders(**{**GOOD, **change})  # type: ignore[arg-type]
    assert refused.value.code == code
    assert refused.value.permanent


def test_orders_worth_more_than_can_be_counted_are_refused() -> None:
    with pytest.raises(OrderOversizedError, match="together"):
        make_orders(side=np.ones(10), price_micro=10**9, quantity_wh=10**9)


def test_two_parts_with_one_key_are_refused() -> None:
    part = make_orders(**GOOD)  # type: ignore[arg-type]
    with pytest.raises(OrderError) as refused:
        concatenate([part, part])
    assert refused.value.code == "order_duplicate"


def test_screening_gives_each_bad_order_its_code_and_keeps_the_others() -> None:
    screened = screen(
        side=[1, -1, 1, 3, -1, 1, 1, -1, 1, 1],
        price_micro=[300.0, 200.0, np.nan, 1.0, 1.0, 1.0, 5_000.0, 1.5, 10.0, 10.0],
        quantity_wh=[5.0, 5.0, 5.0, 5.0, -1.0, 900.0, 5.0, 5.0, 5.0, 5.0],
        key=[0, 1, 2, 3, 4, 5, 6, 7, 0, 1e300],
        limits=Limits(most_wh=100, least_price_micro=0, most_price_micro=1_000),
    )
    assert [(at, error.code) for at, error in screened.rejected] == [
        (2, "order_not_finite"),
        (3, "order_side_unknown"),
        (4, "order_not_positive"),
        (5, "order_oversized"),
        (6, "order_price_out_of_bounds"),
        (7, "order_not_whole"),
        (8, "order_duplicate"),
        (9, "order_oversized"),
    ]
    assert screened.accepted.tolist() == [0, 1]
    assert screened.orders.price_micro.tolist() == [300, 200]


def test_a_participant_does_not_trade_with_itself() -> None:
    screened = screen(
        side=[1, -1, 1, -1, 1, -1],
        price_micro=[300, 200, 100, 400, 300, 300],
        quantity_wh=5,
        participant=[7, 7, 7, 7, 8, 9],
    )
    assert [(at, error.code) for at, error in screened.rejected] == [
        (0, "order_crossed"),
        (1, "order_crossed"),
    ]
    assert screened.accepted.tolist() == [2, 3, 4, 5]


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(OrderError, match="one value for each"):
        screen(side=[1, -1], price_micro=[1, 2, 3], quantity_wh=1)


@settings(max_examples=100, deadline=None)
@given(
    table=st.lists(
        st.tuples(
            st.sampled_from([1.0, -1.0, 0.0, float("nan")]),
            st.floats(-1e10, 1e10) | st.integers(-5, 5).map(float) | st.just(float("nan")),
            st.floats(-10, 1e10) | st.integers(0, 5).map(float),
            st.integers(0, 2).map(float) | st.sampled_from([1e300, 0.5]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_order_is_either_accepted_or_rejected(table: list[tuple[float, float, float, float]]) -> None:
    side, price, quantity, who = (np.array(column) for column in zip(*table, strict=True))
    screened = screen(side=side, price_micro=price, quantity_wh=quantity, participant=who)
    together = sorted([*screened.accepted.tolist(), *(at for at, _ in screened.rejected)])
    assert together == list(range(len(table)))
    orders = screened.orders
    for one in np.unique(orders.participant):
        own = orders.take(orders.participant == one)
        bids, offers = own.price_micro[own.bids], own.price_micro[own.offers]
        assert not len(bids) or not len(offers) or bids.max() < offers.min()
