"""A session's orders, cut and put down as the inputs of its runs: whatever clearing looks at, and nothing else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from apps.markets.block_clearing import blocks_plain, session_plain
from apps.markets.contracts import contracts_plain
from apps.markets.envelopes import Offered, cut_orders, envelopes_of
from apps.markets.inputs import Inputs, OrderLine, seed_of
from apps.markets.models import Market, Order
from apps.markets.networks import network_of
from apps.markets.periods import energies
from apps.markets.reserve_clearing import reserve_plain
from apps.markets.rules import BLOCKS, PEER_TO_PEER, RESERVE, is_network
from apps.markets.schedules import community_homes
from apps.markets.social import social_plain


def inputs_of(*, market: Market, orders: Sequence[Order], starts: Sequence[datetime]) -> list[Inputs]:
    """Return the inputs of each interval's run; those of a session differ in their place alone."""
    if len(starts) == 1:
        offered = cut_orders(market=market, orders=orders, starts_at=starts[0])
        return [
            _inputs(market, offered, starts_at=starts[0], extra=_extra(market, offered, starts_at=starts[0]))
        ]
    offered = _cut_session(market, orders, starts=starts)
    blocks = blocks_plain(offered)
    return [
        _inputs(
            market, offered, starts_at=start, extra={**blocks, **session_plain(offered, starts, place=place)}
        )
        for place, start in enumerate(starts)
    ]


def _cut_session(market: Market, orders: Sequence[Order], *, starts: Sequence[datetime]) -> list[Offered]:
    """Orders of every interval cut as in that interval alone; a block that any interval has no room for is cut whole."""
    merged = {order.pk: Offered(order, order.quantity_wh) for order in orders}
    for start in starts:
        here = [order for order in orders if energies(market, order).get(start)]
        for one in cut_orders(market=market, orders=here, starts_at=start):
            held = merged[one.order.pk]
            held.area = one.area
            if one.reason and not held.reason:
                held.cut_to(one.left_wh, reason=one.reason)
    return list(merged.values())


def _inputs(
    market: Market, offered: Sequence[Offered], *, starts_at: datetime, extra: dict[str, Any]
) -> Inputs:
    at, community = starts_at.isoformat(), community_homes(market=market)
    return Inputs(
        market=market.pk,
        starts_at=at,
        mechanism=market.mechanism,
        seed=seed_of(market.pk, at),
        buyer_fee_micro=market.buyer_fee_micro,
        seller_fee_micro=market.seller_fee_micro,
        orders=tuple(_line(one, community=community, on_network=is_network(market)) for one in offered),
        cuts=tuple(
            (one.order.pk, one.order.quantity_wh - one.left_wh, one.reason) for one in offered if one.reason
        ),
        extra=extra,
    )


def _extra(market: Market, offered: Sequence[Offered], *, starts_at: datetime) -> dict[str, Any]:
    """What the market's mechanism needs beyond orders."""
    if is_network(market):
        return network_of(market=market, offered=offered)
    if market.mechanism == RESERVE:
        envelopes = envelopes_of(market=market, starts_at=starts_at)
        return reserve_plain(market, offered, envelopes=envelopes)
    if market.mechanism == PEER_TO_PEER:
        return contracts_plain(market=market, offered=offered, starts_at=starts_at)
    return blocks_plain(offered) if market.mechanism == BLOCKS else social_plain(market)


def _line(one: Offered, *, community: set[int], on_network: bool) -> OrderLine:
    from vpp.markets.orders import PREFER_GREEN, PREFER_NEIGHBOR

    order, who = one.order, one.order.participant
    wishes = PREFER_GREEN * who.prefers_green + PREFER_NEIGHBOR * (
        who.prefers_neighbors or who.pk in community
    )
    return OrderLine(
        key=order.pk,
        side=order.side,
        price_micro=order.price_micro,
        offered_wh=one.left_wh,
        participant=who.pk,
        priority=0 if who.low_income else who.priority,
        green=int(order.green),
        preference=wishes if order.side == Order.Side.BID else 0,
        location=0 if on_network and order.firm else one.area,
    )
