"""Homes that trade by themselves: from forecast, storage and their owner's limits to orders within every limit."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.precedence import energy_promised_kwh
from apps.dispatch.selectors import asked_kw
from apps.dispatch.services import signal_plan
from apps.flexibility.snapshots import portfolio_refresh
from apps.markets.bidding import BID, OFFER, Draft, Preferences, drafts
from apps.markets.clearing import gates_close_due
from apps.markets.models import Account, Order, Participant
from apps.markets.participation import participant_set
from apps.markets.periods import first_open, gate_closes_at
from apps.markets.services import order_place
from apps.markets.trader import orders_make, orders_make_due
from apps.sites.models import Resource
from tests import factories
from tests.apps.markets.world import CLOSED, START, Street, make_street, wish
from tests.factories import NOW

BOUNDS = (0, 1_000_000)
USUAL = Preferences(300_000, 80_000, 200_000)


@pytest.mark.parametrize(
    ("need_wh", "spare_wh", "wanted"),
    [
        (250, 0, [Draft(BID, 300_000, 250, firm=True)]),
        (250, 100, [Draft(BID, 300_000, 150, firm=True), Draft(BID, 199_999, 100)]),
        (250, 1000, [Draft(BID, 199_999, 250), Draft(OFFER, 200_000, 750)]),
        (-400, 0, [Draft(OFFER, 80_000, 400, green=True, firm=True)]),
        (-400, 1000, [Draft(OFFER, 80_000, 400, green=True, firm=True), Draft(OFFER, 200_000, 1000)]),
        (0, 0, []),
    ],
)
def test_home_bids_and_offers_what_its_owner_wants(need_wh: int, spare_wh: int, wanted: list[Draft]) -> None:
    assert drafts(need_wh=need_wh, spare_wh=spare_wh, preferences=USUAL, bounds_micro=BOUNDS) == wanted


def test_storage_worth_more_than_a_purchase_is_not_used_for_it() -> None:
    found = drafts(
        need_wh=250, spare_wh=1000, preferences=Preferences(300_000, 80_000, 400_000), bounds_micro=BOUNDS
    )
    assert found == [Draft(BID, 300_000, 250, firm=True), Draft(OFFER, 400_000, 1000)]


PRICE = st.integers(-1_000_000, 2_000_000)


@given(
    st.integers(-5000, 5000), st.integers(0, 5000), st.builds(Preferences, PRICE, PRICE, PRICE),
    st.tuples(st.integers(-100_000, 400_000), st.integers(400_001, 900_000)),
)  # fmt: skip
def test_no_home_trades_with_itself_or_more_than_it_has(
    need_wh: int, spare_wh: int, preferences: Preferences, bounds: tuple[int, int]
) -> None:
    found = drafts(need_wh=need_wh, spare_wh=spare_wh, preferences=preferences, bounds_micro=bounds)
    bids = [one for one in found if one.side == BID]
    offers = [one for one in found if one.side == OFFER]
    assert all(bounds[0] <= one.price_micro <= bounds[1] and one.quantity_wh > 0 for one in found)
    assert all(bid.price_micro < offer.price_micro for bid in bids for offer in offers)
    assert sum(one.quantity_wh for one in bids) == max(need_wh, 0)
    covered = sum(one.quantity_wh for one in bids if not one.firm)
    assert covered + sum(one.quantity_wh for one in offers if not one.firm) <= spare_wh


def trading_street(*, homes: int = 2, soc: float = 0.8) -> Street:
    """Homes that draw 1 kW at any time, with 10 kWh batteries, and trade by themselves."""
    street = make_street(homes=homes, history=True)
    for one in street.participants:
        participant_set(participant=one, changes={"automatic": True}, actor="owner", now=NOW, own=True)
    factories.set_latest(
        sites=street.fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=soc
    )
    portfolio_refresh(organization=street.fleet.organization, now=NOW)
    return street


def placed() -> list[tuple[int, int, int, bool]]:
    rows = Order.objects.order_by("participant_id", "pk")
    return list(rows.values_list("side", "price_micro", "quantity_wh", "firm"))


@pytest.mark.django_db
def test_forecast_and_battery_become_orders_once() -> None:
    """A quarter-hour needs 250 Wh; the battery gives 4 kW for that long, a quarter of the need is kept back."""
    street = trading_street(homes=1)
    made = orders_make(market=street.market, starts_at=START, now=NOW)
    assert placed() == [(BID, 199_999, 250, False), (OFFER, 200_000, 687, False)]
    assert all(one.automatic and one.placed_by == "automatic trader" for one in made)
    assert orders_make(market=street.market, starts_at=START, now=NOW) == []


@pytest.mark.django_db
def test_empty_battery_leaves_the_need_alone() -> None:
    street = trading_street(homes=1, soc=0.1)
    orders_make(market=street.market, starts_at=START, now=NOW)
    assert placed() == [(BID, 300_000, 250, True)]


@pytest.mark.django_db
def test_owners_own_order_goes_before() -> None:
    street = trading_street(homes=2)
    street.order(0, BID, 100_000, 10)
    orders_make(market=street.market, starts_at=START, now=NOW)
    assert Order.objects.filter(participant=street.participants[0]).count() == 1
    assert Order.objects.filter(participant=street.participants[1]).count() == 2


@pytest.mark.django_db
def test_limits_cut_orders_instead_of_breaking() -> None:
    street = trading_street(homes=2)
    first, second = street.participants
    participant_set(participant=first, changes={"position_limit_wh": 100}, actor="test", now=NOW)
    Account.objects.filter(participant=second).update(balance_nano=199_999 * 7)
    orders_make(market=street.market, starts_at=START, now=NOW)
    assert placed() == [
        (BID, 199_999, 100, False), (OFFER, 200_000, 100, False), (BID, 199_999, 7, False), (OFFER, 200_000, 687, False),
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"state": Participant.State.SUSPENDED}, {"automatic": False}])
def test_who_does_not_trade_by_itself_gets_no_orders(changes: dict[str, object]) -> None:
    street = trading_street(homes=1)
    participant_set(participant=street.participants[0], changes=changes, actor="test", now=NOW)
    assert orders_make(market=street.market, starts_at=START, now=NOW) == []


@pytest.mark.django_db
def test_orders_are_made_within_minutes_of_the_gate_and_then_cleared() -> None:
    street = trading_street(homes=2)
    participant_set(
        participant=street.participants[0],
        changes={"storage_value_micro": 150_000},
        actor="owner",
        now=NOW,
        own=True,
    )
    assert orders_make_due(now=CLOSED - timedelta(minutes=5, seconds=1)) == 0
    assert orders_make_due(now=CLOSED - timedelta(minutes=5)) == 4
    assert set(Order.objects.values_list("starts_at", flat=True)) == {START}
    assert gates_close_due(now=CLOSED) == 1
    buyer, seller = (Account.objects.get(participant=one).balance_wh for one in reversed(street.participants))
    assert (buyer, seller) == (250, -250)


@pytest.mark.django_db
def test_first_open_interval_is_the_one_whose_gate_closes_next() -> None:
    street = make_street(homes=0)
    for now in (NOW, NOW + timedelta(microseconds=1), NOW + timedelta(minutes=14, seconds=59)):
        starts_at = first_open(street.market, now)
        assert starts_at == NOW + timedelta(minutes=30)
        assert gate_closes_at(street.market, starts_at) > now


@pytest.mark.django_db
def test_sold_energy_is_not_sold_again() -> None:
    """1.5 kWh above the reserve: what covers the home until then, its margins and 1 kWh sold before leave nothing."""
    street = trading_street(homes=1, soc=0.26)
    orders_make(market=street.market, starts_at=START, now=NOW + timedelta(minutes=44))
    fresh = sum(one.quantity_wh for one in Order.objects.filter(side=OFFER))
    assert fresh > 0
    Order.objects.all().delete()
    order_place(
        participant=street.participants[0], actor="owner", now=NOW,
        wish=dataclasses.replace(wish(OFFER, 250_000, 1000), starts_at=START + timedelta(minutes=15)),
    )  # fmt: skip
    orders_make(market=street.market, starts_at=START, now=NOW + timedelta(minutes=44))
    assert placed() == [(OFFER, 250_000, 1000, False), (BID, 300_000, 250, True)]


@pytest.mark.django_db
def test_energy_promised_to_an_event_is_not_sold() -> None:
    street = trading_street(homes=1)
    fleet = street.fleet
    signal = factories.make_signal(
        program=fleet.program, starts_at=START + timedelta(hours=1), target_kw=[3.5] * 8
    )
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    promised = energy_promised_kwh(
        organization=fleet.organization, starts_at=NOW, ends_at=START + timedelta(hours=12)
    )
    assert promised[fleet.sites[0].pk] == pytest.approx(sum(asked_kw(signal=signal)[fleet.sites[0].pk]) / 4)
    orders_make(market=street.market, starts_at=START, now=NOW)
    assert placed() == [(BID, 300_000, 250, True)]


@pytest.mark.django_db
def test_home_whose_car_outdoes_its_battery_does_not_trade_by_itself() -> None:
    street = trading_street(homes=2)
    for site, kw in zip(street.fleet.sites, (11.0, 3.7), strict=True):
        Resource.objects.create(
            site=site, key="car", kind="ev_charger", parameters={"charge_kw": kw, "battery_kwh": 50.0}
        )
    factories.set_latest(
        sites=street.fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.8, ev_kw=0.0
    )
    portfolio_refresh(organization=street.fleet.organization, now=NOW)
    made = orders_make(market=street.market, starts_at=START, now=NOW)
    assert {one.participant_id for one in made} == {street.participants[1].pk}


def test_surplus_that_the_battery_has_room_for_is_sold_at_what_it_is_worth_there() -> None:
    found = drafts(need_wh=-400, spare_wh=0, room_wh=300, preferences=USUAL, bounds_micro=BOUNDS)
    assert found == [
        Draft(OFFER, 80_000, 100, green=True, firm=True),
        Draft(OFFER, 200_000, 300, green=True),
    ]
