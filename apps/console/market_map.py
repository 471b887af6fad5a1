"""A run's nodal prices as a schematic map of the feeder: one row a grid area, below the one that feeds it."""

import dataclasses
from collections.abc import Sequence
from decimal import Decimal

from apps.markets.models import NodePrice

ROW = 58
STEP = 26
LEFT = 16
SHADES = 4
MICRO = Decimal(1_000_000)
DEEPEST = 6


@dataclasses.dataclass(frozen=True)
class MapNode:
    """A node where it is drawn [px], the way its line takes, the end of it that is its own, and what is said of it."""

    x: int
    y: int
    text_x: int
    way: str
    edge: str
    name: str
    price: Decimal | None
    shade: int
    flow: str
    binds: bool
    said: str


@dataclasses.dataclass(frozen=True)
class NodalMap:
    """The feeder; `congestion` is what buyers paid and sellers did not get, for its limits."""

    nodes: list[MapNode]
    height: int
    least: Decimal | None
    most: Decimal | None
    congestion: Decimal


def nodal_map(*, nodes: Sequence[NodePrice], account_nano: int) -> NodalMap | None:
    """Lay a feeder out; None for a run that knows no network."""
    if not nodes:
        return None
    order = _depth_first(nodes)
    depth = {-1: -1}
    for node in nodes:
        depth[node.place] = min(depth[node.parent_place] + 1, DEEPEST)
    row = {place: index for index, place in enumerate(order)}
    by_place = {node.place: node for node in nodes}
    prices = [node.price_micro for node in nodes if node.price_micro is not None]
    least, most = (min(prices), max(prices)) if prices else (None, None)
    drawn = [_drawn(by_place[place], depth=depth, row=row, least=least, most=most) for place in order]
    return NodalMap(
        nodes=drawn,
        height=ROW * len(drawn),
        least=None if least is None else least / MICRO,
        most=None if most is None else most / MICRO,
        congestion=Decimal(account_nano) / 1_000_000_000,
    )


def _depth_first(nodes: Sequence[NodePrice]) -> list[int]:
    below: dict[int, list[int]] = {}
    for node in nodes:
        below.setdefault(node.parent_place, []).append(node.place)
    found, waiting = [], list(reversed(below.get(-1, [])))
    while waiting:
        place = waiting.pop()
        found.append(place)
        waiting += reversed(below.get(place, []))
    return found


def _drawn(
    node: NodePrice, *, depth: dict[int, int], row: dict[int, int], least: int | None, most: int | None
) -> MapNode:
    x, y = _x(depth[node.place]), _y(row[node.place])
    way = f"M{x} {y - ROW // 2}V{y}" if node.parent_place == -1 else ""
    if not way:
        way = f"M{_x(depth[node.parent_place])} {_y(row[node.parent_place])}V{y}H{x}"
    binds = bool(node.line_price_micro) or node.voltage_binds
    return MapNode(
        x=x, y=y, text_x=x + 18, way=way, name=node.name, binds=binds,
        edge=way if node.parent_place == -1 else f"M{x - STEP} {y}H{x}",
        price=None if node.price_micro is None else node.price_micro / MICRO,
        shade=_shade(node.price_micro, least=least, most=most), flow=_flow(node), said=_said(node),
    )  # fmt: skip


def _x(depth: int) -> int:
    return LEFT + STEP * depth


def _y(row: int) -> int:
    return ROW * row + ROW // 2


def _shade(price: int | None, *, least: int | None, most: int | None) -> int:
    """0 for the cheapest to SHADES for the dearest; the middle where all are equal."""
    if price is None or least is None or most is None or most == least:
        return SHADES // 2
    return round(SHADES * (price - least) / (most - least))


def _flow(node: NodePrice) -> str:
    """What its line carries, beside the limit in that direction."""
    way, limit = ("in", node.import_limit_kw) if node.flow_kw >= 0 else ("out", node.export_limit_kw)
    held = "" if limit is None else f" of {limit:.4g}"
    return f"{abs(node.flow_kw):.2f}{held} kW {way} · {node.voltage_pu * 100:.1f} % voltage"


def _said(node: NodePrice) -> str:
    """Why a price differs here."""
    if node.line_price_micro:
        worth = abs(node.line_price_micro) / MICRO
        return f"its line is full: one more kWh through it would be worth {worth.normalize():f}"
    return "its voltage is at the limit" if node.voltage_binds else ""
