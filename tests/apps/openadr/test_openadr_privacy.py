"""What VENs see and may do: grants, target hiding, their own objects, and nobody else's."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, MessageEntry, ReportObject, ResourceObject, VenObject
from apps.programs.models import GridSignal
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Api:
    return factories.make_utility(organization=organization)


@pytest.fixture
def ven(organization: Organization) -> Api:
    """A VEN that is granted `north`."""
    return factories.make_ven(organization=organization, targets=["north"])


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.content
    body: dict[str, Any] = answer.json()
    return body


def make_program(utility: Api, **more: Any) -> str:
    return str(made(utility.post("/programs", {"programName": f"P{factories.number()}", **more}))["id"])


def price_event(program_id: str, *targets: str, **more: Any) -> dict[str, Any]:
    """An event that asks nothing of the platform's own homes."""
    return {
        "programID": program_id,
        "intervalPeriod": {"start": START.isoformat(), "duration": "PT1H"},
        "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [0.3]}]}],
        **({"targets": list(targets)} if targets else {}),
        **more,
    }


def is_problem(answer: Any, status: int, title: str) -> bool:
    assert (answer.status_code, answer.json().get("title")) == (status, title), answer.content
    return True


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()]


class TestTargets:
    def test_ven_sees_what_is_for_all_and_what_is_for_it(self, utility: Api, ven: Api) -> None:
        program = make_program(utility)
        to_all, to_north, to_both, to_south = (
            made(utility.post("/events", price_event(program, *targets)))["id"]
            for targets in ([], ["north"], ["south", "north"], ["south"])
        )
        assert ids(ven.get("/events")) == [to_all, to_north, to_both]
        assert is_problem(ven.get(f"/events/{to_south}"), 404, "not_found")
        assert ids(utility.get("/events")) == [to_all, to_north, to_both, to_south]

    def test_ven_is_shown_only_targets_that_it_has(self, utility: Api, ven: Api) -> None:
        program = make_program(utility, targets=["south", "north"])
        event = made(utility.post("/events", price_event(program, "north", "south")))
        assert [one["targets"] for one in ven.get("/events").json()] == [["north"]]
        assert made(ven.get(f"/events/{event['id']}"))["targets"] == ["north"]
        assert made(ven.get(f"/programs/{program}"))["targets"] == ["north"]
        assert made(utility.get(f"/programs/{program}"))["targets"] == ["south", "north"]

    def test_resources_targets_count_as_the_vens(self, utility: Api, ven: Api) -> None:
        held = VenObject.objects.get()
        event = made(utility.post("/events", price_event(make_program(utility), "east")))
        assert ids(ven.get("/events")) == []
        body = {
            "objectType": "BL_RESOURCE_REQUEST",
            "clientID": ven.client_id,
            "venID": held.pk,
            "resourceName": "battery",
            "targets": ["east"],
        }
        resource = made(utility.post("/resources", body))
        assert ids(ven.get("/events")) == [event["id"]]
        made(utility.put(f"/resources/{resource['id']}", {**body, "targets": ["west"]}))
        assert ids(ven.get("/events")) == []
        made(utility.put(f"/resources/{resource['id']}", body))
        made(utility.delete(f"/resources/{resource['id']}"))
        assert (ids(ven.get("/events")), VenObject.objects.get().grants) == ([], ["north"])

    def test_targets_in_the_query_must_all_be_there(self, organization: Organization, utility: Api) -> None:
        ven = factories.make_ven(organization=organization, targets=["a", "b"])
        program = make_program(utility)
        for_a, for_both = (
            made(utility.post("/events", price_event(program, *targets)))["id"]
            for targets in (["a"], ["a", "b", "hidden"])
        )
        made(utility.post("/events", price_event(program)))
        for api in (utility, ven):
            assert ids(api.get("/events", targets="a")) == [for_a, for_both]
            assert ids(api.get("/events", targets=["a", "b"])) == [for_both]
            assert ids(api.get("/events", targets=["a", "c"])) == []
        assert ids(ven.get("/events", targets=["a", "hidden"])) == []
        assert ids(utility.get("/events", targets=["a", "hidden"])) == [for_both]

    def test_same_target_of_another_tenant_shows_nothing(self, utility: Api) -> None:
        made(utility.post("/events", price_event(make_program(utility), "north")))
        made(utility.post("/events", price_event(make_program(utility))))
        stranger = factories.make_ven(organization=factories.make_organization(), targets=["north"])
        assert (ids(stranger.get("/events")), ids(stranger.get("/programs"))) == ([], [])

    def test_ven_may_not_write_programs_or_events(self, utility: Api, ven: Api) -> None:
        program = make_program(utility)
        assert is_problem(ven.post("/programs", {"programName": "mine"}), 403, "permission_denied")
        assert is_problem(ven.post("/events", price_event(program)), 403, "permission_denied")
        assert is_problem(ven.delete(f"/programs/{program}"), 403, "permission_denied")
        assert EventObject.objects.count() == 0


