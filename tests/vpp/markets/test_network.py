"""Nodal prices within a network's limits: published examples, the cvxpy programs as referee, properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.markets.dc_network import DcNetwork, dc_rows
from vpp.markets.errors import ClearingInfeasibleError, NetworkError, UnsuitableOrdersError
from vpp.markets.network_clearing import NetworkClearing, clear_network
from vpp.markets.network_program import ProgramAnswer, solve_dc_program, solve_radial_program
from vpp.markets.orders import Orders, make_orders
from vpp.markets.radial_network import RadialNetwork, radial_rows
from vpp.markets.uniform_price import clear_uniform_price

UNIT = 1_000_000
MWH = 1_000_000  # Wh


def grid(nodes: int, lines: list[tuple[int, int, float, float]]) -> DcNetwork:
    """A network of (sender, receiver, reactance, limit [kW])."""
    table = np.array(lines, np.float64).reshape(-1, 4)
    return DcNetwork(nodes, table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2], table[:, 3])


def market(rows: list[tuple[int, int, float, float]]) -> Orders:
    """Orders from (node, side, MW for an hour, price per MWh); one price unit is 1e-6 of it."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return make_orders(
        location=table[:, 0], side=table[:, 1], quantity_wh=table[:, 2] * MWH, price_micro=table[:, 3] * UNIT
    )


def cost(orders: Orders, clearing: NetworkClearing) -> float:
    """Cost of what is sold [price unit x MWh]."""
    sold = orders.offers
    return float((clearing.fill_wh[sold] / MWH * orders.price_micro[sold] / UNIT).sum())


def test_pjm_five_bus_system() -> None:
    """F. Li and R. Bo, "Small test systems for power system economic studies", IEEE PES GM 2010; MATPOWER case5."""
    network = grid(
        5,
        [
            (0, 1, 0.0281, 400_000), (0, 3, 0.0304, np.inf), (0, 4, 0.0064, np.inf),
            (1, 2, 0.0108, np.inf), (2, 3, 0.0297, np.inf), (3, 4, 0.0297, 240_000),
        ],
    )  # fmt: skip
    orders = market(
        [
            (0, -1, 40, 14), (0, -1, 170, 15), (2, -1, 520, 30), (3, -1, 200, 40), (4, -1, 600, 10),
            (1, 1, 300, 500), (2, 1, 300, 500), (3, 1, 400, 500),
        ]
    )  # fmt: skip
    clearing = clear_network(orders, dc_rows(network), hours=1.0)
    assert clearing.fill_wh[:5] / MWH == pytest.approx([40, 170, 323.4949, 0, 466.5051], abs=1e-4)
    assert cost(orders, clearing) == pytest.approx(17479.8969, abs=1e-4)
    assert clearing.node_price_micro is not None
    assert clearing.node_price_micro / UNIT == pytest.approx(
        [16.9774, 26.3845, 30.0, 39.9427, 10.0], abs=1e-4
    )
    assert clearing.row_value[5] == pytest.approx(-240_000, abs=1e-2)
    assert clearing.binding == ("line 5",)


def test_three_nodes_of_kirschen_and_strbac() -> None:
    """D. Kirschen and G. Strbac, "Fundamentals of Power System Economics" (2004), ch. 6 (from memory of the book).

    Unconstrained 2647.50; with the line from 1 to 2 at 126 MW: A 50, D 75, B 285, cost 2835.00, prices 7.50, 11.25, 10.00
    and a surplus of 787.50 that goes to nobody.
    """
    offers = [(0, -1, 140, 7.5), (0, -1, 285, 6), (1, -1, 90, 14), (2, -1, 85, 10)]
    orders = market([*offers, (0, 1, 50, 500), (1, 1, 60, 500), (2, 1, 300, 500)])
    lines = [(0, 1, 0.2, 1e9), (0, 2, 0.2, 250_000), (1, 2, 0.1, 130_000)]
    free = clear_network(orders, dc_rows(grid(3, lines)), hours=1.0, k_permille=0)
    assert (cost(orders, free), free.rounds, free.congestion_nano) == (2647.5, 0, 0)
    lines[0] = (0, 1, 0.2, 126_000)
    clearing = clear_network(orders, dc_rows(grid(3, lines)), hours=1.0)
    assert (clearing.fill_wh[:4] / MWH).tolist() == [50, 285, 0, 75]
    assert cost(orders, clearing) == 2835.0
    assert clearing.node_price_micro is not None
    assert (clearing.node_price_micro / UNIT).tolist() == [7.5, 11.25, 10.0]
    assert clearing.congestion_nano / (MWH * UNIT) == 787.5


