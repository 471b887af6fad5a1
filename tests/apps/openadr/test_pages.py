"""Operators' pages: who sees them, and what they change."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import ApiClient, AuditEntry
from apps.dispatch.preview import SHED_STAGES, preview_told
from apps.openadr.messages import message_note
from apps.openadr.models import EventObject, MessageEntry, ProgramObject, Ven2b, VenObject
from apps.openadr.selectors import operators_view
from apps.openadr.services import ven_create
from apps.openadr.services.operators import event_compose
from apps.openadr.vtn2b.vens import ven_create as ven2b_create
from apps.programs.models import GridSignal, Program
from tests import factories
from tests.apps.portal.world import words
from tests.factories import NOW

pytestmark = pytest.mark.django_db
BODY: dict[str, Any] = {
    "eventName": "Evening peak",
    "intervalPeriod": {"start": "2026-06-17T16:00:00Z", "duration": "PT15M"},
    "intervals": [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-4.0]}]}],
}
FORM = {
    "ask": "shed",
    "name": "Evening peak",
    "date": "2026-06-17",
    "starts": "18:00",
    "ends": "19:00",
    "step": "15",
    "value": ["4", "4,5", "4", "4"],
}


def at(fleet: factories.Fleet, path: str) -> str:
    return f"/console/openadr/{fleet.organization.pk}/{path}"


def compose(fleet: factories.Fleet, **changes: Any) -> EventObject:
    return event_compose(program=fleet.program, body={**BODY, **changes}, actor="op@example.org", now=NOW)


def make_ven(fleet: factories.Fleet, *, targets: list[str]) -> VenObject:
    credential = factories.make_credential(organization=fleet.organization, role="ven")
    body = {
        "objectType": "BL_VEN_REQUEST",
        "clientID": credential.client_id,
        "venName": "School",
        "targets": targets,
    }
    return ven_create(viewer=operators_view(organization=fleet.organization), body=body, now=NOW)


def pages(fleet: factories.Fleet) -> list[str]:
    event = compose(fleet)
    ven = make_ven(fleet, targets=["north"])
    older = ven2b_create(organization=fleet.organization, vtn_id="v", name="Old", now=NOW)
    credential = ApiClient.objects.get(organization=fleet.organization)
    message_note(
        organization=fleet.organization, protocol="3.1", direction="received", peer="Utility",
        kind="POST /openadr3/3.1.0/events", status=201, body='{"a": 1}', now=NOW,
    )  # fmt: skip
    message = MessageEntry.objects.get()
    paths = [
        "events/", f"events/{event.pk}/", f"events/{event.pk}/cancel", "composer/", "programs/",
        f"programs/{fleet.program.pk}/", "vens/", "vens/new-2.0b/", f"vens/2.0b/{older.pk}/", f"vens/{ven.pk}/",
        "credentials/", f"credentials/{credential.pk}/rotate", f"credentials/{credential.pk}/revoke", "messages/",
        f"messages/{message.pk}/",
    ]  # fmt: skip
    return [at(fleet, path) for path in paths]


def test_operator_sees_every_page(fleet: factories.Fleet, operator: Client) -> None:
    found = pages(fleet)
    assert [operator.get(path).status_code for path in found] == [200] * 15


def test_viewer_reads_and_changes_nothing(fleet: factories.Fleet, client_of: Callable[[str], Client]) -> None:
    viewer, found = client_of("viewer"), pages(fleet)
    questions = [path for path in found if path.endswith(("cancel", "rotate", "revoke"))]
    assert [viewer.get(path).status_code for path in found if path not in questions] == [200] * 12
    before = everything()
    sent = {**FORM, "program": fleet.program.pk, "do": "send_anyway", "role": "utility", "targets": "x"}
    refused = [viewer.post(path, sent).status_code for path in found]
    assert set(refused) <= {403, 405}
    assert everything() == before


def everything() -> list[Any]:
    models = (EventObject, ProgramObject, VenObject, Ven2b, ApiClient, AuditEntry, Program, GridSignal)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_stranger_finds_nothing_and_nobody_signs_in_first(fleet: factories.Fleet) -> None:
    stranger = Client()
    stranger.force_login(factories.make_operator(organization=factories.make_organization()))
    found = pages(fleet)
    assert [stranger.get(path).status_code for path in found] == [404] * len(found)
    assert [Client().get(path).status_code for path in found] == [302] * len(found)


def test_things_of_another_tenant_are_not_found_under_ones_own_address(
    fleet: factories.Fleet,
) -> None:
    found = pages(fleet)
    elsewhere = factories.make_organization()
    client = Client()
    client.force_login(factories.make_operator(organization=elsewhere))
    own = [path.replace(f"/{fleet.organization.pk}/", f"/{elsewhere.pk}/", 1) for path in found]
    named = [
        path
        for path in own
        if re.search(r"/(events|programs|vens|credentials|messages)/.*\d", path) and "new" not in path
    ]
    assert len(named) == 8
    assert [client.get(path).status_code for path in named] == [404] * 8
    changing = [path for path in named if "messages" not in path]
    assert {client.post(path).status_code for path in changing} == {404, 405}


def test_composed_event_is_what_a_utility_would_have_sent(fleet: factories.Fleet, operator: Client) -> None:
    sent = {
        **FORM,
        "program": fleet.program.pk,
        "priority": "2",
        "randomize": "5",
        "target": fleet.sites[0].name,
    }
    answer = operator.post(at(fleet, "composer/"), {**sent, "do": "send_anyway", "once": "a"})
    event = EventObject.objects.get()
    assert answer["Location"] == at(fleet, f"events/{event.pk}/")
    assert event.content == {
        "programID": ProgramObject.objects.get(program=fleet.program).pk,
        "eventName": "Evening peak",
        "priority": 2,
        "targets": [fleet.sites[0].name],
        "payloadDescriptors": [
            {
                "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
                "payloadType": "DISPATCH_SETPOINT_RELATIVE",
                "units": "KW",
            }
        ],
        "intervalPeriod": {"start": "2026-06-17T16:00:00Z", "duration": "PT15M", "randomizeStart": "PT5M"},
        "intervals": [
            {"id": index, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [value]}]}
            for index, value in enumerate([-4.0, -4.5, -4.0, -4.0])
        ],
    }
    signal = GridSignal.objects.get()
    assert (signal.kind, signal.values, signal.priority) == ("shed", [4.0, 4.5, 4.0, 4.0], 2)
    entry = AuditEntry.objects.get(action="event_compose")
    assert (entry.actor.endswith("@example.org"), entry.subject) == (True, f"event {event.pk}")
    again = operator.post(at(fleet, "composer/"), {**sent, "do": "send_anyway", "once": "a"})
    assert (again.status_code, EventObject.objects.count()) == (409, 1)


@pytest.mark.parametrize(
    ("changes", "kind", "values"),
    [
        ({"ask": "level", "value": ["1", "2", "3", "0"]}, "level", [1, 2, 3, 0]),
        ({"ask": "price", "value": ["-0.1"] * 4}, "price", [-0.1] * 4),
        (
            {"ask": "charge_state", "value": ["1", "35", "99.5", "100"]},
            "charge_state",
            [0.01, 0.35, 0.995, 1],
        ),
        ({"ask": "import_limit", "value": ["0"] * 4}, "import_limit", [0] * 4),
        ({"ask": "setpoint", "value": ["-2"] * 4}, "setpoint", [-2] * 4),
        ({"ask": "ghg", "value": ["400"] * 4}, "ghg", [400] * 4),
        ({"ask": "alert_fire", "text": "Smoke"}, "charge_state", [1] * 4),
        ({"ask": "alert_grid_emergency"}, "level", [3] * 4),
        ({"ask": "alert_other"}, "notice", [None] * 4),
        ({"ask": "device_curve", "text": "101,100 104,20"}, "device", [None] * 4),
    ],
)
def test_every_kind_reaches_the_grid_signal_as_typed(
    fleet: factories.Fleet, operator: Client, changes: dict[str, Any], kind: str, values: list[float]
) -> None:
    sent = {**FORM, "program": fleet.program.pk, "do": "send_anyway", "once": uuid.uuid4().hex, **changes}
    assert operator.post(at(fleet, "composer/"), sent).status_code == 302
    signal = GridSignal.objects.get()
    assert (signal.kind, signal.values) == (kind, values)


@pytest.mark.parametrize(
    ("ask", "text", "payload", "content"),
    [
        ("device_curve", "101,100 104.5,20", "CURVE", [{"x": 101, "y": 100}, {"x": 104.5, "y": 20}]),
        ("device_ols", "0.2 1", "OLS", [0.2, 1]),
        ("device_dispatch_instruction", "eco 3", "DISPATCH_INSTRUCTION", ["eco", 3]),
        ("device_control_level_offset", "-2", "CONTROL_LEVEL_OFFSET", [-2]),
    ],
)
def test_what_devices_are_told_is_passed_on_as_typed(
    fleet: factories.Fleet, operator: Client, ask: str, text: str, payload: str, content: list[Any]
) -> None:
    sent = {**FORM, "program": fleet.program.pk, "do": "send_anyway", "once": "d", "ask": ask, "text": text}
    assert operator.post(at(fleet, "composer/"), sent).status_code == 302
    assert GridSignal.objects.get().detail == {"payload": payload, "content": [content] * 4}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": ["4", "", "4", "4"]}, "18:15 has no value; 0 asks for nothing"),
        ({"value": ["4", "x", "4", "4"]}, "18:15: 'x' is no number"),
        ({"value": ["nan"] * 4}, "18:00: nan kW is not between 0 and"),
        ({"value": ["-1"] * 4}, "18:00: -1 kW is not between 0 and"),
        ({"ask": "charge_state", "value": ["120"] * 4}, "18:00: 120 % is not between 0 and 100"),
        ({"ask": "level", "value": ["1.5"] * 4}, "a level is 0, 1, 2 or 3"),
        ({"ask": "nothing"}, "choose what is asked for"),
        ({"ask": "device_curve", "text": ""}, "say what devices are told"),
        ({"ask": "device_curve", "text": "1 2"}, "a point is two numbers"),
        ({"ask": "device_curve", "text": "1,nan"}, "is no number that can be sent"),
        ({"ask": "device_ols", "text": "0.5 2"}, "2 is not between 0 and 1"),
        ({"ask": "device_cta2045_reboot", "text": "hard"}, "is not between 0 and 1"),
        ({"ends": "18:50"}, "no whole number of 15 minutes"),
        ({"date": "never"}, "a date, a start, an end"),
        ({"date": "0001-01-01"}, "is no day to ask for something"),
        ({"date": "2026-06-16"}, "the event ended at"),
        ({"step": "7"}, "intervals are 5, 15, 30 or 60 minutes long"),
        ({"starts": "18:00", "ends": "18:00", "step": "5"}, "that makes 288 intervals"),
        ({"priority": "-1"}, "the priority is a whole number"),
        ({"randomize": "99"}, "the random start is a whole number from 0 to 60"),
        ({"program": "99999999"}, "choose a program"),
        ({"program": "٣"}, "choose a program"),
        ({"others": "x" * 129}, "a target has at most 128 characters"),
    ],
)
@pytest.mark.parametrize("do", ["preview", "send_anyway"])
def test_what_makes_no_sense_is_said_and_nothing_is_kept(
    fleet: factories.Fleet, operator: Client, changes: dict[str, Any], said: str, do: str
) -> None:
    sent = {**FORM, "program": str(fleet.program.pk), "do": do, **changes}
    before = everything()
    answer = operator.post(at(fleet, "composer/"), sent)
    assert 400 <= answer.status_code < 500
    assert said in words(answer.content.decode())
    assert everything() == before


def test_send_asks_for_a_preview_of_just_this_event(fleet: factories.Fleet, operator: Client) -> None:
    sent = {**FORM, "program": fleet.program.pk, "once": "b"}
    seen = operator.post(at(fleet, "composer/"), {**sent, "do": "preview"}).content.decode()
    digest = re.search(r'name="previewed" value="(\w+)"', seen)
    assert digest is not None
    changed = {**sent, "do": "send", "previewed": digest[1], "value": ["9"] * 4}
    page = operator.post(at(fleet, "composer/"), changed).content.decode()
    assert "You have not seen a preview of the event as it stands now." in page
    assert EventObject.objects.count() == 0
    operator.post(at(fleet, "composer/"), {**sent, "do": "send", "previewed": digest[1]})
    assert EventObject.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_preview_says_how_far_the_work_has_come(fleet: factories.Fleet, operator: Client) -> None:
    sent = {**FORM, "program": fleet.program.pk, "do": "preview"}
    page = operator.post(at(fleet, "composer/"), sent).content.decode()
    assert "Computing… Waiting for a worker." in words(page)
    address = re.search(r'hx-get="([^"]+/(\w+)/)"', page)
    assert address is not None
    preview_told(program_id=fleet.program.pk, token=address[2], stages=SHED_STAGES)("envelope")
    seen = operator.get(address[1]).content.decode()
    assert 'hx-trigger="every 1s"' in seen
    assert 'max="100" value="50"' in seen
    assert "Computing… What each home can give. Nothing is sent." in words(seen)
    assert "dispatch.preview_signal" in factories.run_queued()
    assert "The fleet can give all of it." in words(operator.get(address[1]).content.decode())


def test_event_for_vens_alone_needs_no_planning(fleet: factories.Fleet, operator: Client) -> None:
    make_ven(fleet, targets=["north"])
    sent = {**FORM, "program": fleet.program.pk, "do": "preview", "target": "north"}
    page = words(operator.post(at(fleet, "composer/"), sent).content.decode())
    assert "No home is asked for anything: the targets name VENs only. 1 VEN will see this event." in page


def test_table_is_filled_at_once_and_follows_the_times(fleet: factories.Fleet, operator: Client) -> None:
    htmx = {"HX-Request": "true"}
    sent = {**FORM, "program": fleet.program.pk, "fill": "7", "do": "fill"}
    filled = operator.post(at(fleet, "composer/"), sent, headers=htmx).content.decode()
    assert filled.count('name="value" value="7"') == 4
    longer = operator.post(at(fleet, "composer/"), {**sent, "do": "table", "ends": "20:00"}, headers=htmx)
    assert longer.content.decode().count('name="value"') == 8
    assert longer.content.decode().count('name="value" value="4"') == 3
    wrong = operator.post(at(fleet, "composer/"), {**sent, "do": "table", "ends": "x"}, headers=htmx)
    assert (wrong.status_code, "a date, a start" in wrong.content.decode()) == (200, True)


def test_list_shows_life_and_filters(fleet: factories.Fleet, operator: Client) -> None:
    compose(fleet)
    compose(
        fleet, eventName="Dear hours", intervals=[{"id": 0, "payloads": [{"type": "PRICE", "values": [1]}]}]
    )
    make_ven(fleet, targets=["north"])
    compose(fleet, eventName="For the school", targets=["north"])
    GridSignal.objects.filter(kind="shed").update(state="active")

    def names(query: str) -> list[str]:
        html = operator.get(at(fleet, f"events/?{query}")).content.decode()
        return sorted(re.findall(r"<strong>(Evening peak|Dear hours|For the school)</strong>", html))

    assert names("") == ["Dear hours", "Evening peak", "For the school"]
    assert names("state=active") == ["Evening peak"]
    assert names("state=accepted&kind=price") == ["Dear hours"]
    assert names("state=for+VENs+only") == ["For the school"]
    assert names(f"program={fleet.program.pk}&state=settled") == []
    assert names("program=x&state=y&kind=z&page=q") == ["Dear hours", "Evening peak", "For the school"]


def test_canceling_releases_the_homes_and_is_noted(fleet: factories.Fleet, operator: Client) -> None:
    event = compose(fleet)
    path = at(fleet, f"events/{event.pk}/cancel")
    assert "Cancel Evening peak?" in operator.get(path).content.decode()
    assert GridSignal.objects.get().state == "accepted"
    operator.post(path)
    assert (GridSignal.objects.get().state, AuditEntry.objects.filter(action="event_withdraw").count()) == (
        "canceled",
        1,
    )
    assert (operator.post(path).status_code, AuditEntry.objects.filter(action="event_withdraw").count()) == (
        404,
        1,
    )
    page = words(operator.get(at(fleet, f"events/{event.pk}/")).content.decode())
    assert "accepted canceled What homes are asked" in page


def test_rules_are_changed_and_taken_back(fleet: factories.Fleet, operator: Client) -> None:
    path = at(fleet, f"programs/{fleet.program.pk}/")
    typed = {
        "level_1": "10", "level_2": "40", "level_3": "100", "capacity_scope": "home", "carbon_price": "0,2",
        "reserve_kw": "5", "most_events": "3", "most_events_days": "14",
    }  # fmt: skip
    assert operator.post(path, typed).status_code == 302
    held = Program.objects.get(pk=fleet.program.pk)
    assert (held.level_shares, held.capacity_scope, float(held.carbon_price)) == (
        [0.1, 0.4, 1.0],
        "home",
        0.2,
    )
    assert (held.reserve_kw, held.most_events, held.most_events_days) == (5.0, 3, 14)
    entries = AuditEntry.objects.filter(action__startswith="program_set").order_by("pk")
    assert [entry.action for entry in entries] == ["program_set_signals", "program_set_dispatch"]
    for entry in list(entries):
        operator.post(path, {"undo": str(entry.pk)})
    held.refresh_from_db()
    assert (held.level_shares, held.capacity_scope, float(held.carbon_price)) == (
        [0.25, 0.5, 1.0],
        "fleet",
        0.1,
    )
    assert (held.reserve_kw, held.most_events, held.most_events_days) == (0.0, None, 30)
    assert entries.all().count() == 4


@pytest.mark.parametrize(
    "wrong", [{"level_1": "90"}, {"reserve_kw": "inf"}, {"carbon_price": "x"}, {"most_events_days": "0"}]
)
def test_rules_that_make_no_sense_change_nothing(
    fleet: factories.Fleet, operator: Client, wrong: dict[str, str]
) -> None:
    typed = {
        "level_1": "10", "level_2": "40", "level_3": "100", "capacity_scope": "home", "carbon_price": "0.2",
        "reserve_kw": "5", "most_events": "3", "most_events_days": "14", **wrong,
    }  # fmt: skip
    before = everything()
    answer = operator.post(at(fleet, f"programs/{fleet.program.pk}/"), typed)
    assert (answer.status_code, everything()) == (400, before)