class TestActive:
    def test_active_leaves_out_what_is_over(self, utility: Api, ven: Api, settings: Any) -> None:
        program = make_program(utility)
        ends = made(utility.post("/events", price_event(program)))["id"]
        loops = made(utility.post("/events", price_event(program, duration="P9999Y")))["id"]
        bare = made(utility.post("/events", {"programID": program}))["id"]
        assert ids(ven.get("/events", active="true")) == [ends, loops, bare]
        settings.ORES_CLOCK = factories.clock_at(START + timedelta(hours=1))
        assert ids(ven.get("/events", active="true")) == [loops, bare]
        assert ids(ven.get("/events", active="false")) == [ends, loops, bare]
        assert is_problem(ven.get("/events", active="maybe"), 400, "query_invalid")

    def test_event_put_to_no_length_is_over_and_canceled(self, utility: Api, ven: Api) -> None:
        body = price_event(make_program(utility))
        body["intervals"][0]["payloads"] = [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-2]}]
        event = made(utility.post("/events", body))
        assert GridSignal.objects.get().state == "accepted"
        body["intervalPeriod"] = {"start": "0001-01-01", "duration": "PT0S"}
        made(utility.put(f"/events/{event['id']}", body))
        assert GridSignal.objects.get().state == "canceled"
        assert (ids(ven.get("/events", active="true")), ids(ven.get("/events"))) == ([], [event["id"]])


class TestVens:
    def test_ven_registers_itself_once(self, organization: Organization) -> None:
        api = factories.make_ven(organization=organization)
        body = {
            "objectType": "VEN_VEN_REQUEST",
            "venName": "home 1",
            "attributes": [{"type": "A", "values": [1]}],
        }
        ven = made(api.post("/vens", body))
        assert (ven["objectType"], ven["clientID"], ven["venName"]) == ("VEN", api.client_id, "home 1")
        assert is_problem(api.post("/vens", {**body, "venName": "home 2"}), 409, "client_taken")
        other = factories.make_ven(organization=organization)
        assert is_problem(other.post("/vens", body), 409, "name_taken")
        assert made(api.put(f"/vens/{ven['id']}", {**ven, "venName": "home 3"}))["venName"] == "home 3"
        assert made(api.delete(f"/vens/{ven['id']}"))["venName"] == "home 3"
        assert VenObject.objects.count() == 0

    def test_ven_sees_only_its_own(self, organization: Organization, utility: Api, ven: Api) -> None:
        theirs = factories.make_ven(organization=organization, targets=["north"])
        assert [one["clientID"] for one in made(ven.get("/vens"))] == [ven.client_id]  # type: ignore[index]
        foreign = ids(theirs.get("/vens"))[0]
        body = {"objectType": "VEN_VEN_REQUEST", "venName": "stolen"}
        assert is_problem(ven.get(f"/vens/{foreign}"), 404, "not_found")
        assert is_problem(ven.put(f"/vens/{foreign}", body), 404, "not_found")
        assert is_problem(ven.delete(f"/vens/{foreign}"), 404, "not_found")
        assert len(ids(utility.get("/vens"))) == 2

    @pytest.mark.parametrize("targets", [["south"], ["north", "south"]])
    def test_ven_cannot_grant_itself_targets(self, utility: Api, ven: Api, targets: list[str]) -> None:
        (held,) = made(ven.get("/vens"))
        body = {"objectType": "VEN_VEN_REQUEST", "venName": "mine", "targets": targets}
        assert is_problem(ven.put(f"/vens/{held['id']}", body), 400, "targets_forbidden")  # type: ignore[index]
        resource = {"objectType": "VEN_RESOURCE_REQUEST", "venID": held["id"], "resourceName": "r"}  # type: ignore[index]
        assert is_problem(ven.post("/resources", {**resource, "targets": targets}), 400, "targets_forbidden")
        assert (VenObject.objects.get().grants, ResourceObject.objects.count()) == (["north"], 0)

    def test_what_business_logic_granted_survives_the_vens_put(self, ven: Api) -> None:
        (held,) = made(ven.get("/vens"))
        body = {"objectType": "VEN_VEN_REQUEST", "venName": "renamed"}
        assert made(ven.put(f"/vens/{held['id']}", body))["targets"] == ["north"]  # type: ignore[index]
        assert VenObject.objects.get().grants == ["north"]

    def test_each_role_has_its_own_words(self, utility: Api, ven: Api) -> None:
        as_ven = {"objectType": "VEN_VEN_REQUEST", "venName": "v"}
        as_utility = {"objectType": "BL_VEN_REQUEST", "clientID": "c", "venName": "v"}
        assert is_problem(utility.post("/vens", as_ven), 400, "openadr_format")
        assert is_problem(ven.post("/vens", as_utility), 400, "openadr_format")
        assert VenObject.objects.count() == 1

    def test_vens_are_found_by_name_and_targets(self, utility: Api, ven: Api) -> None:
        body = {"objectType": "BL_VEN_REQUEST", "clientID": "c", "venName": "v", "targets": ["x", "y"]}
        made_id = made(utility.post("/vens", body))["id"]
        assert ids(utility.get("/vens", venName="v")) == [made_id]
        assert ids(utility.get("/vens", targets=["x", "y"])) == [made_id]
        assert ids(utility.get("/vens", targets=["x", "north"])) == []
        assert is_problem(utility.get("/vens", venName="a\x00"), 400, "query_invalid")


