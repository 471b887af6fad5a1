"""Cut orders to what the grid and the homes can carry, before clearing; every cut has its reason."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from apps.dispatch.precedence import sites_asked
from apps.markets.models import Market, Order, ParticipantSite
from apps.markets.periods import energy_at, length
from apps.markets.rules import is_network, lot_wh
from apps.sites.models import GridArea
from apps.sites.selectors import areas_fed_by, grid_areas_of_organization

WH_PER_KW_S = 1000 / 3600


@dataclasses.dataclass(frozen=True)
class Envelope:
    """What one participant's homes can draw and feed in in the interval [Wh], their areas, and why it is not more."""

    import_wh: int
    export_wh: int
    areas: frozenset[int]
    reason: str


@dataclasses.dataclass(frozen=True)
class AreaLimit:
    """What may flow into and out of an area below the market's own [Wh]; None for no limit."""

    name: str
    area_id: int
    import_wh: int | None
    export_wh: int | None


@dataclasses.dataclass
class Offered:
    """An order on its way through the cuts."""

    order: Order
    left_wh: int
    reason: str = ""
    area: int = 0

    def cut_to(self, left_wh: int, *, reason: str) -> None:
        """Leave this much of it."""
        self.left_wh, self.reason = left_wh, reason


def envelopes_of(*, market: Market, starts_at: datetime) -> dict[int, Envelope]:
    """Return every participant's envelope; homes that an event asks for have none to trade with."""
    ends_at = starts_at + length(market)
    asked = sites_asked(organization=market.organization, starts_at=starts_at, ends_at=ends_at)
    rows = (
        ParticipantSite.objects.filter(market=market)
        .select_related("site")
        .order_by("participant_id", "site_id")
    )
    found: dict[int, Envelope] = {}
    for row in rows:
        site, before = row.site, found.get(row.participant_id, Envelope(0, 0, frozenset(), ""))
        busy = asked.get(row.site_id)
        found[row.participant_id] = Envelope(
            before.import_wh + (0 if busy else _wh(site.import_limit_kw, market)),
            before.export_wh + (0 if busy else _wh(site.export_limit_kw, market)),
            before.areas | ({site.grid_area_id} if site.grid_area_id else set()),
            f"the event {busy} goes first"
            if busy
            else before.reason or "beyond the limit of the grid connection",
        )
    return found


def area_limits(*, market: Market) -> tuple[list[AreaLimit], dict[int, set[int]]]:
    """Return the limits of areas below the market's, the smallest first, and which areas each one holds."""
    own = areas_fed_by(area=market.grid_area) - {market.grid_area_id}
    areas = [one for one in grid_areas_of_organization(organization=market.organization) if one.pk in own]
    held = {one.pk: areas_fed_by(area=one) for one in areas if _has_limit(one)}
    limits = [
        AreaLimit(one.name, one.pk, _limit(one.import_limit_kw, market), _limit(one.export_limit_kw, market))
        for one in areas
        if one.pk in held
    ]
    return sorted(limits, key=lambda one: (len(held[one.area_id]), one.area_id)), held


def cut_orders(*, market: Market, orders: Sequence[Order], starts_at: datetime) -> list[Offered]:
    """Return what is left of each order in one interval."""
    offered = [Offered(order, energy_at(market, order, starts_at=starts_at)) for order in orders]
    wanted = [one.left_wh for one in offered]
    envelopes = envelopes_of(market=market, starts_at=starts_at)
    for one in offered:
        one.area = min(_areas(one, envelopes), default=0)
    _cut_homes(offered, envelopes=envelopes)
    if is_network(market):
        _cut_scattered(offered, envelopes=envelopes)
    else:
        _cut_areas(market, offered, envelopes=envelopes)
    for one, before in zip(offered, wanted, strict=True):
        if one.left_wh < before and (one.order.is_block or lot_wh(market) is not None):
            whole = f"{one.reason}; a lot is whole or none"
            one.cut_to(0, reason=f"{one.reason}; a block is not cut in part" if one.order.is_block else whole)
    return offered


