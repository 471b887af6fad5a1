"""The automatic trader: homes' forecasts and flexibility turned into orders shortly before a gate closes."""

import dataclasses
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from apps.common.bulk import bulk_copy
from apps.markets.bidding import Draft, Preferences, drafts
from apps.markets.models import Account, Market, Order, Participant
from apps.markets.outlook import outlooks_of
from apps.markets.periods import first_open, gate_closes_at, intervals_of
from apps.markets.rules import lot_wh, takes_one_order
from apps.markets.schedules import community_homes, homes_alone
from apps.markets.services import exposure_nano, exposures
from apps.sites.selectors import sites_by_id

log = logging.getLogger(__name__)
LEAD: Final = timedelta(minutes=5)
ACTOR: Final = "automatic trader"


def orders_make_due(*, now: datetime) -> int:
    """Make orders for every interval whose gate closes within minutes; return how many."""
    made = 0
    for market in (
        Market.objects.filter(state=Market.State.OPEN).select_related("organization").order_by("pk")
    ):
        starts_at = first_open(market, now)
        if gate_closes_at(market, starts_at) - now > LEAD:
            continue
        for interval in intervals_of(market, starts_at):
            try:
                made += len(orders_make(market=market, starts_at=interval, now=now))
            except Exception:
                log.exception("no automatic orders on market %s for %s, trying again", market.pk, interval)
    return made


@transaction.atomic
def orders_make(*, market: Market, starts_at: datetime, now: datetime) -> list[Order]:
    """Place the orders of every home that trades by itself and has none in this interval."""
    community = community_homes(market=market)
    traders = _traders(market, starts_at, community=community)
    if not traders:
        return []
    homes = homes_alone(market=market)
    sites = sites_by_id(site_ids=[homes[one.pk] for one in traders if one.pk in homes])
    outlooks = outlooks_of(market=market, sites=list(sites.values()), starts_at=starts_at, now=now)
    budgets = _budgets(market, traders)
    made: list[Order] = []
    for one in traders:
        outlook = outlooks.get(homes.get(one.pk, 0))
        if outlook is not None and outlook.certain:
            wanted = drafts(
                need_wh=outlook.need_wh, spare_wh=outlook.spare_wh, room_wh=outlook.room_wh,
                preferences=_preferences(one, community=community),
                bounds_micro=(market.least_price_micro, market.most_price_micro),
            )  # fmt: skip
            affordable = within_limits(one, wanted, market=market, budget_nano=budgets[one.pk])
            made += [
                _order(one, draft, place=place, market=market, at=(starts_at, now))
                for place, draft in enumerate(affordable)
            ]
    bulk_copy(Order, made)
    return made


def within_limits(
    one: Participant, wanted: Sequence[Draft], *, market: Market, budget_nano: int
) -> list[Draft]:
    """Cut orders to what the participant's position and credit limits leave."""
    left_wh = {1: one.position_limit_wh, -1: one.position_limit_wh}
    kept = []
    for draft in wanted:
        quantity = min(draft.quantity_wh, left_wh[draft.side], market.most_order_wh)
        unit = exposure_nano(market, side=draft.side, price_micro=draft.price_micro, quantity_wh=1)
        if unit:
            quantity = min(quantity, max(0, budget_nano) // unit)
        if quantity > 0:
            kept.append(dataclasses.replace(draft, quantity_wh=quantity))
            left_wh[draft.side] -= quantity
            budget_nano -= unit * quantity
    return _as_the_mechanism_takes(kept, market=market)


def _as_the_mechanism_takes(kept: Sequence[Draft], *, market: Market) -> list[Draft]:
    """Keep the first of several where one is taken, and whole lots where those are."""
    lot = lot_wh(market)
    if lot is not None:
        kept = [
            dataclasses.replace(one, quantity_wh=lot, firm=False) for one in kept if one.quantity_wh >= lot
        ]
    return list(kept[:1] if takes_one_order(market) else kept)


def _traders(market: Market, starts_at: datetime, *, community: set[int]) -> list[Participant]:
    """Who trades by itself, may, and has no order in the interval yet: an owner's own order goes before."""
    held = Participant.objects.select_for_update(of=("self",)).filter(
        Q(automatic=True) | Q(pk__in=community),
        market=market,
        state=Participant.State.ACTIVE,
        terms_version=F("market__terms_version"),
    )
    ordered = Order.objects.filter(market=market, starts_at=starts_at).values("participant_id")
    return list(held.exclude(pk__in=ordered).order_by("pk"))


def _budgets(market: Market, traders: Sequence[Participant]) -> dict[int, int]:
    """What each may still owe [1e-9 of the currency]."""
    ids = [one.pk for one in traders]
    balances = dict(
        Account.objects.filter(participant_id__in=ids).values_list("participant_id", "balance_nano")
    )
    open_orders: dict[int, list[Order]] = {}
    for order in Order.objects.filter(market=market, participant_id__in=ids, state=Order.State.OPEN):
        open_orders.setdefault(order.participant_id, []).append(order)
    return {
        one.pk: balances[one.pk] + one.credit_limit_nano - exposures(market, open_orders.get(one.pk, []))
        for one in traders
    }


def _preferences(one: Participant, *, community: set[int]) -> Preferences:
    """An owner's limits; who puts the community first keeps stored energy for no better price than the sun's."""
    stored = one.storage_value_micro
    if one.pk in community:
        stored = min(stored, one.sell_limit_micro)
    return Preferences(one.buy_limit_micro, one.sell_limit_micro, stored)


def _order(
    one: Participant, draft: Draft, *, place: int, market: Market, at: tuple[datetime, datetime]
) -> Order:
    starts_at, now = at
    return Order(
        market=market, participant=one, starts_at=starts_at, automatic=True, placed_at=now, placed_by=ACTOR,
        idempotency_key=f"auto:{starts_at.isoformat()}:{place}", **dataclasses.asdict(draft),
    )  # fmt: skip
