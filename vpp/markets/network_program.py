"""The network's clearing as cvxpy programs, stated by their physics: the referee of `network_clearing`.

DC: angles and flows per line. Radial: LinDistFlow's active and reactive flows and squared voltages, node after node.
Each returns the welfare and the duals of the nodal balances, without rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpp.markets.dc_network import DcNetwork
from vpp.markets.errors import ClearingInfeasibleError
from vpp.markets.linear_network import Floats
from vpp.markets.orders import Orders
from vpp.markets.radial_network import RadialNetwork
from vpp.markets.steps import Steps, steps_of
from vpp.resources.horizon import modeling


@dataclass(frozen=True, slots=True)
class ProgramAnswer:
    """Welfare [currency], nodal prices (N,) [currency/kWh], drawn power of the trades (N,) [kW]."""

    welfare: float
    node_price: Floats
    drawn_kw: Floats


def solve_dc_program(orders: Orders, network: DcNetwork, *, hours: float) -> ProgramAnswer:
    """Clear orders at the nodes of a DC network over `hours` [h].

    Raises
    ------
    ClearingInfeasibleError
        Where no trade meets the limits.
    """
    cp = modeling()

    steps = steps_of(orders)
    energy, drawn = _trade(steps, nodes=network.nodes, hours=hours)
    angle = cp.Variable(network.nodes)
    flow = cp.multiply(angle[network.sender] - angle[network.receiver], 1.0 / network.reactance)
    limited = np.flatnonzero(np.isfinite(network.limit_kw))
    out = np.zeros((network.nodes, len(network.sender)))
    lines = np.arange(len(network.sender))
    np.add.at(out, (network.sender, lines), 1.0)
    np.add.at(out, (network.receiver, lines), -1.0)
    balance = drawn + out @ flow == 0
    rules = [balance, angle[0] == 0]
    if len(limited):
        rules.append(cp.abs(flow[limited]) <= network.limit_kw[limited])
    return _solved(steps, energy, rules=rules, drawn=drawn, price=lambda: balance.dual_value / hours)


def solve_radial_program(orders: Orders, network: RadialNetwork, *, hours: float) -> ProgramAnswer:
    """Clear orders at the nodes of a radial network over `hours` [h].

    Raises
    ------
    ClearingInfeasibleError
        Where no trade meets the limits.
    """
    cp = modeling()

    steps = steps_of(orders)
    nodes = len(network.parent)
    energy, drawn = _trade(steps, nodes=nodes, hours=hours)
    active, reactive, squared = cp.Variable(nodes), cp.Variable(nodes), cp.Variable(nodes)
    through = np.zeros((nodes, nodes))
    through[network.parent[1:], np.arange(1, nodes)] = 1.0
    node = np.arange(1, nodes)
    # What is drawn beside the market is supplied from upstream; node 0 trades with the grid there.
    down = through @ active
    beside = float(network.load_kw[1:].sum())
    balance = (
        cp.hstack([drawn[0] + down[0] - beside, drawn[1:] + network.load_kw[1:] + down[1:] - active[1:]]) == 0
    )
    varying = cp.multiply(network.kvar_per_kw, drawn)
    scale = 2000.0 / network.nominal_v**2
    drop = cp.multiply(network.resistance_ohm[1:], active[1:]) + cp.multiply(
        network.reactance_ohm[1:], reactive[1:]
    )
    sway = varying[1:] + network.load_kvar[1:] + (through @ reactive)[1:] - reactive[1:] == 0
    rules = [
        balance,
        active[0] == down[0],
        sway,
        squared[0] == network.root_pu**2,
        squared[node] == squared[network.parent[1:]] - scale * drop,
        squared[node] >= network.least_pu**2,
        squared[node] <= network.most_pu**2,
    ]
    limited = np.flatnonzero(np.isfinite(network.limit_kw))
    if len(limited):
        rules.append(cp.abs(active[limited]) <= network.limit_kw[limited])

    def price() -> Any:
        """Traded power comes with reactive power, which costs as well."""
        return (balance.dual_value + network.kvar_per_kw * np.append(0.0, sway.dual_value)) / hours

    return _solved(steps, energy, rules=rules, drawn=drawn, price=price)


def _trade(steps: Steps, *, nodes: int, hours: float) -> tuple[Any, Any]:
    """Energy of the steps [kWh] and the power they draw at each node [kW]."""
    cp = modeling()

    energy = cp.Variable(len(steps.side), nonneg=True)
    place = np.zeros((nodes, len(steps.side)))
    place[steps.location, np.arange(len(steps.side))] = steps.side / hours
    return energy, place @ energy


def _solved(
    steps: Steps, energy: Any, *, rules: list[Any], drawn: Any, price: Callable[[], Any]
) -> ProgramAnswer:
    cp = modeling()

    problem = cp.Problem(cp.Maximize(steps.value @ energy), [*rules, energy <= steps.most_kwh])
    problem.solve(solver=cp.HIGHS)
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise ClearingInfeasibleError(f"cvxpy: {problem.status}")
    return ProgramAnswer(float(problem.value), np.asarray(price()), np.asarray(drawn.value))
