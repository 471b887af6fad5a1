"""The 3.x VEN and everything that goes wrong at the other end, or at its own."""

import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from apps.openadr.models import ReportObject, VenConnection3, VenEvent3, VenReport3
from apps.openadr.ven2b.connections import ConnectionInvalidError, ConnectionTakenError
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.ven3.connections import connection_failed, connections_reencrypt
from apps.openadr.ven3.reports import reports_make
from apps.programs.models import GridSignal, Program
from apps.settlement.services import signal_settle
from tests import factories
from tests.exhaustive import exhaustive
from tests.openadr2b import VenProcess, soon
from tests.openadr3_fake import FakeVtn
from tests.openadr3_ven import Server, Utility3, VenThread3, until

pytestmark = pytest.mark.django_db(transaction=True)


def signals(program: Program) -> list[GridSignal]:
    return list(GridSignal.objects.filter(program=program).order_by("pk"))


def connect(utility: Utility3, fake: FakeVtn, program: Program, **options: Any) -> VenConnection3:
    return utility.connect(program=program, url=fake.server.url, **options)


class TestPages:
    @exhaustive
    def test_ten_thousand_events_are_all_taken(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        past = {"intervalPeriod": {"start": soon(-600).isoformat(), "duration": "PT1H"}}
        for index in range(9_999):
            fake.event(f"e-{index}", **past)
        fake.event("e-last")
        connect(utility, fake, program)
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists(), limit_s=240)
        assert VenEvent3.objects.count() == 10_000
        assert [one.source.split(":")[2] for one in signals(program)] == ["e-last#DISPATCH_SETPOINT_RELATIVE"]

    def test_short_pages_are_read_to_the_end(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        fake.page = 2
        for index in range(5):
            fake.event(f"e-{index}")
        connect(utility, fake, program)
        until(lambda: VenEvent3.objects.count() == 5)

    def test_event_that_a_page_lost_is_asked_for_before_it_is_canceled(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        fake.event("e-1")
        made = connect(utility, fake, program)
        until(lambda: signals(program))
        fake.spoiled["events"] = web.json_response([])
        asked = len(fake.server.asked)
        until(lambda: fake.server.asked[asked:].count(("GET", "/events/e-1")) >= 3)
        assert (signals(program)[0].state, made.events.get().deleted_at) == ("accepted", None)


GARBAGE = {
    "no JSON": web.Response(body=b"<html>"),
    "no list": web.json_response({"a": 1}),
    "no objects": web.json_response([1, None]),
    "not a number": web.Response(body=b"[NaN]"),
    "deep": web.Response(body=b"[" * 100_000),
    "large": web.Response(body=b"[" + b" " * 6_000_000 + b"]"),
    "redirect": web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "fault": web.Response(status=500, body=b"\x00\xff"),
}


class TestGarbage:
    @pytest.mark.parametrize("name", GARBAGE)
    @pytest.mark.parametrize("path", ["events", "auth/token"])
    def test_bad_answer_is_said_and_changes_nothing(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, path: str, name: str
    ) -> None:
        fake.event("e-1")
        connect(utility, fake, program)
        until(lambda: signals(program))
        VenConnection3.objects.update(last_error="")
        fake.spoiled[path] = GARBAGE[name]
        if path == "auth/token":
            VenConnection3.objects.update(scopes="read_targets")  # begins anew, with a token
        until(lambda: VenConnection3.objects.get().last_error)
        assert [one.state for one in signals(program)] == ["accepted"]
        del fake.spoiled[path]
        until(lambda: VenConnection3.objects.get().last_error == "")

    @pytest.mark.parametrize(
        "changes",
        [{"intervals": "x"}, {"intervals": [{"id": 0}]}, {"eventName": "\x00"}, {"targets": [{"a": 1}]}, {"programID": 5},
         {"intervalPeriod": {"start": "0000", "duration": "P1H"}}, {"priority": -1}],
    )  # fmt: skip
    def test_event_that_cannot_be_read_does_not_hide_the_others(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3, changes: Any
    ) -> None:
        fake.event("bad", **changes)
        fake.events.append({"id": "../vens", "modificationDateTime": "x"})
        fake.event("good")
        connect(utility, fake, program)
        until(lambda: VenEvent3.objects.filter(event_id="good").exclude(signal=None).exists())
        bad = VenEvent3.objects.get(event_id="bad")
        assert bool(bad.reason) is (changes != {"eventName": "\x00"})
        assert VenEvent3.objects.count() == 2

    def test_token_is_not_asked_for_where_secrets_are_not_said(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        fake.spoiled["auth/server"] = web.json_response({"tokenURL": "http://elsewhere.example/token"})
        connect(utility, fake, program)
        until(lambda: "no secret is said" in VenConnection3.objects.get().last_error)


class TestLoss:
    def test_vtn_gone_and_back_loses_nothing(
        self, utility: Utility3, fake: FakeVtn, program: Program, ven: VenThread3
    ) -> None:
        fake.event("e-1")
        connect(utility, fake, program)
        until(lambda: signals(program))
        until(lambda: VenConnection3.objects.get().last_answer_at)
        fake.server.stop()
        until(lambda: VenConnection3.objects.get().failing_since)
        assert [one.state for one in signals(program)] == ["accepted"]
        fake.event("e-2")
        port = fake.server.port
        fake.server = Server(fake.answer, port=port)
        until(lambda: len(signals(program)) == 2)
        until(lambda: VenConnection3.objects.get().failing_since is None)

    def test_long_silence_counts_as_lost_since_the_last_word(
        self, utility: Utility3, program: Program
    ) -> None:
        made = utility.connect(program=program, lost_after_s=60, now=factories.NOW)
        VenConnection3.objects.update(last_answer_at=factories.NOW)
        connection_failed(pk=made.pk, now=factories.NOW + timedelta(seconds=60), error="x")
        made.refresh_from_db()
        assert (made.failing_since, made.lost_since) == (factories.NOW + timedelta(seconds=60), None)
        connection_failed(pk=made.pk, now=factories.NOW + timedelta(seconds=61), error="y\x00")
        made.refresh_from_db()
        assert (made.lost_since, made.last_error) == (factories.NOW, "y")


class TestReports:
    def test_settled_event_is_reported_once_although_the_first_try_was_not_noted(
        self, utility: Utility3, ven: VenThread3
    ) -> None:
        fleet = factories.make_fleet(homes=1)
        utility.connect(program=fleet.program)
        event = utility.event()
        until(lambda: VenEvent3.objects.exclude(signal=None).exists())
        held = signals(fleet.program)[0]
        GridSignal.objects.filter(pk=held.pk).update(state="ended")
        held.refresh_from_db()
        assert signal_settle(signal=held, now=held.ends_at + timedelta(days=1)) is not None
        until(lambda: VenReport3.objects.exclude(report_id="").exists())
        VenReport3.objects.update(report_id="")  # killed between sending and noting
        until(lambda: VenReport3.objects.exclude(report_id="").exists())
        sent = ReportObject.objects.get(event_id=event["id"])
        assert (sent.client_name, sent.content["reportName"], VenReport3.objects.get().report_id) == (
            "ores", "settlement 1", sent.pk,
        )  # fmt: skip

    def test_what_an_event_asks_to_be_told_is_written_down_once(
        self, utility: Utility3, program: Program
    ) -> None:
        fleet = factories.make_fleet(homes=2)
        made = utility.connect(program=fleet.program, organization=fleet.organization)
        start = factories.NOW - timedelta(hours=1)
        content = {
            "id": "e", "programID": "p", "modificationDateTime": (start - timedelta(hours=1)).isoformat(),
            "reportDescriptors": [{"payloadType": "USAGE", "aggregate": True}],
            "intervalPeriod": {"start": start.isoformat(), "duration": "PT15M"},
            "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [0]}]}],
        }  # fmt: skip
        VenEvent3.objects.create(
            connection=made, event_id="e", program=fleet.program, content=content, mark="m",
            received_at=start - timedelta(hours=1),
        )  # fmt: skip
        now = factories.NOW + timedelta(minutes=5)
        assert [reports_make(connection_pk=made.pk, now=now) for _ in range(2)] == [1, 0]
        report = VenReport3.objects.get()
        payloads = report.content["resources"][0]["intervals"][0]["payloads"]
        assert (report.content["eventID"], report.content["clientName"]) == ("e", "ores")
        assert payloads[0] == {"type": "USAGE", "values": [pytest.approx(0.5)]}
        assert report.content["reportName"] == report.name


class TestConnections:
    @pytest.mark.parametrize(
        "changes",
        [{"url": "ftp://x"}, {"url": "http://utility.example"}, {"url": "https://a:b@x"}, {"url": "nowhere"}, {"url": "/"},
         {"token_url": "http://utility.example/t"}, {"client_secret": ""}, {"client_id": ""}, {"token_auth": "none"},
         {"version": "3.0.1", "transport": "mqtt"}, {"version": "2.0"}, {"poll_s": 0}, {"name": "n" * 129}, {"url": "https://["}],
    )  # fmt: skip
    def test_what_cannot_work_is_refused(self, utility: Utility3, program: Program, changes: Any) -> None:
        with pytest.raises(ConnectionInvalidError):
            utility.connect(program=program, **{"url": "https://utility.example", **changes})
        assert VenConnection3.objects.count() == 0

    def test_program_of_another_tenant_is_refused(self, utility: Utility3, program: Program) -> None:
        with pytest.raises(ConnectionInvalidError):
            utility.connect(program=program, organization=utility.organization)

    def test_same_connection_is_made_once(self, utility: Utility3, program: Program) -> None:
        utility.connect(program=program)
        with pytest.raises(ConnectionTakenError):
            utility.connect(program=program)

    def test_secrets_survive_a_new_key_of_the_installation(
        self, utility: Utility3, program: Program, settings: Any
    ) -> None:
        made = utility.connect(program=program)
        assert utility.credential.client_secret not in json.dumps(made.client_secret_encrypted)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another"
        assert connections_reencrypt() == 1
        settings.SECRET_KEY_FALLBACKS = []
        made.refresh_from_db()
        assert decrypt(made.client_secret_encrypted) == utility.credential.client_secret


@exhaustive
def test_killed_at_any_state_of_an_events_life_it_loses_nothing(utility: Utility3, program: Program) -> None:
    utility.connect(program=program)
    running = VenProcess("openadr3_ven")
    try:
        until(lambda: VenConnection3.objects.exclude(last_answer_at=None).exists())
        running.kill()
        event = utility.event()  # came while it was away
        running.start()
        until(lambda: signals(program))
        running.kill()
        utility.change(event, kw=-7.0)  # changed while it was away
        running.start()
        until(lambda: signals(program)[0].target_kw == [7.0] * 4)
        running.kill()
        VenConnection3.objects.update(ven_id="", resources={})  # killed between registering and noting
        running.start()
        until(lambda: VenConnection3.objects.exclude(ven_id="").exclude(resources={}).exists())
        running.kill()
        utility.delete(event)
        running.start()
        until(lambda: signals(program)[0].state == "canceled")
    finally:
        running.kill()
    assert (signals(program)[0].revision, len(signals(program))) == (2, 1)
    assert len(utility.api.get("/vens").json()) == len(utility.api.get("/resources").json()) == 1
