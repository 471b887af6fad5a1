"""Cut orders to what the grid and the homes can carry, before clearing; every cut has its reason."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from apps.dispatch.precedence import sites_asked
from apps.markets.models import Market, Order, ParticipantSite
from apps.markets.periods import length
from apps.markets.rules import lot_wh
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
    location: int = 0

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
    """Return what is left of each order."""
    offered = [Offered(order, order.quantity_wh) for order in orders]
    envelopes = envelopes_of(market=market, starts_at=starts_at)
    by_participant: dict[int, list[Offered]] = {}
    for one in offered:
        by_participant.setdefault(one.order.participant_id, []).append(one)
    for participant_id, mine in by_participant.items():
        envelope = envelopes.get(participant_id, Envelope(0, 0, frozenset(), "no home"))
        for one in mine:
            one.location = min(envelope.areas, default=0)
        _cut(_side(mine, Order.Side.OFFER), most_wh=envelope.export_wh, reason=envelope.reason)
        _cut(_side(mine, Order.Side.BID), most_wh=envelope.import_wh, reason=envelope.reason)
    _cut_areas(market, offered, envelopes=envelopes)
    if lot_wh(market) is not None:
        for one in offered:
            if one.left_wh < one.order.quantity_wh:
                one.cut_to(0, reason=f"{one.reason}; a lot is whole or none")
    return offered


def _cut_areas(market: Market, offered: Sequence[Offered], *, envelopes: Mapping[int, Envelope]) -> None:
    """What the area's own offers and the others' bids could send through its transformer stays within its limit."""
    limits, held = area_limits(market=market)
    for limit in limits:
        inside = [one for one in offered if _areas(one, envelopes) & held[limit.area_id]]
        outside = [one for one in offered if not _areas(one, envelopes) & held[limit.area_id]]
        sides = (
            (Order.Side.OFFER, Order.Side.BID, limit.export_wh),
            (Order.Side.BID, Order.Side.OFFER, limit.import_wh),
        )
        for side, other, most_wh in sides:
            if most_wh is not None and _sum(_side(outside, other)) > most_wh:
                _cut(
                    _side(inside, side),
                    most_wh=most_wh,
                    reason=f"beyond the limit of the grid area {limit.name}",
                )


def _cut(offered: Sequence[Offered], *, most_wh: int, reason: str) -> None:
    """Cut the least urgent first: dear offers, low bids, and of equal ones the later."""
    room = most_wh
    for one in sorted(offered, key=lambda one: (-one.order.side * one.order.price_micro, one.order.pk)):
        if one.left_wh > room:
            one.cut_to(room, reason=reason)
        room -= one.left_wh


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
