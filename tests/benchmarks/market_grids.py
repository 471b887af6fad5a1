"""Seconds of mechanisms that take more than orders: networks, losses, reserve, a lifeline."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vpp.markets.dc_network import DcNetwork, dc_rows
from vpp.markets.energy_reserve import Capacity, ReserveOffer, Service, clear_with_reserve
from vpp.markets.lifeline import Lifeline, apply_lifeline
from vpp.markets.linear_network import LinearNetwork
from vpp.markets.lossy_links import Links, clear_links
from vpp.markets.network_clearing import clear_network
from vpp.markets.orders import Orders, make_orders
from vpp.markets.radial_network import RadialNetwork, radial_rows
from vpp.markets.uniform_price import clear_uniform_price

SEED = 7
NODES = 100
RUNS = 3
Fastest = Callable[..., tuple[float, float, Any]]


def network(count: int, fastest: Fastest) -> dict[str, Any]:
    """A radial network of 100 nodes whose first lines and far voltages bind."""
    ones = np.ones(NODES)
    grid = RadialNetwork(
        parent=_parents(), resistance_ohm=0.02 * ones, reactance_ohm=0.01 * ones, limit_kw=150.0 * ones,
        load_kw=0.1 * ones, load_kvar=0.02 * ones, kvar_per_kw=0.1 * ones,
    )  # fmt: skip
    return _nodal(count, radial_rows(grid), fastest)


def dc_network(count: int, fastest: Fastest) -> dict[str, Any]:
    """The same tree by DC power flow, meshed by 20 ties."""
    chance, parent = np.random.default_rng(SEED), _parents()
    ends = np.array([chance.choice(np.arange(1, NODES), 2, replace=False) for _ in range(20)])
    rows = dc_rows(
        DcNetwork(
            nodes=NODES,
            sender=np.concatenate([parent[1:], ends[:, 0]]),
            receiver=np.concatenate([np.arange(1, NODES), ends[:, 1]]),
            reactance=np.full(NODES - 1 + len(ends), 0.1),
            limit_kw=np.full(NODES - 1 + len(ends), 120.0),
        )
    )
    return _nodal(count, rows, fastest)


def losses(count: int, fastest: Fastest) -> dict[str, Any]:
    """The same tree with 1 % lost on every line."""
    parent = _parents()
    most = np.full(NODES - 1, 40_000)
    links = Links(
        sender=parent[1:], receiver=np.arange(1, NODES), most_wh=most, most_back_wh=most,
        loss=np.full(NODES - 1, 0.01), sender_part=np.full(NODES - 1, 0.5),
    )  # fmt: skip
    orders = _placed_orders(count)
    seconds, first, found = fastest(lambda: clear_links(orders, links, zones=NODES), runs=RUNS)
    error = abs(int((orders.side * found.fill_wh).sum()) + found.lost_wh)
    return _said(count, (seconds, first), welfare=found.welfare_nano, error=error) | {
        "lost_kwh": found.lost_wh / 1e3,
        "rent": found.rent_nano / 1e9,
    }


def reserve(count: int, fastest: Fastest) -> dict[str, Any]:
    """Energy with upward and downward reserve, a tenth of the homes offering both."""
    orders = _placed_orders(count)
    offers = [
        ReserveOffer(count + at, at, name, 20_000 + at % 50_000, 1_000)
        for at in range(0, count, 10)
        for name in ("up", "down")
    ]
    limits = [Capacity(at, -10_000, 10_000) for at in range(0, count, 10)]
    wanted = count * 20
    services = [Service("up", "up", wanted), Service("down", "down", wanted)]

    def run() -> Any:
        return clear_with_reserve(orders, offers, services=services, capacities=limits)

    seconds, first, found = fastest(run, runs=RUNS)
    error = abs(int((orders.side * found.fill_wh).sum())) + abs(int(found.pay_nano.sum()))
    return _said(count, (seconds, first), welfare=found.welfare_nano, error=error) | {
        "reserve_offers": len(offers),
        "operator_pays": found.operator_nano / 1e9,
    }


def lifeline(count: int, fastest: Fastest) -> dict[str, Any]:
    """The call auction with a lifeline for every fifth participant laid over."""
    orders = _placed_orders(count)
    poor, rule = orders.participant % 5 == 0, Lifeline(500, 50_000, 200)

    def run() -> Any:
        return apply_lifeline(orders, clear_uniform_price(orders), low_income=poor, lifeline=rule)

    seconds, first, found = fastest(run, runs=RUNS)
    clearing = found.clearing
    error = abs(int((orders.side * clearing.fill_wh).sum())) + abs(
        int(clearing.pay_nano.sum()) - clearing.account_nano
    )
    return _said(count, (seconds, first), welfare=clearing.welfare_nano, error=error) | {
        "discounts": int(found.discount_nano.sum()) / 1e9
    }


def _nodal(count: int, rows: LinearNetwork, fastest: Fastest) -> dict[str, Any]:
    orders = _placed_orders(count)
    seconds, first, found = fastest(lambda: clear_network(orders, rows, hours=0.25), runs=RUNS)
    error = abs(int((orders.side * found.fill_wh).sum()))
    return _said(count, (seconds, first), welfare=found.welfare_nano, error=error) | {
        "nodes": NODES,
        "congestion_account": found.congestion_nano / 1e9,
        "binding": len(found.binding),
        "rounds": found.rounds,
    }


def _said(count: int, seconds: tuple[float, float], *, welfare: int, error: int) -> dict[str, Any]:
    return {
        "orders": count,
        "seconds": round(seconds[0], 4),
        "first_seconds": round(seconds[1], 4),
        "welfare": welfare / 1e9,
        "balance_error": error,
    }


def _parents() -> Any:
    return np.concatenate([[-1], (np.arange(1, NODES) - 1) * 9 // 10])


def _placed_orders(count: int) -> Orders:
    """Bids everywhere, offers near the head."""
    chance = np.random.default_rng(SEED)
    side = np.where(chance.random(count) < 0.5, 1, -1)
    place = np.where(side > 0, chance.integers(1, NODES, count), chance.integers(0, 10, count))
    return make_orders(
        side=side, location=place, price_micro=chance.integers(50, 400, count) * 1_000,
        quantity_wh=chance.integers(1, max(2, 2_000_000 // count), count),
    )  # fmt: skip