def test_three_nodes_of_pypsa() -> None:
    """PyPSA (MIT), minimal linear optimal power flow: 20 MW at 50, 80 MW at 25; the load's node is dearer than both, 75."""
    network = grid(3, [(0, 1, 1e-4, 60_000), (1, 2, 1e-4, 60_000), (2, 0, 1e-4, 60_000)])
    orders = market([(0, -1, 100, 50), (1, -1, 100, 25), (2, 1, 100, 500)])
    clearing = clear_network(orders, dc_rows(network), hours=1.0)
    assert (clearing.fill_wh / MWH).tolist() == [20, 80, 100]
    assert clearing.node_price_micro is not None
    assert (clearing.node_price_micro / UNIT).tolist() == [50.0, 25.0, 75.0]


def street(nodes: int, *, limit_kw: float = 1e6, load_kw: float = 0.0) -> RadialNetwork:
    """A line of houses, 0.1 ohm apart."""
    ones = np.ones(nodes)
    return RadialNetwork(
        parent=np.arange(nodes) - 1, resistance_ohm=0.1 * ones, reactance_ohm=0.05 * ones,
        limit_kw=limit_kw * ones, load_kw=load_kw * ones, load_kvar=0.0 * ones, kvar_per_kw=0.2 * ones,
    )  # fmt: skip


def test_a_voltage_limit_makes_the_far_end_cheap() -> None:
    """By hand: 0.9 down to 1.1 squared; each kW at the end raises it by 2 x (0.1 + 0.05 x 0.2) x 3 x 1000 / 160000."""
    orders = make_orders(
        side=[-1, 1], location=[3, 0], price_micro=[50_000, 200_000], quantity_wh=[90_000, 90_000]
    )
    clearing = clear_network(orders, radial_rows(street(4)), hours=1.0)
    each = 2 * (0.1 + 0.05 * 0.2) * 3 * 1000 / 400**2
    assert clearing.fill_wh[0] == pytest.approx((1.1**2 - 1) / each * 1000, abs=1)
    assert clearing.node_price_micro is not None
    assert clearing.node_price_micro.tolist() == [200_000, 150_000, 100_000, 50_000]
    assert clearing.binding == ("voltage 3",)
    assert clearing.congestion_nano == 150_000 * int(clearing.fill_wh[0])


def test_a_transformer_counts_what_is_drawn_beside_the_market() -> None:
    orders = make_orders(
        side=[-1, 1, 1], location=[0, 1, 2], price_micro=[100_000, 300_000, 250_000], quantity_wh=9_000
    )
    network = street(3, limit_kw=8.0, load_kw=1.0)
    clearing = clear_network(orders, radial_rows(network), hours=0.5)
    # 8 kW less 2 kW of other load for half an hour.
    assert clearing.fill_wh.tolist() == [3_000, 3_000, 0]
    assert clearing.node_price_micro is not None
    assert clearing.node_price_micro.tolist() == [100_000, 300_000, 300_000]
    # The transformer and the first line have the same limit: one or both of them cost.
    assert clearing.row_dual[:2].sum() == pytest.approx(0.2)


def test_limits_that_are_broken_without_trade_are_infeasible() -> None:
    orders = make_orders(side=[1, -1], location=[1, 0], price_micro=[300_000, 100_000], quantity_wh=100)
    with pytest.raises(ClearingInfeasibleError, match="line 1"):
        clear_network(orders, radial_rows(street(3, limit_kw=0.5, load_kw=1.0)), hours=1.0)


def test_an_order_beside_the_network_is_refused() -> None:
    orders = make_orders(side=[1], location=[3], price_micro=1, quantity_wh=1)
    with pytest.raises(UnsuitableOrdersError, match="0 to 2"):
        clear_network(orders, radial_rows(street(3)), hours=1.0)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([(0, 1, 1.0, 1.0)], "in parts"),
        ([(0, 3, 1.0, 1.0)], "not there"),
        ([(0, 1, 0.0, 1.0)], "reactance"),
        ([(0, 1, 1.0, -1.0)], "below 0 kW"),
        ([(0, 1, 1.0, np.nan)], "below 0 kW"),
    ],
)
def test_networks_without_sense_are_refused(lines: list[tuple[int, int, float, float]], words: str) -> None:
    with pytest.raises(NetworkError, match=words):
        dc_rows(grid(3, lines))


