"""What the contract is to act on, sealed in the platform's log: paid trades, and certificates of green energy."""

import dataclasses
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum

from apps.accounts.models import Organization
from apps.common.bulk import bulk_copy
from apps.markets.chain.leaves import Deployment, OriginLeaf, TradeLeaf
from apps.markets.chain.pairs import Pair, pairs_of
from apps.markets.chain.parties import hashed, units_of
from apps.markets.models import (
    ChainCredit,
    ChainEscrow,
    ChainParty,
    ChainTrade,
    ClearingRun,
    Delivery,
    DeliveryBatch,
    LogEntry,
    Order,
    ParticipantSite,
    Trade,
)
from apps.markets.sealing import Leaf, Subject, seal

# What a certificate's energy is from, in the words of the contract: the sun.
SOLAR: Final = 1
# A day is certified once all of its deliveries can have been settled.
CERTIFIED_AFTER: Final = timedelta(days=2)
PERIODS_BACK: Final = 7
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def runs_due(*, organization: Organization) -> list[ClearingRun]:
    """Return the runs with bids that wait to be paid from deposits, once their deliveries are settled for good."""
    waiting = _unsealed(Trade.objects.filter(run=OuterRef("pk"), order__escrow__state=ChainEscrow.State.OPEN))
    found = ClearingRun.objects.filter(
        Exists(waiting), market__organization=organization, market__on_chain=True, state=ClearingRun.State.DONE,
        deliveries__isnull=False,
    )  # fmt: skip
    return list(found.select_related("market").order_by("ends_at", "pk"))


def escrows_waiting(*, run: ClearingRun) -> list[ChainEscrow]:
    """Return the deposits asked for by bids that traded in a run."""
    found = ChainEscrow.objects.filter(order__trades__run=run, state=ChainEscrow.State.OPEN)
    return list(found.select_related("order").order_by("order_id"))


@transaction.atomic
def trades_seal(
    *, run: ClearingRun, funded: Collection[int], operator: str, deployment: Deployment, now: datetime
) -> LogEntry | None:
    """Seal what the bids of a run owe whose deposits are there: to sellers with an address, the rest to the operator."""
    sealed = ChainTrade.objects.filter(run=run).values("bid")
    waiting = ChainEscrow.objects.select_for_update().filter(
        order__trades__run=run, state=ChainEscrow.State.OPEN
    )
    escrows = {one.order_id: one for one in waiting.exclude(order__in=sealed)}
    sellers = _sellers(run)
    pairs = pairs_of(run=run, bids={key for key in escrows if key in funded}, offers=set(sellers))
    _close_unused(run, escrows, paid={one.bid for one in pairs}, funded=funded, now=now)
    if not pairs:
        return None
    rows = [
        _trade(run, one, escrow=escrows[one.bid], to=sellers[one.offer] if one.offer else operator)
        for one in pairs
    ]
    facts = {"trades": len(rows), "chain": deployment.chain_id, "contract": deployment.contract}
    subject = Subject.of_run(run, kind=LogEntry.Kind.CHAIN_TRADES, facts=facts)
    raw = [leaf_of_trade(row).data(deployment) for row in rows]
    entry = seal(subject=subject, leaves=[Leaf(None, {}, raw=one) for one in raw], now=now)
    for position, row in enumerate(rows):
        row.entry, row.position = entry, position
    bulk_copy(ChainTrade, rows)
    return entry


def leaf_of_trade(row: ChainTrade) -> TradeLeaf:
    """Return a trade as the contract knows it."""
    return TradeLeaf(
        bytes(row.trade_hash), row.buyer, bytes(row.order_hash), row.seller, int(row.units), row.energy_wh
    )


def leaf_of_credit(row: ChainCredit) -> OriginLeaf:
    """Return a certificate as the contract knows it."""
    return OriginLeaf(
        row.owner, bytes(row.site_hash), row.source, int(row.starts_at.timestamp()), row.energy_wh
    )


@transaction.atomic
def credits_seal(
    *, organization: Organization, period: tuple[datetime, datetime], deployment: Deployment, now: datetime
) -> LogEntry | None:
    """Seal what homes with an address sold of green energy, and delivered, in a period; None where there is nothing new."""
    starts_at, _ = period
    rows = _credits(organization, period=period)
    if not rows:
        return None
    facts = {"certificates": len(rows), "period": starts_at.isoformat(), "contract": deployment.contract}
    name = f"{deployment.contract}:{starts_at.isoformat()}:{rows[0].participant_id}"
    subject = Subject(organization.pk, str(LogEntry.Kind.CHAIN_CREDITS), name, facts)
    raw = [leaf_of_credit(row).data(deployment) for row in rows]
    entry = seal(subject=subject, leaves=[Leaf(None, {}, raw=one) for one in raw], now=now)
    for position, row in enumerate(rows):
        row.entry, row.position = entry, position
    bulk_copy(ChainCredit, rows)
    return entry


def periods_due(*, period_s: int, now: datetime) -> list[tuple[datetime, datetime]]:
    """Return the last periods that can have been settled, the oldest first."""
    length, last = timedelta(seconds=period_s), now - CERTIFIED_AFTER
    ends_at = last - (last - EPOCH) % length
    return [
        (ends_at - (back + 1) * length, ends_at - back * length) for back in reversed(range(PERIODS_BACK))
    ]


