"""The OpenADR 3.1 server: programs, events, pages, reports."""

import json
import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, ProgramObject, ReportObject
from apps.programs.models import GridSignal, Program
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


def make_program(utility: Api, *, name: str = "") -> str:
    answer = utility.post("/programs", {"programName": name or f"Evening relief {factories.number()}"})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def event(program_id: str, **changes: Any) -> dict[str, Any]:
    """Two half-hours: 12 kW, then 6 kW less."""
    return {
        "programID": program_id,
        "eventName": "Peak",
        "intervalPeriod": {"start": START.isoformat(), "duration": "PT30M"},
        "intervals": [interval(0, -12.0), interval(1, -6.0)],
        **changes,
    }


def interval(id_: int, *values: Any, type_: str = "DISPATCH_SETPOINT_RELATIVE", **changes: Any) -> Any:
    return {"id": id_, "payloads": [{"type": type_, "values": list(values)}], **changes}


def make_event(utility: Api, **changes: Any) -> dict[str, Any]:
    answer = utility.post("/events", event(make_program(utility), **changes))
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def is_problem(answer: Any, status: int, title: str) -> bool:
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["title"]) == (status, status, title), body
    assert body["detail"]
    return True


class TestPrograms:
    def test_program_is_kept_and_shown_as_sent(self, utility: Api, organization: Organization) -> None:
        sent = {"programName": "Relief", "targets": ["north"], "unknownProperty": {"a": [1, None]}}
        made = utility.post("/programs", sent).json()
        assert {name: made[name] for name in sent} == sent
        assert (made["objectType"], made["createdDateTime"][:16]) == ("PROGRAM", "2026-06-17T14:00")
        assert utility.get(f"/programs/{made['id']}").json() == made
        assert Program.objects.get(organization=organization).name == "Relief"

    def test_what_the_server_sets_cannot_be_sent(self, utility: Api) -> None:
        made = utility.post(
            "/programs",
            {"programName": "P", "id": "mine", "createdDateTime": "1999-01-01T00:00:00Z", "objectType": "X"},
        ).json()
        assert made["id"] != "mine"
        assert (made["objectType"], made["createdDateTime"][:4]) == ("PROGRAM", "2026")

    def test_taken_name_is_refused(self, utility: Api) -> None:
        make_program(utility, name="Relief")
        assert is_problem(utility.post("/programs", {"programName": "Relief"}), 409, "name_taken")
        assert (Program.objects.count(), ProgramObject.objects.count()) == (1, 1)

    def test_another_tenant_may_use_the_same_name(self, utility: Api) -> None:
        make_program(utility, name="Relief")
        theirs = factories.make_utility(organization=factories.make_organization())
        assert theirs.post("/programs", {"programName": "Relief"}).status_code == 201

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            None,
            7,
            "x",
            {"programName": None},
            {"programName": ""},
            {"programName": 7},
            {"programName": "n" * 129},
            {"programName": "a\x00b"},
            {"programName": "P", "other": "\ud800"},
            {"programName": "P", "targets": "north"},
        ],
    )
    def test_what_is_no_program_is_refused(self, utility: Api, body: Any) -> None:
        answer = utility.post("/programs", json.dumps(body))
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/json")
        assert answer.json()["status"] == 400
        assert Program.objects.count() == 0

    @pytest.mark.parametrize(
        "text", ["", "{", '{"programName": "P", "x": NaN}', '{"programName": "P", "x": 1e999}', "[" * 99_999]
    )
    def test_what_is_no_json_is_refused(self, utility: Api, text: str) -> None:
        assert utility.post("/programs", text).status_code == 400
        assert Program.objects.count() == 0

    def test_method_that_is_not_offered_is_a_problem(self, utility: Api) -> None:
        assert is_problem(utility.delete("/programs"), 405, "method_not_allowed")