def _cut_homes(offered: Sequence[Offered], *, envelopes: Mapping[int, Envelope]) -> None:
    """Each participant's orders to what its homes carry; reserve shares their capacity in the clearing instead."""
    held = [one for one in offered if not one.order.service]
    nothing = Envelope(0, 0, frozenset(), "no home")
    owners = sorted({one.order.participant_id for one in held})
    limits = [envelopes.get(who, nothing) for who in owners]
    places = {who: place for place, who in enumerate(owners)}
    groups = [places[one.order.participant_id] for one in held]
    most = [(limit.import_wh, limit.export_wh) for limit in limits]
    _cut(held, groups=groups, most_wh=most, reasons=[limit.reason for limit in limits])


def _cut_scattered(offered: Sequence[Offered], *, envelopes: Mapping[int, Envelope]) -> None:
    """On a network an order stands at one node."""
    for one in offered:
        if len(_areas(one, envelopes)) > 1:
            one.cut_to(0, reason="its homes are in several grid areas; take part once for each")


def _cut_areas(market: Market, offered: Sequence[Offered], *, envelopes: Mapping[int, Envelope]) -> None:
    """What the area's own offers and the others' bids could send through its transformer stays within its limit."""
    limits, held = area_limits(market=market)
    for limit in limits:
        inside = [one for one in offered if _areas(one, envelopes) & held[limit.area_id]]
        outside = [one for one in offered if not _areas(one, envelopes) & held[limit.area_id]]
        reason = f"beyond the limit of the grid area {limit.name}"
        for side, most_wh in ((Order.Side.OFFER, limit.export_wh), (Order.Side.BID, limit.import_wh)):
            mine = _side(inside, side)
            if most_wh is not None and _sum(_side(outside, -side)) > most_wh:
                _cut(mine, groups=[0] * len(mine), most_wh=[(most_wh, most_wh)], reasons=[reason])


def _cut(
    offered: Sequence[Offered],
    *,
    groups: Sequence[int],
    most_wh: Sequence[tuple[int, int]],
    reasons: Sequence[str],
) -> None:
    """Cut each group's bids and offers to its two limits: dear offers first, low bids first, of equal ones the later."""
    import numpy as np

    from vpp.markets.envelope_cut import cut_to_envelopes
    from vpp.markets.orders import make_orders

    rows = [(one, group) for one, group in zip(offered, groups, strict=True) if one.left_wh > 0]
    keys = [one.order.pk for one, _ in rows]
    orders = make_orders(
        key=keys, placed=keys, side=[one.order.side for one, _ in rows],
        price_micro=[one.order.price_micro for one, _ in rows], quantity_wh=[one.left_wh for one, _ in rows],
    )  # fmt: skip
    most = np.array(most_wh, np.int64).reshape(-1, 2)
    found = cut_to_envelopes(
        orders, group=np.array([group for _, group in rows], np.int64), most_bought_wh=most[:, 0],
        most_sold_wh=most[:, 1],
    )  # fmt: skip
    for (one, group), cut_wh in zip(rows, found.cut_wh.tolist(), strict=True):
        if cut_wh:
            one.cut_to(one.left_wh - cut_wh, reason=reasons[group])


def _side(offered: Iterable[Offered], side: int) -> list[Offered]:
    return [one for one in offered if one.order.side == side]


def _sum(offered: Iterable[Offered]) -> int:
    return sum(one.left_wh for one in offered)


def _areas(one: Offered, envelopes: Mapping[int, Envelope]) -> frozenset[int]:
    envelope = envelopes.get(one.order.participant_id)
    return envelope.areas if envelope else frozenset()


def _has_limit(area: GridArea) -> bool:
    return area.import_limit_kw is not None or area.export_limit_kw is not None


def _limit(kw: float | None, market: Market) -> int | None:
    return None if kw is None else _wh(kw, market)


def _wh(kw: float, market: Market) -> int:
    return int(kw * market.interval_s * WH_PER_KW_S + 1e-6)
