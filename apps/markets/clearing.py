"""Clearing runs: a gate's orders cleared, traded, booked, sealed and told to the hubs in one transaction, or not at all."""

import dataclasses
import logging
import zlib
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from apps.accounts.services import audit
from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.markets.books import (
    Cause,
    Entry,
    own_accounts,
    participants_accounts,
    transfer,
    transfer_reverse,
)
from apps.markets.envelopes import Offered, cut_orders
from apps.markets.errors import GateOpenError, MarketPausedError, RunNotAllowedError
from apps.markets.inputs import (
    Inputs,
    OrderLine,
    Result,
    compute,
    digest,
    inputs_bytes,
    inputs_from,
    result_bytes,
    seed_of,
)
from apps.markets.models import (
    Account,
    ClearingRun,
    Cut,
    DeliveryBatch,
    LogEntry,
    Market,
    Order,
    Posting,
    RunContent,
    Trade,
    Transfer,
)
from apps.markets.operators import reason_checked
from apps.markets.periods import gate_closes_at, length
from apps.markets.schedules import schedules_drop, schedules_tell
from apps.markets.sealing import seal, trade_leaves

log = logging.getLogger(__name__)
GATE_CLOSED = "the gate has closed"


@dataclasses.dataclass(frozen=True)
class Replay:
    """A run computed again from its kept inputs."""

    inputs_match: bool
    result_match: bool
    result_hash: str


def gates_close_due(*, now: datetime) -> int:
    """Clear every interval whose gate has closed and let orders expire whose delivery has begun; return how many runs."""
    made = 0
    for market in Market.objects.select_related("organization").order_by("pk"):
        orders_expire(market=market, now=now)
        if market.state == Market.State.OPEN:
            made += sum(_clear_safely(market, starts_at, now=now) for starts_at in _due(market, now=now))
    return made


def orders_expire(*, market: Market, now: datetime) -> int:
    """Let open orders expire whose delivery has begun, or that came in while their gate was being closed."""
    held = Order.objects.filter(market=market, state=Order.State.OPEN)
    begun = held.filter(starts_at__lte=now)
    gone = begun.update(state=Order.State.EXPIRED, state_reason="delivery began before it was cleared")
    done = ClearingRun.objects.filter(market=market, state=ClearingRun.State.DONE, starts_at__gt=now)
    late = held.filter(starts_at__in=done.values("starts_at"))
    return gone + late.update(state=Order.State.EXPIRED, state_reason="the interval was cleared without it")


def _due(market: Market, *, now: datetime) -> list[datetime]:
    waiting = Order.objects.filter(market=market, state=Order.State.OPEN, starts_at__gt=now)
    starts = waiting.order_by("starts_at").values_list("starts_at", flat=True).distinct()
    return [starts_at for starts_at in starts if gate_closes_at(market, starts_at) <= now]


def _clear_safely(market: Market, starts_at: datetime, *, now: datetime) -> bool:
    try:
        return clearing_run(market=market, starts_at=starts_at, now=now, first_only=True) is not None
    except Exception:
        log.exception("market %s could not be cleared for %s, trying again next time", market.pk, starts_at)
        return False


@transaction.atomic
def clearing_run(
    *, market: Market, starts_at: datetime, now: datetime, reason: str = GATE_CLOSED, first_only: bool = False
) -> ClearingRun | None:
    """Clear one interval; None where another run stands and only a first one is wanted."""
    held = Market.objects.select_for_update(of=("self",)).select_related("organization").get(pk=market.pk)
    _check_runnable(held, starts_at, now=now)
    versions = ClearingRun.objects.filter(market=held, starts_at=starts_at)
    if first_only and versions.exists():
        return None  # also after a canceled run: whether it is run again is an operator's decision
    if versions.filter(state=ClearingRun.State.DONE).exists():
        raise RunNotAllowedError("this interval is cleared; cancel that run first")
    orders = list(
        Order.objects.select_for_update(of=("self",))
        .filter(market=held, starts_at=starts_at, state=Order.State.OPEN)
        .select_related("participant")
        .order_by("pk")
    )
    offered = cut_orders(market=held, orders=orders, starts_at=starts_at)
    inputs = _inputs(held, offered, starts_at=starts_at)
    newest = versions.aggregate(last=Max("version"))["last"] or 0
    return _commit(
        held, orders, inputs=inputs, version=newest + 1, reason=reason, now=now, starts_at=starts_at
    )


