"""The market's pages: a household's and its operators'; who may see and do what."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from apps.markets.clearing import clearing_run
from apps.markets.errors import MarketInvalidError
from apps.markets.models import ClearingRun, Market, Order
from apps.markets.operators import market_set
from apps.markets.participation import participant_set
from apps.markets.periods import length
from tests import factories
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def street() -> Street:
    """Home 0 has bought of home 1, and has an open bid for later."""
    found = make_street(homes=3)
    found.order(0, BID, 300_000, 1000)
    found.order(1, OFFER, 100_000, 1500, green=True)
    found.clear()
    return found


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def owner_of(street: Street, place: int = 0) -> Client:
    return signed_in(factories.make_owner(site=street.fleet.sites[place]))


def path(street: Street, rest: str = "", place: int = 0) -> str:
    return f"/sites/{street.fleet.sites[place].pk}/market/{rest}"


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return re.sub(r"\s+", " ", answer.content.decode())


def test_household_sees_its_trades_savings_and_origin(street: Street) -> None:
    shown = text_of(owner_of(street), path(street))
    for part in ("Saved in 30 days", "100.0 % from the sun", "bought", "Bids and offers"):
        assert part in shown, part
    assert "0.20 €" in shown  # a kWh at 0.10 instead of 0.30


def test_household_sees_carbon_only_where_its_source_is_stated(street: Street) -> None:
    client = owner_of(street)
    assert "CO₂" not in text_of(client, path(street))
    changes: dict[str, Any] = {"carbon_g_per_kwh": 380, "carbon_source": " "}
    with pytest.raises(MarketInvalidError, match="carbon_source"):
        market_set(market=street.market, changes=changes, actor="test", now=NOW)
    street.order(2, BID, 300_000, 1000, starts_at=START + (START - CLOSED))
    street.order(1, OFFER, 100_000, 250, starts_at=START + (START - CLOSED), green=True)
    street.order(0, OFFER, 100_000, 750, starts_at=START + (START - CLOSED))
    clearing_run(market=street.market, starts_at=START + (START - CLOSED), now=START)
    changes["carbon_source"] = "yearly mean of the supplier"
    market_set(market=street.market, changes=changes, actor="test", now=NOW)
    shown = text_of(client, path(street))
    for part in (
        "0.38 kg CO₂ less",
        "the rest as 380 g/kWh (yearly mean of the supplier)",
        ">0</td>",
        ">380</td>",
    ):
        assert part in shown, part
    assert ">285</td>" in text_of(owner_of(street, 2), path(street, place=2))


def test_page_of_a_home_without_a_market_says_so() -> None:
    site = factories.make_site(organization=factories.make_organization())
    client = signed_in(factories.make_owner(site=site))
    assert "does not take part" in text_of(client, f"/sites/{site.pk}/market/")
    assert client.post(f"/sites/{site.pk}/market/orders", {}).status_code == 404


def test_owner_places_one_order_however_often_it_is_sent_and_takes_it_back(street: Street) -> None:
    client = owner_of(street, 2)
    page = text_of(client, path(street, place=2))
    starts_at = re.findall(r'option value="([^"]+\+00:00)"', page)[-1]
    sent = {"side": "bid", "price": "0,25", "kwh": "1.5", "starts_at": starts_at, "key": "form-1"}
    for _ in range(2):
        assert client.post(path(street, "orders", 2), sent).status_code == 302
    order = Order.objects.get(participant=street.participants[2])
    assert (order.side, order.price_micro, order.quantity_wh) == (BID, 250_000, 1500)
    client.post(path(street, f"orders/{order.pk}/cancel", 2))
    order.refresh_from_db()
    assert order.state == "canceled"


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "keep"},
        {"price": "dear"},
        {"price": "NaN"},
        {"kwh": "0.0001"},
        {"kwh": "1e400"},
        {"kwh": ""},
        {"starts_at": "soon"},
        {"key": ""},
    ],
)
def test_bad_form_is_said_and_changes_nothing(street: Street, changes: dict[str, str]) -> None:
    client = owner_of(street, 2)
    sent = {"side": "bid", "price": "0.25", "kwh": "1", "starts_at": START.isoformat(), "key": "k", **changes}
    answer = client.post(path(street, "orders", 2), sent, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    assert not Order.objects.filter(participant=street.participants[2]).exists()


def test_owner_chooses_what_is_traded_by_itself(street: Street) -> None:
    client = owner_of(street)
    sent = {"automatic": "on", "buy_limit": "0.28", "sell_limit": "0.09", "storage_value": "0.19"}
    client.post(path(street, "preferences"), sent)
    one = street.participants[0]
    one.refresh_from_db()
    assert (one.automatic, one.prefers_green, one.buy_limit_micro, one.storage_value_micro) == (
        True, False, 280_000, 190_000,
    )  # fmt: skip


def test_owner_accepts_terms(street: Street) -> None:
    Market.objects.update(terms="pay in time", terms_version=2)
    client = owner_of(street)
    assert "pay in time" in text_of(client, path(street))
    client.post(path(street, "terms"), {"version": "2"})
    one = street.participants[0]
    one.refresh_from_db()
    assert one.terms_version == 2
    assert one.acceptances.get(version=2).user is not None


def test_who_does_not_own_the_home_decides_nothing(street: Street) -> None:
    member = factories.make_user()
    street.fleet.sites[0].members.create(user=member, role="member")
    operator = factories.make_operator(organization=street.fleet.organization)
    before = list(Order.objects.order_by("pk").values())
    for client in (signed_in(member), signed_in(operator)):
        sent = {"side": "bid", "price": "0.25", "kwh": "1", "starts_at": START.isoformat(), "key": "k"}
        for rest in ("orders", "preferences", "terms"):
            answer = client.post(path(street, rest), {**sent, "version": "1"}, follow=True)
            assert "only an owner" in answer.content.decode()
    assert list(Order.objects.order_by("pk").values()) == before


def test_neighbor_finds_neither_page_nor_order_nor_proof(street: Street) -> None:
    client = owner_of(street, 2)
    trade = street.participants[0].trades.get()
    for url in (
        path(street),
        path(street, f"trades/{trade.pk}/proof"),
        path(street, f"trades/{trade.pk}/proof", 2),
    ):
        assert client.get(url).status_code == 404, url
    mine = street.order(1, BID, 90_000, 10, starts_at=START + (START - CLOSED))
    client.post(path(street, f"orders/{mine.pk}/cancel", 2))
    mine.refresh_from_db()
    assert mine.state == "open"


def test_household_downloads_its_proof(street: Street) -> None:
    trade = street.participants[1].trades.get()
    answer = owner_of(street, 1).get(path(street, f"trades/{trade.pk}/proof", 1))
    leaf = json.loads(json.loads(answer.content)["leaf"])
    assert (leaf["participant"], leaf["energy_wh"], leaf["side"]) == (street.participants[1].pk, 1000, OFFER)


def console(street: Street, rest: str = "") -> str:
    return f"/console/{street.fleet.organization.pk}/markets/{rest}"


def test_operators_see_book_runs_curves_and_fairness(street: Street) -> None:
    participant_set(participant=street.participants[0], changes={"low_income": True}, actor="test", now=NOW)
    client = signed_in(factories.make_operator(organization=street.fleet.organization, role="viewer"))
    run = ClearingRun.objects.get()
    assert street.market.name in text_of(client, console(street))
    assert "Clearing runs" in text_of(client, console(street, f"{street.market.pk}/"))
    shown = text_of(client, console(street, f"{street.market.pk}/runs/{run.pk}/?replay"))
    for part in ("the same bytes", "cleared: 1 kWh at 0.1 EUR", "Low-income homes are 50.0 % of them"):
        assert part in shown, part
    assert "Cancel this run" not in shown


def test_operator_pauses_and_resumes_with_a_reason(street: Street) -> None:
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    url = console(street, f"{street.market.pk}/")
    assert client.post(url, {"reason": " "}).status_code == 400
    for state in ("paused", "open"):
        assert client.post(url, {"reason": "grid work"}).status_code == 302
        assert Market.objects.get().state == state


def test_operator_cancels_and_runs_again_and_a_viewer_does_not(street: Street, settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(CLOSED)
    run = ClearingRun.objects.get()
    url = console(street, f"{street.market.pk}/runs/{run.pk}/")
    viewer = signed_in(factories.make_operator(organization=street.fleet.organization, role="viewer"))
    assert viewer.post(url, {"reason": "mine", "do": "cancel"}).status_code == 403
    assert ClearingRun.objects.get().state == "done"
    client = signed_in(factories.make_operator(organization=street.fleet.organization))
    assert client.post(url, {"reason": "wrong", "do": "cancel"}).status_code == 302
    assert client.post(url, {"reason": "right", "do": "again"}).status_code == 302
    assert list(ClearingRun.objects.order_by("version").values_list("state", flat=True)) == [
        "canceled",
        "done",
    ]


def test_pages_of_another_tenant_are_not_found(street: Street) -> None:
    other = make_street(homes=0)
    client = signed_in(factories.make_operator(organization=other.fleet.organization))
    own = f"/console/{other.fleet.organization.pk}/markets/"
    run = ClearingRun.objects.get()
    for url in (
        console(street),
        console(street, f"{street.market.pk}/"),
        f"{own}{street.market.pk}/",
        f"{own}{other.market.pk}/runs/{run.pk}/",
    ):
        assert client.get(url).status_code == 404, url


def test_operators_page_through_older_runs_and_fetch_statements(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.markets.NEWEST", 2)
    market, organization = street.market, street.fleet.organization
    first = ClearingRun.objects.get()
    for back in range(1, 4):
        first.pk = None
        first.starts_at, first.ends_at = (at - length(market) for at in (first.starts_at, first.ends_at))
        first.version = back
        first.save(force_insert=True)
    operator = signed_in(factories.make_operator(organization=organization))
    path = f"/console/{organization.pk}/markets/{market.pk}/"
    newest = list(ClearingRun.objects.order_by("-starts_at"))
    page = text_of(operator, path)
    assert [f"runs/{one.pk}/" in page for one in newest] == [True, True, False, False]
    assert (f"?before={newest[1].pk}" in page, "Newest runs" in page) == (True, False)
    older = text_of(operator, f"{path}?before={newest[1].pk}")
    assert [f"runs/{one.pk}/" in older for one in newest] == [False, False, True, True]
    assert ("Older runs" in older, "Newest runs" in older) == (False, True)
    assert [operator.get(f"{path}?before={what}").status_code for what in ("0", "x", "9" * 30)] == [404] * 3
    one = street.participants[0]
    statement = operator.get(f"{path}participants/{one.pk}/statement.csv")
    assert statement.content.decode().splitlines()[1].split(",")[1] == "before"
    assert operator.get(f"{path}participants/{one.pk}/statement.pdf").content.startswith(b"%PDF")
    assert operator.get(f"{path}participants/{one.pk}/statement.doc").status_code == 404
    stranger = signed_in(factories.make_operator(organization=factories.make_organization()))
    assert stranger.get(f"{path}participants/{one.pk}/statement.csv").status_code == 404
    other = make_street(homes=1).participants[0]
    assert operator.get(f"{path}participants/{other.pk}/statement.csv").status_code == 404
