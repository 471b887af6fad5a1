"""Links that lose energy, and energy with reserve: published examples, what is refused, and what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.markets.energy_reserve import Capacity, ReserveOffer, Service, clear_with_reserve
from vpp.markets.errors import (
    ClearingInfeasibleError,
    NetworkError,
    OrderNotPositiveError,
    UnsuitableOrdersError,
)
from vpp.markets.lossy_links import Links, clear_links
from vpp.markets.orders import make_orders
from vpp.markets.uniform_price import clear_uniform_price

UNIT = 1_000_000
MWH = 1_000_000


def one_link(
    *, most_wh: int = 100 * MWH, back_wh: int = 120 * MWH, loss: float = 0.05, part: float = 0.5
) -> Links:
    return Links(
        np.array([0]),
        np.array([1]),
        np.array([most_wh]),
        np.array([back_wh]),
        np.array([loss]),
        np.array([part]),
    )


def test_interconnector_with_constant_losses() -> None:
    """nempy (BSD-3), examples/interconnector_constant_loss_percentage.py: flow 92.307692, dispatch 94.615385, 52.564103."""
    orders = make_orders(
        side=[-1, 1], location=[0, 1], quantity_wh=[100 * MWH, 90 * MWH], price_micro=[50 * UNIT, 500 * UNIT]
    )
    clearing = clear_links(orders, one_link(), zones=2)
    assert clearing.flow_kwh / 1000 == pytest.approx([92.307692], abs=1e-6)
    assert clearing.loss_kwh / 1000 == pytest.approx([4.615385], abs=1e-6)
    assert clearing.fill_wh / MWH == pytest.approx([94.615385, 90.0], abs=1e-6)
    assert clearing.zone_price_micro / UNIT == pytest.approx([50.0, 52.564103], abs=1e-6)
    assert clearing.lost_wh / MWH == pytest.approx(4.615385, abs=1e-6)
    assert abs(clearing.rent_nano) <= 100 * MWH  # all that is left is rounding


def test_a_full_link_earns_the_difference_of_prices() -> None:
    orders = make_orders(
        side=[-1, 1, -1],
        location=[0, 1, 1],
        quantity_wh=[900, 900, 900],
        price_micro=[100_000, 400_000, 300_000],
    )
    clearing = clear_links(orders, one_link(most_wh=400, loss=0.0), zones=2)
    assert clearing.zone_price_micro.tolist() == [100_000, 300_000]
    assert clearing.fill_wh.tolist() == [400, 900, 500]
    assert clearing.rent_nano == 400 * 200_000


def test_a_negative_price_does_not_burn_energy_in_a_link() -> None:
    orders = make_orders(
        side=[-1, 1], location=[0, 0], quantity_wh=[900, 300], price_micro=[-100_000, -50_000]
    )
    clearing = clear_links(orders, one_link(loss=0.5, part=1.0), zones=2)
    assert clearing.flow_kwh.tolist() == [0.0]
    assert clearing.lost_wh == 0
    assert clearing.fill_wh.tolist() == [300, 300]


@pytest.mark.parametrize(
    ("links", "words"),
    [
        (one_link(loss=1.0), "loss"),
        (one_link(loss=float("nan")), "loss"),
        (one_link(part=1.5), "part"),
        (one_link(most_wh=-1), "limit"),
    ],
)
def test_links_without_sense_are_refused(links: Links, words: str) -> None:
    orders = make_orders(side=[1], quantity_wh=1, price_micro=1)
    with pytest.raises(NetworkError, match=words):
        clear_links(orders, links, zones=2)
    with pytest.raises(NetworkError, match="not there"):
        clear_links(orders, one_link(), zones=1)
    with pytest.raises(UnsuitableOrdersError, match="zone"):
        clear_links(make_orders(side=[1], quantity_wh=1, price_micro=1, location=2), one_link(), zones=2)


order_rows = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1, -1]), st.integers(1, 9), st.integers(0, 9)),
    min_size=1,
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(rows=order_rows, loss=st.sampled_from([0.0, 0.05, 0.3]), most=st.integers(0, 6))
def test_links_are_rational_and_never_pay_out(
    rows: list[tuple[int, int, int, int]], loss: float, most: int
) -> None:
    table = np.array(rows, np.int64)
    orders = make_orders(
        location=table[:, 0], side=table[:, 1], quantity_wh=table[:, 2] * 1000, price_micro=table[:, 3] * UNIT
    )
    clearing = clear_links(orders, one_link(most_wh=most * 1000, back_wh=most * 1000, loss=loss), zones=2)
    gain = (orders.price_micro - clearing.zone_price_micro[orders.location]) * orders.side
    assert (gain[clearing.fill_wh > 0] >= 0).all()
    assert clearing.rent_nano >= -20 * UNIT * len(rows)
    assert clearing.lost_wh == pytest.approx(float(clearing.loss_kwh.sum()) * 1000, abs=len(rows))
    if loss == 0.0 and most == 6:
        alone = [clear_uniform_price(orders.take(orders.location == zone)).welfare_nano for zone in (0, 1)]
        assert sum(alone) <= clearing.welfare_nano + 20 * UNIT
        assert clearing.welfare_nano <= clear_uniform_price(orders).welfare_nano + 20 * UNIT


def test_energy_with_two_reserves() -> None:
    """nempy (BSD-3), examples/simple_FCAS_markets.py: energy 75, raise 6 s 35, raise regulation 45.

    Unit A has 110 MW less its reserve, B as well (the upper slopes of their trapeziums, 1 and 1).
    """
    orders = make_orders(
        side=[-1, -1, 1], participant=[1, 2, 3], quantity_wh=[100_000, 110_000, 195_000],
        price_micro=[50 * UNIT, 60 * UNIT, 900 * UNIT],
    )  # fmt: skip
    offers = [
        ReserveOffer(1, 1, "raise_6s", 35 * UNIT, 10_000),
        ReserveOffer(2, 2, "raise_6s", 20 * UNIT, 15_000),
        ReserveOffer(3, 2, "raise_reg", 30 * UNIT, 15_000),
    ]
    services = [Service("raise_6s", "up", 10_000), Service("raise_reg", "up", 10_000)]
    capacities = [Capacity(1, 0, 110_000), Capacity(2, 0, 110_000)]
    clearing = clear_with_reserve(orders, offers, services=services, capacities=capacities)
    assert clearing.fill_wh.tolist() == [100_000, 95_000, 195_000]
    assert clearing.reserve_wh.tolist() == [5_000, 5_000, 10_000]
    assert clearing.price_micro == 75 * UNIT
    assert clearing.reserve_price_micro.tolist() == [35 * UNIT, 45 * UNIT]
    assert int(clearing.pay_nano.sum()) == 0
    assert clearing.operator_nano == 10_000 * (35 + 45) * UNIT


def test_a_load_gives_reserve_by_drawing_less() -> None:
    orders = make_orders(
        side=[1, -1], participant=[1, 2], quantity_wh=[800, 1_000], price_micro=[400_000, 100_000]
    )
    clearing = clear_with_reserve(
        orders,
        [ReserveOffer(1, 1, "up", 10_000, 500)],
        services=[Service("up", "up", 300)],
        capacities=[Capacity(1, -1_000, 0)],
    )
    assert clearing.reserve_wh.tolist() == [300]
    assert clearing.fill_wh.tolist() == [800, 800]


def test_downward_reserve_keeps_a_least_output() -> None:
    orders = make_orders(
        side=[-1, -1, 1], participant=[1, 2, 3], quantity_wh=500, price_micro=[300, 100, 900]
    )
    clearing = clear_with_reserve(
        orders,
        [ReserveOffer(1, 1, "down", 5, 400)],
        services=[Service("down", "down", 200)],
        capacities=[Capacity(1, 0, 500)],
    )
    # Unit 1 has to run though it is dearer; its reserve's price makes that good.
    assert clearing.fill_wh.tolist() == [200, 300, 500]
    assert clearing.price_micro == 100
    assert clearing.reserve_price_micro.tolist() == [205]


def test_a_requirement_that_cannot_be_met_is_infeasible() -> None:
    orders = make_orders(side=[1], quantity_wh=1, price_micro=1)
    with pytest.raises(ClearingInfeasibleError, match="requirement"):
        clear_with_reserve(orders, [], services=[Service("up", "up", 1)], capacities=[])


def test_reserve_offers_without_sense_are_refused() -> None:
    orders = make_orders(side=[1], quantity_wh=1, price_micro=1)
    service = [Service("up", "up", 1)]
    with pytest.raises(UnsuitableOrdersError, match="no service down"):
        clear_with_reserve(orders, [ReserveOffer(1, 1, "down", 1, 1)], services=service, capacities=[])
    with pytest.raises(OrderNotPositiveError):
        clear_with_reserve(orders, [ReserveOffer(1, 1, "up", 1, 0)], services=service, capacities=[])
    with pytest.raises(UnsuitableOrdersError, match="two capacities"):
        clear_with_reserve(orders, [], services=service, capacities=[Capacity(1, 0, 1), Capacity(1, 0, 2)])


@settings(max_examples=40, deadline=None)
@given(rows=order_rows, required=st.integers(0, 5), data=st.data())
def test_a_provider_never_loses_and_energy_balances(
    rows: list[tuple[int, int, int, int]], required: int, data: st.DataObject
) -> None:
    table = np.array(rows, np.int64)
    who = np.arange(len(table))
    orders = make_orders(
        side=table[:, 1], quantity_wh=table[:, 2] * 1000, price_micro=table[:, 3] * UNIT, participant=who
    )
    sellers = [int(one) for one in orders.offers]
    offers = [ReserveOffer(at, one, "up", (at % 3) * UNIT, 3_000) for at, one in enumerate(sellers)]
    capacities = [Capacity(one, 0, int(orders.quantity_wh[one])) for one in sellers]
    services = [
        Service("up", "up", min(required, 3 * len(sellers), int(table[sellers, 2].sum())) * 1000 // 2)
    ]
    clearing = clear_with_reserve(orders, offers, services=services, capacities=capacities)
    assert int((orders.side * clearing.fill_wh).sum()) == 0
    assert int(clearing.pay_nano.sum()) == 0
    assert int(clearing.reserve_wh.sum()) >= services[0].required_wh
    gain = orders.side * orders.price_micro * clearing.fill_wh - clearing.pay_nano
    for offer, energy, pay in zip(offers, clearing.reserve_wh, clearing.reserve_pay_nano, strict=True):
        gain[offer.participant] -= int(pay) + offer.price_micro * int(energy)
    assert (gain >= -20 * UNIT).all()
    shuffled = np.array(data.draw(st.permutations(range(len(orders)))), np.int64)
    other = clear_with_reserve(orders.take(shuffled), offers[::-1], services=services, capacities=capacities)
    assert np.array_equal(other.fill_wh, clearing.fill_wh[shuffled])
    assert np.array_equal(other.reserve_wh[::-1], clearing.reserve_wh)
