"""Clearing within a feeder's limits, by kept inputs: what each line and voltage allows, prices at every node."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from apps.markets.inputs import Filled, Inputs, OrderLine, Result, fills, orders_of

if TYPE_CHECKING:  # numpy is imported where something is computed
    from vpp.markets.linear_network import LinearNetwork
    from vpp.markets.network_clearing import NetworkClearing
    from vpp.markets.radial_network import RadialNetwork

NODE: Final = (
    "area", "parent", "import_kw", "export_kw", "resistance_ohm", "reactance_ohm", "load_kw", "load_kvar", "kvar_per_kw",
)  # fmt: skip
UNLIMITED_KW: Final = 1e9


@dataclasses.dataclass(frozen=True)
class Node:
    """A grid area as a node, and the line that feeds it; `parent` is the place of its node, -1 the grid upstream.

    `load_kw` and `load_kvar` flow beside the market; a limit of None is none.
    """

    area: int
    parent: int
    import_kw: float | None
    export_kw: float | None
    resistance_ohm: float
    reactance_ohm: float
    load_kw: float
    load_kvar: float
    kvar_per_kw: float


@dataclasses.dataclass(frozen=True)
class NodeResult:
    """What a node came to: its price, what its trades draw, and what flows through its line [kW] at which voltage."""

    area: int
    price_micro: int | None
    traded_wh: int
    flow_kw: float
    voltage_pu: float
    line_price_micro: int
    voltage_binds: bool


def network_plain(nodes: Sequence[Node], *, hours: float, nominal_v: float) -> dict[str, Any]:
    """Return a network as it is kept with a run's inputs."""
    rows = [[getattr(node, name) for name in NODE] for node in nodes]
    return {"network": {"hours": hours, "nominal_v": nominal_v, "nodes": rows}}


def nodes_kept(extra: Mapping[str, Any]) -> list[Node]:
    """Return the nodes of kept inputs."""
    rows = extra.get("network", {}).get("nodes", [])
    return [Node(**dict(zip(NODE, row, strict=True))) for row in rows]


def node_results(extra: Mapping[str, Any]) -> list[NodeResult]:
    """Return the nodes of a kept result."""
    return [NodeResult(*row) for row in extra.get("nodes", [])]


@dataclasses.dataclass(frozen=True)
class Standing:
    """A run's nodes, the lines that are left with the place of their node (0 is the grid upstream), and the interval [h]."""

    nodes: list[Node]
    lines: list[OrderLine]
    hours: float

    @classmethod
    def of(cls, inputs: Inputs) -> "Standing":
        """Return it from kept inputs; what is firm stands at the feeder's head."""
        nodes = nodes_kept(inputs.extra)
        place = {node.area: index + 1 for index, node in enumerate(nodes)}
        lines = [
            dataclasses.replace(line, location=place.get(line.location, 0))
            for line in inputs.orders
            if line.offered_wh > 0
        ]
        return cls(nodes, lines, float(inputs.extra["network"]["hours"]))

    def traded_wh(self, fill_wh: Sequence[int]) -> list[int]:
        """What each place's trades draw [Wh]."""
        traded = [0] * (len(self.nodes) + 1)
        for line, energy in zip(self.lines, fill_wh, strict=True):
            traded[line.location] += line.side * energy
        return traded


@dataclasses.dataclass(frozen=True)
class Flows:
    """What every place came to: flow through its line [kW], voltage [per unit], its line's price, whether voltage binds."""

    flow_kw: Sequence[float]
    voltage_pu: Sequence[float]
    line_price_micro: Sequence[int]
    voltage_binds: Sequence[bool]


