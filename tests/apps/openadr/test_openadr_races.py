"""Writers at the same moment, each on a connection of its own: one wins, the other is told, nothing is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, ProgramObject, ResourceObject, VenObject
from apps.programs.models import GridSignal, Program
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT_S = 60
Call = Callable[[], Any]


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
def program(utility: Api) -> dict[str, Any]:
    return made(utility.post("/programs", {"programName": "Relief"}))


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def event(program_id: str, *, kw: float = -4.0, **more: Any) -> dict[str, Any]:
    period = {"start": (NOW + timedelta(hours=2)).isoformat(), "duration": "PT1H"}
    payloads = [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [kw]}]
    return {
        "programID": program_id, "intervalPeriod": period, "intervals": [{"id": 0, "payloads": payloads}], **more,
    }  # fmt: skip


def put_if(utility: Api, path: str, body: Any, *, tag: str = '"0"') -> Call:
    return lambda: utility.send("PUT", path, body, headers={"If-Match": tag})


def delete_if(utility: Api, path: str, *, tag: str = '"0"') -> Call:
    return lambda: utility.send("DELETE", path, headers={"If-Match": tag})


@contextmanager
def row_held(kind: Any, pk: str) -> Iterator[None]:
    """Keep a row, as a third writer does, until the others wait for it."""
    with transaction.atomic():
        kind.objects.select_for_update().get(pk=pk)
        yield


@contextmanager
def inserts_held(kind: Any) -> Iterator[None]:
    """Let nobody insert until all who want to stand before the table."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {kind._meta.db_table} IN SHARE MODE")
        yield


def raced(held: Any, *calls: Call) -> list[Any]:
    """Do calls at once: all of them wait for what is `held` before the first may go on; return their answers."""
    answers: dict[int, Any] = {}

    def run(index: int) -> None:
        try:
            answers[index] = calls[index]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    with held:
        for thread in threads:
            thread.start()
        until_waiting(len(calls))
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(answers) == list(range(len(calls))), "a call did not come back"
    return [answers[index] for index in range(len(calls))]


