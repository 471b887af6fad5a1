"""The 2.0b VTN as a process: killed at every state of an event's life, two identities, and `openleadr`'s own VEN."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from openleadr import OpenADRClient

from apps.accounts.models import Organization
from apps.openadr.certificates import certificates_make
from apps.openadr.models import EventObject, Opt2b, ReportRequest2b, ReportUpdate2b
from apps.openadr.wire2b import fingerprint_of_pem
from tests import factories
from tests.exhaustive import exhaustive
from tests.openadr2b import VTN, Utility, Ven, code, let_in, soon, vtn_process
from vpp.protocols.openadr2b.event import Event2b

pytestmark = pytest.mark.django_db(transaction=True)


def told(ven: Ven) -> Event2b:
    """Return the event that polls bring; the VTN looks for changes every second."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := ven.events():
            return found[0]
        time.sleep(0.1)
    raise AssertionError("the VEN was told of nothing")


@exhaustive
def test_killed_at_any_state_of_an_events_life_it_loses_nothing(organization: Organization) -> None:
    utility = Utility(organization)
    with vtn_process(organization) as vtn:
        held = let_in(organization)
        ven = Ven(vtn.port, held)
        ven.register()
        made = utility.event()
        vtn.restart()  # known to nobody
        event = told(ven)
        assert (event.event_id, event.status) == (made.pk, "far")
        vtn.restart()  # shown, not answered
        assert code(ven.created(event)) == 200
        vtn.restart()  # answered
        assert ven.events() == []
        assert code(ven.created(event, "optOut")) == 200
        utility.change(made, starts_at=soon(-5), kw=-4.0)
        vtn.restart()  # changed during the event, not told
        event = told(ven)
        assert (event.modification_number, event.status, event.signals[0].intervals[0].value) == (
            1,
            "active",
            -4.0,
        )
        vtn.restart()  # active, not answered
        assert code(ven.created(event)) == 200
        utility.delete(made)
        vtn.restart()  # canceled, not told
        event = told(ven)
        assert (event.modification_number, event.status) == (2, "cancelled")
        vtn.restart()  # canceled, not answered
        assert code(ven.created(event, "optOut")) == 200
        vtn.restart()  # over
        assert ven.events() == []
        assert code(ven.created(event)) == 200
        assert code(ven.answer_event("unknown", 0)) == 452
    opts = Opt2b.objects.order_by("pk").values_list("modification_number", "opt_type")
    assert list(opts) == [(0, "optIn"), (0, "optOut"), (1, "optIn"), (2, "optOut"), (2, "optIn")]
    held.refresh_from_db()
    assert held.registration_id == ven.registration_id


def offer(specifier: str) -> dict[str, Any]:
    point = {
        "r_id": "r-1", "report_type": "reading", "reading_type": "Direct Read",
        "sampling_rate": {"min_period": timedelta(seconds=1), "max_period": timedelta(minutes=5), "on_change": False},
        "measurement": {"name": "voltage", "description": "Voltage", "unit": "V", "scale": "none", "ns": "power"},
    }  # fmt: skip
    return {
        "report_name": "METADATA_TELEMETRY_USAGE", "report_specifier_id": specifier, "report_descriptions": [point],
        "created_date_time": soon(0), "report_request_id": 0,
    }  # fmt: skip


def update(request_id: str, value: float) -> dict[str, Any]:
    interval = {"dtstart": soon(-1), "report_payload": {"r_id": "r-1", "value": value}}
    return {
        "report_request_id": request_id, "report_specifier_id": "s", "report_name": "TELEMETRY_USAGE",
        "report_id": "x", "created_date_time": soon(0), "intervals": [interval],
    }  # fmt: skip


def test_after_a_restart_every_vens_reports_are_kept(organization: Organization) -> None:
    with vtn_process(organization) as vtn:
        vens = [Ven(vtn.port, let_in(organization)) for _ in range(2)]
        for ven in vens:
            ven.register()
            ven.say("EiReport", "oadrRegisterReport", reports=[offer(f"of {ven.ven_id}")])
        requests = {one.ven.ven_id: one.request_id for one in ReportRequest2b.objects.select_related("ven")}
        vtn.restart()
        vens[0].register()
        vens[0].say("EiReport", "oadrRegisterReport", reports=[offer(f"of {vens[0].ven_id}")])
        for value, ven in enumerate(vens):
            answer = ven.say(
                "EiReport", "oadrUpdateReport", reports=[update(requests[ven.ven_id], float(value))]
            )
            assert code(answer) == 200
    kept = ReportUpdate2b.objects.order_by("pk").select_related("ven")
    assert [(one.ven.ven_id, one.values[0][3]) for one in kept] == [
        (vens[0].ven_id, 0.0),
        (vens[1].ven_id, 1.0),
    ]