def test_a_parent_after_its_child_is_refused() -> None:
    network = street(3)
    turned = RadialNetwork(
        np.array([-1, 2, 1]), network.resistance_ohm, network.reactance_ohm, network.limit_kw,
        network.load_kw, network.load_kvar, network.kvar_per_kw,
    )  # fmt: skip
    with pytest.raises(NetworkError, match="parent"):
        radial_rows(turned)


order_rows = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([1, -1]), st.integers(1, 9), st.integers(-2, 30)),
    min_size=1, max_size=12,
)  # fmt: skip


def compare(orders: Orders, clearing: NetworkClearing, referee: ProgramAnswer) -> None:
    """Same welfare to rounding, no more than allowed, and prices that suit everyone."""
    drift = len(orders) * 40 * UNIT * 1.0
    assert abs(clearing.welfare_nano - referee.welfare * 1e9) <= drift
    assert int((orders.side * clearing.fill_wh).sum()) == 0
    assert clearing.congestion_nano >= -drift
    if clearing.node_price_micro is None:
        return
    gain = (orders.price_micro - clearing.node_price_micro[orders.location]) * orders.side
    assert (gain[clearing.fill_wh > 0] >= 0).all()
    assert (clearing.fill_wh[gain > 1] == orders.quantity_wh[gain > 1]).all()


@settings(max_examples=25, deadline=None)
@given(rows=order_rows, limits=st.lists(st.integers(0, 6), min_size=5, max_size=5), data=st.data())
def test_the_fast_path_agrees_with_the_dc_program(
    rows: list[tuple[int, int, int, int]], limits: list[int], data: st.DataObject
) -> None:
    ends = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]
    network = grid(4, [(*pair, 0.1 + at / 10, limits[at]) for at, pair in enumerate(ends)])
    orders = market([(node, side, kwh / 1000, price) for node, side, kwh, price in rows])
    clearing = clear_network(orders, dc_rows(network), hours=0.5)
    compare(orders, clearing, solve_dc_program(orders, network, hours=0.5))
    assert (np.abs(clearing.row_value) <= network.limit_kw + 0.05).all()
    shuffled = np.array(data.draw(st.permutations(range(len(orders)))), np.int64)
    other = clear_network(orders.take(shuffled), dc_rows(network), hours=0.5)
    assert np.array_equal(other.fill_wh, clearing.fill_wh[shuffled])
    assert np.array_equal(other.pay_nano, clearing.pay_nano[shuffled])


@settings(max_examples=25, deadline=None)
@given(rows=order_rows, limit=st.integers(2, 9))
def test_the_fast_path_agrees_with_the_radial_program(
    rows: list[tuple[int, int, int, int]], limit: int
) -> None:
    network = RadialNetwork(
        parent=np.array([-1, 0, 1, 1]), resistance_ohm=np.array([0.0, 0.6, 0.9, 0.3]),
        reactance_ohm=np.array([0.0, 0.2, 0.3, 0.1]), limit_kw=np.array([limit, limit, 3.0, np.inf]),
        load_kw=np.array([0.0, 0.5, 0.5, 0.5]), load_kvar=np.array([0.0, 0.1, 0.1, 0.1]),
        kvar_per_kw=np.array([0.0, 0.1, 0.1, 0.1]), least_pu=0.95, most_pu=1.03,
    )  # fmt: skip
    orders = market([(node, side, kwh / 1000, price) for node, side, kwh, price in rows])
    clearing = clear_network(orders, radial_rows(network), hours=0.5)
    compare(orders, clearing, solve_radial_program(orders, network, hours=0.5))


def test_prices_of_the_program_are_those_of_the_fast_path() -> None:
    network = street(4)
    orders = make_orders(
        side=[-1, 1], location=[3, 0], price_micro=[50_000, 200_000], quantity_wh=[90_000, 90_000]
    )
    referee = solve_radial_program(orders, network, hours=1.0)
    assert referee.node_price == pytest.approx([0.2, 0.15, 0.1, 0.05], abs=1e-6)


def test_without_limits_the_price_is_that_of_the_call_auction() -> None:
    orders = market([(0, -1, 5, 10), (1, -1, 5, 20), (2, 1, 7, 30), (1, 1, 2, 25)])
    network = grid(3, [(0, 1, 1.0, np.inf), (1, 2, 1.0, np.inf)])
    clearing = clear_network(orders, dc_rows(network), hours=1.0)
    call = clear_uniform_price(orders)
    assert np.array_equal(clearing.fill_wh, call.fill_wh)
    assert clearing.node_price_micro is not None
    assert set(clearing.node_price_micro.tolist()) == {call.price_micro}
