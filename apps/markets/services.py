"""Orders: placed once, checked against every limit, canceled until the gate closes."""

import dataclasses
from datetime import datetime
from typing import Any

from django.db import transaction

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
from apps.markets.periods import check_open
from apps.markets.rules import lot_wh, takes_one_order
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
    _check_single([one for one in open_orders if one.starts_at == wish.starts_at], held.market)
    _check_crossing([one for one in open_orders if one.starts_at == wish.starts_at], wish)
    _check_limits(held, open_orders, wish=wish)
    return Order.objects.create(
        market=held.market, participant=held, placed_at=now, placed_by=actor[:160], **dataclasses.asdict(wish)
    )


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
    try:
        checked = make_orders(
            side=[wish.side], price_micro=[wish.price_micro], quantity_wh=[wish.quantity_wh],
            limits=Limits(market.most_order_wh, market.least_price_micro, market.most_price_micro),
        )  # fmt: skip
    except OrderError as error:
        raise OrderRefusedError(error.detail.removeprefix("order 0: "), code=error.code) from error
    except (OverflowError, TypeError, ValueError) as error:
        raise OrderRefusedError("side, price and quantity are numbers of at most 64 bits") from error
    numbers: dict[str, Any] = {
        name: int(getattr(checked, name)[0]) for name in ("side", "price_micro", "quantity_wh")
    }
    lot = lot_wh(market)
    if lot is not None and numbers["quantity_wh"] != lot:
        raise OrderRefusedError(f"this market trades lots of {lot} Wh", code="order_not_a_lot")
    return dataclasses.replace(wish, green=wish.green and wish.side == Order.Side.OFFER, **numbers)


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


def _check_crossing(beside: list[Order], wish: Wish) -> None:
    for other in beside:
        if other.side != wish.side and wish.side * (wish.price_micro - other.price_micro) >= 0:
            raise OrderRefusedError(
                f"it would trade with your own order {other.pk}: a bid must stay below your offers",
                code="order_crossed",
            )


def _check_limits(held: Participant, open_orders: list[Order], *, wish: Wish) -> None:
    quantity = int(wish.quantity_wh)
    beside = [one for one in open_orders if one.starts_at == wish.starts_at and one.side == wish.side]
    if sum(one.quantity_wh for one in beside) + quantity > held.position_limit_wh:
        raise PositionLimitError(f"together with your other orders this is above {held.position_limit_wh} Wh")
    cost = exposure_nano(held.market, side=wish.side, price_micro=int(wish.price_micro), quantity_wh=quantity)
    balance = Account.objects.values_list("balance_nano", flat=True).get(participant=held)
    if cost and exposures(held.market, open_orders) + cost > balance + held.credit_limit_nano:
        raise FundsInsufficientError("the account does not cover this order beside those that are open")
