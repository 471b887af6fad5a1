"""Mechanisms that ask more of orders: one each, whole lots, low-income homes first."""

from typing import Any

import pytest

from apps.markets.bidding import Draft
from apps.markets.errors import MarketInvalidError, OrderRefusedError
from apps.markets.models import Cut, Order
from apps.markets.operators import market_set
from apps.markets.participation import participant_set
from apps.markets.services import order_cancel
from apps.markets.trader import within_limits
from tests.apps.markets.world import BID, OFFER, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LOT = 1_000


def prices(street: Street, *rows: tuple[int, int]) -> list[Order]:
    """One lot of each home."""
    return [street.order(place, side, price, LOT) for place, (side, price) in enumerate(rows)]


def refused(street: Street, *order: Any) -> str:
    with pytest.raises(OrderRefusedError) as found:
        street.order(*order)
    return found.value.code


@pytest.mark.parametrize("mechanism", ["huang", "mcafee"])
def test_a_second_order_of_an_interval_is_refused(mechanism: str) -> None:
    street = make_street(homes=1, mechanism=mechanism, most_order_wh=LOT)
    first = street.order(0, BID, 200_000, LOT)
    assert refused(street, 0, BID, 150_000, LOT) == "order_not_single"
    order_cancel(participant=street.participants[0], order_id=first.pk, now=NOW)
    street.order(0, BID, 150_000, LOT)
    assert Order.objects.filter(state="open").count() == 1


def test_only_lots_are_taken_where_lots_are_traded() -> None:
    street = make_street(homes=1, mechanism="mcafee", most_order_wh=LOT)
    assert refused(street, 0, BID, 200_000, LOT - 1) == "order_not_a_lot"
    assert Order.objects.count() == 0


def test_mcafee_trades_lots_at_the_price_of_those_outside() -> None:
    street = make_street(homes=6, mechanism="mcafee", most_order_wh=LOT)
    orders = prices(
        street, (BID, 300_000), (BID, 250_000), (BID, 140_000), (OFFER, 80_000), (OFFER, 100_000), (OFFER, 200_000)
    )  # fmt: skip
    run = street.clear()
    assert (run.buy_price_micro, run.sell_price_micro, run.volume_wh) == (170_000, 170_000, 2 * LOT)
    traded = run.trades.order_by("order_id").values_list("order_id", flat=True)
    assert list(traded) == [orders[place].pk for place in (0, 1, 3, 4)]


def test_a_lot_that_the_connection_does_not_carry_is_cut_whole() -> None:
    street = make_street(homes=2, mechanism="mcafee", most_order_wh=6_000)
    street.order(0, OFFER, 100_000, 6_000)  # 10 kW for a quarter of an hour carry 2,500 Wh
    street.clear()
    assert list(Cut.objects.values_list("cut_wh", "reason")) == [
        (6_000, "beyond the limit of the grid connection; a lot is whole or none")
    ]


def test_huang_leaves_what_lies_between_with_the_market() -> None:
    street = make_street(homes=4, mechanism="huang")
    street.order(0, BID, 300_000, 1_000)
    street.order(1, BID, 200_000, 1_000)
    street.order(2, OFFER, 80_000, 1_000)
    street.order(3, OFFER, 120_000, 1_000)
    run = street.clear()
    assert (run.buy_price_micro, run.sell_price_micro, run.volume_wh) == (200_000, 120_000, 1_000)
    assert run.account_nano == 80_000 * 1_000


def test_low_income_homes_come_first_within_what_may_be_given_up() -> None:
    street = make_street(homes=3, mechanism="low_income_first")
    participant_set(participant=street.participants[1], changes={"low_income": True}, actor="test", now=NOW)
    street.order(0, BID, 205_000, 1_000)
    street.order(1, BID, 200_000, 1_000)
    street.order(2, OFFER, 80_000, 1_000)
    run = street.clear()
    (bought,) = run.trades.filter(side=BID)
    assert bought.participant_id == street.participants[1].pk
    assert (run.volume_wh, run.welfare_nano, run.account_nano) == (1_000, 120_000_000, 0)


@pytest.mark.parametrize("mechanism", ["huang", "mcafee"])
def test_a_stricter_mechanism_waits_until_no_order_is_open(mechanism: str) -> None:
    street = make_street(homes=1)
    order = street.order(0, BID, 200_000, LOT)
    with pytest.raises(MarketInvalidError, match="orders are open"):
        market_set(market=street.market, changes={"mechanism": mechanism}, actor="test", now=NOW)
    order_cancel(participant=street.participants[0], order_id=order.pk, now=NOW)
    assert (
        market_set(market=street.market, changes={"mechanism": mechanism}, actor="test", now=NOW).mechanism
        == mechanism
    )


@pytest.mark.parametrize(
    ("mechanism", "kept"), [("uniform_price", [2_500, 700]), ("huang", [2_500]), ("mcafee", [LOT])]
)
def test_automatic_orders_are_such_as_the_mechanism_takes(mechanism: str, kept: list[int]) -> None:
    street = make_street(
        homes=1, mechanism=mechanism, most_order_wh=LOT if mechanism == "mcafee" else 100_000
    )
    wanted = [Draft(BID, 200_000, 2_500, firm=True), Draft(OFFER, 250_000, 700)]
    found = within_limits(street.participants[0], wanted, market=street.market, budget_nano=10**10)
    assert [one.quantity_wh for one in found] == kept