def clear_on_network(inputs: Inputs) -> Result:
    """Clear the orders at their nodes; what is firm flows anyway and trades at the feeder's head."""
    from vpp.markets.radial_network import base_flows

    standing = Standing.of(inputs)
    if not standing.lines:
        return Result(None, None, 0, 0, 0, ())
    network, rows = _network(inputs, standing.nodes)
    found = cleared_within(standing, rows)
    flow, squared = base_flows(network)
    count = len(standing.nodes) + 1
    volts = (squared[1:] + found.row_value[count:]).clip(0.0) ** 0.5
    duals = [round(dual * 1e6) for dual in found.row_dual.tolist()]
    flows = Flows(
        (flow + found.row_value[:count]).tolist(), [1.0, *volts.tolist()], duals[:count],
        [False, *(bool(dual) for dual in duals[count:])],
    )  # fmt: skip
    return nodal_result(inputs, standing, found=found, rows=node_rows(standing, found, flows=flows))


def cleared_within(standing: Standing, rows: "LinearNetwork") -> "NetworkClearing":
    """Clear within rows of limits."""
    from vpp.markets.network_clearing import clear_network

    return clear_network(orders_of(standing.lines), rows, hours=standing.hours)


def nodal_result(
    inputs: Inputs,
    standing: Standing,
    *,
    found: "NetworkClearing",
    rows: list[list[Any]],
    extra: Mapping[str, Any] | None = None,
) -> Result:
    """Return what a run within limits came to; with one price only where all nodes have the same."""
    prices = found.node_price_micro
    told = sorted({int(price) for price in prices}) if prices is not None else []
    one = told[0] if len(told) == 1 else None
    filled = Filled(found.fill_wh.tolist(), found.pay_nano.tolist())
    return Result(
        buy_price_micro=one,
        sell_price_micro=one,
        volume_wh=found.volume_wh,
        welfare_nano=found.welfare_nano,
        account_nano=found.congestion_nano,
        fills=fills(inputs, standing.lines, filled=filled),
        extra={"nodes": rows, **(extra or {})},
    )


def node_rows(standing: Standing, found: "NetworkClearing", *, flows: Flows) -> list[list[Any]]:
    """Return nodes as they are kept with a result."""
    traded = standing.traded_wh(found.fill_wh.tolist())
    prices = found.node_price_micro
    told = [None] * len(traded) if prices is None else prices.tolist()
    return [
        [
            node.area, told[index], traded[index], round(flows.flow_kw[index], 6),
            round(float(flows.voltage_pu[index]), 6), flows.line_price_micro[index], flows.voltage_binds[index],
        ]
        for index, node in enumerate(standing.nodes, start=1)
    ]  # fmt: skip


def _network(inputs: Inputs, nodes: Sequence[Node]) -> "tuple[RadialNetwork, LinearNetwork]":
    """The feeder with the grid upstream as its first node; limits that the load alone breaks are let be."""
    import numpy as np

    from vpp.markets.radial_network import RadialNetwork, radial_rows

    def column(name: str, *, first: float = 0.0) -> Any:
        return np.array([first, *(float(getattr(node, name)) for node in nodes)])

    network = RadialNetwork(
        parent=np.array([-1, *(node.parent + 1 for node in nodes)]),
        resistance_ohm=column("resistance_ohm"),
        reactance_ohm=column("reactance_ohm"),
        limit_kw=np.full(len(nodes) + 1, UNLIMITED_KW),
        load_kw=column("load_kw"),
        load_kvar=column("load_kvar"),
        kvar_per_kw=column("kvar_per_kw"),
        nominal_v=float(inputs.extra["network"]["nominal_v"]),
    )
    rows = radial_rows(network)
    low, high = rows.low.copy(), rows.high.copy()
    for index, node in enumerate(nodes, start=1):
        low[index] += UNLIMITED_KW - limit_of(node.export_kw)
        high[index] -= UNLIMITED_KW - limit_of(node.import_kw)
    rows = dataclasses.replace(rows, low=np.minimum(low, 0.0), high=np.maximum(high, 0.0))
    return network, rows


def limit_of(kw: float | None) -> float:
    """Return a limit as a number; none is very much."""
    return UNLIMITED_KW if kw is None else float(kw)
