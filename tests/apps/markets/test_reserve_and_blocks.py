"""Reserve bought together with energy, and orders that are whole, linked or exclude each other."""

from typing import Any

import pytest

from apps.common.errors import DomainError
from apps.markets.clearing import run_cancel, run_replay
from apps.markets.models import Account, LogLeaf, Order, Posting, ReserveAward, Trade
from tests import factories
from tests.apps.markets.world import BID, OFFER, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def filled() -> dict[int, int]:
    return dict(Trade.objects.order_by("order_id").values_list("order_id", "energy_wh"))


def test_reserve_is_bought_with_energy_and_paid_by_the_operator() -> None:
    """A home can feed in 2500 Wh (10 kW); 400 Wh upward reserve at 0.05 leave 2100 for energy."""
    street = make_street(homes=2, history=False, mechanism="reserve", reserve_up_wh=400)
    street.order(0, BID, 300_000, 3000)
    street.order(1, OFFER, 100_000, 2500)
    reserve = street.order(1, OFFER, 50_000, 1000, service="up")
    run = street.clear()
    award = ReserveAward.objects.get()
    assert (award.order_id, award.service, award.energy_wh) == (reserve.pk, "up", 400)
    # What the home forgoes in energy, 0.30 less 0.10, is in the price of its reserve.
    assert (award.price_micro, award.pay_nano) == (250_000, -100_000_000)
    assert (run.volume_wh, run.buy_price_micro, run.account_nano) == (2100, 300_000, 0)
    kept = {one.kind: one.balance_nano for one in Account.objects.filter(participant=None)}
    assert kept["reserve"] == -100_000_000
    assert Posting.objects.filter(line="reserve", account__participant=street.participants[1]).count() == 1
    assert LogLeaf.objects.filter(entry__run=run).count() == 3
    assert run_replay(run=run).result_match
    run_cancel(run=run, reason="test", actor="test", now=NOW)
    reserve.refresh_from_db()
    assert (reserve.state, Account.objects.get(kind="reserve").balance_nano) == ("open", 0)


def test_a_requirement_beyond_what_is_offered_is_met_as_far_as_it_can_be() -> None:
    street = make_street(homes=2, history=False, mechanism="reserve", reserve_up_wh=5000, reserve_down_wh=300)
    street.order(0, OFFER, 50_000, 1000, service="up")
    street.order(1, OFFER, 20_000, 200, service="down")
    street.clear()
    rows = ReserveAward.objects.order_by("order_id").values_list("service", "energy_wh", "price_micro")
    assert list(rows) == [("up", 1000, 50_000), ("down", 200, 20_000)]


def test_a_block_is_taken_whole_or_not_at_all() -> None:
    street = make_street(homes=3, history=False, mechanism="blocks")
    bid = street.order(0, BID, 300_000, 1000)
    small = street.order(1, OFFER, 100_000, 600, least_permille=1000)
    large = street.order(2, OFFER, 50_000, 1200, least_permille=1000)
    run = street.clear()
    assert filled() == {bid.pk: 600, small.pk: 600}
    assert not Trade.objects.filter(order=large).exists()
    assert run.account_nano == 0
    assert run_replay(run=run).result_match


def test_a_linked_block_needs_its_parent_and_exclusive_ones_leave_one() -> None:
    street = make_street(homes=3, history=False, mechanism="blocks")
    bid = street.order(0, BID, 300_000, 1000)
    parent = street.order(1, OFFER, 400_000, 300, least_permille=1000)
    street.order(1, OFFER, 350_000, 300, least_permille=1000, parent_id=parent.pk)
    cheap = street.order(2, OFFER, 100_000, 500, least_permille=500, exclusive_group="one")
    street.order(2, OFFER, 120_000, 400, least_permille=1000, exclusive_group="one")
    street.clear()
    assert filled() == {bid.pk: 500, cheap.pk: 500}


def test_a_child_of_a_block_that_was_taken_back_is_not_accepted() -> None:
    street = make_street(homes=2, history=False, mechanism="blocks")
    street.order(0, BID, 300_000, 1000)
    parent = street.order(1, OFFER, 100_000, 300, least_permille=1000)
    child = street.order(1, OFFER, 100_000, 300, least_permille=1000, parent_id=parent.pk)
    Order.objects.filter(pk=parent.pk).update(state=Order.State.CANCELED)
    assert street.clear().volume_wh == 0
    assert not Trade.objects.filter(order=child).exists()


@pytest.mark.parametrize(
    ("mechanism", "side", "more"),
    [
        ("uniform_price", OFFER, {"service": "up"}), ("uniform_price", OFFER, {"least_permille": 1000}),
        ("reserve", BID, {"service": "up"}), ("reserve", OFFER, {"service": "slow"}),
        ("reserve", OFFER, {"service": "up", "firm": True}), ("blocks", OFFER, {"least_permille": 1001}),
        ("blocks", OFFER, {"parent_id": 0}), ("blocks", OFFER, {"least_permille": 1, "firm": True}),
    ],
)  # fmt: skip
def test_orders_of_a_kind_that_the_market_does_not_know_are_refused(
    mechanism: str, side: int, more: dict[str, Any]
) -> None:
    street = make_street(homes=1, history=False, mechanism=mechanism)
    with pytest.raises(DomainError) as refused:
        street.order(0, side, 200_000, 100, **more)
    assert refused.value.code == "order_kind_invalid"
    assert not Order.objects.exists()


def test_rest_takes_and_tells_them(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = make_street(homes=2, history=False, mechanism="reserve", reserve_up_wh=100)
    api = factories.make_aggregator(organization=street.fleet.organization)
    sent = {
        "participant_id": street.participants[0].pk, "starts_at": "", "side": "offer", "price_micro": 50_000,
        "quantity_wh": 300, "idempotency_key": "one", "service": "up",
    }  # fmt: skip
    street.order(1, OFFER, 90_000, 10)
    sent["starts_at"] = Order.objects.get().starts_at.isoformat()
    made = api.post(f"/markets/{street.market.pk}/orders", sent)
    assert (made.status_code, made.json()["service"], made.json()["least_permille"]) == (201, "up", 0)
    run = street.clear()
    assert api.get(f"/market-runs/{run.pk}").json()["awards"] == [
        {
            "order_id": made.json()["id"], "participant_id": street.participants[0].pk, "service": "up",
            "energy_wh": 100, "price_micro": 50_000, "pay_nano": -5_000_000,
        }
    ]  # fmt: skip
