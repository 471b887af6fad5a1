"""A household's contracts with neighbors, and the address it is paid by, on its market page."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.markets.contracts import contract_agree, contract_propose
from apps.markets.models import ChainParty, Contract
from tests import factories
from tests.apps.markets.test_market_pages import owner_of, path, signed_in, text_of
from tests.apps.markets.world import BID, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = START + timedelta(hours=4)
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def street() -> Street:
    return make_street(homes=3, mechanism="peer_to_peer")


def form(street: Street, **changes: str) -> dict[str, str]:
    """Home 0 wants to buy a quarter of a kWh of home 1 for 0.18; local times of Berlin."""
    return {
        "neighbor": street.participants[1].name, "side": "bid", "kwh": "0,25", "price": "0.18",
        "starts": "2026-06-17T17:00", "ends": "2026-06-17T21:00", **changes,
    }  # fmt: skip


def proposed(street: Street) -> Contract:
    """Home 0 has proposed to buy of home 1."""
    one, other = street.participants[:2]
    return contract_propose(
        by=one, buyer=one, seller=other, price_micro=180_000, energy_wh=250, period=(START, LATER), actor="test", now=NOW
    )  # fmt: skip


def test_owner_proposes_a_contract_once_however_often_it_is_sent(street: Street) -> None:
    client = owner_of(street)
    assert f"Your name on this market is {street.participants[0].name}." in text_of(client, path(street))
    for _ in range(2):
        answer = client.post(
            path(street, "contracts"), form(street, neighbor=street.participants[1].name.upper())
        )
        assert answer.status_code == 302
    made = Contract.objects.get()
    assert (made.buyer, made.seller, made.proposed_by) == (*street.participants[:2], street.participants[0])
    assert (made.price_micro, made.energy_wh, made.starts_at, made.ends_at) == (180_000, 250, START, LATER)
    shown = text_of(client, path(street))
    assert "waits for your neighbor" in shown
    assert street.participants[1].name in shown


def test_an_offer_makes_the_neighbor_the_buyer(street: Street) -> None:
    owner_of(street).post(path(street, "contracts"), form(street, side="offer"))
    made = Contract.objects.get()
    assert (made.buyer, made.seller) == (street.participants[1], street.participants[0])


def test_the_neighbor_agrees_and_both_may_end_it(street: Street) -> None:
    made = proposed(street)
    neighbor = owner_of(street, 1)
    assert "waits for you" in text_of(neighbor, path(street, place=1))
    assert neighbor.post(path(street, f"contracts/{made.pk}/agree", 1)).status_code == 302
    made.refresh_from_db()
    assert made.state == "agreed"
    client = owner_of(street)
    assert "End the contract" in text_of(client, path(street))
    client.post(path(street, f"contracts/{made.pk}/end"))
    made.refresh_from_db()
    assert made.state == "ended"
    street.order(0, BID, 200_000, 1000)
    street.order(1, OFFER, 150_000, 1000)


def test_the_neighbor_declines_and_a_proposal_is_taken_back(street: Street) -> None:
    for place in (1, 0):
        made = proposed(street)
        client = owner_of(street, place)
        assert ("Decline" if place else "Take back") in text_of(client, path(street, place=place))
        client.post(path(street, f"contracts/{made.pk}/end", place))
        made.refresh_from_db()
        assert made.state == "ended"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"neighbor": "Nobody"}, "nobody on this market has this name"),
        ({"side": "keep"}, "choose whether to buy or to sell"),
        ({"kwh": "0"}, "energy is 1 to 100000 Wh"),
        ({"kwh": "NaN"}, "a price has at most six decimals"),
        ({"price": "2"}, "the price is outside the market"),
        ({"starts": "soon"}, "say from when until when"),
        ({"starts": "0001-01-01T00:00"}, "say from when until when"),
        ({"ends": "2026-06-17T16:00"}, "the period ends after it begins"),
    ],
)
def test_what_is_refused_is_said_at_the_form_which_keeps_what_was_typed(
    street: Street, changes: dict[str, str], why: str
) -> None:
    answer = owner_of(street).post(path(street, "contracts"), form(street, **changes))
    said = answer.content.decode()
    assert (answer.status_code, why in said) == (400, True)
    assert "<details open><summary>Propose one" in said
    assert 'value="0.18"' in said or "price" in changes
    assert not Contract.objects.exists()


def test_nobody_contracts_with_itself_and_only_on_markets_that_know_contracts(street: Street) -> None:
    own = form(street, neighbor=street.participants[0].name)
    assert (
        b"nobody has a contract with itself" in owner_of(street).post(path(street, "contracts"), own).content
    )
    other = make_street(homes=2)
    client = owner_of(other)
    assert "Contracts with neighbors" not in text_of(client, path(other))
    client.post(path(other, "contracts"), form(other))
    assert not Contract.objects.exists()


def test_only_owners_agree_and_nobody_touches_the_contracts_of_others(street: Street) -> None:
    made = proposed(street)
    member = factories.make_user()
    street.fleet.sites[1].members.create(user=member, role="member")
    operator = factories.make_operator(organization=street.fleet.organization)
    clients: list[tuple[Client, int]] = [
        (signed_in(member), 1), (signed_in(operator), 1), (owner_of(street, 2), 2), (owner_of(street, 0), 0)
    ]  # fmt: skip
    for client, place in clients:
        answer = client.post(path(street, f"contracts/{made.pk}/agree", place))
        assert b"Nothing was changed" in answer.content
    for client, place in clients[:3]:
        assert b"Nothing was changed" in client.post(path(street, f"contracts/{made.pk}/end", place)).content
    assert owner_of(street, 2).post(path(street, f"contracts/{made.pk}/agree", 1)).status_code == 404
    made.refresh_from_db()
    assert made.state == "proposed"
    assert street.participants[0].name not in text_of(owner_of(street, 2), path(street, place=2))


def test_a_contract_that_is_over_asks_for_nothing(street: Street, settings: Any) -> None:
    made = proposed(street)
    contract_agree(contract=made, by=street.participants[1], actor="test", now=NOW)
    settings.ORES_CLOCK = factories.clock_at(LATER)
    shown = text_of(owner_of(street), path(street))
    assert ("over" in shown, "End the contract" in shown) == (True, False)


def test_owner_sets_changes_and_forgets_the_address() -> None:
    street = make_street(homes=1, on_chain=True)
    client = owner_of(street)
    assert "No address: your account pays and is paid." in text_of(client, path(street))
    for address in (ADDRESS, ADDRESS.replace("0x52", "0x53")):
        assert client.post(path(street, "address"), {"address": f" {address} "}).status_code == 302
        assert ChainParty.objects.get().address == address
        assert address in text_of(client, path(street))
    client.post(path(street, "address/forget"))
    assert not ChainParty.objects.exists()


@pytest.mark.parametrize("address", ["", "0x12", "0x" + "0" * 40, ADDRESS + "0"])
def test_what_is_no_address_is_said_in_place(address: str) -> None:
    street = make_street(homes=1, on_chain=True)
    answer = owner_of(street).post(path(street, "address"), {"address": address})
    assert answer.status_code == 400
    assert b"Nothing was changed" in answer.content
    assert not ChainParty.objects.exists()


def test_a_market_off_the_chain_shows_and_takes_no_address() -> None:
    street = make_street(homes=1)
    client = owner_of(street)
    assert "Paid on a chain" not in text_of(client, path(street))
    assert client.post(path(street, "address"), {"address": ADDRESS}).status_code == 409
    assert not ChainParty.objects.exists()


def test_only_an_owner_sets_the_address() -> None:
    street = make_street(homes=1, on_chain=True)
    operator = signed_in(factories.make_operator(organization=street.fleet.organization))
    for rest in ("address", "address/forget"):
        assert b"only an owner" in operator.post(path(street, rest), {"address": ADDRESS}).content
    assert not ChainParty.objects.exists()
