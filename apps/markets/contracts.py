"""Bilateral contracts: proposed by one participant, agreed to by the other, carried out before all other trade."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.markets.envelopes import Offered
from apps.markets.errors import ContractInvalidError, ContractUnknownError, MarketPausedError
from apps.markets.models import Contract, Market, Order, Participant
from apps.markets.periods import length
from apps.markets.rules import PEER_TO_PEER
from apps.markets.services import may_trade

Row = list[int]


@transaction.atomic
def contract_propose(
    *,
    by: Participant,
    buyer: Participant,
    seller: Participant,
    price_micro: int,
    energy_wh: int,
    period: tuple[datetime, datetime],
    actor: str,
    now: datetime,
) -> Contract:
    """Propose that one participant buys of another in every interval of a period."""
    market = Market.objects.select_related("organization").get(pk=by.market_id)
    made = Contract(
        market=market, buyer=buyer, seller=seller, price_micro=price_micro, energy_wh=energy_wh, proposed_by=by,
        starts_at=period[0], ends_at=period[1], created_at=now,
    )  # fmt: skip
    _check(made, market, now=now)
    may_trade(by)
    made.save(force_insert=True)
    _note(made, "market_contract_propose", actor=actor, now=now)
    return made


@transaction.atomic
def contract_agree(*, contract: Contract, by: Participant, actor: str, now: datetime) -> Contract:
    """Agree to what the other one has proposed; it holds from the next gate on."""
    held = _locked(contract)
    if by.pk not in (held.buyer_id, held.seller_id):
        raise ContractUnknownError("no such contract")
    if held.state != Contract.State.PROPOSED or held.proposed_by_id == by.pk or held.ends_at <= now:
        raise ContractInvalidError("a contract is agreed to by the other side, while it is proposed")
    may_trade(Participant.objects.select_related("market").get(pk=by.pk))
    held.state, held.agreed_at = Contract.State.AGREED, now
    held.save(update_fields=["state", "agreed_at"])
    _note(held, "market_contract_agree", actor=actor, now=now)
    return held


@transaction.atomic
def contract_end(*, contract: Contract, actor: str, now: datetime, reason: str = "") -> Contract:
    """End a contract, or take a proposal back, from the next gate on; what was traded stays."""
    held = _locked(contract)
    if held.state == Contract.State.ENDED:
        raise ContractInvalidError("this contract has ended")
    held.state, held.ended_at = Contract.State.ENDED, now
    held.save(update_fields=["state", "ended_at"])
    _note(held, "market_contract_end", actor=actor, now=now, **({"reason": reason} if reason else {}))
    return held


def contracts_of_organization(*, organization: Organization) -> QuerySet[Contract]:
    """Return the contracts on the tenant's markets, the newest first."""
    found = Contract.objects.filter(market__organization=organization)
    return found.select_related("market__organization", "buyer", "seller").order_by("-pk")


def contracts_plain(*, market: Market, offered: Sequence[Offered], starts_at: datetime) -> dict[str, Any]:
    """Return agreed contracts as a run keeps them: bid, offer, energy, price; as far as both have ordered.

    The oldest contract goes first. A bid below its price, or an offer above it, is not touched: limits hold.
    """
    ends_at = starts_at + length(market)
    agreed = Contract.objects.filter(
        market=market, state=Contract.State.AGREED, starts_at__lte=starts_at, ends_at__gte=ends_at
    )
    left = {one.order.pk: one.left_wh for one in offered}
    rows: list[Row] = []
    for contract in agreed.order_by("agreed_at", "pk"):
        rows += _carried(contract, offered, left=left)
    return {"contracts": rows} if rows else {}


def _carried(contract: Contract, offered: Sequence[Offered], *, left: dict[int, int]) -> list[Row]:
    price, wanted = contract.price_micro, contract.energy_wh
    bids = _orders(offered, contract.buyer_id, side=Order.Side.BID, price=price)
    offers = _orders(offered, contract.seller_id, side=Order.Side.OFFER, price=price)
    rows = []
    for bid in bids:
        for offer in offers:
            energy = min(wanted, left[bid], left[offer])
            if energy > 0:
                rows.append([bid, offer, energy, price])
                wanted, left[bid], left[offer] = wanted - energy, left[bid] - energy, left[offer] - energy
    return rows


def _orders(offered: Sequence[Offered], who: int, *, side: int, price: int) -> list[int]:
    """A participant's orders on a side that stand at a price, the most urgent first."""
    own = [one.order for one in offered if one.order.participant_id == who and one.order.side == side]
    fit = [one for one in own if side * (one.price_micro - price) >= 0]
    return [one.pk for one in sorted(fit, key=lambda one: (-side * one.price_micro, one.pk))]


def _locked(contract: Contract) -> Contract:
    found = Contract.objects.select_for_update(of=("self",)).select_related("market__organization")
    return found.get(pk=contract.pk)


def _check(contract: Contract, market: Market, *, now: datetime) -> None:
    if market.state != Market.State.OPEN:
        raise MarketPausedError(f"the market is paused: {market.state_reason}")
    sides = (contract.buyer, contract.seller)
    aware = contract.starts_at.tzinfo is not None and contract.ends_at.tzinfo is not None
    rules = [
        (market.mechanism == PEER_TO_PEER, "contracts are for markets from peer to peer"),
        (all(one.market_id == market.pk for one in sides), "no such participant"),
        (contract.buyer_id != contract.seller_id, "nobody has a contract with itself"),
        (
            contract.proposed_by_id in (contract.buyer_id, contract.seller_id),
            "who proposes it is one of the two",
        ),
        (0 < contract.energy_wh <= market.most_order_wh, f"energy is 1 to {market.most_order_wh} Wh"),
        (
            market.least_price_micro <= contract.price_micro <= market.most_price_micro,
            "the price is outside the market's bounds",
        ),
        (
            aware and contract.starts_at < contract.ends_at and contract.ends_at > now,
            "the period ends after it begins, and not in the past",
        ),
    ]
    said = [message for good, message in rules if not good]
    if said:
        raise ContractInvalidError(said[0])


def _note(contract: Contract, action: str, *, actor: str, now: datetime, **detail: str) -> None:
    audit(
        organization=contract.market.organization, actor=actor, action=action, subject=f"contract {contract.pk}", now=now,
        buyer=contract.buyer_id, seller=contract.seller_id, price_micro=contract.price_micro, energy_wh=contract.energy_wh,
        **detail,
    )  # fmt: skip


def contracts_of_participant(*, participant: Participant) -> QuerySet[Contract]:
    """Return a participant's own contracts, the newest first."""
    own = Contract.objects.filter(Q(buyer=participant) | Q(seller=participant))
    return own.select_related("market__organization", "buyer", "seller").order_by("-pk")
