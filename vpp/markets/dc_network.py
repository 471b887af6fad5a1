"""The DC power flow: flows in proportion to angle differences, no losses, voltages at their nominal value.

B. Stott, J. Jardim and O. Alsaç, "DC power flow revisited", IEEE Trans. Power Systems 24/3 (2009) 1290. Angles are
eliminated: flows are power transfer distribution factors times injections.
"""

from dataclasses import dataclass

import numpy as np

from vpp.markets.errors import NetworkError
from vpp.markets.linear_network import Floats, LinearNetwork
from vpp.markets.orders import Ints


@dataclass(frozen=True, slots=True)
class DcNetwork:
    """N nodes and L lines.

    Attributes
    ----------
    nodes
        Number of nodes.
    sender, receiver
        Nodes of each line (L,); a flow is positive from sender to receiver.
    reactance
        Of each line (L,), > 0, in any one unit.
    limit_kw
        Most flow of each line either way (L,) [kW]; infinite where there is none.
    """

    nodes: int
    sender: Ints
    receiver: Ints
    reactance: Floats
    limit_kw: Floats


def dc_rows(network: DcNetwork) -> LinearNetwork:
    """Return the limits of a DC network's lines as rows [kW].

    Raises
    ------
    NetworkError
        For lines to nodes that are not there, reactances of zero or less, limits below zero, and a network in parts.
    """
    _check(network)
    lines = np.arange(len(network.sender))
    incidence = np.zeros((len(lines), network.nodes))
    incidence[lines, network.sender] += 1.0
    incidence[lines, network.receiver] -= 1.0
    weighted = incidence / network.reactance[:, None]
    laplacian = incidence.T @ weighted
    if np.linalg.matrix_rank(laplacian) < network.nodes - 1:
        raise NetworkError("the network is in parts")
    # Drawn power is a negative injection; the first node holds the balance.
    factors = np.zeros((len(lines), network.nodes))
    if network.nodes > 1:
        factors[:, 1:] = -np.linalg.solve(laplacian[1:, 1:], weighted[:, 1:].T).T
    names = tuple(f"line {line}" for line in lines)
    return LinearNetwork(factors, -network.limit_kw, network.limit_kw.astype(np.float64), names)


def _check(network: DcNetwork) -> None:
    ends = np.concatenate([network.sender, network.receiver])
    if ((ends < 0) | (ends >= network.nodes)).any():
        raise NetworkError("a line ends at a node that is not there")
    if not (np.isfinite(network.reactance) & (network.reactance > 0)).all():
        raise NetworkError("a reactance is not above 0")
    if not (network.limit_kw >= 0).all():
        raise NetworkError("a limit is below 0 kW")