def until_waiting(count: int) -> None:
    """Wait until so many connections wait for a lock."""
    deadline = time.monotonic() + LIMIT_S
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            # Django's transaction would see one picture of the activity for ever.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock' AND backend_type = 'client backend'"
            )
            if cursor.fetchone()[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError(f"not {count} calls came to wait")


def outcomes(answers: list[Any]) -> list[tuple[int, str]]:
    """Return status and title of each answer, sorted."""
    return sorted((one.status_code, "" if one.status_code < 300 else one.json()["title"]) for one in answers)


REVISION_LOST = [(200, ""), (412, "revision_mismatch")]


class TestChanges:
    def test_one_of_two_changes_of_an_event_is_kept_whole(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        one = made(utility.post("/events", event(program["id"])))
        bodies = [event(program["id"], kw=kw, eventName=f"change to {kw}") for kw in (-1.0, -2.0)]
        path = f"/events/{one['id']}"
        answers = raced(row_held(EventObject, one["id"]), *(put_if(utility, path, body) for body in bodies))
        assert outcomes(answers) == REVISION_LOST
        (won,) = [index for index, answer in enumerate(answers) if answer.status_code == 200]
        shown = utility.get(path)
        assert (shown["ETag"], shown.json()["eventName"]) == ('"1"', bodies[won]["eventName"])
        signal = GridSignal.objects.get()
        assert (signal.revision, signal.target_kw) == (2, [1.0 + won] * 4)

    def test_who_was_slower_reads_again_and_then_succeeds(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        one = made(utility.post("/events", event(program["id"])))
        path = f"/events/{one['id']}"
        raced(
            row_held(EventObject, one["id"]),
            *(put_if(utility, path, event(program["id"], kw=kw)) for kw in (-1.0, -2.0)),
        )
        again = put_if(utility, path, event(program["id"], kw=-3.0), tag=utility.get(path)["ETag"])()
        assert (again.status_code, again["ETag"]) == (200, '"2"')
        assert GridSignal.objects.get().target_kw == [3.0] * 4

    def test_one_of_two_changes_of_a_program_is_kept_whole(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        path, names = f"/programs/{program['id']}", ["First", "Second"]
        bodies = [{"programName": name, "targets": [name]} for name in names]
        answers = raced(
            row_held(ProgramObject, program["id"]), *(put_if(utility, path, body) for body in bodies)
        )
        assert outcomes(answers) == REVISION_LOST
        (won,) = [index for index, answer in enumerate(answers) if answer.status_code == 200]
        shown = utility.get(path)
        assert (shown["ETag"], shown.json()["programName"], shown.json()["targets"]) == (
            '"1"', names[won], [names[won]],
        )  # fmt: skip
        assert Program.objects.get().name == names[won]

    def test_without_if_match_both_are_done_and_the_later_stands(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        one = made(utility.post("/events", event(program["id"])))
        path = f"/events/{one['id']}"
        answers = raced(
            row_held(EventObject, one["id"]),
            *(lambda kw=kw: utility.put(path, event(program["id"], kw=kw)) for kw in (-1.0, -2.0)),
        )
        assert outcomes(answers) == [(200, ""), (200, "")]
        later = max(answers, key=lambda answer: answer["ETag"])
        assert (utility.get(path)["ETag"], GridSignal.objects.get().revision) == ('"2"', 3)
        assert utility.get(path).json() == later.json()

    def test_change_and_delete_of_an_event_exclude_each_other(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        one = made(utility.post("/events", event(program["id"])))
        path = f"/events/{one['id']}"
        calls = [put_if(utility, path, event(program["id"], kw=-1.0)), delete_if(utility, path)]
        answers = raced(row_held(EventObject, one["id"]), *calls)
        found = outcomes(answers)
        assert found in ([(200, ""), (412, "revision_mismatch")], [(200, ""), (404, "not_found")])
        assert GridSignal.objects.get().state == ("canceled" if found[1][0] == 404 else "accepted")

    def test_two_deletes_cancel_once(self, utility: Api, program: dict[str, Any]) -> None:
        one = made(utility.post("/events", event(program["id"])))
        path = f"/events/{one['id']}"
        answers = raced(row_held(EventObject, one["id"]), *[lambda: utility.delete(path)] * 2)
        assert outcomes(answers) == [(200, ""), (404, "not_found")]
        assert (GridSignal.objects.get().state, EventObject.objects.get().revision) == ("canceled", 1)


class TestNames:
    def test_one_of_two_programs_of_a_name_is_made(self, utility: Api) -> None:
        def post() -> Any:
            return utility.post("/programs", {"programName": "Twin"})

        answers = raced(inserts_held(Program), post, post)
        assert outcomes(answers) == [(201, ""), (409, "name_taken")]
        assert [one["programName"] for one in utility.get("/programs").json()] == ["Twin"]
        assert (Program.objects.count(), ProgramObject.objects.count()) == (1, 1)

    def test_program_is_not_renamed_to_what_another_is_called_at_that_moment(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        other = made(utility.post("/programs", {"programName": "Other"}))
        body = {"programName": "Twin"}
        answers = raced(
            inserts_held(Program),
            *(put_if(utility, f"/programs/{one['id']}", body) for one in (program, other)),
        )
        assert outcomes(answers) == [(200, ""), (409, "name_taken")]
        names = sorted(one["programName"] for one in utility.get("/programs").json())
        assert names in (["Relief", "Twin"], ["Other", "Twin"])

    def test_one_of_two_vens_of_a_name_is_made(self, utility: Api) -> None:
        def post(client_id: str) -> Call:
            body = {"objectType": "BL_VEN_REQUEST", "clientID": client_id, "venName": "Twin"}
            return lambda: utility.post("/vens", body)

        answers = raced(inserts_held(VenObject), post("a"), post("b"))
        assert outcomes(answers) == [(201, ""), (409, "name_taken")]
        assert len(utility.get("/vens").json()) == 1

    def test_a_credential_gets_one_ven(self, organization: Organization) -> None:
        ven = factories.make_ven(organization=organization)

        def post(name: str) -> Call:
            return lambda: ven.post("/vens", {"objectType": "VEN_VEN_REQUEST", "venName": name})

        answers = raced(inserts_held(VenObject), post("a"), post("b"))
        assert outcomes(answers) == [(201, ""), (409, "client_taken")]
        assert VenObject.objects.count() == 1

    def test_two_resources_of_a_ven_both_grant(self, utility: Api) -> None:
        ven = made(utility.post("/vens", {"objectType": "BL_VEN_REQUEST", "clientID": "c", "venName": "V"}))

        def post(name: str, target: str) -> Call:
            body = {
                "objectType": "BL_RESOURCE_REQUEST",
                "clientID": "c",
                "resourceName": name,
                "venID": ven["id"],
            }
            return lambda: utility.post("/resources", {**body, "targets": [target]})

        held = row_held(VenObject, ven["id"])
        answers = raced(held, post("one", "a"), post("two", "b"))
        assert outcomes(answers) == [(201, ""), (201, "")]
        assert VenObject.objects.get().grants == ["a", "b"]
        answers = raced(row_held(VenObject, ven["id"]), post("twin", "c"), post("twin", "d"))
        assert outcomes(answers) == [(201, ""), (409, "name_taken")]
        assert (ResourceObject.objects.count(), len(VenObject.objects.get().grants)) == (3, 3)


class TestProgramsAndTheirEvents:
    def test_event_and_the_end_of_its_program_leave_nothing_behind(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        answers = raced(
            row_held(ProgramObject, program["id"]),
            lambda: utility.post("/events", event(program["id"])),
            lambda: utility.delete(f"/programs/{program['id']}"),
        )
        assert outcomes(answers) in ([(200, ""), (201, "")], [(200, ""), (409, "program_unknown")])
        assert utility.get("/events").json() == []
        assert not GridSignal.objects.exclude(state="canceled").exists()

    def test_change_of_an_event_and_the_end_of_its_program_do_not_block_each_other(
        self, utility: Api, program: dict[str, Any]
    ) -> None:
        one = made(utility.post("/events", event(program["id"])))
        answers = raced(
            row_held(EventObject, one["id"]),
            put_if(utility, f"/events/{one['id']}", event(program["id"], kw=-1.0)),
            lambda: utility.delete(f"/programs/{program['id']}"),
        )
        assert outcomes(answers) in ([(200, ""), (200, "")], [(200, ""), (404, "not_found")])
        assert (utility.get("/events").json(), GridSignal.objects.get().state) == ([], "canceled")