@transaction.atomic
def run_cancel(*, run: ClearingRun, reason: str, actor: str, now: datetime) -> ClearingRun:
    """Undo a run: what was booked is booked back, hubs drop its schedules, its orders are open again."""
    said = reason_checked(reason)
    market = (
        Market.objects.select_for_update(of=("self",)).select_related("organization").get(pk=run.market_id)
    )
    held = ClearingRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if held.state != ClearingRun.State.DONE:
        raise RunNotAllowedError("this run is canceled already")
    if DeliveryBatch.objects.filter(run=held).exists():
        raise RunNotAllowedError("its deliveries are settled; it cannot be canceled any more")
    held.state, held.canceled_at, held.cancel_reason = ClearingRun.State.CANCELED, now, said
    held.save(update_fields=["state", "canceled_at", "cancel_reason"])
    for one in held.transfers.filter(kind=Transfer.Kind.TRADE):
        transfer_reverse(held=one, reason=f"run {held.pk} canceled: {said}", now=now)
    ids = [line.key for line in inputs_from(kept(held)[0]).orders]
    Order.objects.filter(pk__in=ids, state=Order.State.CLEARED).update(
        state=Order.State.OPEN, state_reason="the run was canceled"
    )
    schedules_drop(run=held, market=market, reason=said, now=now)
    seal(run=held, kind=LogEntry.Kind.CANCELLATION, leaves=[], facts={"reason": said}, now=now)
    _note(market, "market_run_cancel", run=held, actor=actor, now=now, reason=said)
    return held


@transaction.atomic
def run_again(*, run: ClearingRun, reason: str, actor: str, now: datetime) -> ClearingRun:
    """Clear the interval of a canceled run once more, before its delivery begins."""
    said = reason_checked(reason)
    if run.state != ClearingRun.State.CANCELED:
        raise RunNotAllowedError("cancel the run first")
    made = clearing_run(market=run.market, starts_at=run.starts_at, now=now, reason=said)
    assert made is not None  # an interval that is cleared already raises
    _note(made.market, "market_run_again", run=made, actor=actor, now=now, reason=said)
    return made


def run_replay(*, run: ClearingRun) -> Replay:
    """Compute a run from its kept inputs again and compare."""
    inputs, result = kept(run)
    again = result_bytes(compute(inputs_from(inputs)))
    return Replay(
        digest(inputs) == run.input_hash, again == result and digest(again) == run.result_hash, digest(again)
    )


def kept(run: ClearingRun) -> tuple[bytes, bytes]:
    """Return a run's kept inputs and result."""
    row = RunContent.objects.get(run=run)
    return zlib.decompress(bytes(row.inputs)), zlib.decompress(bytes(row.result))


def _check_runnable(market: Market, starts_at: datetime, *, now: datetime) -> None:
    if market.state != Market.State.OPEN:
        raise MarketPausedError(f"the market is paused: {market.state_reason}")
    if now < gate_closes_at(market, starts_at):
        raise GateOpenError("the gate of this interval is still open")
    if now >= starts_at:
        raise RunNotAllowedError("delivery has begun; what is not cleared is not traded")


def _inputs(market: Market, offered: Sequence[Offered], *, starts_at: datetime) -> Inputs:
    at = starts_at.isoformat()
    return Inputs(
        market=market.pk,
        starts_at=at,
        mechanism=market.mechanism,
        seed=seed_of(market.pk, at),
        buyer_fee_micro=market.buyer_fee_micro,
        seller_fee_micro=market.seller_fee_micro,
        orders=tuple(_line(one) for one in offered),
        cuts=tuple(
            (one.order.pk, one.order.quantity_wh - one.left_wh, one.reason) for one in offered if one.reason
        ),
    )


