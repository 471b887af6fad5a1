"""Everything that the console can do is under /api/v1: alerts, people, credentials, payouts, periods, OpenADR."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import ApiClient, AuditEntry, Membership
from apps.alerts.models import AlertRule, Incident
from apps.common.rest.schema import description
from apps.console.navigation import GROUPS
from apps.dispatch.services import signal_plan
from apps.openadr.models import EventObject, MessageEntry, VenConnection2b, VenConnection3, VenObject
from apps.openadr.ven2b.secrets import decrypt
from apps.programs.models import Enrollment, GridSignal, OptOut, OptOutPeriod
from apps.settlement.models import Payout, SettlementRun
from apps.settlement.reviews import run_approve
from apps.settlement.services import signal_settle
from tests import factories
from tests.factories import NOW, Api, Fleet

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
# Which path does what a page of the menu does.
PATHS = {
    "console:fleet": ["/fleet", "/jobs"],
    "console:alerts": ["/incidents", "/alert-rules"],
    "console:sites": ["/sites", "/sites/{site_id}/opt-out-periods", "/signals/{signal_id}/opt-outs"],
    "console:map": ["/sites", "/grid-areas"],
    "console:events": ["/signals", "/signals/{signal_id}/live", "/signals/{signal_id}/plans/{revision}"],
    "console:capacity": ["/capacity"],
    "console:capability": ["/flexibility"],
    "console:forecasts": ["/forecasts/{quantity}", "/sites/{site_id}/forecasts/{quantity}", "/prices"],
    "console:hubs": ["/hubs", "/hubs/{hub_id}/checks", "/campaigns", "/releases"],
    "console:programs": ["/programs", "/programs/{program_id}/pause", "/programs/{program_id}/enrollment-jobs"],
    "console:baselines": ["/programs/{program_id}/baseline-reports"],
    "console:payments": ["/programs/{program_id}/payment-preview", "/payouts", "/payouts-owed"],
    "console:runs": ["/settlements", "/settlements/{settlement_id}/approve", "/settlement-rule"],
    "console:disputes": ["/disputes"],
    "console:areas": ["/grid-areas"],
    "console:markets": ["/markets", "/markets/{market_id}/pause", "/market-runs/{run_id}/again"],
    "console:sharing": ["/sharing-communities", "/sharing-communities/{community_id}/runs"],
    "console:imports": ["/imports"],
    "console:members": ["/members"],
    "console:webhooks": ["/webhooks", "/webhooks/{webhook_id}/deliveries"],
    "console:audit": ["/audit-log"],
    "openadr_pages:events": ["/openadr-events", "/openadr-vens", "/openadr-connections", "/openadr-messages"],
    "openadr_pages:credentials": ["/api-clients", "/api-clients/{credential_id}/rotate"],
}  # fmt: skip


@pytest.fixture
def fleet(settings: Any) -> Fleet:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.forget_counts()
    return factories.make_fleet(homes=2)


@pytest.fixture
def api(fleet: Fleet) -> Api:
    return factories.make_aggregator(organization=fleet.organization)


@pytest.fixture
def stranger(fleet: Fleet) -> Api:
    return factories.make_aggregator(organization=factories.make_organization())


def actions(fleet: Fleet) -> list[str]:
    found = AuditEntry.objects.filter(organization=fleet.organization, actor__startswith="client ")
    return list(found.order_by("pk").values_list("action", flat=True))


def test_every_page_of_the_menu_has_its_paths() -> None:
    pages = {entry.url for group in GROUPS for entry in group.entries}
    assert sorted(PATHS) == sorted(pages)
    known = {path.removeprefix("/api/v1") for path in description()["paths"]}
    assert [path for paths in PATHS.values() for path in paths if path not in known] == []


def make_incident(fleet: Fleet, key: str = "hub:1", **fields: Any) -> Incident:
    held = {"severity": "warning", "opened_at": NOW, "changed_at": NOW, "title": "a hub is offline", **fields}
    return Incident.objects.create(organization=fleet.organization, kind="hub_offline", key=key, **held)


def test_incidents_are_found_acknowledged_snoozed_and_taken_back(
    fleet: Fleet, api: Api, stranger: Api
) -> None:
    one = make_incident(fleet, site=fleet.sites[0])
    other = make_incident(fleet, "hub:2", severity="critical", cleared_at=NOW)
    assert [row["id"] for row in api.get("/incidents").json()["results"]] == [other.pk, one.pk]
    for query, found in (
        ({"state": "open"}, [one.pk]), ({"state": "history"}, [other.pk]), ({"severity": "critical"}, [other.pk]),
        ({"site": fleet.sites[0].pk}, [one.pk]), ({"kind": "clock_wrong"}, []),
    ):  # fmt: skip
        assert [row["id"] for row in api.get("/incidents", **query).json()["results"]] == found
    path = f"/incidents/{one.pk}"
    done = api.post(f"{path}/acknowledge", {"note": "on the way"}).json()
    assert done["acknowledged_by"].startswith("client ")
    assert [(row["act"], row["note"]) for row in done["notes"]] == [("acknowledged", "on the way")]
    assert api.post(f"{path}/acknowledge", {}).json()["code"] == "incident_state"
    assert api.post(f"{path}/unacknowledge").json()["acknowledged_at"] is None
    assert api.post(f"{path}/snooze", {"duration": "8h"}).json()["snoozed_until"] is not None
    assert [row["id"] for row in api.get("/incidents", state="snoozed").json()["results"]] == [one.pk]
    assert api.post(f"{path}/wake").json()["snoozed_until"] is None
    assert api.post(f"/incidents/{other.pk}/acknowledge", {}).status_code == 409
    said = [
        stranger.send(method, f"{path}{end}", {"duration": "1h"} if end == "/snooze" else {}).json()["code"]
        for method, end in (("GET", ""), ("POST", "/acknowledge"), ("POST", "/snooze"), ("POST", "/wake"))
    ]
    assert said == ["incident_unknown"] * 4
    assert stranger.get("/incidents").json()["results"] == []
    assert actions(fleet) == [
        "incident_acknowledged", "incident_unacknowledged", "incident_snoozed", "incident_woken",
    ]  # fmt: skip


def test_rules_of_alerts_are_changed_and_default_again(fleet: Fleet, api: Api, stranger: Api) -> None:
    assert len(api.get("/alert-rules").json()) == 11
    changed = api.patch("/alert-rules/hub_offline", {"after_s": 60, "severity": "critical"}).json()
    assert (changed["after_s"], changed["severity"], changed["most_single"], changed["is_default"]) == (
        60, "critical", 20, False,
    )  # fmt: skip
    for kind, body, status, code in (
        ("hub_offline", {"threshold": 3}, 400, "alert_rule_invalid"),
        ("hub_offline", {"after_s": -1}, 400, "invalid"),
        ("market_paused", {"most_single": 3}, 400, "alert_rule_invalid"),
        ("no_such", {"enabled": False}, 404, "alert_rule_unknown"),
        ("no_such\x00", {"enabled": False}, 404, "alert_rule_unknown"),
    ):
        answer = api.patch(f"/alert-rules/{kind}", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    stranger.delete("/alert-rules/hub_offline")
    assert AlertRule.objects.get().after_s == 60
    assert api.delete("/alert-rules/hub_offline").json()["is_default"] is True
    assert not AlertRule.objects.exists()


def test_people_are_invited_change_their_role_and_leave(fleet: Fleet, api: Api, stranger: Api) -> None:
    first = factories.make_operator(organization=fleet.organization)
    made = api.post("/members", {"email": "ada@example.org", "role": "viewer"})
    assert (made.status_code, made.json()["role"]) == (201, "viewer")
    path = f"/members/{made.json()['id']}"
    shown = api.get(path)
    assert api.patch(path, {"role": "operator"}).json()["role"] == "operator"
    refused = api.send("PATCH", path, {"role": "viewer"}, headers={"If-Match": shown.headers["ETag"]})
    assert refused.json()["code"] == "revision_mismatch"
    for method in ("GET", "PATCH", "DELETE"):
        assert stranger.send(method, path, {"role": "viewer"}).status_code == 404
    assert api.delete(path).status_code == 204
    last = Membership.objects.get(user=first)
    assert api.delete(f"/members/{last.pk}").json()["code"] == "last_operator"
    assert api.post("/members", {"email": "ada", "role": "viewer"}).status_code == 400
    assert [row["email"] for row in api.get("/members").json()["results"]] == [first.email]
    assert actions(fleet) == ["member_invite", "member_set_role", "member_remove"]


def test_credentials_are_narrowed_and_rotated_with_an_overlap(fleet: Fleet, api: Api) -> None:
    sent = {"name": "dashboard", "role": "aggregator", "scopes": ["ores_read"]}
    made = api.post("/api-clients", sent).json()
    row = next(one for one in api.get("/api-clients").json()["results"] if one["id"] == made["id"])
    assert row["scopes"] == ["ores_read"]
    assert api.post("/api-clients", {**sent, "scopes": ["write_events"]}).json()["code"] == "scope_invalid"
    assert api.post("/api-clients", {"name": "app", "role": "app"}).status_code == 400
    path = f"/api-clients/{made['id']}/rotate"
    assert api.post(path, {"overlap_hours": 24}).json()["client_secret"] != made["client_secret"]
    assert ApiClient.objects.get(pk=made["id"]).previous_until is not None
    assert api.post(path).status_code == 200
    assert ApiClient.objects.get(pk=made["id"]).previous_until is None
    assert api.post(path, {"overlap_hours": 721}).status_code == 400


def test_a_home_is_out_for_a_time_and_back(fleet: Fleet, api: Api, stranger: Api) -> None:
    signal = factories.make_signal(program=fleet.program)
    path = f"/sites/{fleet.sites[0].pk}/opt-out-periods"
    sent = {"starts_at": NOW.isoformat(), "ends_at": (NOW + timedelta(days=3)).isoformat(), "reason": "away"}
    made = api.post(path, sent)
    assert (made.status_code, made.json()["reason"]) == (201, "away")
    assert OptOut.objects.get().signal_id == signal.pk
    assert len(api.get(path, open="true").json()["results"]) == 1
    assert api.post(path, {"starts_at": sent["ends_at"], "ends_at": sent["starts_at"]}).json()["code"] == (
        "period_invalid"
    )
    for method, end in (("GET", ""), ("POST", ""), ("DELETE", f"/{made.json()['id']}")):
        assert stranger.send(method, path + end, {} if method == "POST" else None).status_code == 404
    assert OptOutPeriod.objects.get().ended_at is None
    assert api.delete(f"{path}/{made.json()['id']}").json()["ended_at"] is not None
    assert api.delete(f"{path}/{made.json()['id']}").json()["code"] == "period_unknown"
    assert (OptOut.objects.count(), api.get(path, open="true").json()["results"]) == (0, [])
    assert api.post(path, {}).json()["ends_at"] is None
    assert actions(fleet)[:2] == ["opt_out", "opt_out_period"]


def test_what_homes_are_owed_is_paid_once(fleet: Fleet, api: Api, stranger: Api) -> None:
    run = settled(fleet)
    owed = api.get("/payouts-owed").json()["results"]
    assert [row["site_id"] for row in owed] == [site.pk for site in fleet.sites]
    assert api.get("/payouts-owed", site=fleet.sites[0].pk).json()["results"] == owed[:1]
    first = api.get("/payouts-owed", limit=1).json()
    second = api.get(first["next"].partition("/api/v1")[2]).json()
    assert (first["results"] + second["results"], second["next"]) == (owed, None)
    assert stranger.get("/payouts-owed").json() == {"results": [], "next": None}
    sent = {"site_id": fleet.sites[0].pk, "currency": "EUR", "reference": "SEPA 1"}
    assert stranger.post("/payouts", sent).status_code == 404
    paid = api.post("/payouts", sent)
    assert (paid.status_code, paid.json()["amount"], paid.json()["settlement_id"]) == (
        201, owed[0]["amount"], None,
    )  # fmt: skip
    assert paid.json()["lines"] == owed[0]["lines"]
    assert api.post("/payouts", sent).json()["code"] == "payout_invalid"
    api.post(f"/settlements/{run.pk}/pay", {"reference": "SEPA 2"})
    rows = api.get("/payouts").json()["results"]
    assert [(row["site_id"], row["settlement_id"]) for row in rows] == [
        (fleet.sites[1].pk, run.pk), (fleet.sites[0].pk, None),
    ]  # fmt: skip
    assert len(api.get("/payouts", settlement=run.pk).json()["results"]) == 1
    assert api.get("/payouts", since=(NOW + timedelta(days=9)).isoformat()).json()["results"] == []
    assert api.get("/payouts-owed").json()["results"] == []
    assert stranger.get(f"/payouts/{rows[0]['id']}").status_code == 404
    assert (stranger.get("/payouts").json()["results"], Payout.objects.count()) == ([], 2)


def settled(fleet: Fleet) -> SettlementRun:
    """An event that was settled and approved: each home gave 1 kWh."""
    signal = factories.make_signal(program=fleet.program)
    ends_at = START + timedelta(hours=1)
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    GridSignal.objects.filter(pk=signal.pk).update(state="ended")
    factories.add_minutes(sites=fleet.sites, starts_at=START, ends_at=ends_at, grid_kw=0.0)
    run = signal_settle(signal=GridSignal.objects.get(pk=signal.pk), now=START + timedelta(hours=2))
    assert run is not None
    run_approve(run=run, actor="operator", now=NOW)
    return run


def test_whether_two_people_are_needed_is_said_by_rest(fleet: Fleet, api: Api, stranger: Api) -> None:
    assert api.get("/settlement-rule").json() == {"four_eyes": False}
    assert api.put("/settlement-rule", {"four_eyes": True}).json() == {"four_eyes": True}
    assert api.get("/settlement-rule").json() == {"four_eyes": True}
    assert stranger.get("/settlement-rule").json() == {"four_eyes": False}
    assert actions(fleet) == ["review_rule_set"]


def test_a_program_stands_still_and_many_homes_leave_at_once(fleet: Fleet, api: Api, stranger: Api) -> None:
    path = f"/programs/{fleet.program.pk}"
    assert api.post(f"{path}/pause").json()["paused_at"] is not None
    assert api.post(f"{path}/resume").json()["paused_at"] is None
    jobs = f"{path}/enrollment-jobs"
    assert api.post(jobs, {"kind": "leave", "resources": ["ev_charger"]}).json()["code"] == "nothing_to_do"
    assert api.post(jobs, {"kind": "leave", "grid_area": 1}).status_code == 404
    job = api.post(jobs, {"kind": "leave", "resources": ["battery"]})
    assert (job.status_code, job.json()["homes"], job.json()["state"]) == (202, 2, "waiting")
    assert api.post(jobs, {"kind": "leave"}).json()["code"] == "enrollment_job_open"
    assert api.get(f"{jobs}/{job.json()['id']}").json() == job.json()
    for method, end in (("POST", "/pause"), ("GET", "/enrollment-jobs"), ("POST", "/enrollment-jobs")):
        assert (
            stranger.send(method, path + end, {"kind": "leave"} if end[1] == "e" else None).status_code == 404
        )
    assert Enrollment.objects.filter(ends_at=None).count() == 2
    assert actions(fleet) == ["program_pause", "program_resume", "enrollment_job_leave"]


def test_an_event_is_sent_to_vens_and_canceled(fleet: Fleet, api: Api, stranger: Api) -> None:
    event = {
        "eventName": "evening", "intervalPeriod": {"start": START.isoformat(), "duration": "PT1H"},
        "intervals": [{"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [3.0]}]}],
    }  # fmt: skip
    made = api.post("/openadr-events", {"program_id": fleet.program.pk, "event": event})
    assert made.status_code == 201, made.content
    assert (made.json()["state"], len(made.json()["signal_ids"])) == ("accepted", 1)
    path = f"/openadr-events/{made.json()['id']}"
    assert api.get(path).json() == made.json()
    assert api.get("/openadr-events", program=fleet.program.pk).json()["results"] == [made.json()]
    assert (
        stranger.post("/openadr-events", {"program_id": fleet.program.pk, "event": event}).status_code == 404
    )
    assert (stranger.get(path).status_code, stranger.post(f"{path}/cancel").status_code) == (404, 404)
    assert (
        api.post("/openadr-events", {"program_id": fleet.program.pk, "event": {"intervals": 1}}).status_code
        == 400
    )
    assert api.post(f"{path}/cancel").json()["state"] == "canceled"
    assert api.get("/openadr-events", canceled="false").json()["results"] == []
    assert EventObject.objects.count() == 1
    assert actions(fleet) == ["event_compose", "event_withdraw"]


def test_what_vens_may_see_is_said_by_targets(fleet: Fleet, api: Api, stranger: Api) -> None:
    factories.make_ven(organization=fleet.organization, targets=["north"])
    row = api.get("/openadr-vens").json()["results"][0]
    path = f"/openadr-vens/{row['id']}"
    assert (row["targets"], row["resource_count"]) == (["north"], 0)
    assert api.patch(path, {"targets": ["south", "south"]}).json()["targets"] == ["south"]
    assert api.get(f"{path}/seen").json() == {"programs": [], "events": [], "hidden_events": 0}
    sent = {"name": "city hall", "fingerprint": "0d:85:93", "targets": ["north"]}
    made = api.post("/openadr2b-vens", sent)
    assert (made.status_code, made.json()["fingerprint"], made.json()["vtn_id"]) == (
        201,
        "0D:85:93",
        "ores-vtn",
    )
    older = f"/openadr2b-vens/{made.json()['id']}"
    assert api.patch(older, {"targets": []}).json()["targets"] == []
    for one in (path, older, f"{path}/seen"):
        assert stranger.get(one).status_code == 404
    assert (stranger.patch(path, {"targets": []}).status_code, VenObject.objects.get().targets) == (
        404,
        ["south"],
    )
    assert api.get("/openadr-vens/a b").status_code == 404
    assert actions(fleet) == ["ven_set_targets", "ven_create", "ven_set_targets"]


def test_connections_to_utilities_are_made_changed_and_switched(
    fleet: Fleet, api: Api, stranger: Api, settings: Any
) -> None:
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True
    sent = {
        "name": "ores", "url": "https://127.0.0.1:9/openadr3/3.1.0", "program_id": fleet.program.pk,
        "client_id": "us", "client_secret": "hush-hush",
    }  # fmt: skip
    made = api.post("/openadr-connections", sent)
    assert made.status_code == 201, made.content
    assert b"hush-hush" not in made.content
    path = f"/openadr-connections/{made.json()['id']}"
    changed = api.patch(path, {"poll_s": 30, "enabled": False})
    assert (changed.json()["poll_s"], changed.json()["enabled"]) == (30, False)
    held = VenConnection3.objects.get()
    assert (decrypt(held.client_secret_encrypted), held.url, held.public_only) == (
        "hush-hush",
        sent["url"],
        True,
    )
    for body, code in (
        ({**sent, "url": "ftp://127.0.0.1/x"}, "connection_invalid"), (sent, "connection_taken"),
        ({**sent, "program_id": 0}, "invalid"), ({**sent, "client_id": ""}, "connection_invalid"),
        ({**sent, "other": 1}, "invalid"),
    ):  # fmt: skip
        assert api.post("/openadr-connections", body).json()["code"] == code
    older = {"name": "ores", "url": "https://127.0.0.1:9/OpenADR2", "program_id": fleet.program.pk}
    made = api.post("/openadr2b-connections", {**older, "level_kw": [1, 2, 3], "vtn_fingerprint": "ab"})
    assert (made.status_code, made.json()["vtn_fingerprint"]) == (201, "AB")
    older_path = f"/openadr2b-connections/{made.json()['id']}"
    assert api.patch(older_path, {"level_kw": []}).json()["level_kw"] == []
    assert api.post("/openadr2b-connections", {**older, "level_kw": [1]}).status_code == 400
    assert api.post("/openadr2b-connections", {**older, "name": "b", "key_pem": "x"}).status_code == 400
    for one in (path, older_path):
        said = [
            stranger.send(method, one + end).status_code for method, end in (("GET", ""), ("POST", "/try"))
        ]
        assert (said, stranger.patch(one, {"enabled": True}).status_code) == ([404, 404], 404)
    assert (VenConnection3.objects.get().enabled, VenConnection2b.objects.count()) == (False, 1)
    entries = AuditEntry.objects.filter(organization=fleet.organization, actor__startswith="client ")
    assert "hush-hush" not in str(list(entries.values()))


def test_a_connection_that_leads_nowhere_says_so(fleet: Fleet, api: Api, settings: Any) -> None:
    sent = {"name": "ores", "url": "https://127.0.0.1:9/3", "token_auth": "none"}
    assert api.post("/openadr-connections", sent).json()["code"] == "connection_invalid"
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True
    made = api.post("/openadr-connections", sent).json()
    probe = api.post(f"/openadr-connections/{made['id']}/try").json()
    assert probe["is_good"] is False and probe["text"]


def test_messages_are_searched_by_pages(fleet: Fleet, api: Api, stranger: Api) -> None:
    rows = [
        MessageEntry(
            organization=fleet.organization, at=NOW, protocol="3.1", direction="received", peer=f"peer {place}",
            kind="GET /events", status=200 if place else 400, body="<secretless>",
        )
        for place in range(5)
    ]  # fmt: skip
    MessageEntry.objects.bulk_create(rows)
    first = api.get("/openadr-messages", limit="2").json()
    rest = api.get(first["next"].partition("/api/v1")[2]).json()
    assert [row["peer"] for row in first["results"] + rest["results"]] == [
        "peer 4",
        "peer 3",
        "peer 2",
        "peer 1",
    ]
    assert "body" not in first["results"][0]
    refused = api.get("/openadr-messages", status="refused").json()["results"]
    assert [row["peer"] for row in refused] == ["peer 0"]
    assert api.get(f"/openadr-messages/{refused[0]['id']}").json()["body"] == "<secretless>"
    assert api.get("/openadr-messages", cursor="x").json()["code"] == "cursor_invalid"
    assert stranger.get(f"/openadr-messages/{refused[0]['id']}").status_code == 404
    assert stranger.get("/openadr-messages").json() == {"results": [], "next": None}


def test_a_community_is_changed_only_as_it_is_known(fleet: Fleet, api: Api) -> None:
    area = api.post("/grid-areas", {"name": "north"}).json()["id"]
    made = api.post("/sharing-communities", {"grid_area_id": area, "name": "north", "key": "dynamic"}).json()
    path = f"/sharing-communities/{made['id']}"
    tag = api.get(path).headers["ETag"]
    assert api.send("PATCH", path, {"key": "static"}, headers={"If-Match": tag}).json()["key"] == "static"
    assert api.send("PATCH", path, {"key": "hybrid"}, headers={"If-Match": tag}).status_code == 412
