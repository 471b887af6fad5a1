"""Clearing on a feeder by DC power flow, meshed or not, or with losses on its lines; by kept inputs alone."""

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from apps.markets.inputs import Filled, Inputs, Result, fills, orders_of
from apps.markets.network_clearing import (
    Flows,
    Standing,
    cleared_within,
    limit_of,
    nodal_result,
    node_rows,
)

if TYPE_CHECKING:
    from vpp.markets.lossy_links import LinkClearing, Links

# Of a line that says none: how power divides between lines that do not needs some.
ASSUMED_OHM: Final = 0.1
UNLIMITED_WH: Final = 10**12
PERMILLE: Final = 1000


def clear_on_dc(inputs: Inputs) -> Result:
    """Clear within the limits of lines whose flows divide by their reactances."""
    import numpy as np

    from vpp.markets.dc_network import DcNetwork, dc_rows

    standing = Standing.of(inputs)
    if not standing.lines:
        return Result(None, None, 0, 0, 0, ())
    nodes, ties = standing.nodes, inputs.extra["network"].get("ties", [])
    network = DcNetwork(
        nodes=len(nodes) + 1,
        sender=np.array([*(node.parent + 1 for node in nodes), *(tie[0] for tie in ties)], np.int64),
        receiver=np.array([*range(1, len(nodes) + 1), *(tie[1] for tie in ties)], np.int64),
        reactance=np.array(
            [*(node.reactance_ohm or ASSUMED_OHM for node in nodes), *(tie[2] for tie in ties)]
        ),
        limit_kw=np.full(len(nodes) + len(ties), np.inf),
    )
    rows = dc_rows(network)
    base = rows.matrix @ np.array([0.0, *(node.load_kw for node in nodes)])
    most = np.array([*(limit_of(node.import_kw) for node in nodes), *(limit_of(tie[3]) for tie in ties)])
    back = np.array([*(limit_of(node.export_kw) for node in nodes), *(limit_of(tie[3]) for tie in ties)])
    # What the load alone breaks is let be.
    rows = dataclasses.replace(rows, low=np.minimum(-back - base, 0.0), high=np.maximum(most - base, 0.0))
    found = cleared_within(standing, rows)
    flow = (base + found.row_value).tolist()
    duals = [round(dual * 1e6) for dual in found.row_dual.tolist()]
    count = len(nodes)
    flows = Flows([0.0, *flow], [1.0] * (count + 1), [0, *duals], [False] * (count + 1))
    said = [[*tie[:2], round(flow[count + at], 6), duals[count + at]] for at, tie in enumerate(ties)]
    extra = {"ties": said} if ties else {}
    return nodal_result(
        inputs, standing, found=found, rows=node_rows(standing, found, flows=flows), extra=extra
    )


def clear_with_losses(inputs: Inputs) -> Result:
    """Clear grid areas joined by lines that lose a share of what they carry; both ends bear half of it."""
    from vpp.markets.lossy_links import clear_links

    standing = Standing.of(inputs)
    if not standing.lines:
        return Result(None, None, 0, 0, 0, ())
    found = clear_links(orders_of(standing.lines), _links(inputs, standing), zones=len(standing.nodes) + 1)
    prices = found.zone_price_micro.tolist()
    traded_at = {line.location for line in standing.lines}
    told = {prices[place] for place in traded_at}
    one = next(iter(told)) if len(told) == 1 and found.volume_wh else None
    return Result(
        buy_price_micro=one,
        sell_price_micro=one,
        volume_wh=found.volume_wh,
        welfare_nano=found.welfare_nano,
        account_nano=found.rent_nano,
        fills=fills(inputs, standing.lines, filled=Filled(found.fill_wh.tolist(), found.pay_nano.tolist())),
        extra={"nodes": _zone_rows(standing, found), "lost_wh": found.lost_wh},
    )


def _links(inputs: Inputs, standing: Standing) -> "Links":
    """The lines as links, with what of their limits the load beside the market leaves."""
    import numpy as np

    from vpp.markets.lossy_links import Links
    from vpp.markets.radial_network import subtree_matrix

    nodes = standing.nodes
    count = len(nodes)
    parent = np.array([-1, *(node.parent + 1 for node in nodes)])
    load = subtree_matrix(parent) @ np.array([0.0, *(node.load_kw for node in nodes)])

    def most(limits: list[float | None], sign: int) -> Any:
        left = [limit_of(kw) - sign * load[at] for at, kw in enumerate(limits, start=1)]
        return np.array(
            [min(UNLIMITED_WH, max(0, int(kw * standing.hours * PERMILLE))) for kw in left], np.int64
        )

    return Links(
        sender=parent[1:],
        receiver=np.arange(1, count + 1),
        most_wh=most([node.import_kw for node in nodes], 1),
        most_back_wh=most([node.export_kw for node in nodes], -1),
        loss=np.array(inputs.extra["network"]["loss_permille"], np.float64) / PERMILLE,
        sender_part=np.full(count, 0.5),
    )


def _zone_rows(standing: Standing, found: "LinkClearing") -> list[list[Any]]:
    traded, prices = standing.traded_wh(found.fill_wh.tolist()), found.zone_price_micro.tolist()
    flows = (found.flow_kwh / standing.hours).tolist()
    return [
        [
            node.area,
            prices[at] if found.volume_wh else None,
            traded[at],
            round(flows[at - 1], 6),
            1.0,
            0,
            False,
        ]
        for at, node in enumerate(standing.nodes, start=1)
    ]