def test_two_identities_know_nothing_of_each_other(organization: Organization) -> None:
    other_organization = factories.make_organization()
    utility, other_utility = Utility(organization), Utility(other_organization)
    with vtn_process(organization) as one, vtn_process(other_organization, vtn_id="other") as other:
        mine = Ven(one.port, let_in(organization, ven_id="same", name="same"))
        theirs = Ven(other.port, let_in(other_organization, ven_id="same", name="same", vtn_id="other"))
        assert (mine.register().text("ei:vtnID"), theirs.register().text("ei:vtnID")) == (VTN, "other")
        first, second = utility.event(), other_utility.event()
        assert (told(mine).event_id, told(theirs).event_id) == (first.pk, second.pk)
        mine.answer_event(first.pk, 0)
        assert code(theirs.answer_event(first.pk, 0)) == 452
        only_here = Ven(other.port, let_in(organization))
        assert code(only_here.register()) == 463


class Answers:
    """What `openleadr`'s VEN was told, and what it says."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str]] = []
        self.says = "optIn"

    async def __call__(self, event: dict[str, Any]) -> str:
        described = event["event_descriptor"]
        self.seen.append((described["event_id"], described["modification_number"], described["event_status"]))
        return self.says


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that the database tells."""
    for _ in range(300):
        if await sync_to_async(condition)():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen")


def opted(event: EventObject, *said: tuple[int, str]) -> bool:
    """Whether all these words on an event have arrived."""
    return set(said) <= set(Opt2b.objects.filter(event=event).values_list("modification_number", "opt_type"))


async def play(client: OpenADRClient, utility: Utility) -> list[tuple[int, str]]:
    """Let the library's VEN live through an event; return what it was told."""
    answers = Answers()
    client.add_handler("on_event", answers)
    client.add_handler("on_update_event", answers)
    client.add_report(
        callback=lambda: 1.5, resource_id="meter", measurement="voltage", sampling_rate=timedelta(seconds=1),
        report_duration=timedelta(hours=1),
    )  # fmt: skip
    await client.run()
    try:
        made = await sync_to_async(utility.event)()
        await until(lambda: opted(made, (0, "optIn")))
        answers.says = "optOut"
        await sync_to_async(utility.change)(made, kw=-9.0)
        await until(lambda: opted(made, (0, "optIn"), (1, "optOut")))
        await sync_to_async(utility.delete)(made)
        await until(lambda: opted(made, (2, "optOut")))
        await until(lambda: ReportUpdate2b.objects.filter(values__0__3=1.5).exists())
    finally:
        await client.stop()
        await sync_to_async(connections.close_all)()  # the thread's, or the database cannot be dropped
    return [(number, status) for event_id, number, status in answers.seen if event_id == made.pk]


def test_openleadrs_ven_lives_through_an_event(organization: Organization) -> None:
    utility = Utility(organization)
    held = let_in(organization)
    with vtn_process(organization, "--report-s", "1") as vtn:
        url = f"http://127.0.0.1:{vtn.port}/OpenADR2/Simple/2.0b"
        seen = asyncio.run(play(OpenADRClient(held.name, url), utility))
    assert seen == [(0, "far"), (1, "far"), (2, "cancelled")]


def test_openleadrs_ven_does_so_over_mtls_with_signatures(organization: Organization, tmp_path: Path) -> None:
    keys = certificates_make(tmp_path, ["vtn", "ven"])
    utility = Utility(organization)
    held = let_in(organization, fingerprint=fingerprint_of_pem(keys["ven.pem"].read_text()))
    options = ["--cert", str(keys["vtn.pem"]), "--key", str(keys["vtn.key"]), "--ca", str(keys["ca"])]
    with vtn_process(organization, "--report-s", "1", "--sign", "--require-signatures", *options) as vtn:
        client = OpenADRClient(
            held.name, f"https://127.0.0.1:{vtn.port}/OpenADR2/Simple/2.0b", cert=str(keys["ven.pem"]),
            key=str(keys["ven.key"]), ca_file=str(keys["ca"]), show_fingerprint=False,
            vtn_fingerprint=fingerprint_of_pem(keys["vtn.pem"].read_text()),
        )  # fmt: skip
        seen = asyncio.run(play(client, utility))
    assert seen == [(0, "far"), (1, "far"), (2, "cancelled")]
