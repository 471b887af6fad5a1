"""From first start to payment, in one process: real link, database, broker, worker, solver; a passed clock."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from apps.accounts.models import ApiClient
from apps.accounts.services import api_client_create, organization_create, user_create
from apps.dispatch.tracking import signals_tick
from apps.openadr.services import reports_due
from apps.settlement.services import signals_settle_due
from apps.sites.services import site_create, site_member_add
from apps.telemetry.selectors import latest_by_site, snapshots
from ores_cloud.demo.client import Api, Browser, CallFailed
from tests.story.homes import Stepped, Street
from tests.story.server import web_door, worker

HOMES = 5
START = datetime(2026, 4, 23, 16, 40, tzinfo=ZoneInfo("Europe/Berlin"))
TARGET_KW = 5.0
PRICE = "0.55"
PASSWORD = "whole-loop-test"


@pytest.fixture
def address(transactional_db: None) -> Iterator[str]:
    with web_door() as address, worker():
        yield address
    connections.close_all()


class Story:
    """The cast: an organization, its homes and partners."""

    def __init__(self, address: str, folder: Path, clock: Stepped) -> None:
        organization = organization_create(name="Story", slug="story")
        self.address = address
        self.clock = clock
        self.street = Street(count=HOMES, address=address, folder=folder, clock=clock)
        self.sites: dict[str, int] = {}
        for key in self.street.agents:
            site = site_create(organization=organization, name=key, now=clock.now)
            site_member_add(site=site, user=user_create(email=f"{key}@example.org", password=PASSWORD))
            self.sites[key] = site.pk
        self.utility = self._api(organization, ApiClient.Role.UTILITY)
        self.aggregator = self._api(organization, ApiClient.Role.AGGREGATOR)

    def _api(self, organization: Any, role: str) -> Api:
        made = api_client_create(organization=organization, name=role, role=role)
        return Api(self.address, client_id=made.client_id, client_secret=made.client_secret)

    def post_event(self, *, minutes_ahead: int, minutes: int = 60) -> dict[str, Any]:
        program = self.utility.post("/openadr3/3.1.0/programs", {"programName": "Peak"})
        number = self.aggregator.get("/api/v1/programs")["results"][0]["id"]
        self.aggregator.patch(f"/api/v1/programs/{number}", {"energy_price": PRICE})
        self.aggregator.post(
            f"/api/v1/programs/{number}/enrollments", {"site_ids": list(self.sites.values())}
        )
        starts_at = (self.clock.now + timedelta(minutes=minutes_ahead)).astimezone(UTC)
        event: dict[str, Any] = self.utility.post(
            "/openadr3/3.1.0/events",
            {
                "programID": program["id"],
                "eventName": "evening",
                "intervalPeriod": {"start": starts_at.isoformat(), "duration": f"PT{minutes}M"},
                "intervals": [
                    {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-TARGET_KW]}]}
                ],
            },
        )
        return event

    def minute(self) -> None:
        self.street.minute()
        self.wait_for_latest()
        signals_tick(now=self.clock.now)

    def wait_for_latest(self) -> None:
        """The latest state is written twice a second of the machine's time; minutes here pass faster than that."""
        lit = [
            self.sites[key] for key in self.street.agents if key in self.sites and key not in self.street.dark
        ]
        deadline = time.monotonic() + 10
        while any(row.at < self.clock.now for row in latest_by_site(site_ids=lit).values()):
            assert time.monotonic() < deadline, "the latest state is not written"
            time.sleep(0.01)

    def signal(self) -> dict[str, Any]:
        number = self.aggregator.get("/api/v1/signals")["results"][0]["id"]
        view: dict[str, Any] = self.aggregator.get(f"/api/v1/signals/{number}")
        return view

    def wait_for_plan(self, revision: int) -> dict[str, Any]:
        """The worker plans by itself; give it its moment."""
        for _ in range(200):
            view = self.signal()
            if view["plans"] and view["plans"][0]["revision"] >= revision:
                return view
            time.sleep(0.05)
        raise AssertionError(f"no plan {revision}")


@pytest.fixture
def story(address: str, tmp_path: Path, settings: Any) -> Iterator[Story]:
    story = Story(address, tmp_path, Stepped(START, settings))
    yield story
    story.street.close()


