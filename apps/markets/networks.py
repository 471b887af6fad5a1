"""A market's feeder: the lines of its grid areas, and what of it goes into and comes out of a clearing."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.services import audit
from apps.common.bulk import bulk_copy
from apps.markets.envelopes import Offered
from apps.markets.errors import LineInvalidError
from apps.markets.models import AreaLine, AreaTie, ClearingRun, Market, NodePrice
from apps.markets.network_clearing import Node, network_plain, node_results, nodes_kept
from apps.markets.rules import DC_NETWORK, LOSSES
from apps.sites.models import GridArea
from apps.sites.selectors import areas_fed_by, grid_areas_of_organization

FIELDS: Final = ("resistance_ohm", "reactance_ohm", "load_kw", "load_kvar", "kvar_per_kw", "loss_permille")
GREATEST: Final = 1e6
WH_PER_KWH: Final = 1000


@transaction.atomic
def line_set(
    *, market: Market, grid_area: GridArea, values: Mapping[str, float | None], actor: str, now: datetime
) -> AreaLine:
    """Say what line feeds one of the market's grid areas, and what flows there beside the market."""
    if grid_area.pk not in areas_fed_by(area=market.grid_area):
        raise LineInvalidError("this grid area is not fed by the market's")
    unknown = set(values) - set(FIELDS)
    if unknown:
        raise LineInvalidError(f"{sorted(unknown)[0]} cannot be set")
    for name, value in values.items():
        _check_number(name, value)
    line, _ = AreaLine.objects.update_or_create(
        grid_area=grid_area,
        defaults={**values, "changed_at": now},
        create_defaults={**values, "changed_at": now},
    )
    audit(
        organization=market.organization, actor=actor, action="market_line_set", subject=f"grid area {grid_area.pk}",
        now=now, market=market.pk, **dict(values),
    )  # fmt: skip
    return line


@transaction.atomic
def tie_set(
    *,
    market: Market,
    ends: tuple[GridArea, GridArea],
    reactance_ohm: float,
    limit_kw: float | None,
    actor: str,
    now: datetime,
) -> AreaTie:
    """Say what line joins two of the market's grid areas beside those that feed them."""
    fed = areas_fed_by(area=market.grid_area)
    sender, receiver = sorted(ends, key=lambda one: one.pk)
    if sender.pk == receiver.pk or not {sender.pk, receiver.pk} <= fed:
        raise LineInvalidError("a tie joins two of the market's grid areas")
    _check_number("reactance_ohm", reactance_ohm)
    if reactance_ohm == 0 or (limit_kw is not None and not 0 <= limit_kw <= GREATEST):
        raise LineInvalidError("a tie has a reactance above 0 and a limit of 0 or more")
    values = {"reactance_ohm": reactance_ohm, "limit_kw": limit_kw, "changed_at": now}
    tie, _ = AreaTie.objects.update_or_create(
        sender=sender, receiver=receiver, defaults=values, create_defaults=values
    )
    audit(
        organization=market.organization, actor=actor, action="market_tie_set", subject=f"grid area {sender.pk}",
        now=now, market=market.pk, other=receiver.pk, reactance_ohm=reactance_ohm, limit_kw=limit_kw,
    )  # fmt: skip
    return tie


@transaction.atomic
def tie_remove(*, market: Market, tie_id: int, actor: str, now: datetime) -> None:
    """Take a tie out of the market's network."""
    fed = areas_fed_by(area=market.grid_area)
    gone, _ = AreaTie.objects.filter(pk=tie_id, sender__in=fed, receiver__in=fed).delete()
    if not gone:
        raise LineInvalidError("no such tie")
    audit(
        organization=market.organization, actor=actor, action="market_tie_remove", subject=f"tie {tie_id}", now=now,
        market=market.pk,
    )  # fmt: skip


def ties_of(*, market: Market) -> QuerySet[AreaTie]:
    """Return the lines between the market's areas beside those that feed them."""
    fed = areas_fed_by(area=market.grid_area)
    found = AreaTie.objects.filter(sender__in=fed, receiver__in=fed)
    return found.select_related("sender", "receiver").order_by("sender_id", "receiver_id")


