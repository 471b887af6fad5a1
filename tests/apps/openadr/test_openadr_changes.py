"""Changing and deleting: programs, revisions, and what a delete takes with it."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, ProgramObject
from apps.programs.models import Enrollment, GridSignal, Program
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


def make_program(utility: Api, name: str = "Relief", **more: Any) -> dict[str, Any]:
    answer = utility.post("/programs", {"programName": name, **more})
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def event(program_id: str, **more: Any) -> dict[str, Any]:
    payloads = [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-4.0]}]
    return {
        "programID": program_id,
        "intervalPeriod": {"start": START.isoformat(), "duration": "PT1H"},
        "intervals": [{"id": 0, "payloads": payloads}],
        **more,
    }


def title(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["title"]


class TestPrograms:
    def test_put_changes_the_program_and_ignores_metadata(self, utility: Api) -> None:
        made = make_program(utility)
        sent = {**made, "programName": "Renamed", "id": "x", "createdDateTime": "1999-01-01T00:00:00Z"}
        changed = utility.put(f"/programs/{made['id']}", {**sent, "objectType": "EVENT"}).json()
        assert (changed["id"], changed["createdDateTime"]) == (made["id"], made["createdDateTime"])
        assert (changed["programName"], changed["objectType"]) == ("Renamed", "PROGRAM")
        assert Program.objects.get().name == "Renamed"

    def test_put_to_a_taken_name_changes_nothing(self, utility: Api) -> None:
        made = make_program(utility)
        make_program(utility, "Other")
        answer = utility.put(f"/programs/{made['id']}", {"programName": "Other", "targets": ["a"]})
        assert title(answer) == (409, "name_taken")
        assert utility.get(f"/programs/{made['id']}").json() == made

    def test_delete_takes_the_events_and_frees_the_name(
        self, utility: Api, organization: Organization
    ) -> None:
        made = make_program(utility)
        program = Program.objects.get()
        factories.enroll(program=program, sites=[factories.make_site(organization=organization)])
        kept = utility.post("/events", event(made["id"])).json()
        answer = utility.delete(f"/programs/{made['id']}")
        assert (answer.status_code, answer.json()) == (200, made)
        assert GridSignal.objects.get().state == "canceled"
        assert Enrollment.objects.get().ends_at is not None
        assert (utility.get("/events").json(), utility.get("/programs").json()) == ([], [])
        assert utility.get(f"/events/{kept['id']}").status_code == 404
        assert title(utility.post("/events", event(made["id"]))) == (409, "program_unknown")
        again = make_program(utility)
        assert again["id"] != made["id"]
        assert (EventObject.objects.count(), ProgramObject.objects.count()) == (1, 2)


class TestRevisions:
    def test_second_writer_of_two_is_told(self, utility: Api) -> None:
        made = make_program(utility)
        path = f"/programs/{made['id']}"
        tag = utility.get(path).headers["ETag"]
        first = utility.send("PUT", path, {"programName": "first"}, headers={"If-Match": tag})
        second = utility.send("PUT", path, {"programName": "second"}, headers={"If-Match": tag})
        assert (first.status_code, title(second)) == (200, (412, "revision_mismatch"))
        assert utility.get(path).json()["programName"] == "first"
        gone = utility.send("DELETE", path, headers={"If-Match": tag})
        assert title(gone) == (412, "revision_mismatch")
        current = {"If-Match": f'"x", {first.headers["ETag"]}'}
        assert utility.send("DELETE", path, headers=current).status_code == 200

    @pytest.mark.parametrize("tag", ["*", None])
    def test_who_does_not_say_which_revision_wins(self, utility: Api, tag: str | None) -> None:
        path = f"/programs/{make_program(utility, targets=['a'])['id']}"
        headers = {"If-Match": tag} if tag else {}
        answer = utility.send("PUT", path, {"programName": "whole"}, headers=headers)
        assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
        assert "targets" not in answer.json()


class TestForWhom:
    def test_event_for_vens_only_asks_nothing_of_the_homes(
        self, utility: Api, organization: Organization
    ) -> None:
        program = make_program(utility)["id"]
        factories.make_ven(organization=organization, targets=["north"])
        factories.make_site(organization=organization, name="street 7")
        to_ven = utility.post("/events", event(program, targets=["north"]))
        to_more = utility.post("/events", event(program, targets=["north", "street 7"]))
        assert (to_ven.status_code, to_more.status_code) == (201, 201)
        assert [signal.source for signal in GridSignal.objects.all()] == [
            f"openadr3:{to_more.json()['id']}#DISPATCH_SETPOINT_RELATIVE"
        ]

    def test_event_that_comes_to_ask_for_a_shed_becomes_a_signal(self, utility: Api) -> None:
        program = make_program(utility)["id"]
        made = utility.post("/events", {"programID": program}).json()
        assert GridSignal.objects.count() == 0
        assert utility.put(f"/events/{made['id']}", event(program)).status_code == 200
        assert (GridSignal.objects.get().state, GridSignal.objects.get().revision) == ("accepted", 1)
        assert utility.put(f"/events/{made['id']}", {"programID": program}).status_code == 200
        assert GridSignal.objects.get().state == "canceled"
        assert utility.put(f"/events/{made['id']}", event(program)).status_code == 200
        assert [one.state for one in GridSignal.objects.order_by("source")] == ["canceled", "accepted"]

    @pytest.mark.parametrize(
        "body",
        [
            {"intervalPeriod": None, "priority": None, "targets": None},
            {"intervals": []},
            {"intervals": [{"id": 0, "payloads": []}]},
        ],
    )
    def test_null_is_shown_as_absent(self, utility: Api, body: dict[str, Any]) -> None:
        program = make_program(utility)["id"]
        period = {"start": START.isoformat(), "duration": "PT1H", "randomizeStart": None}
        answer = utility.post("/events", {"programID": program, "intervalPeriod": period, **body})
        assert answer.status_code == 201, answer.content
        assert None not in [*answer.json().values(), *answer.json().get("intervalPeriod", {}).values()]
