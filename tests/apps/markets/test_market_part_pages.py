"""Operators' pages of a market's contracts, network and chain."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.markets.chain.parties import chain_join
from apps.markets.contracts import contract_agree
from apps.markets.models import AreaLine, AreaTie, Contract
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.test_market_pages import signed_in, text_of
from tests.apps.markets.world import BID, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


def operator_of(street: Street, role: str = "operator") -> Client:
    return signed_in(factories.make_operator(organization=street.fleet.organization, role=role))


def path(street: Street, part: str) -> str:
    return f"/console/{street.fleet.organization.pk}/markets/{street.market.pk}/{part}/"


def branched(**rules: Any) -> Street:
    """A street with two branches below it, one home in each."""
    street = make_street(homes=2, **{"mechanism": "dc_network", **rules})
    for place, site in enumerate(street.fleet.sites):
        site.grid_area = GridArea.objects.create(
            organization=street.fleet.organization, name=f"Branch {place}", parent=street.area
        )
        site.save(update_fields=["grid_area"])
    return street


def sent(street: Street, **changes: str) -> dict[str, str]:
    buyer, seller = street.participants[:2]
    return {
        "buyer": str(buyer.pk), "seller": str(seller.pk), "kwh": "0.25", "price": "0,18", "starts": "2026-06-17T17:00",
        "ends": "2026-06-17T21:00", **changes,
    }  # fmt: skip


def test_operator_proposes_and_ends_a_contract_with_a_reason() -> None:
    street = make_street(homes=2, mechanism="peer_to_peer")
    client, url = operator_of(street), path(street, "contracts")
    assert "None yet." in text_of(client, url)
    assert client.post(url, sent(street)).status_code == 302
    made = Contract.objects.get()
    assert (made.buyer, made.seller, made.state) == (*street.participants, "proposed")
    assert (made.price_micro, made.energy_wh, made.starts_at) == (180_000, 250, START)
    contract_agree(contract=made, by=street.participants[1], actor="test", now=NOW)
    assert "End the contract" in text_of(client, url)
    assert client.post(url, {"contract": str(made.pk), "reason": " "}).status_code == 400
    assert client.post(url, {"contract": str(made.pk), "reason": "moved away"}).status_code == 302
    made.refresh_from_db()
    assert made.state == "ended"
    noted = AuditEntry.objects.get(action="market_contract_end")
    assert noted.detail["reason"] == "moved away"


@pytest.mark.parametrize(
    "changes",
    [
        {"buyer": ""}, {"seller": "9" * 30}, {"kwh": "much"}, {"kwh": "0.0001"}, {"price": "NaN"}, {"starts": "soon"},
        {"starts": "0001-01-01T00:00"}, {"price": "3"},
    ],
)  # fmt: skip
def test_a_contract_without_sense_is_refused_in_place(changes: dict[str, str]) -> None:
    street = make_street(homes=2, mechanism="peer_to_peer")
    answer = operator_of(street).post(path(street, "contracts"), sent(street, **changes))
    assert answer.status_code == 400
    said = answer.content.decode()
    assert "Nothing was changed" in said
    assert 'value="2026-06-17T21:00"' in said
    assert not Contract.objects.exists()


LINES = (
    "grid_area,tie_to,resistance_ohm,reactance_ohm,load_kw,loss_permille,limit_kw\n"
    "Branch 0,,0.12,0.08,4,15,\n"
    "Branch 1,,0.1,0.05,,,\n"
    "Branch 0,Branch 1,,0.3,,,25\n"
)


def upload(client: Client, street: Street, content: str | bytes, name: str = "lines.csv") -> Any:
    held = content.encode() if isinstance(content, str) else content
    return client.post(path(street, "network"), {"file": SimpleUploadedFile(name, held)})


def test_lines_and_ties_come_from_a_file_and_a_tie_is_taken_away() -> None:
    street = branched()
    client = operator_of(street)
    assert upload(client, street, "\ufeff" + LINES).status_code == 302
    lines = AreaLine.objects.order_by("grid_area__name").values_list(
        "grid_area__name", "resistance_ohm", "reactance_ohm", "load_kw", "loss_permille"
    )
    assert list(lines) == [("Branch 0", 0.12, 0.08, 4.0, 15), ("Branch 1", 0.1, 0.05, 0.0, None)]
    tie = AreaTie.objects.get()
    assert (tie.sender.name, tie.receiver.name, tie.reactance_ohm, tie.limit_kw) == (
        "Branch 0",
        "Branch 1",
        0.3,
        25.0,
    )
    shown = text_of(client, path(street, "network"))
    for part in ("Branch 0 – Branch 1", "0.12", "Take the tie away", "dc network clears within these lines"):
        assert part in shown, part
    assert client.post(path(street, "network"), {"tie": str(tie.pk)}).status_code == 302
    assert not AreaTie.objects.exists()
    assert client.post(path(street, "network"), {"tie": str(tie.pk)}).status_code == 400


def test_json_changes_what_it_names_and_leaves_the_rest() -> None:
    street = branched()
    client = operator_of(street)
    upload(client, street, LINES)
    number = GridArea.objects.get(name="Branch 1").pk
    rows = [
        {"grid_area": "Branch 0", "load_kw": 5},
        {"grid_area": number, "kvar_per_kw": 0.2, "tie_to": None},
    ]
    assert upload(client, street, json.dumps(rows), "lines.JSON").status_code == 302
    first, second = AreaLine.objects.order_by("grid_area__name")
    assert (first.resistance_ohm, first.load_kw, second.kvar_per_kw) == (0.12, 5.0, 0.2)


def test_wrong_rows_are_told_one_by_one_and_nothing_is_written() -> None:
    street = branched()
    GridArea.objects.create(organization=street.fleet.organization, name="Elsewhere")
    rows = (
        "grid_area,tie_to,resistance_ohm,reactance_ohm,loss_permille,limit_kw,kvar_per_kw\n"
        "Branch 0,,0.12,0.08,,,\nNowhere,,0.1,,,,\nElsewhere,,0.1,,,,\n,,1,,,,\nBranch 1,,nan,,,,\nBranch 1,,-1,,,,\n"
        "Branch 1,,much,,,,\nBranch 1,,,,2.5,,\nBranch 0,Branch 0,,0.1,,,\nBranch 0,Branch 1,,0,,,\n"
        "Branch 0,Branch 1,0.1,0.1,,,\nBranch 1,,,,,5,\n"
        "Branch 1,,,,,,,8\n"
    )  # fmt: skip
    answer = upload(operator_of(street), street, rows)
    said = answer.content.decode()
    assert answer.status_code == 400
    assert "Nothing was changed: 12 rows are wrong" in said
    for part in (
        "feeds no area &#x27;Nowhere&#x27;", "feeds no area &#x27;Elsewhere&#x27;", "no grid area",
        "resistance_ohm is no such number", "resistance_ohm is no number", "loss_permille is no such number",
        "a tie joins two of the market", "a tie has a reactance above 0", "resistance_ohm is not for ties",
        "limit_kw is not for lines", "it has more cells than the header",
    ):  # fmt: skip
        assert part in said, part
    assert not AreaLine.objects.exists()
    assert not AreaTie.objects.exists()
    assert not AuditEntry.objects.filter(action__startswith="market_line").exists()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xff\xfe\x00", "a.csv"), (b"", "a.csv"), (b"name,x\na,1\n", "a.csv"), (b"{}", "a.json"), (b"[1]", "a.json"),
        (b"[" * 200_000, "a.json"), (b"[]", "a.json"), (b"x" * (1024 * 1024 + 1), "a.csv"), (b'grid_area\n"a', "a.csv"),
        (b"[{\"grid_area\": NaN}]", "b.csv"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(content: bytes, name: str) -> None:
    street = branched()
    answer = upload(operator_of(street), street, content, name)
    assert answer.status_code == 400
    assert b"Nothing was changed" in answer.content
    assert operator_of(street).post(path(street, "network"), {}).status_code == 400


def test_odd_values_of_json_are_told() -> None:
    street = branched()
    rows = [
        {"grid_area": "Branch 0", "load_kw": value} for value in (True, [1], {"a": 1}, 10**400, "1e999")
    ] + [{"grid_area": ["Branch 0"]}, {"grid_area": "Branch 0", "colour": 1}]
    answer = upload(operator_of(street), street, json.dumps(rows), "a.json")
    assert "7 rows are wrong" in answer.content.decode()
    assert not AreaLine.objects.exists()


def test_the_newest_map_is_on_the_networks_page() -> None:
    street = branched(mechanism="network")
    client = operator_of(street)
    assert "Prices at the nodes" not in text_of(client, path(street, "network"))
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1000)
    run = street.clear()
    shown = text_of(client, path(street, "network"))
    assert "Prices at 3 nodes of the feeder" in shown
    assert f"/runs/{run.pk}/" in shown


def test_addresses_are_listed_for_operators() -> None:
    street = make_street(homes=2, on_chain=True)
    chain_join(participant=street.participants[1], address=ADDRESS, actor="test", now=NOW)
    shown = text_of(operator_of(street, "viewer"), path(street, "chain"))
    assert ADDRESS in shown
    assert street.participants[1].name in shown
    assert street.participants[0].name not in shown


def test_viewers_read_and_change_nothing() -> None:
    street = branched(mechanism="peer_to_peer")
    viewer = operator_of(street, "viewer")
    for part in ("contracts", "network"):
        assert (
            "<form class="
            not in text_of(viewer, path(street, part)).split("<main", 1)[1].split("</main", 1)[0]
        )
    assert viewer.post(path(street, "contracts"), sent(street)).status_code == 403
    assert viewer.post(path(street, "contracts"), {"contract": "1", "reason": "x"}).status_code == 403
    assert upload(viewer, street, LINES).status_code == 403
    assert not Contract.objects.exists()
    assert not AreaLine.objects.exists()


def test_another_tenants_parts_are_not_found() -> None:
    street, other = make_street(homes=1), make_street(homes=0)
    client = operator_of(other)
    for part in ("contracts", "network", "chain"):
        assert client.get(path(street, part)).status_code == 404
        own = f"/console/{other.fleet.organization.pk}/markets/{street.market.pk}/{part}/"
        assert client.get(own).status_code == 404
