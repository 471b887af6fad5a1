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
from apps.markets.block_clearing import computed
from apps.markets.books import (
    Cause,
    Entry,
    own_accounts,
    participants_accounts,
    transfer,
    transfer_reverse,
)
from apps.markets.carbon import carbon_note
from apps.markets.errors import GateOpenError, MarketPausedError, RunNotAllowedError
from apps.markets.gathering import inputs_of
from apps.markets.inputs import (
    Inputs,
    Result,
    compute,
    digest,
    inputs_bytes,
    inputs_from,
    result_bytes,
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
    ReserveAward,
    RunContent,
    Trade,
    Transfer,
)
from apps.markets.networks import nodes_store
from apps.markets.operators import reason_checked
from apps.markets.periods import (
    energy_at,
    gate_closes_at,
    intervals_of,
    length,
    session_length,
    session_of,
)
from apps.markets.reserve_clearing import Award, awards_of
from apps.markets.rules import is_network
from apps.markets.schedules import (
    schedules_drop,
    schedules_tell,
)
from apps.markets.sealing import Subject, award_leaves, seal, trade_leaves
from apps.markets.telling import (
    run_tell,
)

log = logging.getLogger(__name__)
GATE_CLOSED = "the gate has closed"


@dataclasses.dataclass(frozen=True)
class Replay:
    """A run computed again from its kept inputs."""

    inputs_match: bool
    result_match: bool
    result_hash: str


@dataclasses.dataclass(frozen=True)
class Ordered:
    """Which interval is cleared as which version, why and when."""

    starts_at: datetime
    version: int
    reason: str
    now: datetime


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
    begun = held.filter(starts_at__lt=session_of(market, now) + session_length(market))
    gone = begun.update(state=Order.State.EXPIRED, state_reason="delivery began before it was cleared")
    done = ClearingRun.objects.filter(market=market, state=ClearingRun.State.DONE, starts_at__gt=now)
    late = held.filter(starts_at__in=done.values("starts_at"))
    return gone + late.update(state=Order.State.EXPIRED, state_reason="the interval was cleared without it")


def _due(market: Market, *, now: datetime) -> list[datetime]:
    waiting = Order.objects.filter(market=market, state=Order.State.OPEN, starts_at__gt=now)
    starts = waiting.order_by("starts_at").values_list("starts_at", flat=True).distinct()
    closed = (starts_at for starts_at in starts if gate_closes_at(market, starts_at) <= now)
    return sorted({session_of(market, starts_at) for starts_at in closed})


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
    """Clear an interval with its session and return its run; None where another stands and only a first is wanted."""
    held = (
        Market.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=market.pk)
    )
    starts = intervals_of(held, starts_at)
    _check_runnable(held, starts[0], now=now)
    versions = ClearingRun.objects.filter(market=held, starts_at__in=starts)
    if first_only and versions.exists():
        return None  # also after a canceled run: whether it is run again is an operator's decision
    if versions.filter(state=ClearingRun.State.DONE).exists():
        raise RunNotAllowedError("this interval is cleared; cancel that run first")
    orders = list(
        Order.objects.select_for_update(of=("self",))
        .filter(market=held, starts_at__in=starts, state=Order.State.OPEN)
        .select_related("participant")
        .order_by("pk")
    )
    inputs = inputs_of(market=held, orders=orders, starts=starts)
    newest = versions.aggregate(last=Max("version"))["last"] or 0
    runs: dict[datetime, ClearingRun] = {}
    for start, own, result in zip(starts, inputs, computed(inputs), strict=True):
        here = [order for order in orders if energy_at(held, order, starts_at=start)]
        order = Ordered(start, newest + 1, reason, now)
        runs[start] = _commit(held, here, inputs=own, result=result, ordered=order)
    return runs[starts_at]


@transaction.atomic
def run_cancel(*, run: ClearingRun, reason: str, actor: str, now: datetime) -> ClearingRun:
    """Undo a run, and those cleared with it: bookings are booked back, hubs drop schedules, orders are open again."""
    said = reason_checked(reason)
    market = (
        Market.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=run.market_id)
    )
    held = ClearingRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if held.state != ClearingRun.State.DONE:
        raise RunNotAllowedError("this run is canceled already")
    starts = intervals_of(market, held.starts_at)
    together = ClearingRun.objects.select_for_update(of=("self",)).filter(
        market=market, starts_at__in=starts, state=ClearingRun.State.DONE
    )
    runs = list(together.select_related("market").order_by("pk"))
    if DeliveryBatch.objects.filter(run__in=runs).exists():
        raise RunNotAllowedError("its deliveries are settled; it cannot be canceled any more")
    for one in runs:
        _cancel(one, market, said=said, now=now)
    held.refresh_from_db()
    _note(market, "market_run_cancel", run=held, actor=actor, now=now, reason=said)
    return held


