"""What an aggregator does by REST beyond reading: asks homes, follows, changes, settles, decides."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.dispatch.services import signal_plan
from apps.programs.models import GridSignal
from apps.programs.services import signal_set_state
from apps.settlement.services import signal_settle
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
START = NOW + timedelta(hours=2)


@pytest.fixture
def fleet(settings: Any) -> factories.Fleet:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.drop_queued()
    factories.forget_counts()
    return factories.make_fleet(homes=3)


def wish(fleet: factories.Fleet, value: float = 4.0, **fields: Any) -> dict[str, Any]:
    interval = {
        "starts_at": START.isoformat(), "ends_at": (START + timedelta(hours=1)).isoformat(), "value": value
    }  # fmt: skip
    return {"program_id": fleet.program.pk, "kind": "shed", "intervals": [interval], **fields}


def actions(fleet: factories.Fleet) -> list[str]:
    found = AuditEntry.objects.filter(organization=fleet.organization, actor__startswith="client ")
    return list(found.order_by("pk").values_list("action", flat=True))


def test_a_signal_is_previewed_asked_changed_and_canceled(fleet: factories.Fleet) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    job = api.post("/signal-previews", wish(fleet))
    assert job.status_code == 202
    factories.run_queued()
    done = api.get(f"/jobs/{job.json()['id']}").json()
    assert (done["state"], done["result"]["kind"], done["result"]["homes"]) == ("done", "shed", 3)
    assert not GridSignal.objects.exists()

    made = api.post("/signals", wish(fleet, name="Peak")).json()
    assert (made["kind"], made["state"], made["target_kw"]) == ("shed", "accepted", [4.0] * 4)
    factories.run_queued()
    path = f"/signals/{made['id']}"
    plan = api.get(f"{path}/plans").json()["results"][0]
    assert (plan["revision"], round(sum(plan["planned_kw"]), 3)) == (1, 16.0)
    assert len(api.get(f"{path}/plans/1/schedules").json()["results"]) == 3
    assert api.get(f"{path}/plans/1").json()["limit_prices"] == {}
    assert len(api.get(f"{path}/baselines").json()["results"]) == 3
    live = api.get(f"{path}/live").json()
    assert (live["phase"], live["target_kwh"], live["short"]) == ("coming", 4.0, [])

    changed = api.patch(path, {"intervals": wish(fleet, 2.0)["intervals"]}).json()
    assert (changed["revision"], changed["target_kw"], changed["name"]) == (2, [2.0] * 4, "Peak")
    assert api.post(f"{path}/cancel").json()["state"] == "canceled"
    assert api.patch(path, {"name": "x"}).json()["code"] == "signal_over"
    assert actions(fleet) == ["signal_create", "signal_change", "signal_cancel"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"kind": "level"}, "signal_invalid"),
        ({"kind": "garden"}, "invalid"),
        ({"intervals": []}, "invalid"),
        ({"program_id": 2**40}, "not_found"),
        ({"colour": "red"}, "invalid"),
    ],
)
def test_what_makes_no_sense_is_not_asked(fleet: factories.Fleet, fields: dict[str, Any], code: str) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    answer = api.post("/signals", {**wish(fleet), **fields})
    assert answer.json()["code"] == code
    assert not GridSignal.objects.exists()


def test_a_utilitys_signal_is_not_changed_here_but_left(fleet: factories.Fleet) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    signal = factories.make_signal(program=fleet.program)
    path = f"/signals/{signal.pk}"
    for answer in (api.patch(path, {"name": "mine"}), api.post(f"{path}/cancel")):
        assert (answer.status_code, answer.json()["code"]) == (409, "signal_from_elsewhere")
    said = {"site_id": fleet.sites[0].pk, "reason": "by telephone"}
    assert api.post(f"{path}/opt-outs", said).status_code == 201
    listed = api.get(f"{path}/opt-outs").json()["results"]
    assert [(one["site_id"], one["reason"]) for one in listed] == [(fleet.sites[0].pk, "by telephone")]
    assert api.delete(f"{path}/opt-outs/{fleet.sites[0].pk}").status_code == 204
    assert api.get(f"{path}/opt-outs").json()["results"] == []
    assert actions(fleet) == ["opt_out", "opt_out_withdraw"]


def test_a_run_is_asked_for_again_and_approved(fleet: factories.Fleet, settings: Any) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    signal = factories.make_signal(program=fleet.program, target_kw=[4.0] * 4)
    signal_plan(signal_id=signal.pk, reason="it came in", now=NOW)
    factories.add_minutes(
        sites=fleet.sites, starts_at=START, ends_at=START + timedelta(hours=1), grid_kw=-1.0
    )
    signal_set_state(signal_id=signal.pk, state="ended")
    signal.refresh_from_db()
    settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=4))
    signal_settle(signal=signal, now=NOW + timedelta(hours=4))
    job = api.post(f"/signals/{signal.pk}/settlements", {"reason": "late values"})
    assert job.status_code == 202
    factories.run_queued()
    result = api.get(f"/jobs/{job.json()['id']}").json()["result"]
    assert (result["version"], result["changed"]) == (2, False)
    runs = api.get(f"/settlements?signal={signal.pk}").json()["results"]
    assert [run["version"] for run in runs] == [2, 1]
    path = f"/settlements/{runs[0]['id']}"
    assert len(api.get(f"{path}/statements").json()["results"]) == 3
    assert api.post(f"/settlements/{runs[1]['id']}/approve").status_code == 409
    assert api.post(f"{path}/approve").json()["state"] == "approved"
    assert api.post(f"{path}/pay", {"reference": "SEPA 1"}).json()["state"] == "paid"
    lines = b"".join(api.get(f"{path}/payouts").streaming_content).decode().splitlines()
    assert len(lines) == 4


def test_homes_join_and_leave_a_program(fleet: factories.Fleet) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    late = factories.make_site(organization=fleet.organization)
    path = f"/programs/{fleet.program.pk}/enrollments"
    stranger = factories.make_site(organization=factories.make_organization())
    wanted = {"site_ids": [late.pk, fleet.sites[0].pk, stranger.pk]}
    results = api.post(path, wanted).json()["results"]
    assert [one["result"] for one in results] == ["enrolled", "already_enrolled", "not_found"]
    assert len(api.get(f"{path}?open=true").json()["results"]) == 4
    assert api.delete(f"{path}/{late.pk}").status_code == 204
    assert api.delete(f"{path}/{late.pk}").json()["code"] == "not_enrolled"
    assert len(api.get(f"{path}?open=true").json()["results"]) == 3
    assert actions(fleet) == ["enrollment_create", "enrollment_end"]


def test_history_is_json_by_pages_and_csv_whole(fleet: factories.Fleet) -> None:
    api = factories.make_aggregator(organization=fleet.organization)
    site = fleet.sites[0]
    factories.add_minutes(sites=[site], starts_at=START, ends_at=START + timedelta(minutes=5), grid_kw=1.5)
    query = {
        "from": START.isoformat(), "to": (START + timedelta(minutes=6)).isoformat(), "resolution": "raw",
        "columns": "grid_kw",
    }  # fmt: skip
    first = api.get(f"/sites/{site.pk}/telemetry", **query, limit=3).json()
    assert first["columns"] == ["at", "grid_kw"]
    assert [row[1] for row in first["results"]] == [1.5] * 3
    cursor = first["next"].split("cursor=")[1].split("&")[0]
    rest = api.get(f"/sites/{site.pk}/telemetry", **query, cursor=cursor).json()
    whole = b"".join(api.get(f"/sites/{site.pk}/telemetry", **query, output="csv").streaming_content).decode()
    assert len(whole.splitlines()) == 1 + len(first["results"]) + len(rest["results"])
    assert rest["next"] is None
    wrong = api.get(f"/sites/{site.pk}/telemetry", **{**query, "columns": "colour"})
    assert wrong.json()["code"] == "column_unknown"
    assert api.get(f"/sites/{site.pk}/telemetry/latest").json()["site_id"] == site.pk


def test_another_tenant_meets_nothing(fleet: factories.Fleet) -> None:
    signal = factories.make_signal(program=fleet.program)
    other = factories.make_aggregator(organization=factories.make_organization())
    path = f"/signals/{signal.pk}"
    for answer in (
        other.get(path), other.get(f"{path}/live"), other.patch(path, {"name": "mine"}), other.post(f"{path}/cancel"),
        other.post("/signals", wish(fleet)), other.post("/signal-previews", wish(fleet)),
        other.get(f"/sites/{fleet.sites[0].pk}/telemetry/latest"), other.post(f"/hubs/{fleet.hubs[0].hub_id}/revoke"),
        other.delete(f"/programs/{fleet.program.pk}/enrollments/{fleet.sites[0].pk}"),
    ):  # fmt: skip
        assert answer.status_code == 404
    signal.refresh_from_db()
    assert (signal.state, signal.name, signal.revision) == ("accepted", "Peak", 1)
    assert list(GridSignal.objects.all()) == [signal]