class TestResources:
    def body(self, ven_id: str, **more: Any) -> dict[str, Any]:
        return {"objectType": "VEN_RESOURCE_REQUEST", "venID": ven_id, "resourceName": "battery", **more}

    def test_ven_keeps_its_resources(self, utility: Api, ven: Api) -> None:
        ven_id = ids(ven.get("/vens"))[0]
        resource = made(ven.post("/resources", self.body(ven_id)))
        assert (resource["objectType"], resource["clientID"]) == ("RESOURCE", ven.client_id)
        assert is_problem(ven.post("/resources", self.body(ven_id)), 409, "name_taken")
        changed = made(ven.put(f"/resources/{resource['id']}", {**resource, "resourceName": "car"}))
        assert (changed["resourceName"], changed["id"]) == ("car", resource["id"])
        assert ids(utility.get("/resources", resourceName="car", venID=ven_id)) == [resource["id"]]
        assert ids(ven.get("/resources", resourceName="battery")) == []
        made(utility.delete(f"/vens/{ven_id}"))
        assert ResourceObject.objects.count() == 0

    def test_resource_of_a_ven_that_is_not_seen_is_refused(
        self, organization: Organization, ven: Api
    ) -> None:
        theirs = factories.make_ven(organization=organization, targets=["north"])
        foreign = ids(theirs.get("/vens"))[0]
        assert is_problem(ven.post("/resources", self.body(foreign)), 409, "ven_unknown")
        own = made(ven.post("/resources", self.body(ids(ven.get("/vens"))[0])))
        moved = self.body(foreign)
        assert is_problem(ven.put(f"/resources/{own['id']}", moved), 400, "ven_changed")
        assert (ids(theirs.get("/resources")), ids(ven.get("/resources"))) == ([], [own["id"]])

    def test_resource_of_another_client_than_its_vens_is_refused(self, utility: Api, ven: Api) -> None:
        body = self.body(ids(ven.get("/vens"))[0], objectType="BL_RESOURCE_REQUEST", clientID="somebody")
        assert is_problem(utility.post("/resources", body), 409, "client_mismatch")
        assert ResourceObject.objects.count() == 0


class TestReports:
    def body(self, event_id: str, **more: Any) -> dict[str, Any]:
        resources = [{"resourceName": "battery", "intervals": []}]
        return {"eventID": event_id, "clientName": "home", "resources": resources, **more}

    def test_vens_reports_are_their_own_and_the_utilitys(
        self, organization: Organization, utility: Api, ven: Api
    ) -> None:
        event = made(utility.post("/events", price_event(make_program(utility))))
        report = made(ven.post("/reports", self.body(event["id"], clientID="forged", id="forged")))
        assert (report["clientID"], report["id"] != "forged") == (ven.client_id, True)
        other = factories.make_ven(organization=organization)
        assert ids(other.get("/reports")) == []
        assert is_problem(other.get(f"/reports/{report['id']}"), 404, "not_found")
        assert is_problem(other.put(f"/reports/{report['id']}", self.body(event["id"])), 404, "not_found")
        assert is_problem(other.delete(f"/reports/{report['id']}"), 404, "not_found")
        assert ids(utility.get("/reports", clientName="home", programID=event["programID"])) == [report["id"]]
        assert ids(utility.get("/reports", clientName="else")) == []
        changed = made(ven.put(f"/reports/{report['id']}", self.body(event["id"], reportName="second")))
        assert (changed["reportName"], changed["createdDateTime"]) == ("second", report["createdDateTime"])
        made(ven.delete(f"/reports/{report['id']}"))
        assert ReportObject.objects.count() == 0

    def test_report_on_an_event_that_is_not_seen_is_refused(self, utility: Api, ven: Api) -> None:
        hidden = made(utility.post("/events", price_event(make_program(utility), "south")))
        assert is_problem(ven.post("/reports", self.body(hidden["id"])), 409, "event_unknown")
        assert is_problem(ven.post("/reports", self.body("nowhere")), 409, "event_unknown")
        assert is_problem(utility.post("/reports", self.body(hidden["id"])), 403, "permission_denied")
        assert ReportObject.objects.count() == 0


class TestLog:
    def test_writes_and_errors_are_noted_and_polls_are_not(self, utility: Api, ven: Api) -> None:
        MessageEntry.objects.all().delete()
        ven.get("/events")
        utility.post("/programs", {"programName": "Noted", "bearerToken": "hush"})
        ven.get("/events/nowhere")
        utility.post("/programs", "{")
        entries = list(MessageEntry.objects.order_by("pk"))
        assert [(entry.kind, entry.status) for entry in entries] == [
            ("POST /openadr3/3.1.0/programs", 201),
            ("GET /openadr3/3.1.0/events/nowhere", 404),
            ("POST /openadr3/3.1.0/programs", 400),
        ]
        assert "Noted" in entries[0].body
        assert not any("hush" in entry.body for entry in entries)