def _cancel(held: ClearingRun, market: Market, *, said: str, now: datetime) -> None:
    held.state, held.canceled_at, held.cancel_reason = ClearingRun.State.CANCELED, now, said
    held.save(update_fields=["state", "canceled_at", "cancel_reason"])
    for one in held.transfers.filter(kind=Transfer.Kind.TRADE):
        transfer_reverse(held=one, reason=f"run {held.pk} canceled: {said}", now=now)
    ids = [line.key for line in inputs_from(kept(held)[0]).orders]
    Order.objects.filter(pk__in=ids, state=Order.State.CLEARED).update(
        state=Order.State.OPEN, state_reason="the run was canceled"
    )
    schedules_drop(run=held, market=market, reason=said, now=now)
    seal(
        subject=Subject.of_run(held, kind=LogEntry.Kind.CANCELLATION, facts={"reason": said}),
        leaves=[],
        now=now,
    )


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


def _commit(
    market: Market,
    orders: Sequence[Order],
    *,
    inputs: Inputs,
    result: Result,
    ordered: Ordered,
) -> ClearingRun:
    """Keep, trade, book, seal and tell; the caller's transaction holds it together."""
    starts_at, now = ordered.starts_at, ordered.now
    plain_inputs, plain_result = inputs_bytes(inputs), result_bytes(result)
    run = ClearingRun.objects.create(
        market=market, starts_at=starts_at, ends_at=starts_at + length(market), version=ordered.version,
        reason=ordered.reason[:200],
        mechanism=inputs.mechanism, created_at=now, orders_count=len(orders), buy_price_micro=result.buy_price_micro,
        sell_price_micro=result.sell_price_micro, volume_wh=result.volume_wh, welfare_nano=result.welfare_nano,
        account_nano=result.account_nano, input_hash=digest(plain_inputs), result_hash=digest(plain_result),
    )  # fmt: skip
    RunContent.objects.create(run=run, inputs=zlib.compress(plain_inputs), result=zlib.compress(plain_result))
    first = {order.pk for order in orders if order.starts_at == starts_at}  # a block is cut once
    cuts = [row for row in inputs.cuts if row[0] in first]
    bulk_copy(Cut, [Cut(run=run, order_id=key, cut_wh=cut, reason=why[:200]) for key, cut, why in cuts])
    nodes_store(run=run, market=market, inputs=inputs.extra, result=result.extra)
    trades = _trades(run, result)
    bulk_copy(Trade, trades)
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(
        state=Order.State.CLEARED, state_reason=""
    )
    awards = awards_of(result.extra)
    bulk_copy(ReserveAward, [_award(run, one) for one in awards])
    _book(market, run, trades=trades, awards=awards, now=now)
    schedules_tell(run=run, market=market, orders=orders, trades=trades, now=now)
    facts = {
        "mechanism": run.mechanism,
        "volume_wh": run.volume_wh,
        "price_micro": [run.buy_price_micro, run.sell_price_micro],
    }
    leaves = trade_leaves(run=run, trades=trades) + award_leaves(awards=awards)
    seal(subject=Subject.of_run(run, kind=LogEntry.Kind.CLEARING, facts=facts), leaves=leaves, now=now)
    carbon_note(run=run, market=market)
    run_tell(market=market, run=run, now=now)
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


def _award(run: ClearingRun, one: Award) -> ReserveAward:
    return ReserveAward(
        run=run, order_id=one.order, participant_id=one.participant, service=one.service, energy_wh=one.energy_wh,
        price_micro=one.price_micro, pay_nano=one.pay_nano,
    )  # fmt: skip


def _book(
    market: Market, run: ClearingRun, *, trades: Sequence[Trade], awards: Sequence[Award], now: datetime
) -> None:
    """Participants pay and get; what the mechanism leaves over, and fees, go to the market's own accounts."""
    accounts, own = participants_accounts(market=market), own_accounts(market=market)
    entries = []
    for trade in trades:
        account = accounts[trade.participant_id]
        entries.append(Entry(account, Posting.Line.ENERGY, -trade.pay_nano, trade.side * trade.energy_wh))
        entries.append(Entry(account, Posting.Line.FEE, -trade.fee_nano))
    paid, drawn = sum(one.pay_nano for one in trades), sum(one.side * one.energy_wh for one in trades)
    left_over = Account.Kind.CONGESTION if is_network(market) else Account.Kind.MARKET
    entries.append(Entry(own[left_over], Posting.Line.ENERGY, paid, -drawn))
    entries.append(Entry(own[Account.Kind.FEES], Posting.Line.FEE, sum(one.fee_nano for one in trades)))
    entries += [Entry(accounts[one.participant], Posting.Line.RESERVE, -one.pay_nano) for one in awards]
    owed = sum(one.pay_nano for one in awards)
    entries.append(Entry(own[Account.Kind.RESERVE], Posting.Line.RESERVE, owed))
    cause = Cause(Transfer.Kind.TRADE, f"trades of {run.starts_at.isoformat()}", run=run)
    transfer(market=market, cause=cause, entries=entries, now=now)


def _note(market: Market, action: str, *, run: ClearingRun, actor: str, now: datetime, reason: str) -> None:
    audit(
        organization=market.organization, actor=actor, action=action, subject=f"market {market.pk}", now=now, run=run.pk,
        starts_at=run.starts_at.isoformat(), version=run.version, reason=reason,
    )  # fmt: skip
