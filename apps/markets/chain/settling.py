"""A market's settlement on the chain, from the platform: seal, anchor, pay out, certify, give back.

Whatever is begun is finished by the next look: the contract says what is paid and minted, so that a worker killed at
any place pays nothing twice. What the contract refuses stays with the platform's own accounts.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.selectors import organization_by_slug
from apps.markets.books import Cause, Entry, own_accounts, participants_accounts, transfer
from apps.markets.chain.anchoring import anchor_unsent
from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.errors import ChainConfigurationError, ChainRefusedError
from apps.markets.chain.leaves import Sealed
from apps.markets.chain.log_roots import LogRoots
from apps.markets.chain.looking import deposits_look
from apps.markets.chain.sealing import (
    credits_seal,
    escrows_waiting,
    leaf_of_credit,
    leaf_of_trade,
    periods_due,
    runs_due,
    trades_seal,
)
from apps.markets.log_checks import path_of
from apps.markets.models import (
    Account,
    ChainCredit,
    ChainEscrow,
    ChainTrade,
    ClearingRun,
    LogLeaf,
    Order,
    Posting,
    Transfer,
)

ROOTS: Final = 100
# Each waits for its block: what is left over comes at the next look.
MOST: Final = 200
# A deposit must last this long after its trades are sealed, or it could end before they are paid [s].
LEAST_LEFT_S: Final = 600
# What may be otherwise the next time; all else a contract refuses for good.
PASSING: Final = ("paused", "not anchored", "trade settled", "certificate minted")


@dataclasses.dataclass(frozen=True)
class Settled:
    """What one look did: entries sealed, roots anchored, trades paid, certificates minted, deposits given back, refused."""

    sealed: int = 0
    anchored: int = 0
    paid: int = 0
    minted: int = 0
    returned: int = 0
    refused: int = 0


def chain_settle(*, organization: Organization, market: EnergyMarket, now: datetime) -> Settled:
    """Bring everything of a tenant's markets that can be settled on the chain there."""
    deposits_look(organization=organization, market=market, now=now)
    sealed = _seal_trades(organization, market, now=now) + _seal_credits(organization, market, now=now)
    anchored = 0
    while sent := anchor_unsent(market, LogRoots(organization), limit=ROOTS):
        anchored += len(sent)
    paid = [_pay(row, market, now=now) for row in _waiting_trades(organization)]
    minted = [_mint(row, market, now=now) for row in _waiting_credits(organization)]
    refused = paid.count(False) + minted.count(False)
    returned = sum(_give_back(one, market, now=now) for one in _escrows_done(organization))
    return Settled(sealed, anchored, paid.count(True), minted.count(True), returned, refused)


def settle_as_set(*, now: datetime) -> int:
    """Settle the markets of the tenant that the settings name; return how many trades were paid."""
    organization = organization_by_slug(slug=settings.MARKET_CHAIN_ORGANIZATION)
    if organization is None:
        raise ChainConfigurationError("MARKET_CHAIN_ORGANIZATION names no organization")
    return chain_settle(organization=organization, market=EnergyMarket.from_settings(), now=now).paid


def _seal_trades(organization: Organization, market: EnergyMarket, *, now: datetime) -> int:
    sealed = 0
    for run in runs_due(organization=organization):
        funded = {one.order_id for one in escrows_waiting(run=run) if _is_funded(one, market, now=now)}
        entry = trades_seal(
            run=run, funded=funded, operator=market.operator(), deployment=market.deployment, now=now
        )
        sealed += entry is not None
    return sealed


def _is_funded(one: ChainEscrow, market: EnergyMarket, *, now: datetime) -> bool:
    found = market.escrow(one.address, bytes(one.order_hash))
    return found.left > 0 and found.expires_at >= now.timestamp() + LEAST_LEFT_S


def _seal_credits(organization: Organization, market: EnergyMarket, *, now: datetime) -> int:
    periods = periods_due(period_s=market.certificate_period_s(), now=now)
    made = [
        credits_seal(organization=organization, period=period, deployment=market.deployment, now=now)
        for period in periods
    ]
    return sum(entry is not None for entry in made)


def _waiting_trades(organization: Organization) -> list[ChainTrade]:
    found = ChainTrade.objects.filter(
        run__market__organization=organization, state=ChainTrade.State.SEALED
    ).select_related("entry", "run__market", "bid", "offer")
    return list(found.order_by("pk")[:MOST])


