"""Orders: what is taken, and what is refused with which code and without a trace."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.common.errors import DomainError
from apps.markets.models import Account, Market, Order, Participant
from apps.markets.operators import market_pause, market_set
from apps.markets.participation import participant_set
from apps.markets.services import order_cancel, order_place
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street, wish
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def refuse(street: Street, **order: Any) -> str:
    """Return the code with which an order is refused, having seen that nothing changed."""
    before = list(Order.objects.order_by("pk").values()), list(Account.objects.order_by("pk").values())
    now = order.pop("now", NOW)
    held = {"side": BID, "price": 200_000, "quantity": 1000, **order}
    with pytest.raises(DomainError) as refused:
        order_place(participant=street.participants[0], wish=wish(**held), actor="test", now=now)
    assert (
        list(Order.objects.order_by("pk").values()),
        list(Account.objects.order_by("pk").values()),
    ) == before
    return refused.value.code


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"quantity": 0}, "order_not_positive"),
        ({"quantity": -5}, "order_not_positive"),
        ({"quantity": math.nan}, "order_not_finite"),
        ({"price": math.nan}, "order_not_finite"),
        ({"price": math.inf}, "order_not_finite"),
        ({"quantity": 1.5}, "order_not_whole"),
        ({"quantity": 100_001}, "order_oversized"),
        ({"quantity": 10**30}, "order_invalid"),
        ({"price": -1}, "order_price_out_of_bounds"),
        ({"price": 1_000_001}, "order_price_out_of_bounds"),
        ({"side": 0}, "order_side_unknown"),
        ({"side": True}, "order_invalid"),
        ({"price": "dear"}, "order_invalid"),
        ({"quantity": None}, "order_invalid"),
        ({"idempotency_key": ""}, "idempotency_key_missing"),
        ({"idempotency_key": "x" * 65}, "idempotency_key_missing"),
        ({"starts_at": START + timedelta(seconds=1)}, "period_invalid"),
        ({"starts_at": START.replace(tzinfo=None)}, "period_invalid"),
        ({"starts_at": START + timedelta(days=3)}, "order_early"),
        ({"starts_at": NOW - timedelta(hours=1)}, "order_late"),
        ({"now": CLOSED}, "order_late"),
        ({"quantity": 50_001}, "position_limit"),
        ({"quantity": 50_000, "price": 200_001}, "funds_insufficient"),
    ],
)
def test_bad_order_is_refused_with_its_code_and_changes_nothing(order: dict[str, Any], code: str) -> None:
    assert refuse(make_street(homes=1), **order) == code


def test_last_instant_before_the_gate_closes_is_in_time() -> None:
    street = make_street(homes=1)
    order_place(
        participant=street.participants[0],
        wish=wish(BID, 1, 1),
        actor="test",
        now=CLOSED - timedelta(microseconds=1),
    )
    assert Order.objects.count() == 1


def test_same_order_sent_twice_is_one_and_another_with_its_key_is_refused() -> None:
    street = make_street(homes=1)
    first = street.order(0, BID, 200_000, 1000, idempotency_key="mine")
    assert street.order(0, BID, 200_000, 1000, idempotency_key="mine") == first
    assert refuse(street, quantity=1001, idempotency_key="mine") == "idempotency_conflict"
    assert Order.objects.count() == 1


def test_keys_of_two_participants_do_not_meet() -> None:
    street = make_street(homes=2)
    street.order(0, BID, 200_000, 1000, idempotency_key="1")
    street.order(1, BID, 200_000, 1000, idempotency_key="1")
    assert Order.objects.count() == 2


@pytest.mark.parametrize(("side", "price"), [(BID, 100_000), (BID, 100_001)])
def test_order_that_meets_ones_own_is_refused(side: int, price: int) -> None:
    street = make_street(homes=1)
    street.order(0, OFFER, 100_000, 1000)
    assert refuse(street, side=side, price=price) == "order_crossed"
    street.order(0, BID, 99_999, 1000)


def test_offer_at_ones_own_bid_is_refused() -> None:
    street = make_street(homes=1)
    street.order(0, BID, 100_000, 1000)
    assert refuse(street, side=OFFER, price=100_000) == "order_crossed"


def test_open_bids_of_all_intervals_are_covered_together() -> None:
    street = make_street(homes=1, funds="1")
    street.order(0, BID, 500_000, 1000)
    street.order(0, BID, 500_000, 1000, starts_at=START + timedelta(minutes=15))
    assert refuse(street, price=1, quantity=1) == "funds_insufficient"
    street.order(0, OFFER, 900_000, 5000)  # an offer costs nothing


def test_without_funds_nothing_is_bought_but_credit_counts() -> None:
    street = make_street(homes=1, funds="0")
    assert refuse(street) == "funds_insufficient"
    participant_set(
        participant=street.participants[0],
        changes={"credit_limit_nano": 200_000 * 1000},
        actor="test",
        now=NOW,
    )
    street.order(0, BID, 200_000, 1000)


def test_fees_are_part_of_what_must_be_covered() -> None:
    street = make_street(homes=1, funds="0.2", buyer_fee_micro=1)
    assert refuse(street) == "funds_insufficient"
    street.order(0, BID, 199_999, 1000)


def _pause(street: Street) -> None:
    market_pause(market=street.market, reason="maintenance", actor="test", now=NOW)


def _suspend(street: Street) -> None:
    changes = {"state": Participant.State.SUSPENDED}
    participant_set(participant=street.participants[0], changes=changes, actor="test", now=NOW)


def _new_terms(street: Street) -> None:
    market_set(market=street.market, changes={"terms": "other terms"}, actor="test", now=NOW)


@pytest.mark.parametrize(
    ("happens", "code"),
    [(_pause, "market_paused"), (_suspend, "participant_suspended"), (_new_terms, "terms_not_accepted")],
)
def test_who_must_not_trade_now_is_refused(happens: Callable[[Street], None], code: str) -> None:
    street = make_street(homes=1)
    happens(street)
    assert refuse(street) == code
    assert Market.objects.count() == 1


def test_order_is_canceled_until_the_gate_closes() -> None:
    street = make_street(homes=2)
    order = street.order(0, BID, 200_000, 1000)
    for who, now, code in (
        (1, NOW, "order_unknown"),
        (0, CLOSED, "order_late"),
    ):
        with pytest.raises(DomainError) as refused:
            order_cancel(participant=street.participants[who], order_id=order.pk, now=now)
        assert refused.value.code == code
        order.refresh_from_db()
        assert order.state == Order.State.OPEN
    order_cancel(participant=street.participants[0], order_id=order.pk, now=NOW)
    with pytest.raises(DomainError) as again:
        order_cancel(participant=street.participants[0], order_id=order.pk, now=NOW)
    assert again.value.code == "order_closed"