def _line(one: Offered) -> OrderLine:
    from vpp.markets.orders import PREFER_GREEN, PREFER_NEIGHBOR

    order, who = one.order, one.order.participant
    wishes = PREFER_GREEN * who.prefers_green + PREFER_NEIGHBOR * who.prefers_neighbors
    return OrderLine(
        key=order.pk,
        side=order.side,
        price_micro=order.price_micro,
        offered_wh=one.left_wh,
        participant=who.pk,
        priority=0 if who.low_income else who.priority,
        green=int(order.green),
        preference=wishes if order.side == Order.Side.BID else 0,
        location=one.location,
    )


def _commit(
    market: Market,
    orders: Sequence[Order],
    *,
    inputs: Inputs,
    version: int,
    reason: str,
    now: datetime,
    starts_at: datetime,
) -> ClearingRun:
    """Keep, trade, book, seal and tell; the caller's transaction holds it together."""
    result = compute(inputs)
    plain_inputs, plain_result = inputs_bytes(inputs), result_bytes(result)
    run = ClearingRun.objects.create(
        market=market, starts_at=starts_at, ends_at=starts_at + length(market), version=version, reason=reason[:200],
        mechanism=inputs.mechanism, created_at=now, orders_count=len(orders), buy_price_micro=result.buy_price_micro,
        sell_price_micro=result.sell_price_micro, volume_wh=result.volume_wh, welfare_nano=result.welfare_nano,
        account_nano=result.account_nano, input_hash=digest(plain_inputs), result_hash=digest(plain_result),
    )  # fmt: skip
    RunContent.objects.create(run=run, inputs=zlib.compress(plain_inputs), result=zlib.compress(plain_result))
    bulk_copy(
        Cut, [Cut(run=run, order_id=key, cut_wh=cut, reason=why[:200]) for key, cut, why in inputs.cuts]
    )
    trades = _trades(run, result)
    bulk_copy(Trade, trades)
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(
        state=Order.State.CLEARED, state_reason=""
    )
    _book(market, run, trades=trades, now=now)
    schedules_tell(run=run, market=market, orders=orders, trades=trades, now=now)
    facts = {
        "mechanism": run.mechanism,
        "volume_wh": run.volume_wh,
        "price_micro": [run.buy_price_micro, run.sell_price_micro],
    }
    seal(
        run=run,
        kind=LogEntry.Kind.CLEARING,
        leaves=trade_leaves(run=run, trades=trades),
        facts=facts,
        now=now,
    )
    transaction.on_commit(lambda: publish("markets", [str(market.pk)]))
    return run


def _trades(run: ClearingRun, result: Result) -> list[Trade]:
    return [
        Trade(
            run=run, order_id=fill.key, participant_id=fill.participant, side=fill.side, energy_wh=fill.energy_wh,
            price_micro=fill.price_micro, pay_nano=fill.pay_nano, fee_nano=fill.fee_nano, green_wh=fill.green_wh,
        )
        for fill in sorted(result.fills, key=lambda one: one.key)
    ]  # fmt: skip


def _book(market: Market, run: ClearingRun, *, trades: Sequence[Trade], now: datetime) -> None:
    """Participants pay and get; what the mechanism leaves over, and fees, go to the market's own accounts."""
    accounts, own = participants_accounts(market=market), own_accounts(market=market)
    entries = []
    for trade in trades:
        account = accounts[trade.participant_id]
        entries.append(Entry(account, Posting.Line.ENERGY, -trade.pay_nano, trade.side * trade.energy_wh))
        entries.append(Entry(account, Posting.Line.FEE, -trade.fee_nano))
    paid, drawn = sum(one.pay_nano for one in trades), sum(one.side * one.energy_wh for one in trades)
    entries.append(Entry(own[Account.Kind.MARKET], Posting.Line.ENERGY, paid, -drawn))
    entries.append(Entry(own[Account.Kind.FEES], Posting.Line.FEE, sum(one.fee_nano for one in trades)))
    cause = Cause(Transfer.Kind.TRADE, f"trades of {run.starts_at.isoformat()}", run=run)
    transfer(market=market, cause=cause, entries=entries, now=now)


def _note(market: Market, action: str, *, run: ClearingRun, actor: str, now: datetime, reason: str) -> None:
    audit(
        organization=market.organization, actor=actor, action=action, subject=f"market {market.pk}", now=now, run=run.pk,
        starts_at=run.starts_at.isoformat(), version=run.version, reason=reason,
    )  # fmt: skip
