"""Double-entry bookkeeping: transfers whose postings sum to zero, and balances that are their sums."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import connection, transaction

from apps.accounts.services import audit
from apps.common.bulk import bulk_copy
from apps.markets.errors import AmountInvalidError
from apps.markets.models import Account, ClearingRun, DeliveryBatch, Market, Participant, Posting, Transfer
from apps.markets.telling import payout_tell

NANO: Final = 1_000_000_000
GREATEST: Final = Decimal(1_000_000)
OWN_KINDS: Final = (
    Account.Kind.BANK, Account.Kind.MARKET, Account.Kind.FEES, Account.Kind.IMBALANCE, Account.Kind.CONGESTION,
    Account.Kind.RESERVE,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of a transfer: what an account gets (positive) or gives."""

    account_id: int
    line: str
    amount_nano: int
    energy_wh: int = 0


@dataclasses.dataclass(frozen=True)
class Cause:
    """What a transfer is for."""

    kind: str
    description: str
    run: ClearingRun | None = None
    batch: DeliveryBatch | None = None
    reverses: Transfer | None = None


def accounts_open(*, market: Market) -> None:
    """Open a market's own accounts."""
    Account.objects.bulk_create(
        [Account(market=market, kind=kind) for kind in OWN_KINDS], ignore_conflicts=True
    )


def own_accounts(*, market: Market) -> dict[str, int]:
    """Return the numbers of a market's own accounts by kind."""
    held = Account.objects.filter(market=market, participant=None)
    return dict(held.values_list("kind", "pk"))


def participants_accounts(*, market: Market) -> dict[int, int]:
    """Return the numbers of the participants' accounts by participant."""
    held = Account.objects.filter(market=market, participant__isnull=False)
    return {one: pk for one, pk in held.values_list("participant_id", "pk") if one is not None}


@transaction.atomic
def transfer(*, market: Market, cause: Cause, entries: Sequence[Entry], now: datetime) -> Transfer | None:
    """Book entries that sum to zero; None where there is nothing to book."""
    booked = [entry for entry in entries if entry.amount_nano or entry.energy_wh]
    if not booked:
        return None
    made = Transfer.objects.create(
        market=market, kind=cause.kind, run=cause.run, batch=cause.batch, reverses=cause.reverses, at=now,
        description=cause.description[:200],
    )  # fmt: skip
    bulk_copy(Posting, [Posting(transfer=made, **dataclasses.asdict(entry)) for entry in booked])
    _balances_add(booked)
    return made


def _balances_add(entries: Iterable[Entry]) -> None:
    """Add to the kept sums, the accounts locked in their order."""
    money: dict[int, int] = defaultdict(int)
    energy: dict[int, int] = defaultdict(int)
    for entry in entries:
        money[entry.account_id] += entry.amount_nano
        energy[entry.account_id] += entry.energy_wh
    ids = sorted(money)
    list(Account.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE markets_account a SET balance_nano = a.balance_nano + n.money, balance_wh = a.balance_wh + n.energy "
            "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS n(id, money, energy) WHERE a.id = n.id",
            [ids, [money[one] for one in ids], [energy[one] for one in ids]],
        )


def transfer_reverse(*, held: Transfer, reason: str, now: datetime) -> Transfer | None:
    """Book the opposite of a transfer."""
    entries = [
        Entry(row.account_id, row.line, -row.amount_nano, -row.energy_wh)
        for row in held.postings.order_by("pk")
    ]
    cause = Cause(Transfer.Kind.REVERSAL, reason, run=held.run, batch=held.batch, reverses=held)
    return transfer(market=held.market, cause=cause, entries=entries, now=now)


@transaction.atomic
def deposit(*, participant: Participant, amount: Decimal, actor: str, now: datetime) -> Transfer | None:
    """Put money on a participant's account, or pay it out where negative."""
    market = participant.market
    if not amount.is_finite() or not amount or abs(amount) > GREATEST or amount * NANO % 1:
        raise AmountInvalidError(f"an amount within ±{GREATEST}, not zero, with at most 9 decimals is needed")
    nano = int(amount * NANO)
    account = Account.objects.select_for_update().get(participant=participant)
    if nano < 0 and account.balance_nano + nano < 0:
        raise AmountInvalidError("no more can be paid out than the account holds")
    entries = [
        Entry(account.pk, Posting.Line.DEPOSIT, nano),
        Entry(own_accounts(market=market)[Account.Kind.BANK], Posting.Line.DEPOSIT, -nano),
    ]
    made = transfer(market=market, cause=Cause(Transfer.Kind.DEPOSIT, actor), entries=entries, now=now)
    audit(
        organization=market.organization, actor=actor, action="market_deposit",
        subject=f"participant {participant.pk}", now=now, amount=str(amount),
    )  # fmt: skip
    if made is not None and nano < 0:
        payout_tell(participant=participant, amount=-amount, transfer_id=made.pk, now=now)
    return made
