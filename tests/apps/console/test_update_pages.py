"""Operators' pages of updates and checks: what they show, who may act, and that reasons are kept."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.hubs.diagnoses import diagnosis_answered
from apps.hubs.models import Campaign, Diagnosis, Hub, Release
from apps.hubs.rings import ring_of
from apps.hubs.update_services import update_report
from tests import factories
from tests.apps.portal.world import words
from tests.factories import NOW, Fleet
from vpp.protocols.link.messages import CheckResult
from vpp.protocols.link.update import UpdateReport

pytestmark = pytest.mark.django_db
As = Callable[[User | None], Client]


@pytest.fixture
def fleet(settings: Any) -> Fleet:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    fleet = factories.make_fleet(homes=3, history=False)
    Hub.objects.update(features=["update", "diagnostics"])
    Release.objects.create(
        version="1.0.0", hardware=["generic"], length=90_000, published_at=NOW, notes="calmer"
    )
    Release.objects.create(version="0.9.0", length=1, published_at=NOW, withdrawn_at=NOW)
    return fleet


@pytest.fixture
def operator(fleet: Fleet) -> User:
    return factories.make_operator(organization=fleet.organization)


@pytest.fixture
def viewer(fleet: Fleet) -> User:
    return factories.make_operator(organization=fleet.organization, role="viewer")


def page(fleet: Fleet, rest: str = "updates/") -> str:
    return f"/console/{fleet.organization.pk}/{rest}"


def begin(client: Client, fleet: Fleet, **form: Any) -> Campaign:
    hub_ids = [hub.hub_id for hub in fleet.hubs[:2]]
    wish = {"version": "1.0.0", "soak_minutes": "30", "test_hubs": hub_ids, **form}
    assert client.post(page(fleet), wish).status_code == 302
    return Campaign.objects.get(state="running")


def test_an_operator_starts_an_update_and_sees_its_rings(fleet: Fleet, operator: User, as_: As) -> None:
    client = as_(operator)
    shown = words(client.get(page(fleet)).content.decode())
    assert "calmer" in shown
    assert "withdrawn" in shown
    campaign = begin(client, fleet)
    assert campaign.soak_minutes == 30
    first, second = (hub.hub_id for hub in fleet.hubs[:2])
    update_report(hub_id=first, report=UpdateReport("1.0.0", phase="confirmed"), now=NOW)
    failed = UpdateReport(
        "0.1.0", phase="rolled_back", failed_version="1.0.0", reason="the agent ended with 3"
    )
    update_report(hub_id=second, report=failed, now=NOW)
    others = [hub.hub_id for hub in fleet.hubs[2:] if ring_of(hub.hub_id, is_test_hub=False) == 0]
    shown = words(client.get(page(fleet, f"updates/{campaign.pk}/")).content.decode())
    assert "the agent ended with 3" in shown
    assert "1 healthy 1 failed" in shown
    assert f"1 of {2 + len(others)} hubs healthy, 1 failed" in words(client.get(page(fleet)).content.decode())


def test_pause_resume_and_stop_need_a_reason_that_is_kept(fleet: Fleet, operator: User, as_: As) -> None:
    client = as_(operator)
    campaign = begin(client, fleet)
    here = page(fleet, f"updates/{campaign.pk}/")
    assert client.post(here, {"do": "pause", "reason": " "}).status_code == 400
    assert client.post(here, {"do": "explode", "reason": "x"}).status_code == 400
    for do, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert client.post(here, {"do": do, "reason": f"because of {do}"}).status_code == 302
        campaign.refresh_from_db()
        assert (campaign.state, campaign.state_reason) == (state, f"because of {do}")
        assert AuditEntry.objects.get(action=f"campaign_{state}").actor == operator.email
    assert client.post(here, {"do": "resume", "reason": "again"}).status_code == 409
    assert 'name="do"' not in client.get(here).content.decode()


def test_a_viewer_sees_everything_and_changes_nothing(
    fleet: Fleet, operator: User, viewer: User, as_: As
) -> None:
    campaign = begin(as_(operator), fleet)
    client = as_(viewer)
    for rest in ("updates/", f"updates/{campaign.pk}/", f"hubs/{fleet.hubs[0].hub_id}/checks/"):
        assert (
            "<button"
            not in client.get(page(fleet, rest)).content.decode().split("<main")[1].split("</main>")[0]
        )
    assert client.post(page(fleet), {"version": "1.0.0"}).status_code == 403
    assert (
        client.post(page(fleet, f"updates/{campaign.pk}/"), {"do": "stop", "reason": "x"}).status_code == 403
    )
    assert (
        client.post(page(fleet, f"hubs/{fleet.hubs[0].hub_id}/checks/"), {"name": "disk"}).status_code == 403
    )
    campaign.refresh_from_db()
    assert campaign.state == "running"
    assert Diagnosis.objects.count() == 0


@pytest.mark.parametrize(
    "form",
    [
        {"version": "9.9.9"},
        {"version": "0.9.0"},
        {"version": "1.0.0", "soak_minutes": "x"},
        {"version": "1.0.0", "soak_minutes": "-1"},
        {"version": "1.0.0", "test_hubs": ["no"]},
        {"version": "1.0.0", "test_hubs": ["6f1c0d9c-51f0-4b8e-9e5a-0f1f5a2a4a10"]},
        {},
    ],
)
def test_a_form_that_cannot_be_starts_nothing(
    fleet: Fleet, operator: User, as_: As, form: dict[str, Any]
) -> None:
    answer = as_(operator).post(page(fleet), form)
    assert answer.status_code in {400, 404}
    assert "Nothing was started" in answer.content.decode()
    assert Campaign.objects.count() == 0


def test_a_check_is_asked_for_and_its_answer_shown_as_text(fleet: Fleet, operator: User, as_: As) -> None:
    client, hub_id = as_(operator), fleet.hubs[0].hub_id
    here = page(fleet, f"hubs/{hub_id}/checks/")
    assert client.post(here, {"name": "shell"}).status_code == 400
    assert "there is no check" in client.post(here, {"name": "shell"}).content.decode()
    assert client.post(here, {"name": "logs"}).status_code == 302
    held = Diagnosis.objects.get()
    result = CheckResult(0, str(held.pk), 0, "<script>alert(1)</script>", truncated=True)
    assert diagnosis_answered(hub_id=hub_id, result=result, now=NOW)
    shown = client.get(here).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "cut off at its largest size" in shown
    Hub.objects.filter(pk=hub_id).update(features=[])
    assert "too old for checks" in client.get(here).content.decode()
    assert client.post(here, {"name": "logs"}).status_code == 409