class TestEvents:
    def test_event_becomes_a_grid_signal(self, utility: Api, organization: Organization) -> None:
        made = make_event(utility)
        signal = GridSignal.objects.get()
        assert (signal.organization, signal.source) == (
            organization, f"openadr3:{made['id']}#DISPATCH_SETPOINT_RELATIVE",
        )  # fmt: skip
        assert (signal.state, signal.revision, signal.name) == ("accepted", 1, "Peak")
        assert (signal.starts_at, signal.ends_at, signal.interval_s) == (
            START, START + timedelta(hours=1), 900,
        )  # fmt: skip
        assert signal.target_kw == [12.0, 12.0, 6.0, 6.0]

    def test_event_is_shown_as_sent(self, utility: Api) -> None:
        made = make_event(utility, unknownProperty=[1], id="mine")
        assert (made["unknownProperty"], made["objectType"], made["id"] != "mine") == ([1], "EVENT", True)
        assert utility.get(f"/events/{made['id']}").json() == made

    def test_event_is_planned_after_commit(
        self, utility: Api, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            made = make_event(utility)
        assert factories.run_queued() == ["dispatch.plan_signal"]
        signal = GridSignal.objects.get(source__startswith=f"openadr3:{made['id']}#")
        assert (signal.state, [plan.status for plan in signal.plans.all()]) == ("planned", ["empty"])

    @pytest.mark.parametrize(
        ("changes", "title"),
        [
            (
                {"intervalPeriod": {"start": "2026-06-17T10:00:00Z", "duration": "PT1H"}},
                "event_in_the_past",
            ),
            ({"intervals": [interval(0, 5.0)]}, "positive_setpoint_unsupported"),
            (
                {
                    "intervals": [interval(0, 5.0, type_="PRICE")],
                    "intervalPeriod": {"start": START.isoformat()},
                },
                "interval_without_duration",
            ),
            ({"intervals": [interval(0, "a lot")]}, "unsupported_payload"),
            ({"intervals": [interval(0, True)]}, "unsupported_payload"),
            ({"intervals": [interval(0)]}, "unsupported_payload"),
            ({"intervals": [{"id": 0, "payloads": []}, interval(1, -1.0)]}, "event_without_payload"),
            ({"intervals": [{"id": 0}]}, "openadr_format"),
            ({"intervals": "none"}, "openadr_format"),
            ({"programID": 7}, "openadr_format"),
            ({"programID": "no such id!"}, "openadr_format"),
            ({"intervalPeriod": {"start": "tomorrow"}}, "openadr_format"),
            ({"intervalPeriod": {"start": "2026-06-18T10:00:00", "duration": "PT1H"}}, "openadr_format"),
            ({"intervalPeriod": {"start": START.isoformat()}}, "interval_without_duration"),
            ({"intervalPeriod": {"duration": "PT1H"}}, "interval_without_start"),
            ({"intervalPeriod": {"start": START.isoformat(), "duration": "P9D"}}, "event_too_long"),
            ({"intervalPeriod": {"start": START.isoformat(), "duration": "P9999Y"}}, "invalid_timing"),
            ({"intervalPeriod": {"start": START.isoformat(), "duration": "PT20S"}}, "interval_too_fine"),
            (
                {"payloadDescriptors": [
                    {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "DISPATCH_SETPOINT_RELATIVE", "units": "KWH"}
                ]},
                "unsupported_units",
            ),
        ],
    )  # fmt: skip
    def test_event_that_cannot_be_acted_on_is_refused_with_its_reason(
        self, utility: Api, changes: dict[str, Any], title: str
    ) -> None:
        answer = utility.post("/events", event(make_program(utility), **changes))
        assert is_problem(answer, 400, title)
        assert (EventObject.objects.count(), GridSignal.objects.count()) == (0, 0)

    @pytest.mark.parametrize("body", ["[]", "null", '"x"', "7", "true", "", "{"])
    def test_body_that_is_no_object_is_refused(self, utility: Api, body: str) -> None:
        assert utility.post("/events", body).status_code == 400
        assert EventObject.objects.count() == 0

    @pytest.mark.parametrize("value", [math.nan, -math.inf])
    def test_value_that_is_no_number_is_refused(self, utility: Api, value: float) -> None:
        answer = utility.post("/events", event(make_program(utility), intervals=[interval(0, value)]))
        assert answer.status_code == 400
        assert GridSignal.objects.count() == 0

    @pytest.mark.parametrize("name", ["a\x00b", "\udfff"])
    def test_name_that_cannot_be_kept_is_refused(self, utility: Api, name: str) -> None:
        answer = utility.post("/events", event(make_program(utility), eventName=name))
        assert answer.status_code == 400
        assert GridSignal.objects.count() == 0

    def test_huge_target_is_taken_as_it_is(self, utility: Api) -> None:
        make_event(utility, intervals=[interval(0, -1e12)])
        assert GridSignal.objects.get().target_kw == [1e12, 1e12]

    def test_unknown_program_is_refused(self, utility: Api) -> None:
        assert is_problem(utility.post("/events", event("nowhere")), 409, "program_unknown")
        assert GridSignal.objects.count() == 0


class TestChange:
    def test_put_revises_the_signal_and_plans_again(
        self, utility: Api, django_capture_on_commit_callbacks: Any
    ) -> None:
        made = make_event(utility)
        body = event(made["programID"], intervals=[interval(0, -3.0)], eventName="Smaller")
        with django_capture_on_commit_callbacks(execute=True):
            answer = utility.put(f"/events/{made['id']}", body)
        assert (answer.status_code, answer.json()["eventName"]) == (200, "Smaller")
        signal = GridSignal.objects.get()
        assert (signal.revision, signal.target_kw, signal.name) == (2, [3.0, 3.0], "Smaller")
        assert factories.run_queued() == ["dispatch.plan_signal"]
        assert signal.plans.get().reason == "the utility changed the event"

    def test_put_that_is_refused_changes_nothing(self, utility: Api) -> None:
        made = make_event(utility)
        body = event(made["programID"], intervals=[interval(0, 5.0)])
        assert is_problem(utility.put(f"/events/{made['id']}", body), 400, "positive_setpoint_unsupported")
        assert utility.get(f"/events/{made['id']}").json() == made
        assert GridSignal.objects.get().revision == 1

    def test_event_cannot_move_to_another_program(self, utility: Api) -> None:
        made = make_event(utility)
        other = make_program(utility)
        assert is_problem(utility.put(f"/events/{made['id']}", event(other)), 400, "program_changed")
        assert GridSignal.objects.get().revision == 1

    def test_event_that_is_over_cannot_be_changed(self, utility: Api) -> None:
        made = make_event(utility)
        GridSignal.objects.update(state="settled")
        assert is_problem(utility.put(f"/events/{made['id']}", event(made["programID"])), 409, "signal_over")
        assert utility.get(f"/events/{made['id']}").json() == made

    def test_delete_cancels(self, utility: Api, django_capture_on_commit_callbacks: Any) -> None:
        made = make_event(utility)
        with django_capture_on_commit_callbacks(execute=True):
            answer = utility.delete(f"/events/{made['id']}")
        assert (answer.status_code, answer.json()) == (200, made)
        assert GridSignal.objects.get().state == "canceled"
        assert factories.run_queued() == ["dispatch.cancel_signal"]
        assert is_problem(utility.get(f"/events/{made['id']}"), 404, "not_found")

    def test_deleting_twice_is_not_found(self, utility: Api) -> None:
        made = make_event(utility)
        utility.delete(f"/events/{made['id']}")
        assert is_problem(utility.delete(f"/events/{made['id']}"), 404, "not_found")


class TestPaging:
    @pytest.fixture
    def names(self, utility: Api) -> Iterator[list[str]]:
        made = [f"P{index:02}" for index in range(53)]
        for name in made:
            make_program(utility, name=name)
        yield made

    def listed(self, utility: Api, **query: Any) -> list[str]:
        answer = utility.get("/programs", **query)
        assert answer.status_code == 200
        return [one["programName"] for one in answer.json()]

    def test_pages_cover_everything_once(self, utility: Api, names: list[str]) -> None:
        assert self.listed(utility) == names[:50]
        assert self.listed(utility, skip=50) == names[50:]
        assert self.listed(utility, skip=10, limit=5) == names[10:15]
        assert (self.listed(utility, skip=53), self.listed(utility, limit=0)) == ([], [])

    @pytest.mark.parametrize("name", ["skip", "limit"])
    @pytest.mark.parametrize("value", ["-1", "x", "", "1.5", "²", "9" * 5000, "99999999999"])
    def test_number_that_makes_no_sense_is_refused(self, utility: Api, name: str, value: str) -> None:
        assert is_problem(utility.get("/programs", **{name: value}), 400, "query_invalid")

    @pytest.mark.parametrize("path", ["/programs/%00", "/events/%00", "/reports/%00", "/programs/%FF"])
    def test_id_that_cannot_be_is_not_found(self, utility: Api, path: str) -> None:
        assert is_problem(utility.get(path), 404, "not_found")

    @pytest.mark.parametrize(
        ("path", "name"), [("/events", "programID"), ("/reports", "eventID"), ("/reports", "programID")]
    )
    def test_filter_by_an_id_that_cannot_be_finds_nothing(self, utility: Api, path: str, name: str) -> None:
        answer = utility.get(path, **{name: "\x00"})
        assert (answer.status_code, answer.json()) == (200, [])

    def test_events_are_filtered_by_program(self, utility: Api) -> None:
        first, second = make_event(utility), make_event(utility)
        found = utility.get("/events", programID=second["programID"]).json()
        assert [one["id"] for one in found] == [second["id"]]
        assert [one["id"] for one in utility.get("/events").json()] == [first["id"], second["id"]]


class TestReports:
    def test_reports_are_shown_to_their_tenant_only(self, utility: Api, organization: Organization) -> None:
        made = make_event(utility)
        report = ReportObject.objects.create(
            organization=organization,
            event_id=made["id"],
            client_name="ores-cloud",
            content={"eventID": made["id"], "resources": []},
            created_at=NOW,
            modified_at=NOW,
        )
        (shown,) = utility.get("/reports", eventID=made["id"]).json()
        assert (shown["id"], shown["objectType"], shown["clientID"]) == (report.id, "REPORT", "ores-cloud")
        assert utility.get(f"/reports/{report.id}").json() == shown
        assert utility.get("/reports", programID=made["programID"]).json() == [shown]
        assert utility.get("/reports", eventID="other").json() == []
        stranger = factories.make_utility(organization=factories.make_organization())
        assert stranger.get("/reports").json() == []
        assert is_problem(stranger.get(f"/reports/{report.id}"), 404, "not_found")