def _check_number(name: str, value: float | None) -> None:
    if name == "loss_permille":
        good = value is None or (isinstance(value, int) and 0 <= value < 1000)
    else:
        good = value is not None and math.isfinite(value) and abs(value) <= GREATEST
        good = good and not (name.endswith("_ohm") and (value or 0) < 0)
    if not good:
        raise LineInvalidError(f"{name} is no such number")


def feeder_of(*, market: Market) -> list[tuple[GridArea, int]]:
    """Return the market's areas, each after the one that feeds it, with the place of that one (-1 for the first)."""
    fed = areas_fed_by(area=market.grid_area)
    areas = {
        one.pk: one
        for one in grid_areas_of_organization(organization=market.organization)
        .filter(pk__in=fed)
        .order_by("pk")
    }
    found: list[tuple[GridArea, int]] = [(areas[market.grid_area_id], -1)]
    for place, (area, _) in enumerate(found):  # grows while it is read
        below = (one for one in areas.values() if one.parent_id == area.pk and one.pk != market.grid_area_id)
        found += [(one, place) for one in below]
    return found


def network_of(*, market: Market, offered: Sequence[Offered]) -> dict[str, Any]:
    """Return the feeder as a run keeps it; energy of firm orders counts as load, for it flows anyway."""
    lines = {
        line.grid_area_id: line
        for line in AreaLine.objects.filter(grid_area__in=areas_fed_by(area=market.grid_area))
    }
    hours = market.interval_s / 3600
    firm_kw: dict[int, float] = {}
    for one in offered:
        if one.order.firm:
            kw = one.order.side * one.order.quantity_wh / WH_PER_KWH / hours
            firm_kw[one.area] = firm_kw.get(one.area, 0.0) + kw
    nodes = [
        _node(area, parent=parent, line=lines.get(area.pk), firm_kw=firm_kw.get(area.pk, 0.0))
        for area, parent in feeder_of(market=market)
    ]
    plain = network_plain(nodes, hours=hours, nominal_v=market.nominal_v)
    if market.mechanism == DC_NETWORK:
        place = {node.area: index for index, node in enumerate(nodes, start=1)}
        plain["network"]["ties"] = [
            [place[tie.sender_id], place[tie.receiver_id], tie.reactance_ohm, tie.limit_kw]
            for tie in ties_of(market=market)
        ]
    if market.mechanism == LOSSES:
        said = [lines[node.area].loss_permille if node.area in lines else None for node in nodes]
        plain["network"]["loss_permille"] = [market.loss_permille if one is None else one for one in said]
    return plain


def nodes_store(
    *, run: ClearingRun, market: Market, inputs: Mapping[str, Any], result: Mapping[str, Any]
) -> list[NodePrice]:
    """Keep what every node came to; nothing where the run knows no network."""
    names = {area.pk: area.name for area, _ in feeder_of(market=market)} if result.get("nodes") else {}
    rows = [
        NodePrice(
            run=run, place=place, parent_place=node.parent, grid_area_id=node.area, name=names.get(node.area, ""),
            price_micro=came.price_micro, traded_wh=came.traded_wh, flow_kw=came.flow_kw, voltage_pu=came.voltage_pu,
            import_limit_kw=node.import_kw, export_limit_kw=node.export_kw, line_price_micro=came.line_price_micro,
            voltage_binds=came.voltage_binds,
        )
        for place, (node, came) in enumerate(zip(nodes_kept(inputs), node_results(result), strict=False))
    ]  # fmt: skip
    bulk_copy(NodePrice, rows)
    return rows


def _node(area: GridArea, *, parent: int, line: AreaLine | None, firm_kw: float) -> Node:
    held = line or AreaLine()
    return Node(
        area=area.pk, parent=parent, import_kw=area.import_limit_kw, export_kw=area.export_limit_kw,
        resistance_ohm=held.resistance_ohm, reactance_ohm=held.reactance_ohm, load_kw=round(held.load_kw + firm_kw, 6),
        load_kvar=held.load_kvar, kvar_per_kw=held.kvar_per_kw,
    )  # fmt: skip