def _waiting_credits(organization: Organization) -> list[ChainCredit]:
    found = ChainCredit.objects.filter(
        participant__market__organization=organization, state=ChainCredit.State.SEALED
    )
    return list(found.select_related("entry").order_by("pk")[:MOST])


def _pay(row: ChainTrade, market: EnergyMarket, *, now: datetime) -> bool | None:
    """Pay a trade; False where it is refused for good, None where it may still be paid."""
    leaf = leaf_of_trade(row)
    if not market.is_settled(leaf.trade):
        said = _refused(lambda: market.pay_out(leaf, _proof(row)))
        if said is not None:
            return _note_refusal(row, said, now=now)
    _paid(row, now=now)
    return True


def _mint(row: ChainCredit, market: EnergyMarket, *, now: datetime) -> bool | None:
    """Mint a certificate's credits; False where they are refused for good, None where they may still come."""
    leaf = leaf_of_credit(row)
    if not market.is_minted(leaf.certificate_id()):
        said = _refused(lambda: market.mint(leaf, _proof(row)))
        if said is not None:
            return _note_refusal(row, said, now=now)
    row.state, row.done_at = row.State.DONE, now
    row.save(update_fields=["state", "done_at"])
    return True


def _refused(work: Callable[[], None]) -> str | None:
    """Do something on the chain; return the contract's reason against it, if there is one."""
    try:
        work()
    except ChainRefusedError as error:
        return error.detail
    return None


def _note_refusal(row: ChainTrade | ChainCredit, said: str, *, now: datetime) -> bool | None:
    is_final = not any(word in said for word in PASSING)
    row.reason = said[:200]
    if is_final:
        row.state, row.done_at = row.State.REFUSED, now
    row.save(update_fields=["state", "reason", "done_at"])
    return False if is_final else None


def _proof(row: ChainTrade | ChainCredit) -> Sealed:
    leaf = LogLeaf.objects.select_related("entry").get(entry=row.entry, position=row.position)
    return Sealed(row.entry.index, row.position, path_of(leaf=leaf))


@transaction.atomic
def _paid(row: ChainTrade, *, now: datetime) -> None:
    """Note a payment: what the platform's accounts had booked for it is taken back.

    What went to the operator is in its hands as if the buyer had put it on the account.
    """
    held = ChainTrade.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if held.state == ChainTrade.State.DONE:
        return
    market, run = row.run.market, row.run
    accounts = participants_accounts(market=market)
    bank = own_accounts(market=market)[Account.Kind.BANK]
    taker = accounts[row.offer.participant_id] if row.offer else bank
    entries = [
        Entry(accounts[row.bid.participant_id], Posting.Line.CHAIN, row.pay_nano),
        Entry(taker, Posting.Line.CHAIN, -row.pay_nano),
    ]
    cause = Cause(Transfer.Kind.CHAIN, f"paid on the chain for {run.starts_at.isoformat()}", run=run)
    held.transfer = transfer(market=market, cause=cause, entries=entries, now=now)
    held.state, held.done_at = ChainTrade.State.DONE, now
    held.save(update_fields=["transfer", "state", "done_at"])


def _escrows_done(organization: Organization) -> list[ChainEscrow]:
    """Deposits that nothing is paid from any more: of orders that did not trade, or whose trades are paid or refused."""
    found = ChainEscrow.objects.filter(order__market__organization=organization).exclude(
        state=ChainEscrow.State.CLOSED
    )
    gone = found.filter(order__state__in=(Order.State.CANCELED, Order.State.EXPIRED))
    traded = Order.objects.filter(trades__run__state=ClearingRun.State.DONE)
    empty = found.filter(order__state=Order.State.CLEARED).exclude(order__in=traded)
    waiting = ChainTrade.objects.filter(state=ChainTrade.State.SEALED)
    sealed = found.filter(state=ChainEscrow.State.SEALED).exclude(order__in=waiting.values("bid"))
    return list((gone | empty | sealed).distinct().order_by("pk"))


def _give_back(one: ChainEscrow, market: EnergyMarket, *, now: datetime) -> bool:
    """Give the rest of a deposit back; nothing where there is none. Says whether there was."""
    found = market.escrow(one.address, bytes(one.order_hash))
    if found.left and _refused(lambda: market.refund(one.address, bytes(one.order_hash))) is not None:
        return False
    ChainEscrow.objects.filter(pk=one.pk).update(state=ChainEscrow.State.CLOSED, closed_at=now)
    return bool(found.left)
