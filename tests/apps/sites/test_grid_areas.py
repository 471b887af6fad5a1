"""An aggregator's grid areas: made, limited, nested; nobody else's."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.sites.models import GridArea
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_area_is_made_limited_and_put_below_another() -> None:
    fleet = factories.make_fleet(homes=0)
    api = factories.make_aggregator(organization=fleet.organization)
    feeder = api.post("/grid-areas", {"name": "feeder", "export_limit_kw": 250})
    assert feeder.status_code == 201
    street = api.post("/grid-areas", {"name": "street"}).json()
    answer = api.patch(f"/grid-areas/{street['id']}", {"parent": feeder.json()["id"], "import_limit_kw": 100})
    assert answer.json() == {
        "id": street["id"], "name": "street", "parent": feeder.json()["id"], "import_limit_kw": 100.0, "export_limit_kw": None,
    }  # fmt: skip
    assert [area["name"] for area in api.get("/grid-areas").json()["results"]] == ["feeder", "street"]
    assert (
        api.patch(f"/grid-areas/{street['id']}", {"import_limit_kw": None}).json()["import_limit_kw"] is None
    )
    assert AuditEntry.objects.filter(action="grid_area_set").count() == 3


@pytest.mark.parametrize(
    "body",
    [
        {"export_limit_kw": -1},
        {"export_limit_kw": "NaN"},
        {"import_limit_kw": "Infinity"},
        {"name": ""},
        {"name": "other"},
        {"parent": 0},
        {"parent": "own"},
        {"parent": "child"},
        {"parent": "stranger's"},
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(body: dict[str, Any]) -> None:
    fleet = factories.make_fleet(homes=0)
    api = factories.make_aggregator(organization=fleet.organization)
    area = GridArea.objects.create(organization=fleet.organization, name="area", export_limit_kw=5.0)
    GridArea.objects.create(organization=fleet.organization, name="other")
    known = {
        "own": area,
        "child": GridArea.objects.create(organization=fleet.organization, name="child", parent=area),
        "stranger's": GridArea.objects.create(organization=factories.make_organization(), name="theirs"),
    }
    sent = {"parent": known[body["parent"]].pk} if body.get("parent") in known else body
    assert api.patch(f"/grid-areas/{area.pk}", sent).status_code == 400
    area.refresh_from_db()
    assert (area.name, area.export_limit_kw, area.parent) == ("area", 5.0, None)


def test_a_strangers_area_is_not_there() -> None:
    fleet = factories.make_fleet(homes=0)
    theirs = GridArea.objects.create(organization=factories.make_organization(), name="theirs")
    api = factories.make_aggregator(organization=fleet.organization)
    assert api.get("/grid-areas").json()["results"] == []
    assert api.patch(f"/grid-areas/{theirs.pk}", {"export_limit_kw": 1}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.export_limit_kw is None
