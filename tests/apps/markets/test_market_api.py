"""The REST door: one's own markets, every refusal as problem details, nobody else's anything."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.throttles import TenantRateThrottle
from apps.markets.api.urls import urlpatterns
from apps.markets.clearing import gates_close_due
from apps.markets.models import Account, ClearingRun, Market, Order, Participant, Transfer
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


def api_of(street: Street) -> Api:
    return factories.make_aggregator(organization=street.fleet.organization)


def body(street: Street, place: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "participant_id": street.participants[place].pk, "starts_at": START.isoformat(), "side": "bid",
        "price_micro": 200_000, "quantity_wh": 1000, "idempotency_key": "one", **changes,
    }  # fmt: skip


def test_from_a_grid_area_to_a_proof(settings: Any) -> None:
    fleet = factories.make_fleet(homes=2, history=False)
    area = GridArea.objects.create(organization=fleet.organization, name="street")
    for site in fleet.sites:
        site.grid_area = area
        site.save()
    api = factories.make_aggregator(organization=fleet.organization)
    answer = api.post("/markets", {"name": "Street", "grid_area_id": area.pk, "terms": "be fair"})
    assert answer.status_code == 201, answer.content
    market = answer.json()
    homes = []
    for place, site in enumerate(fleet.sites):
        answer = api.post(
            f"/markets/{market['id']}/participants", {"name": f"home {place}", "site_ids": [site.pk]}
        )
        assert answer.status_code == 201, answer.content
        homes.append(answer.json()["id"])
        assert api.post(f"/market-participants/{homes[-1]}/terms", {"version": 1}).status_code == 200
        assert api.post(f"/market-participants/{homes[-1]}/deposits", {"amount": "5.50"}).status_code == 201
    for home, side, price in zip(homes, ("bid", "offer"), (300_000, 100_000), strict=True):
        sent = {
            "participant_id": home, "starts_at": START.isoformat(), "side": side, "price_micro": price,
            "quantity_wh": 1000, "idempotency_key": "1",
        }  # fmt: skip
        assert api.post(f"/markets/{market['id']}/orders", sent).status_code == 201
    gates_close_due(now=CLOSED)
    run = api.get(f"/markets/{market['id']}/runs").json()["results"][0]
    assert (run["buy_price_micro"], run["volume_wh"]) == (200_000, 1000)
    shown = api.get(f"/market-runs/{run['id']}").json()
    assert ([trade["side"] for trade in shown["trades"]], shown["cuts"]) == (["bid", "offer"], [])
    assert api.get(f"/market-runs/{run['id']}/replay").json()["result_match"] is True
    for trade in api.get(f"/markets/{market['id']}/trades").json()["results"]:
        proof = api.get(f"/market-trades/{trade['id']}/proof").json()
        assert f'"participant":{trade["participant_id"]},' in proof["leaf"]
    assert len(api.get("/market-log").json()["entries"]) == 1
    assert api.get("/market-log/faults").json() == {"faults": []}
    settings.ORES_CLOCK = factories.clock_at(START)
    statement = api.get(f"/market-participants/{homes[0]}/statement").json()
    assert statement["balance_nano"] == 5_300_000_000
    assert [(line["line"], line["amount_nano"]) for line in statement["lines"]] == [
        ("deposit", 5_500_000_000), ("energy", -200_000_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"quantity_wh": -1}, 400, "order_not_positive"),
        ({"quantity_wh": 10**40}, 400, "order_invalid"),
        ({"quantity_wh": "much"}, 400, "order_invalid"),
        ({"quantity_wh": [1, 2]}, 400, "order_invalid"),
        ({"price_micro": 0.5}, 400, "order_not_whole"),
        ({"price_micro": {"a": 1}}, 400, "order_invalid"),
        ({"price_micro": 10**7}, 400, "order_price_out_of_bounds"),
        ({"side": "hold"}, 400, "invalid"),
        ({"starts_at": NOW.isoformat()}, 409, "order_late"),
        ({"participant_id": 0}, 404, "participant_unknown"),
        ({"quantity_wh": 60_000}, 409, "position_limit"),
        ({"quantity_wh": 50_000, "price_micro": 900_000}, 409, "funds_insufficient"),
        ({"idempotency_key": ""}, 400, "invalid"),
    ],
)
def test_refusal_has_its_code_and_changes_nothing(changes: dict[str, Any], status: int, code: str) -> None:
    street = make_street(homes=1)
    answer = api_of(street).post(f"/markets/{street.market.pk}/orders", body(street, **changes))
    said = answer.json()
    assert (answer.status_code, said["status"]) == (status, status)
    assert said["code"] == code
    assert Order.objects.count() == 0


def test_nan_is_no_json() -> None:
    street = make_street(homes=1)
    text = '{"price_micro": NaN}'
    assert api_of(street).post(f"/markets/{street.market.pk}/orders", text).status_code == 400


def test_same_order_sent_again_is_answered_with_the_one_that_stands() -> None:
    street = make_street(homes=1)
    api = api_of(street)
    first, again = (api.post(f"/markets/{street.market.pk}/orders", body(street)) for _ in range(2))
    assert first.json() == again.json()
    other = api.post(f"/markets/{street.market.pk}/orders", body(street, quantity_wh=1))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert api.post(f"/market-orders/{first.json()['id']}/cancel").json()["state"] == "canceled"


def test_order_for_anothers_home_is_not_found_and_nothing_changes() -> None:
    street, theirs = make_street(homes=1), make_street(homes=1)
    order = theirs.order(0, BID, 200_000, 1000)
    api = api_of(street)
    for path, sent in (
        (f"/markets/{theirs.market.pk}/orders", body(theirs)),
        (f"/markets/{street.market.pk}/orders", body(theirs)),
        (f"/market-orders/{order.pk}/cancel", None),
        (f"/markets/{theirs.market.pk}/pause", {"reason": "mine"}),
        (f"/market-participants/{theirs.participants[0].pk}/deposits", {"amount": "-1"}),
        (f"/market-participants/{theirs.participants[0].pk}/terms", {"version": 1}),
    ):
        assert api.post(path, sent).status_code == 404, path
    joined = api.post(
        f"/markets/{street.market.pk}/participants", {"name": "x", "site_ids": [theirs.fleet.sites[0].pk]}
    )
    assert (joined.status_code, joined.json()["code"]) == (400, "participant_invalid")
    assert list(Order.objects.values_list("state", flat=True)) == ["open"]
    assert Market.objects.filter(state="open").count() == 2
    assert Participant.objects.count() == 2
    assert Transfer.objects.count() == 2


def test_operators_cancel_and_run_again_with_a_reason(settings: Any) -> None:
    street = make_street(homes=2)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1000)
    run = street.clear()
    settings.ORES_CLOCK = factories.clock_at(CLOSED + timedelta(seconds=5))
    api = api_of(street)
    assert api.post(f"/market-runs/{run.pk}/cancel", {}).status_code == 400
    assert ClearingRun.objects.get().state == "done"
    assert api.post(f"/market-runs/{run.pk}/cancel", {"reason": "wrong meter"}).json()["state"] == "canceled"
    again = api.post(f"/market-runs/{run.pk}/again", {"reason": "right meter"})
    assert (again.status_code, again.json()["version"]) == (201, 2)
    assert again.json()["result_hash"] == run.result_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"mechanism": "roulette"},
        {"interval_s": 7},
        {"interval_s": 0},
        {"currency": "euro"},
        {"least_price_micro": 2_000_000},
        {"buyer_fee_micro": -1},
        {"gate_closure_s": 172_800},
        {"most_price_micro": 10**10},
        {"short_price_micro": 1, "long_price_micro": 2},
        {"eligible_kinds": ["king"]},
        {"grid_area_id": 0},
        {"price_program_id": 0},
        {"name": " "},
    ],
)
def test_market_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    street = make_street(homes=0)
    sent = {"name": "Another", "grid_area_id": street.area.pk, **changes}
    answer = api_of(street).post("/markets", sent)
    assert answer.status_code == 400, answer.content
    assert (Market.objects.count(), Account.objects.count()) == (1, 6)


def test_new_terms_have_to_be_accepted_again() -> None:
    street = make_street(homes=1)
    api = api_of(street)
    assert api.patch(f"/markets/{street.market.pk}", {"terms": "other"}).json()["terms_version"] == 2
    refused = api.post(f"/markets/{street.market.pk}/orders", body(street))
    assert (refused.status_code, refused.json()["code"]) == (403, "terms_not_accepted")
    assert (
        api.post(f"/market-participants/{street.participants[0].pk}/terms", {"version": 1}).json()["code"]
        == "terms_changed"
    )
    assert (
        api.post(f"/market-participants/{street.participants[0].pk}/terms", {"version": 2}).status_code == 200
    )
    assert api.post(f"/markets/{street.market.pk}/orders", body(street)).status_code == 201


def test_homes_outside_the_area_and_kinds_that_are_not_eligible_stay_out() -> None:
    street = make_street(homes=1, eligible_kinds=["prosumer", "aggregator"])
    api, path = api_of(street), f"/markets/{street.market.pk}/participants"
    elsewhere = factories.make_site(organization=street.fleet.organization)
    inside = factories.make_site(organization=street.fleet.organization, grid_area=street.area)
    for sent in (
        {"name": "a", "site_ids": [elsewhere.pk]},
        {"name": "b", "site_ids": [inside.pk], "kind": "consumer"},
        {"name": "c", "site_ids": [inside.pk, elsewhere.pk]},
    ):
        answer = api.post(path, sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_eligible"), sent
    assert Participant.objects.count() == 1


def test_every_view_has_the_tenants_rate_limit() -> None:
    found = [
        pattern.callback.view_class  # type: ignore[attr-defined]  # as_view() sets it
        for pattern in urlpatterns
    ]
    assert {view.__name__ for view in found if TenantRateThrottle not in view.throttle_classes} == set()