def _sellers(run: ClearingRun) -> dict[int, ChainParty]:
    """The parties of a run's offers that have an address, by order."""
    sold = dict(run.trades.filter(side=Order.Side.OFFER).values_list("order_id", "participant_id"))
    parties = {one.participant_id: one for one in ChainParty.objects.filter(participant__in=sold.values())}
    return {order: parties[who] for order, who in sold.items() if who in parties}


def _unsealed(trades: "QuerySet[Trade]") -> "QuerySet[Trade]":
    """Trades of bids that nothing is sealed of in their run."""
    sealed = ChainTrade.objects.filter(run=OuterRef("run"), bid=OuterRef("order"))
    return trades.exclude(Exists(sealed))


def _close_unused(
    run: ClearingRun,
    escrows: Mapping[int, ChainEscrow],
    *,
    paid: Collection[int],
    funded: Collection[int],
    now: datetime,
) -> None:
    """A deposit is done with when its last interval is; one that is not there is not waited for."""
    others = Trade.objects.filter(order__in=list(escrows), run__state=ClearingRun.State.DONE, pay_nano__gt=0)
    goes_on = set(_unsealed(others.exclude(run=run)).values_list("order_id", flat=True))
    for key, escrow in escrows.items():
        if key not in funded:
            escrow.state, escrow.closed_at = ChainEscrow.State.CLOSED, now
            escrow.reason = "no deposit was there in time; the platform's account pays"
        elif key not in goes_on:
            escrow.state = ChainEscrow.State.SEALED
            escrow.reason = "" if key in paid else "nothing of it could be paid on the chain"
    ChainEscrow.objects.bulk_update(escrows.values(), ["state", "reason", "closed_at"])


def _trade(run: ClearingRun, one: Pair, *, escrow: ChainEscrow, to: ChainParty | str) -> ChainTrade:
    """What goes to a seller is known by its salt; what goes to the operator by a number that says nothing."""
    if isinstance(to, str):
        seller, trade_hash = to, secrets.token_bytes(32)
    else:
        seller, trade_hash = to.address, hashed(to, f"trade {run.pk} {one.bid} {one.offer}")
    return ChainTrade(
        run=run, bid_id=one.bid, offer_id=one.offer, trade_hash=trade_hash, order_hash=bytes(escrow.order_hash),
        buyer=escrow.address, seller=seller, energy_wh=one.energy_wh, pay_nano=one.pay_nano,
        units=units_of(one.pay_nano),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Sold:
    """What a participant sold of green energy and what it fed in, in one run [Wh]."""

    participant_id: int
    green_wh: int
    metered_wh: int | None


def _credits(organization: Organization, *, period: tuple[datetime, datetime]) -> list[ChainCredit]:
    """Certificates of a period; none of it until every run in it is settled. No more is certified than was fed in."""
    runs = ClearingRun.objects.filter(
        market__organization=organization, market__on_chain=True, state=ClearingRun.State.DONE, volume_wh__gt=0,
        starts_at__gte=period[0], starts_at__lt=period[1],
    )  # fmt: skip
    if runs.filter(deliveries=None).exists():
        return []
    energy: dict[int, int] = {}
    for one in _sold(runs):
        fed = max(0, -(one.metered_wh or 0))
        energy[one.participant_id] = energy.get(one.participant_id, 0) + min(one.green_wh, fed)
    certified = ChainCredit.objects.filter(starts_at=period[0]).values("participant_id")
    parties = ChainParty.objects.filter(participant__in=[who for who, wh in energy.items() if wh])
    homes = _homes(parties)
    return [
        ChainCredit(
            participant_id=party.participant_id, starts_at=period[0], owner=party.address, source=SOLAR,
            site_hash=hashed(party, f"home {homes[party.participant_id]}"), energy_wh=energy[party.participant_id],
        )
        for party in parties.exclude(participant__in=certified).order_by("participant_id")
        if party.participant_id in homes
    ]  # fmt: skip


def _sold(runs: QuerySet[ClearingRun]) -> list[_Sold]:
    sums = Trade.objects.filter(run__in=runs, side=Order.Side.OFFER).order_by()
    green = sums.values_list("run_id", "participant_id").annotate(green=Sum("green_wh"))
    metered = {
        (run, who): wh
        for run, who, wh in Delivery.objects.filter(
            batch__in=DeliveryBatch.objects.filter(run__in=runs)
        ).values_list("batch__run_id", "participant_id", "metered_wh")
    }
    return [_Sold(who, wh, metered.get((run, who))) for run, who, wh in green]


def _homes(parties: "QuerySet[ChainParty]") -> dict[int, int]:
    """The one home of each party; an aggregator's energy is of several homes and is not certified.

    A home in several markets is certified by its first part alone: no Wh twice.
    """
    found: dict[int, list[int]] = {}
    own = ParticipantSite.objects.filter(participant__in=parties.values("participant_id"))
    for who, site in own.values_list("participant_id", "site_id"):
        found.setdefault(who, []).append(site)
    rows = ParticipantSite.objects.filter(site__in=own.values("site_id"), market__on_chain=True)
    first = dict(rows.order_by("-participant_id").values_list("site_id", "participant_id"))
    return {who: sites[0] for who, sites in found.items() if len(sites) == 1 and first.get(sites[0]) == who}