@pytest.mark.django_db(transaction=True)
def test_a_utilitys_event_becomes_schedules_delivered_energy_and_a_payment(story: Story) -> None:
    street = story.street
    street.enroll(story.aggregator, story.sites)
    street.back_fill()
    for _ in range(3):
        story.minute()
    event = story.post_event(minutes_ahead=17)
    view = story.wait_for_plan(1)
    assert view["plans"][0]["status"] == "optimal"
    assert [round(kw, 6) for kw in view["plans"][0]["planned_kw"]] == [TARGET_KW] * 4
    for _ in range(19):
        story.minute()
    for _ in range(2):  # a plan of the last minute reaches its hubs and is taken up
        street.minute()
    view = story.signal()
    assert view["signal"]["state"] == "active"
    asked = {home["name"] for home in view["homes"] if home["shed_kw"] > 0}
    assert {home["instruction_state"] for home in view["homes"] if home["name"] in asked} <= {
        "applied",
        "verified",
    }

    street.dark.add("home-03")
    for _ in range(8):
        story.minute()
    view = story.signal()
    assert view["plans"][0]["reason"] == "homes have dropped out"
    assert {home["name"]: home["state"] for home in view["homes"]}["home-03"] == "silent"

    revision = view["plans"][0]["revision"]
    browser = Browser(story.address)
    browser.sign_in("home-02@example.org", PASSWORD)
    browser.submit(f"/sites/{story.sites['home-02']}/events/{view['signal']['id']}/opt-out", {})
    view = story.wait_for_plan(revision + 1)
    assert view["plans"][0]["reason"] == "home-02 opted out"
    story.minute()
    assert street.agents["home-02"].book.active(story.clock.hub_clock.now_ms()) is None

    while story.signal()["signal"]["state"] == "active":
        story.minute()
    for _ in range(10):
        street.minute()
    assert signals_settle_due(now=story.clock.now) == 1
    assert signals_settle_due(now=story.clock.now) == 0
    assert reports_due(now=story.clock.now) == 1
    check_payment(story, event)
    check_energy_balance(story)


def check_payment(story: Story, event: dict[str, Any]) -> None:
    view = story.signal()
    assert view["signal"]["state"] == "settled"
    (run,) = story.aggregator.get(f"/api/v1/signals/{view['signal']['id']}/settlements")
    delivered = sum(Decimal(one["delivered_kwh"]) for one in run["statements"])
    assert delivered == Decimal(run["delivered_kwh"])
    assert sum(Decimal(one["amount"]) for one in run["statements"]) == Decimal(run["amount"])
    assert Decimal(run["amount"]) == (delivered * Decimal(PRICE)).quantize(Decimal("0.01"))
    assert float(delivered) > 0.85 * TARGET_KW * 1.0
    (report,) = story.utility.get(f"/openadr3/3.1.0/reports?eventID={event['id']}")
    reported = -sum(
        payload["values"][0]
        for interval in report["resources"][0]["intervals"]
        for payload in interval["payloads"]
        if payload["type"] == "DELTA_USAGE"
    )
    assert reported == pytest.approx(float(delivered), abs=0.01)
    dark = next(one for one in run["statements"] if one["name"] == "home-03")
    assert dark["lines"][-1]["status"] == "missing"
    assert dark["lines"][-1]["delivered_kwh"] == 0.0


def check_energy_balance(story: Story) -> None:
    """What flows in at the meter is what the house uses, in every minute; registers follow the power."""
    columns = ["grid_kw", "load_kw", "pv_kw", "battery_kw", "ev_kw", "heat_kw", "import_kwh", "export_kwh"]
    for site_id in story.sites.values():
        rows = snapshots(site_id=site_id, starts_at=START, ends_at=story.clock.now, columns=columns)
        assert len(rows) > 20
        before: tuple[Any, ...] | None = None
        for at, grid_kw, load_kw, pv_kw, battery_kw, ev_kw, heat_kw, imported, exported in rows:
            parts = [load_kw, pv_kw or 0.0, battery_kw, ev_kw or 0.0, heat_kw or 0.0]
            slack = 0.05 + 0.03 * sum(abs(part) for part in parts)
            assert grid_kw == pytest.approx(sum(parts), abs=slack)
            if before is not None and (at - before[0]) == timedelta(minutes=1):
                net_kwh = (imported - before[1]) - (exported - before[2])
                assert net_kwh * 60 == pytest.approx(grid_kw, abs=slack)
                assert imported >= before[1]
                assert exported >= before[2]
            before = (at, imported, exported)


@pytest.mark.django_db(transaction=True)
def test_an_event_nobody_joined_gets_a_plan_that_says_so(story: Story) -> None:
    story.sites = {}
    program = story.utility.post("/openadr3/3.1.0/programs", {"programName": "Lonely"})
    with pytest.raises(CallFailed) as refused:
        nothing = {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": []}]}
        story.utility.post("/openadr3/3.1.0/events", {"programID": program["id"], "intervals": [nothing]})
    assert refused.value.status == 400
    story.utility.post(
        "/openadr3/3.1.0/events",
        {
            "programID": program["id"],
            "intervalPeriod": {
                "start": (story.clock.now + timedelta(hours=1)).isoformat(),
                "duration": "PT1H",
            },
            "intervals": [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-5]}]}],
        },
    )
    plan = story.wait_for_plan(1)["plans"][0]
    assert plan["status"] == "empty"
    assert plan["explanation"][0] == "No home takes part in this program, so nothing can be given."
    assert plan["shortfall_kw"] == [5.0] * 4
