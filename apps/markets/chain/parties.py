"""Who of a market is paid on the chain: addresses, salts that hide what goes there, and deposits asked for."""

import secrets
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from apps.accounts.services import audit
from apps.common.encryption import seal, unseal
from apps.markets.chain.errors import ChainNotUsedError, LeafInvalidError
from apps.markets.chain.leaves import address as checked_address
from apps.markets.chain.leaves import salted_hash
from apps.markets.errors import (
    IdempotencyConflictError,
    OrderClosedError,
    OrderRefusedError,
    OrderUnknownError,
)
from apps.markets.models import ChainDeposit, ChainEscrow, ChainParty, Order, Participant

PURPOSE: Final = b"markets: salt of a party on the chain"
NOBODY: Final = "0x" + "0" * 40
# One millionth per kWh is a thousand billionths.
NANO_PER_MICRO: Final = 1000


@transaction.atomic
def chain_join(*, participant: Participant, address: str, actor: str, now: datetime) -> ChainParty:
    """Let a participant pay and be paid by an address; another one takes its place."""
    checked_address(address)
    if address == NOBODY:
        raise LeafInvalidError("the address of nobody cannot be paid")
    _check_used(participant)
    held = ChainParty.objects.select_for_update().filter(participant=participant).first()
    if held is not None and held.address == address:
        return held
    salt = held.salt if held is not None else seal(secrets.token_bytes(32), purpose=PURPOSE)
    party, _ = ChainParty.objects.update_or_create(
        participant=participant, defaults={"address": address, "salt": salt, "since": now}
    )
    _note(participant, "market_chain_join", actor=actor, now=now)
    return party


@transaction.atomic
def chain_leave(*, participant: Participant, actor: str, now: datetime) -> bool:
    """Forget a participant's address and salt: what is on the chain can be told to be its own by nobody any more."""
    gone, _ = ChainParty.objects.filter(participant=participant).delete()
    if gone:
        _note(participant, "market_chain_leave", actor=actor, now=now)
    return bool(gone)


@transaction.atomic
def escrow_ask(*, order: Order, actor: str, now: datetime) -> ChainEscrow:
    """Have a bid paid from a deposit: return by which hash of the order its owner makes it."""
    held = (
        Order.objects.select_for_update(of=("self",)).select_related("participant__market").get(pk=order.pk)
    )
    _check_used(held.participant)
    party = ChainParty.objects.filter(participant_id=held.participant_id).first()
    if party is None or held.side != Order.Side.BID:
        raise OrderUnknownError("deposits are for bids of participants with an address")
    escrow = ChainEscrow.objects.filter(order=held).first()
    if escrow is not None:
        return escrow
    if held.state != Order.State.OPEN:
        raise OrderClosedError(f"this order is {held.state}")
    _note(held.participant, "market_chain_escrow", actor=actor, now=now)
    return ChainEscrow.objects.create(
        order=held, order_hash=hashed(party, f"order {held.pk}"), address=party.address, asked_at=now
    )


@transaction.atomic
def deposit_ask(
    *, participant: Participant, key: str, price_micro: int, quantity_wh: int, actor: str, now: datetime
) -> ChainDeposit:
    """Have a bid paid that is not placed yet: return by which hash its owner deposits for it; the key is the bid's."""
    held = Participant.objects.select_for_update(of=("self",)).select_related("market").get(pk=participant.pk)
    _check_used(held)
    party = ChainParty.objects.filter(participant=held).first()
    if party is None:
        raise OrderUnknownError("deposits are for bids of participants with an address")
    if price_micro <= 0 or quantity_wh <= 0 or not key:
        raise OrderRefusedError("a deposit is for a bid with a price and a quantity above 0")
    found = ChainDeposit.objects.filter(participant=held, idempotency_key=key).first()
    if found is not None and (found.price_micro, found.quantity_wh) != (price_micro, quantity_wh):
        raise IdempotencyConflictError("another deposit was asked for with this idempotency key")
    if found is None and Order.objects.filter(participant=held, idempotency_key=key).exists():
        raise IdempotencyConflictError(
            "the bid with this idempotency key is placed; ask for its deposit by its number"
        )
    if found is not None:
        return found
    _note(held, "market_chain_deposit", actor=actor, now=now)
    return ChainDeposit.objects.create(
        participant=held, idempotency_key=key, price_micro=price_micro, quantity_wh=quantity_wh, address=party.address,
        order_hash=hashed(party, f"deposit {held.pk} {key}"), asked_at=now,
    )  # fmt: skip


def hashed(party: ChainParty, known_as: str) -> bytes:
    """Return a name of the platform as the chain sees it."""
    return salted_hash(unseal(party.salt, purpose=PURPOSE), known_as)


def units_of(nano: int) -> int:
    """Return money [1e-9 of the currency] in the smallest unit of the chain's coin."""
    return nano * int(settings.MARKET_CHAIN_UNITS_PER_NANO)


def price_limit_units(order: Order | ChainDeposit) -> int:
    """Return the most a bid pays per kWh, as its deposit says it."""
    return units_of(max(0, order.price_micro) * NANO_PER_MICRO)


def deposit_units(order: Order | ChainDeposit) -> int:
    """Return the most a bid can cost on the chain; fees stay with the platform."""
    return units_of(max(0, order.price_micro) * order.quantity_wh)


def _check_used(participant: Participant) -> None:
    if not participant.market.on_chain:
        raise ChainNotUsedError("this market pays nobody on a chain")


def _note(participant: Participant, action: str, *, actor: str, now: datetime) -> None:
    audit(
        organization=participant.market.organization, actor=actor, action=action,
        subject=f"participant {participant.pk}", now=now,
    )  # fmt: skip
