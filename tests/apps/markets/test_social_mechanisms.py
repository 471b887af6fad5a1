"""What a market may lay over its clearing: contracts, low-income homes first, a lifeline, losses, meshed networks."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.errors import DomainError
from apps.markets.clearing import gates_close_due, run_replay
from apps.markets.contracts import contract_agree, contract_end, contract_propose
from apps.markets.errors import (
    ContractInvalidError,
    ContractUnknownError,
    LineInvalidError,
    MarketInvalidError,
)
from apps.markets.models import Account, AreaTie, ClearingRun, Contract, Trade
from apps.markets.networks import line_set, tie_remove, tie_set
from apps.markets.operators import market_set
from apps.markets.participation import participant_set
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.test_network_market import nodes, two_branches
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = (NOW - timedelta(hours=1), NOW + timedelta(days=1))


def fills() -> list[tuple[int, int]]:
    """Return energy and payment by order."""
    return list(Trade.objects.order_by("order_id").values_list("energy_wh", "pay_nano"))


def gate(street: Street) -> ClearingRun:
    """Let the gate close as beat does, and compute the run again."""
    assert gates_close_due(now=CLOSED) == 1
    run = street.market.runs.get()
    assert run_replay(run=run).result_match
    return run


def agreed(street: Street, *, price: int = 150_000, energy: int = 400) -> Contract:
    """Home 0 has agreed to buy of home 1."""
    buyer, seller = street.participants[:2]
    made = contract_propose(
        by=seller, buyer=buyer, seller=seller, price_micro=price, energy_wh=energy, period=DAY, actor="test", now=NOW
    )  # fmt: skip
    return contract_agree(contract=made, by=buyer, actor="test", now=NOW)


def test_a_contract_goes_before_all_other_trade_at_its_own_price() -> None:
    """Home 2 asks less than home 1, but 400 Wh are agreed with home 1 at 0.15."""
    street = make_street(homes=3, mechanism="peer_to_peer")
    agreed(street)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 150_000, 1000)
    street.order(2, OFFER, 100_000, 500)
    run = gate(street)
    # The rest, 600 Wh: 500 of home 2 at (0.30 + 0.10) / 2, 100 of home 1 at (0.30 + 0.15) / 2.
    assert fills() == [
        (1000, 60_000_000 + 100_000_000 + 22_500_000), (500, -60_000_000 - 22_500_000), (500, -100_000_000),
    ]  # fmt: skip
    assert run.account_nano == 0


def test_a_contract_is_carried_out_as_far_as_both_have_ordered_and_no_limit_is_passed() -> None:
    street = make_street(homes=3, mechanism="peer_to_peer")
    agreed(street, price=90_000, energy=100)  # below what home 1 asks
    agreed(street, price=150_000, energy=5000)
    street.order(0, BID, 300_000, 700)
    street.order(1, OFFER, 120_000, 500)
    gate(street)
    assert fills() == [(500, 75_000_000), (500, -75_000_000)]


def test_only_an_agreed_contract_that_has_not_ended_counts() -> None:
    street = make_street(homes=2, mechanism="peer_to_peer")
    buyer, seller = street.participants
    proposed = contract_propose(
        by=buyer, buyer=buyer, seller=seller, price_micro=150_000, energy_wh=400, period=DAY, actor="test", now=NOW
    )  # fmt: skip
    with pytest.raises(ContractInvalidError):
        contract_agree(contract=proposed, by=buyer, actor="test", now=NOW)
    ended = contract_end(contract=agreed(street), actor="test", now=NOW)
    assert ended.state == "ended"
    with pytest.raises(ContractInvalidError):
        contract_end(contract=ended, actor="test", now=NOW)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1000)
    gate(street)
    assert fills() == [(1000, 200_000_000), (1000, -200_000_000)]


@pytest.mark.parametrize(
    "changes",
    [
        {"energy_wh": 0}, {"energy_wh": 10**9}, {"price_micro": -1}, {"price_micro": 10**7},
        {"period": (DAY[1], DAY[0])}, {"period": (NOW - timedelta(days=2), NOW - timedelta(days=1))},
    ],
)  # fmt: skip
def test_contracts_without_sense_are_refused(changes: dict[str, Any]) -> None:
    street = make_street(homes=2, history=False, mechanism="peer_to_peer")
    buyer, seller = street.participants
    said: dict[str, Any] = {"price_micro": 100_000, "energy_wh": 100, "period": DAY, **changes}
    with pytest.raises(ContractInvalidError):
        contract_propose(by=buyer, buyer=buyer, seller=seller, actor="test", now=NOW, **said)
    assert Contract.objects.count() == 0


def test_contracts_by_rest_are_the_tenants_own(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street, other = (make_street(homes=2, history=False, mechanism="peer_to_peer") for _ in range(2))
    api, stranger = (
        factories.make_aggregator(organization=one.fleet.organization) for one in (street, other)
    )
    sent = {
        "participant_id": street.participants[0].pk, "with_id": street.participants[1].pk, "side": "bid",
        "price_micro": 150_000, "energy_wh": 400, "starts_at": DAY[0].isoformat(), "ends_at": DAY[1].isoformat(),
    }  # fmt: skip
    url = f"/markets/{street.market.pk}/contracts"
    foreign = {**sent, "with_id": other.participants[1].pk}
    assert api.post(url, foreign).status_code == 404
    made = api.post(url, sent).json()
    assert (made["buyer_id"], made["state"]) == (street.participants[0].pk, "proposed")
    assert stranger.get(url).status_code == 404
    assert stranger.post(f"/market-contracts/{made['id']}/agree", {}).status_code == 404
    assert api.post(f"/market-contracts/{made['id']}/agree", {}).json()["state"] == "agreed"
    assert api.post(f"/market-contracts/{made['id']}/end", {}).json()["state"] == "ended"
    assert [one["state"] for one in api.get(url).json()["results"]] == ["ended"]
    with pytest.raises(ContractUnknownError):
        contract_agree(contract=Contract.objects.get(), by=other.participants[0], actor="test", now=NOW)


def with_poor_home(**rules: Any) -> Street:
    """Home 1 has a low income; it bids less than home 0 for what home 2 offers."""
    street = make_street(homes=3, **rules)
    participant_set(participant=street.participants[1], changes={"low_income": True}, actor="test", now=NOW)
    street.order(0, BID, 300_000, 1000)
    street.order(1, BID, 270_000, 1000)
    street.order(2, OFFER, 100_000, 1000)
    return street


@pytest.mark.parametrize(("sacrifice", "served"), [(0, 0), (50, 333), (1000, 1000)])
def test_how_much_welfare_is_given_up_for_low_income_homes_can_be_chosen(sacrifice: int, served: int) -> None:
    """Each Wh that goes to home 1 instead of home 0 costs 0.03 of the 0.20 per kWh."""
    street = with_poor_home(mechanism="low_income_first", sacrifice_permille=sacrifice)
    gate(street)
    poor = Trade.objects.filter(participant=street.participants[1]).values_list("energy_wh", flat=True)
    assert sum(poor) == served


def test_a_lifeline_is_paid_by_what_the_others_gain() -> None:
    """Both bids are served at 0.27; 500 Wh of home 1 cost 0.07 instead, a discount of 0.10."""
    street = make_street(homes=3, lifeline_wh=500, lifeline_price_micro=70_000, lifeline_levy_permille=1000)
    participant_set(participant=street.participants[1], changes={"low_income": True}, actor="test", now=NOW)
    street.order(0, BID, 300_000, 1000)
    street.order(1, BID, 300_000, 1000)
    street.order(2, OFFER, 240_000, 2000)
    run = gate(street)
    price, discount = 270_000, 100_000_000
    assert (run.buy_price_micro, run.volume_wh, run.account_nano) == (price, 2000, 0)
    # Gains of 0.03 and 2 x 0.03 bear it, as far as they go.
    assert fills() == [
        (1000, price * 1000 + 30_000_000), (1000, price * 1000 - 90_000_000), (2000, -price * 2000 + 60_000_000),
    ]  # fmt: skip
    assert discount > 90_000_000
    balances = Account.objects.filter(kind="participant").values_list("balance_nano", flat=True)
    assert sum(balances) == 30 * 10**9


def test_a_lifeline_is_laid_over_one_price_only() -> None:
    with pytest.raises(MarketInvalidError, match="a lifeline is laid over"):
        make_street(homes=1, history=False, mechanism="pay_as_bid", lifeline_wh=100)


def test_dc_network_without_a_tie_is_the_feeder() -> None:
    street = two_branches(mechanism="dc_network")
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = gate(street)
    assert nodes() == [
        ("street", 300_000, 0, 0.0), ("branch A", 300_000, 500, 2.0), ("branch B", 100_000, -500, -2.0),
    ]  # fmt: skip
    assert (run.account_nano, Account.objects.get(kind="congestion").balance_nano) == (
        100_000_000,
        100_000_000,
    )


def test_a_tie_carries_its_share_by_reactance() -> None:
    """A and B are also joined at 0.2 ohm; by the street it is 0.1 + 0.1: half flows either way, 4 kW in all.

    Of a kW from B to the street 3/4 take B's full line, of one from A 1/4: prices fall by 0.40 times that.
    """
    street = two_branches(mechanism="dc_network")
    ends = GridArea.objects.filter(parent=street.area).order_by("pk")
    tie = tie_set(
        market=street.market, ends=(ends[1], ends[0]), reactance_ohm=0.2, limit_kw=None, actor="test", now=NOW
    )
    street.order(0, BID, 300_000, 1500)
    street.order(1, OFFER, 100_000, 2000)
    gate(street)
    assert nodes() == [
        ("street", 400_000, 0, 0.0), ("branch A", 300_000, 1000, 2.0), ("branch B", 100_000, -1000, -2.0),
    ]  # fmt: skip
    tie_remove(market=street.market, tie_id=tie.pk, actor="test", now=NOW)
    assert AreaTie.objects.count() == 0


def test_losses_make_energy_dearer_behind_the_line() -> None:
    """Both lines lose 10 %, half of it at each end: of 1000 Wh bought 1000 * (1.05 / 0.95)^2 are sold."""
    street = two_branches(mechanism="losses", loss_permille=100)
    GridArea.objects.update(export_limit_kw=None)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = gate(street)
    sold = round(1000 * (1.05 / 0.95) ** 2)
    assert [wh for wh, _ in fills()] == [1000, sold]
    prices = [price for _, price, _, _ in nodes()]
    assert prices == [round(100_000 * 1.05 / 0.95), round(100_000 * (1.05 / 0.95) ** 2), 100_000]
    assert abs(run.account_nano) < 1_000_000  # no line is full: to rounding the buyer pays what was lost
    line_set(market=street.market, grid_area=street.area, values={"loss_permille": 5}, actor="test", now=NOW)


@pytest.mark.parametrize("values", [{"loss_permille": 1000}, {"loss_permille": -1}, {"reactance_ohm": -1.0}])
def test_lines_without_sense_are_refused(values: dict[str, Any]) -> None:
    street = two_branches(mechanism="losses")
    with pytest.raises(LineInvalidError):
        line_set(market=street.market, grid_area=street.area, values=values, actor="test", now=NOW)


def test_ties_by_rest(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = two_branches(mechanism="dc_network")
    api = factories.make_aggregator(organization=street.fleet.organization)
    first, second = GridArea.objects.filter(parent=street.area).order_by("pk")
    url = f"/markets/{street.market.pk}/ties"
    sent = {"sender_id": second.pk, "receiver_id": first.pk, "reactance_ohm": 0.2, "limit_kw": 5.0}
    made = api.put(url, sent).json()
    assert (made["sender_id"], made["limit_kw"]) == (first.pk, 5.0)
    assert api.put(url, {**sent, "reactance_ohm": 0.0}).status_code == 400
    assert api.put(url, {**sent, "sender_id": first.pk}).status_code == 400
    assert len(api.get(url).json()) == 1
    assert api.delete(f"{url}/{made['id']}").status_code == 204
    assert api.get(url).json() == []


@pytest.mark.parametrize(
    "changes", [{"loss_permille": 1000}, {"sacrifice_permille": 1001}, {"lifeline_levy_permille": -1}]
)
def test_rules_beyond_their_bounds_are_refused(changes: dict[str, Any]) -> None:
    street = make_street(homes=1, history=False)
    with pytest.raises(DomainError):
        market_set(market=street.market, changes=changes, actor="test", now=NOW)
    assert START > NOW
