"""Bulk import: what is right is written, what is wrong is said row by row, and all of it can be taken back."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.sites.models import Resource, Site, SiteImport
from apps.sites.services import site_create
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/v1/imports"
CSV = """type,external_ref,name,time_zone,import_limit_kw,latitude_deg,longitude_deg,grid_area,site,key,kind,parameters
site,C-1,Rose Street 1,Europe/Berlin,17,52.5,13.4,Feeder 7,,,,
site,C-2,Rose Street 2,,,,,,,,,
resource,,,,,,,,C-1,battery,battery,"{""capacity_kwh"": 10}"
"""


class World:
    def __init__(self) -> None:
        factories.drop_queued()
        factories.forget_counts()
        self.organization = factories.make_organization()
        credential = factories.make_credential(organization=self.organization, role="aggregator")
        self.headers = {"Authorization": f"Bearer {factories.token_of(credential)}"}
        self.client = Client()

    def post(self, body: str | bytes, *, kind: str = "text/csv", query: str = "", **headers: str) -> Any:
        return self.client.post(
            f"{PATH}{query}", body, content_type=kind, headers={**self.headers, **headers}
        )

    def act(self, path: str) -> Any:
        return self.client.post(f"{PATH}/{path}", headers=self.headers)

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers=self.headers)

    def done(self, body: str | bytes, **options: Any) -> dict[str, Any]:
        """Import and have the worker do its part."""
        answer = self.post(body, **options)
        assert answer.status_code == 202, answer.content
        factories.run_queued()
        found: dict[str, Any] = self.get(f"imports/{answer.json()['id']}").json()
        return found

    def wrong(self, made: dict[str, Any]) -> list[tuple[int, str, str]]:
        """(row, field, code) of everything that is wrong."""
        rows = self.get(f"imports/{made['id']}/rows?outcome=wrong").json()["results"]
        return [(row["row"], one["field"], one["code"]) for row in rows for one in row["errors"]]


@pytest.fixture
def world(settings: Any) -> World:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    return World()


def lines(*rows: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, rows))


def site(ref: str, **fields: Any) -> dict[str, Any]:
    return {"type": "site", "external_ref": ref, "name": f"Home {ref}", **fields}


def test_csv_makes_sites_and_resources(world: World) -> None:
    factories_area(world)
    made = world.done(CSV, query="?name=homes.csv")
    assert (made["state"], made["rows"], made["counts"]) == ("applied", 3, {"created": 3})
    first = Site.objects.get(organization=world.organization, external_ref="C-1")
    assert (first.name, first.import_limit_kw, first.latitude_deg, first.longitude_deg) == (
        "Rose Street 1", 17.0, 52.5, 13.4,
    )  # fmt: skip
    assert first.grid_area is not None and first.grid_area.name == "Feeder 7"
    assert [(one.key, one.parameters) for one in first.resources.all()] == [("battery", {"capacity_kwh": 10})]
    second = Site.objects.get(organization=world.organization, external_ref="C-2")
    assert (second.time_zone, second.export_limit_kw, second.grid_area) == ("Europe/Berlin", 10.0, None)
    actions = AuditEntry.objects.filter(organization=world.organization).order_by("pk")
    assert [one.action for one in actions] == ["import_begin", "import_apply"]


def factories_area(world: World) -> None:
    from apps.sites.services import grid_area_create

    grid_area_create(organization=world.organization, name="Feeder 7")


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json"])
def test_json_means_the_same(world: World, kind: str) -> None:
    rows = [
        site("A"),
        {"type": "resource", "site": "A", "key": "pv", "kind": "pv", "parameters": {"peak_kw": 7.5}},
    ]
    body = json.dumps(rows) if kind == "application/json" else lines(*rows)
    assert world.done(body, kind=kind)["counts"] == {"created": 2}
    assert Resource.objects.get(site__external_ref="A").parameters == {"peak_kw": 7.5}


def test_again_changes_in_place_and_says_what_stayed(world: World) -> None:
    body = lines(site("A"), site("B"))
    world.done(body, kind="application/x-ndjson")
    numbers = dict(Site.objects.values_list("external_ref", "pk"))
    again = world.done(lines(site("A"), site("B", reserve_soc=0.4)), kind="application/x-ndjson")
    assert again["counts"] == {"unchanged": 1, "updated": 1}
    assert dict(Site.objects.values_list("external_ref", "pk")) == numbers
    assert Site.objects.get(external_ref="B").reserve_soc == 0.4


WRONG = lines(
    site("A"),
    site("B", import_limit_kw=-1, color="red"),
    site("A", name="Other"),
    site("C", name="Home A"),
    {"type": "resource", "site": "Z", "key": "b", "kind": "battery"},
    {"type": "garden"},
    {"type": ["site"]},
    {"type": "resource", "site": "A", "key": "b", "kind": ["battery"], "parameters": [1]},
)
FOUND = [
    (2, "color", "field_unknown"),
    (2, "import_limit_kw", "invalid"),
    (3, "external_ref", "twice"),
    (4, "name", "name_taken"),
    (5, "site", "site_unknown"),
    (6, "type", "type_unknown"),
    (7, "type", "type_unknown"),
    (8, "kind", "invalid"),
    (8, "parameters", "invalid"),
]


def test_all_or_nothing_writes_nothing_and_reports_every_row(world: World) -> None:
    made = world.done(WRONG, kind="application/x-ndjson")
    assert (made["state"], made["counts"]) == ("refused", {"wrong": 7, "left_out": 1})
    assert world.wrong(made) == FOUND
    assert not Site.objects.filter(organization=world.organization).exists()
    answer = world.get(f"imports/{made['id']}/csv")
    report = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert report[0] == ["row", "type", "reference", "outcome", "field", "code", "message"]
    assert [(int(row[0]), row[3], row[5]) for row in report[1:4]] == [
        (1, "left_out", ""), (2, "wrong", "field_unknown"), (2, "wrong", "invalid"),
    ]  # fmt: skip


def test_the_good_rows_are_kept_where_that_is_asked_for(world: World) -> None:
    made = world.done(WRONG, kind="application/x-ndjson", query="?mode=keep_good")
    assert (made["state"], made["counts"]) == ("applied", {"created": 1, "wrong": 7})
    assert list(Site.objects.filter(organization=world.organization).values_list("name", flat=True)) == [
        "Home A"
    ]


def test_a_dry_run_writes_nothing_until_it_is_applied(world: World) -> None:
    made = world.done(lines(site("A")), kind="application/x-ndjson", query="?dry_run=true")
    assert (made["state"], made["counts"], Site.objects.count()) == ("checked", {"created": 1}, 0)
    assert world.act(f"{made['id']}/apply").status_code == 202
    factories.run_queued()
    assert world.get(f"imports/{made['id']}").json()["state"] == "applied"
    assert Site.objects.get().external_ref == "A"
    assert world.act(f"{made['id']}/apply").json()["code"] == "import_state"


def test_an_import_is_taken_back_whole(world: World) -> None:
    world.done(lines(site("A")), kind="application/x-ndjson")
    battery = {"type": "resource", "site": "B", "key": "battery", "kind": "battery"}
    made = world.done(lines(site("A", reserve_soc=0.5), site("B"), battery), kind="application/x-ndjson")
    answer = world.act(f"{made['id']}/undo")
    factories.run_queued()
    job = world.get(f"jobs/{answer.json()['id']}").json()
    assert (job["state"], job["error"]) == ("done", "")
    assert list(Site.objects.values_list("external_ref", "reserve_soc")) == [("A", 0.1)]
    assert not Resource.objects.exists()
    assert world.get(f"imports/{made['id']}").json()["state"] == "undone"


@pytest.mark.parametrize("touch", ["changed", "used", "described"])
def test_what_others_touched_is_not_taken_back(world: World, touch: str) -> None:
    made = world.done(lines(site("A"), site("B")), kind="application/x-ndjson")
    home = Site.objects.get(external_ref="B")
    if touch == "changed":
        Site.objects.filter(pk=home.pk).update(reserve_soc=0.9)
    elif touch == "used":
        factories.make_hub(site=home)
    else:
        factories.resource(site=home, kind="battery", capacity_kwh=5.0)
    answer = world.act(f"{made['id']}/undo")
    factories.run_queued()
    job = world.get(f"jobs/{answer.json()['id']}").json()
    assert (job["state"], job["code"]) == ("failed", "import_touched")
    assert Site.objects.count() == 2
    assert world.get(f"imports/{made['id']}").json()["state"] == "applied"


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        ("name\nx", "text/csv", 400, "import_unreadable"),
        (b"type\n\xff", "text/csv", 400, "import_unreadable"),
        ("{}", "application/json", 400, "import_unreadable"),
        ("[" * 100_000, "application/json", 400, "import_unreadable"),
        ("type\nsite", "application/xml", 415, "unsupported_media_type"),
    ],
)
def test_what_is_no_such_file_is_refused(
    world: World, body: str | bytes, kind: str, status: int, code: str
) -> None:
    answer = world.post(body, kind=kind)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not SiteImport.objects.exists()


def test_the_same_file_with_the_same_key_is_one_import(world: World) -> None:
    key = {"Idempotency-Key": "monday"}
    first, second = (world.post(lines(site("A")), kind="application/x-ndjson", **key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    other = world.post(lines(site("B")), kind="application/x-ndjson", **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert SiteImport.objects.count() == 1


def test_another_tenants_sites_are_neither_seen_nor_changed(world: World) -> None:
    other = factories.make_organization()
    site_create(organization=other, name="Home A", now=NOW, external_ref="A")
    assert world.done(lines(site("A")), kind="application/x-ndjson")["counts"] == {"created": 1}
    assert Site.objects.filter(external_ref="A").count() == 2
    stranger = World()
    held = SiteImport.objects.get()
    for path in (f"imports/{held.pk}", f"imports/{held.pk}/rows", f"imports/{held.pk}/csv"):
        assert stranger.get(path).status_code == 404
    assert stranger.act(f"{held.pk}/undo").status_code == 404
