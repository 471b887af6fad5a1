"""Orders: placed once, checked against every limit, canceled until the gate closes."""

import dataclasses
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.markets.deposits import covered_nano, deposit_for, deposit_use
from apps.markets.errors import (
    FundsInsufficientError,
    IdempotencyConflictError,
    MarketPausedError,
    OrderClosedError,
    OrderRefusedError,
    OrderUnknownError,
    ParticipantSuspendedError,
    PositionLimitError,
    TermsNotAcceptedError,
)
from apps.markets.models import Account, Market, Order, Participant
from apps.markets.periods import check_open, energies, energy_at, intervals_of
from apps.markets.rules import BLOCKS, RESERVE, lot_wh, takes_one_order
from vpp.markets.errors import OrderError

KEY_LENGTH = 64


@dataclasses.dataclass(frozen=True)
class Wish:
    """An order as it comes in; numbers are checked when it is placed."""

    starts_at: datetime
    side: int
    price_micro: float
    quantity_wh: float
    idempotency_key: str
    green: bool = False
    firm: bool = False
    service: str = ""
    least_permille: int = 0
    parent_id: int | None = None
    exclusive_group: str = ""
    profile_wh: list[int] = dataclasses.field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Whether it is taken from a least share on, or linked, of several that exclude each other, or over intervals."""
        return bool(self.least_permille or self.parent_id or self.exclusive_group or self.profile_wh)


@transaction.atomic
def order_place(*, participant: Participant, wish: Wish, actor: str, now: datetime) -> Order:
    """Place an order; the same one sent again is answered with the one that stands."""
    held = Participant.objects.select_for_update(of=("self",)).select_related("market").get(pk=participant.pk)
    wish = order_checked(market=held.market, wish=wish)
    repeated = _repeated(held, wish)
    if repeated is not None:
        return repeated
    may_trade(held)
    check_open(held.market, wish.starts_at, now=now)
    open_orders = list(Order.objects.filter(participant=held, state=Order.State.OPEN))
    session = intervals_of(held.market, wish.starts_at)
    _check_single([one for one in open_orders if one.starts_at == wish.starts_at], held.market)
    _check_kind(held.market, wish, beside=[one for one in open_orders if one.starts_at in session])
    if not wish.service:
        touched = energies(held.market, wish).keys()
        beside = [one for one in open_orders if energies(held.market, one).keys() & touched]
        _check_crossing([one for one in beside if not one.service], wish)
    deposit = deposit_for(
        participant=held, market=held.market, side=wish.side, price_micro=int(wish.price_micro),
        quantity_wh=int(wish.quantity_wh), key=wish.idempotency_key, starts_at=wish.starts_at,
    )  # fmt: skip
    _check_limits(held, open_orders, wish=wish, paid_nano=deposit.cost_nano if deposit else 0)
    order = Order.objects.create(
        market=held.market, participant=held, placed_at=now, placed_by=actor[:160], **dataclasses.asdict(wish)
    )
    if deposit is not None:
        deposit_use(order=order, deposit=deposit, now=now)
    return order


@transaction.atomic
def order_cancel(*, participant: Participant, order_id: int, now: datetime) -> Order:
    """Take back an order whose gate is open."""
    held = Order.objects.select_for_update(of=("self",)).select_related("market")
    order = held.filter(participant=participant, pk=order_id).first()
    if order is None:
        raise OrderUnknownError("no such order")
    if order.state != Order.State.OPEN:
        raise OrderClosedError(f"this order is {order.state}")
    check_open(order.market, order.starts_at, now=now)
    order.state, order.state_reason = Order.State.CANCELED, "by its owner"
    order.save(update_fields=["state", "state_reason"])
    return order


def may_trade(participant: Participant) -> None:
    """Refuse who must not place orders now."""
    market = participant.market
    if market.state != Market.State.OPEN:
        raise MarketPausedError(f"the market is paused: {market.state_reason}")
    if participant.state != Participant.State.ACTIVE:
        raise ParticipantSuspendedError("this participant is suspended")
    if participant.terms_version != market.terms_version:
        raise TermsNotAcceptedError(f"version {market.terms_version} of the market's terms is not accepted")


def order_checked(*, market: Market, wish: Wish) -> Wish:
    """Return a wish in whole numbers, or refuse it with the code of its first fault."""
    from vpp.markets.orders import Limits, make_orders

    if not 0 < len(wish.idempotency_key) <= KEY_LENGTH:
        raise OrderRefusedError(
            "an idempotency key of 1 to 64 characters is needed", code="idempotency_key_missing"
        )
    if any(isinstance(value, bool) for value in (wish.side, wish.price_micro, wish.quantity_wh)):
        raise OrderRefusedError("side, price and quantity are numbers")
    wish = _profile_checked(wish, market)
    most_wh = max(wish.profile_wh, default=wish.quantity_wh)  # bounds are those of one interval
    try:
        checked = make_orders(
            side=[wish.side], price_micro=[wish.price_micro], quantity_wh=[most_wh],
            limits=Limits(market.most_order_wh, market.least_price_micro, market.most_price_micro),
        )  # fmt: skip
    except OrderError as error:
        raise OrderRefusedError(error.detail.removeprefix("order 0: "), code=error.code) from error
    except (OverflowError, TypeError, ValueError) as error:
        raise OrderRefusedError("side, price and quantity are numbers of at most 64 bits") from error
    numbers: dict[str, Any] = {
        name: int(getattr(checked, name)[0]) for name in ("side", "price_micro", "quantity_wh")
    }
    if wish.profile_wh:
        numbers["quantity_wh"] = sum(wish.profile_wh)
    lot = lot_wh(market)
    if lot is not None and numbers["quantity_wh"] != lot:
        raise OrderRefusedError(f"this market trades lots of {lot} Wh", code="order_not_a_lot")
    return dataclasses.replace(wish, green=wish.green and wish.side == Order.Side.OFFER, **numbers)


def _profile_checked(wish: Wish, market: Market) -> Wish:
    """A profile is of whole Wh within one session, and its sum is the quantity."""
    profile = wish.profile_wh
    if not profile:
        return wish
    room = 0
    if market.session_intervals > 1 and wish.starts_at.tzinfo is not None:
        room = sum(one >= wish.starts_at for one in intervals_of(market, wish.starts_at))
    rules = [
        (len(profile) <= room, "a profile ends with its session; this market's have no more intervals"),
        (all(type(one) is int and one >= 0 for one in profile), "a profile is of whole Wh, zero or more"),
        (profile[0] != 0 and profile[-1] != 0, "a profile begins and ends with energy"),
    ]
    said = [message for good, message in rules if not good]
    if said:
        raise OrderRefusedError(said[0], code="order_kind_invalid")
    if wish.quantity_wh not in (0, sum(profile)):
        raise OrderRefusedError("the quantity is not the profile's sum", code="order_kind_invalid")
    return wish


def exposure_nano(market: Market, *, side: int, price_micro: int, quantity_wh: int) -> int:
    """Return the most an order can cost its owner."""
    fee = market.buyer_fee_micro if side == Order.Side.BID else market.seller_fee_micro
    return max(0, (side * price_micro + fee) * quantity_wh)


def exposures(market: Market, orders: list[Order]) -> int:
    """Return the most that open orders can cost together."""
    return sum(
        exposure_nano(market, side=one.side, price_micro=one.price_micro, quantity_wh=one.quantity_wh)
        for one in orders
    )


def _repeated(held: Participant, wish: Wish) -> Order | None:
    order = Order.objects.filter(participant=held, idempotency_key=wish.idempotency_key).first()
    if order is None:
        return None
    same = all(getattr(order, name) == value for name, value in dataclasses.asdict(wish).items())
    if not same:
        raise IdempotencyConflictError("another order was sent with this idempotency key")
    return order


def _check_single(beside: list[Order], market: Market) -> None:
    if beside and takes_one_order(market):
        raise OrderRefusedError(
            f"this market takes one order an interval; {beside[0].pk} stands", code="order_not_single"
        )


def _check_kind(market: Market, wish: Wish, *, beside: list[Order]) -> None:
    """Reserve and blocks are for the mechanisms that know them, and make sense in themselves."""
    parent = next((one for one in beside if one.pk == wish.parent_id), None)
    rules = [
        (not wish.service or market.mechanism == RESERVE, "this market does not buy reserve"),
        (wish.service in ("", *Order.Service.values), "reserve is up or down"),
        (
            not wish.service or (wish.side == Order.Side.OFFER and not wish.firm),
            "reserve is offered, and is not firm",
        ),
        (not wish.is_block or market.mechanism == BLOCKS, "this market does not take blocks"),
        (not wish.is_block or not wish.firm, "a block is not firm"),
        (0 <= wish.least_permille <= 1000, "a least share is between 0 and 1000 permille"),
        (len(wish.exclusive_group) <= 32, "the name of an exclusive group has at most 32 characters"),
        (
            wish.parent_id is None or (parent is not None and parent.is_block),
            "the parent is none of your open blocks of this session",
        ),
    ]
    said = [message for good, message in rules if not good]
    if said:
        raise OrderRefusedError(said[0], code="order_kind_invalid")


def _check_crossing(beside: list[Order], wish: Wish) -> None:
    for other in beside:
        if other.side != wish.side and wish.side * (wish.price_micro - other.price_micro) >= 0:
            raise OrderRefusedError(
                f"it would trade with your own order {other.pk}: a bid must stay below your offers",
                code="order_crossed",
            )


def _check_limits(held: Participant, open_orders: list[Order], *, wish: Wish, paid_nano: int) -> None:
    """Position and funds; of the cost, `paid_nano` is deposited on the chain for this very bid."""
    quantity, same_side = int(wish.quantity_wh), [one for one in open_orders if one.side == wish.side]
    for starts_at, energy in energies(held.market, wish).items():
        beside = sum(energy_at(held.market, one, starts_at=starts_at) for one in same_side)
        if beside + energy > held.position_limit_wh:
            raise PositionLimitError(
                f"together with your other orders this is above {held.position_limit_wh} Wh"
            )
    cost = exposure_nano(held.market, side=wish.side, price_micro=int(wish.price_micro), quantity_wh=quantity)
    cost = max(0, cost - paid_nano)
    balance = Account.objects.values_list("balance_nano", flat=True).get(participant=held)
    funds = balance + held.credit_limit_nano + covered_nano(participant=held, open_orders=open_orders)
    if cost and exposures(held.market, open_orders) + cost > funds:
        raise FundsInsufficientError("the account does not cover this order beside those that are open")
