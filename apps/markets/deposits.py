"""Deposits on the chain as funds: what a bid's own deposit covers, its account need not hold."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Sum

from apps.markets.models import (
    ChainDeposit,
    ChainEscrow,
    ChainTrade,
    ClearingRun,
    Market,
    Order,
    Participant,
    Trade,
)
from apps.markets.periods import session_length, session_of

# Meters have two days to come in; then trades are sealed and paid.
LASTS: Final = timedelta(days=3)


def deposit_for(
    *,
    participant: Participant,
    market: Market,
    side: int,
    price_micro: int,
    quantity_wh: int,
    key: str,
    starts_at: datetime,
) -> ChainDeposit | None:
    """Return the deposit that pays for a bid to be: for its very price and quantity, held, and long enough."""
    if side != Order.Side.BID or not market.on_chain:
        return None
    found = ChainDeposit.objects.filter(
        participant=participant, idempotency_key=key, price_micro=price_micro, quantity_wh=quantity_wh
    ).first()
    needed = session_of(market, starts_at) + session_length(market) + LASTS
    if found is None or found.expires_at is None or found.expires_at < needed:
        return None
    return found if found.held_nano >= found.cost_nano else None


def deposit_use(*, order: Order, deposit: ChainDeposit, now: datetime) -> ChainEscrow:
    """Have a bid paid from the deposit that was made for it."""
    return ChainEscrow.objects.create(
        order=order, order_hash=bytes(deposit.order_hash), address=deposit.address, asked_at=now
    )


def covered_nano(*, participant: Participant, open_orders: Sequence[Order]) -> int:
    """Return what deposits cover of a participant's open bids, and of what it has bought that is not paid yet."""
    own = ChainDeposit.objects.filter(participant=participant).values("order_hash")
    held = ChainEscrow.objects.filter(order__participant=participant, order_hash__in=own)
    backed = set(held.exclude(state=ChainEscrow.State.CLOSED).values_list("order_id", flat=True))
    if not backed:
        return 0
    waiting = sum(one.price_micro * one.quantity_wh for one in open_orders if one.pk in backed)
    bought = Trade.objects.filter(order__in=backed, run__state=ClearingRun.State.DONE, pay_nano__gt=0)
    done = ChainTrade.objects.filter(bid__in=backed, state=ChainTrade.State.DONE)
    owed, paid = (rows.aggregate(sum=Sum("pay_nano", default=0))["sum"] for rows in (bought, done))
    return waiting + int(owed) - int(paid)
