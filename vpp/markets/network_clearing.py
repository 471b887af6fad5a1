"""The call auction within the limits of a network: prices at its nodes.

F. C. Schweppe, M. C. Caramanis, R. D. Tabors and R. E. Bohn, "Spot Pricing of Electricity" (1988); for radial networks
and LinDistFlow: A. Papavasiliou, "Analysis of distribution locational marginal prices", IEEE Trans. Smart Grid 9/5
(2018) 4872. A node's price is the price of the first node plus what each binding limit costs, by its dual:
`price_n = energy + sum_m dual_m matrix_mn`. Buyers pay and sellers get the price of their node; what is left over is
the rent of the binding limits and belongs to the congestion account, so that the budget balances with it.

Fast path: without a binding limit it is the call auction of `vpp.markets.merit`, with its k-pricing. Otherwise a linear
program over price steps gets only the limits that its last answer broke, until none is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from vpp.markets.errors import ClearingFailedError, ClearingInfeasibleError, UnsuitableOrdersError
from vpp.markets.linear_network import Floats, LinearNetwork
from vpp.markets.merit import crossing_of, fills_at
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.steps import MICRO_EACH, WH_EACH, Steps, fills_of, steps_of
from vpp.markets.uniform_price import check_k

PROPERTIES: Final = Properties(
    efficient=True,
    individually_rational=True,
    budget="weak",
    truthful=False,
    conditions="with the congestion account, to the rounding of prices and of single Wh; a limit may be passed by that",
)
TOLERANCE: Final = 1e-6
INFEASIBLE: Final = 2


@dataclass(frozen=True, slots=True)
class NetworkClearing:
    """Result for K orders, N nodes, M rows.

    Attributes
    ----------
    fill_wh, pay_nano
        Energy [Wh] and payment [1e-9 currency] of each order (K,).
    node_price_micro
        Price of each node (N,) [1e-6 currency/kWh]; None where nothing trades.
    row_dual
        What one more unit of each row's bound is worth (M,) [currency per row's unit and hour]; > 0 at the upper bound,
        < 0 at the lower.
    row_value
        What the trades add to each row (M,) [row's unit].
    binding
        Names of the rows with a dual.
    volume_wh, welfare_nano
        Energy bought [Wh]; value less cost, orders taken at their word [1e-9 currency].
    congestion_nano
        The congestion account: sum of all payments [1e-9 currency].
    rounds
        How many linear programs were solved; 0 for the call auction.
    """

    fill_wh: Ints
    pay_nano: Ints
    node_price_micro: Ints | None
    row_dual: Floats
    row_value: Floats
    binding: tuple[str, ...]
    volume_wh: int
    welfare_nano: int
    congestion_nano: int
    rounds: int


def clear_network(
    orders: Orders, network: LinearNetwork, *, hours: float, k_permille: int = 500
) -> NetworkClearing:
    """Clear orders at the nodes of a network.

    Parameters
    ----------
    orders
        K orders; `location` is the node. Trade with the grid upstream are orders too, at the node it is joined to.
    network
        Limits; what flows beside the market has been taken off its bounds.
    hours
        Length of the period [h].
    k_permille
        Where the price lies without congestion [1/1000].

    Raises
    ------
    UnsuitableOrdersError
        For a location that is no node.
    ClearingInfeasibleError
        Where limits are broken whatever is traded.
    ClearingFailedError
        Where HiGHS ends without an answer.
    """
    check_k(k_permille)
    if len(orders) and (orders.location.min() < 0 or orders.location.max() >= network.nodes):
        raise UnsuitableOrdersError(f"not every order stands at a node from 0 to {network.nodes - 1}")
    free = _uncongested(orders, network, hours=hours, k_permille=k_permille)
    if free is not None:
        return free
    program = _Program(steps_of(orders), network, hours=hours)
    active: set[int] = set(program.broken(np.zeros(len(program.steps.side))).tolist())
    for rounds in range(1, 2 * len(network.names) + 2):
        answer = program.solve(sorted(active))
        broken = set(program.broken(answer.energy_kwh).tolist()) - active
        if not broken:
            fill = fills_of(orders, program.steps, energy_kwh=answer.energy_kwh, balanced=True)
            return _result(orders, network, fill=fill, prices=answer, hours=hours, rounds=rounds)
        active |= broken
    raise ClearingFailedError("limits were added without end")


@dataclass(frozen=True, slots=True)
class _Answer:
    energy_kwh: Floats
    energy_price: float
    row_dual: Floats


class _Program:
    """Welfare over steps with some of the rows."""

    def __init__(self, steps: Steps, network: LinearNetwork, *, hours: float) -> None:
        self.steps = steps
        self._network = network
        # A step's kWh within the period are kWh / hours of kW drawn at its node.
        self._rows = network.matrix[:, steps.location] * steps.side / hours

    def broken(self, energy_kwh: Floats) -> Ints:
        """Rows that an answer (S,) [kWh] breaks."""
        value = self._rows @ energy_kwh
        slack = TOLERANCE * np.maximum(1.0, np.abs(value))
        return np.flatnonzero((value > self._network.high + slack) | (value < self._network.low - slack))

    def solve(self, active: list[int]) -> _Answer:
        from scipy.optimize import linprog

        rows, network = self._rows[active], self._network
        answer = linprog(
            -self.steps.value,
            A_ub=np.vstack([rows, -rows]) if active else None,
            b_ub=np.concatenate([network.high[active], -network.low[active]]) if active else None,
            A_eq=self.steps.side[None, :].astype(np.float64),
            b_eq=np.zeros(1),
            bounds=np.column_stack([np.zeros(len(self.steps.side)), self.steps.most_kwh]),
            method="highs",
        )
        if answer.status == INFEASIBLE:
            names = ", ".join(network.names[row] for row in active)
            raise ClearingInfeasibleError(f"no trade meets the limits of {names}")
        if answer.x is None:
            raise ClearingFailedError(f"HiGHS: {answer.message}")
        dual = np.zeros(len(network.names))
        if active:
            marginals = -answer.ineqlin.marginals
            dual[active] = marginals[: len(active)] - marginals[len(active) :]
        return _Answer(answer.x, float(-answer.eqlin.marginals[0]), dual)


def _uncongested(
    orders: Orders, network: LinearNetwork, *, hours: float, k_permille: int
) -> NetworkClearing | None:
    """The call auction, where it breaks no limit."""
    crossing = crossing_of(orders)
    fill = np.zeros(len(orders), np.int64) if crossing is None else fills_at(orders, crossing)
    value = network.matrix @ _drawn_kw(orders, network, fill=fill, hours=hours)
    slack = TOLERANCE * np.maximum(1.0, np.abs(value))
    if ((value > network.high + slack) | (value < network.low - slack)).any():
        return None
    price = 0.0 if crossing is None else crossing.price(k_permille) / MICRO_EACH
    answer = _Answer(np.zeros(0), price, np.zeros(len(network.names)))
    return _result(orders, network, fill=fill, prices=answer, hours=hours, rounds=0)


def _drawn_kw(orders: Orders, network: LinearNetwork, *, fill: Ints, hours: float) -> Floats:
    """Mean power that the trades draw at each node (N,) [kW]."""
    energy = np.bincount(orders.location, weights=orders.side * fill, minlength=network.nodes)
    return energy / WH_EACH / hours


def _result(
    orders: Orders, network: LinearNetwork, *, fill: Ints, prices: _Answer, hours: float, rounds: int
) -> NetworkClearing:
    # A row's dual is worth its unit, which lasts the period: per kWh it is divided by the hours.
    exact = prices.energy_price + prices.row_dual @ network.matrix / hours
    node_price = np.rint(exact * MICRO_EACH).astype(np.int64)
    signed = orders.side * fill
    pay = signed * node_price[orders.location]
    binding = np.flatnonzero(np.abs(prices.row_dual) > TOLERANCE)
    return NetworkClearing(
        fill_wh=fill,
        pay_nano=pay,
        node_price_micro=node_price if fill.any() else None,
        row_dual=prices.row_dual / hours,
        row_value=network.matrix @ _drawn_kw(orders, network, fill=fill, hours=hours),
        binding=tuple(network.names[row] for row in binding),
        volume_wh=int(fill[orders.side > 0].sum()),
        welfare_nano=int((signed * orders.price_micro).sum()),
        congestion_nano=int(pay.sum()),
        rounds=rounds,
    )
