"""Radial networks by LinDistFlow: what lies below a line flows through it, and voltage falls with it.

M. E. Baran and F. F. Wu, "Optimal capacitor placement on radial distribution systems", IEEE Trans. Power Delivery 4/1
(1989) 725, with the loss terms left out: `v_child = v_parent - 2 (r P + x Q)` for squared voltages. Losses are left out
on the optimistic side: keep a margin (0.005 pu was ample on two low-voltage networks against AC power flow). One
phase stands for three; nothing is said of an unbalanced network.
"""

from dataclasses import dataclass

import numpy as np

from vpp.markets.errors import NetworkError
from vpp.markets.linear_network import Floats, LinearNetwork
from vpp.markets.orders import Ints


@dataclass(frozen=True, slots=True)
class RadialNetwork:
    """N nodes; every array has shape (N,) and tells of a node or of the line that leads to it.

    Attributes
    ----------
    parent
        Node before it, which comes earlier; -1 for the first, where the network is joined to the grid upstream.
    resistance_ohm, reactance_ohm
        Of the line from the parent [ohm]; the first's are not looked at.
    limit_kw
        Most active power of that line either way [kW]; the first's is the transformer's limit, for all that the other
        nodes draw together.
    load_kw, load_kvar
        What is drawn beside the market [kW], [kvar]; the first's are not looked at.
    kvar_per_kw
        Reactive power that comes with traded power.
    nominal_v
        Nominal voltage between phases [V].
    root_pu, least_pu, most_pu
        Voltage at the first node, and its bounds at all others [per unit].
    """

    parent: Ints
    resistance_ohm: Floats
    reactance_ohm: Floats
    limit_kw: Floats
    load_kw: Floats
    load_kvar: Floats
    kvar_per_kw: Floats
    nominal_v: float = 400.0
    root_pu: float = 1.0
    least_pu: float = 0.9
    most_pu: float = 1.1


def radial_rows(network: RadialNetwork) -> LinearNetwork:
    """Return limits of lines [kW] and of squared voltages [per unit] as rows.

    Raises
    ------
    NetworkError
        For parents that do not come earlier, negative or missing numbers.
    """
    _check(network)
    nodes = len(network.parent)
    below = _below(network)
    drop_p, drop_q = _drops(network, below)
    voltage = -(drop_p + drop_q * network.kvar_per_kw)
    drawn, base = base_flows(network)
    at = np.arange(1, nodes)
    names = [f"line {node}" for node in range(nodes)] + [f"voltage {node}" for node in at]
    return LinearNetwork(
        np.vstack([below, voltage[at]]),
        np.concatenate([-network.limit_kw - drawn, network.least_pu**2 - base[at]]),
        np.concatenate([network.limit_kw - drawn, network.most_pu**2 - base[at]]),
        tuple(names),
    )


def base_flows(network: RadialNetwork) -> tuple[Floats, Floats]:
    """Return what flows through each line [kW] and the squared voltage of each node [per unit] without trades, (N,)."""
    below = _below(network)
    drop_p, drop_q = _drops(network, below)
    squared = network.root_pu**2 - drop_p @ network.load_kw - drop_q @ network.load_kvar
    return below @ network.load_kw, squared


def _below(network: RadialNetwork) -> Floats:
    below = subtree_matrix(network.parent)
    below[:, 0] = 0.0  # node 0 is upstream of the transformer
    return below


def _drops(network: RadialNetwork, below: Floats) -> tuple[Floats, Floats]:
    """(N, N) fall of each node's squared voltage by a kW, and by a kvar, drawn at each node [per unit]."""
    per_kw = 2000.0 / network.nominal_v**2
    r, x = network.resistance_ohm.copy(), network.reactance_ohm.copy()
    r[0] = x[0] = 0.0
    path = below.T  # the lines on the way to each node
    drop_p, drop_q = (path @ (value[:, None] * below) * per_kw for value in (r, x))
    return drop_p, drop_q


def subtree_matrix(parent: Ints) -> Floats:
    """Return (N, N): 1 where the column's node is the row's or lies below it."""
    below = np.eye(len(parent))
    for node in range(len(parent) - 1, 0, -1):
        below[parent[node]] += below[node]
    return below


def _check(network: RadialNetwork) -> None:
    parent = network.parent
    if (
        len(parent) == 0
        or parent[0] != -1
        or (parent[1:] < 0).any()
        or (parent[1:] >= np.arange(1, len(parent))).any()
    ):
        raise NetworkError("a parent does not come before its node")
    columns = (
        network.resistance_ohm, network.reactance_ohm, network.load_kw, network.load_kvar, network.kvar_per_kw,
    )  # fmt: skip
    if any(column.shape != parent.shape or not np.isfinite(column).all() for column in columns):
        raise NetworkError("a column has not one finite number for each node")
    if network.limit_kw.shape != parent.shape or not (network.limit_kw >= 0).all():
        raise NetworkError("a limit is below 0 kW or missing")
    if (network.resistance_ohm < 0).any() or (network.reactance_ohm < 0).any():
        raise NetworkError("a resistance or reactance is below 0 ohm")
