"""Operators' pages: who may look, who may act, and what they say."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.hubs.models import Hub
from apps.programs.models import OptOut
from apps.settlement.models import StatementLine
from apps.telemetry.rollups import roll_up
from tests.apps.portal.world import (
    World,
    add_hub,
    add_plan,
    add_signal,
    add_snapshot,
    instruct,
    settle,
    track,
    words,
)

As = Callable[[User | None], Client]
PAGES = ["", "events/", "events/{signal}/", "hubs/"]


@pytest.fixture
def hub(world: World, now: datetime) -> Hub:
    return add_hub(world.sites[0], now=now)


@pytest.fixture
def paths(world: World, now: datetime) -> list[str]:
    signal = add_signal(world, starts_at=now - timedelta(minutes=20), state="active")
    return [f"/console/{world.organization.pk}/{page.format(signal=signal.pk)}" for page in PAGES]


def text(client: Client, path: str) -> str:
    response = client.get(path, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return words(response.content.decode())


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_members_of_the_organization_see_every_page(
    world: World, as_: As, paths: list[str], who: str
) -> None:
    client = as_(getattr(world, who))
    assert [client.get(path).status_code for path in paths] == [200] * len(PAGES)
    assert client.get("/console/")["Location"] == f"/console/{world.organization.pk}/"


@pytest.mark.parametrize("who", ["owner", "member", "stranger"])
def test_others_find_nothing(world: World, as_: As, paths: list[str], who: str) -> None:
    client = as_(getattr(world, who))
    assert [client.get(path).status_code for path in ["/console/", *paths]] == [404] * (len(PAGES) + 1)


def test_anonymous_is_sent_to_sign_in(as_: As, paths: list[str]) -> None:
    client = as_(None)
    assert [client.get(path)["Location"] for path in paths] == [
        f"/account/login/?next={path}" for path in paths
    ]


def test_another_tenants_signal_is_not_found(world: World, as_: As, paths: list[str], now: datetime) -> None:
    other = build_other(now)
    signal = add_signal(other, starts_at=now)
    path = f"/console/{world.organization.pk}/events/{signal.pk}/"
    assert as_(world.operator).get(path).status_code == 404


def build_other(now: datetime) -> World:
    from tests.apps.portal.world import build_world

    return build_world(now=now, homes=1, tag="-2")


def test_fleet_sums_homes_that_reported_lately(world: World, as_: As, hub: Hub, now: datetime) -> None:
    first, second, third = world.sites
    lately, long_ago = now - timedelta(minutes=1), now - timedelta(hours=1)
    add_snapshot(first, lately, grid_kw=1.5, pv_kw=-2.0, battery_kw=1.0, battery_soc=0.4)
    add_snapshot(second, lately, grid_kw=-0.5, pv_kw=-1.0, battery_kw=-0.75, battery_soc=0.6)
    add_snapshot(third, long_ago, grid_kw=9.0, pv_kw=-9.0, battery_kw=9.0, battery_soc=0.9)
    html = text(as_(world.viewer), f"/console/{world.organization.pk}/")
    assert html.startswith(
        "Homes 3 2 reported in the last 5 minutes Hubs online 1 of 1 Importing 1.50 kW Exporting 0.50 kW "
        "Sun 3.00 kW Discharging 0.75 kW Charging 1.00 kW Mean state of charge 50 %"
    )


def test_fleet_draws_the_last_day(world: World, as_: As, now: datetime) -> None:
    path = f"/console/{world.organization.pk}/"
    assert "Power, last 24 hours" not in text(as_(world.viewer), path)
    for site in world.sites:
        add_snapshot(site, now - timedelta(hours=2), grid_kw=1.0, pv_kw=-2.0)
    roll_up(now=now)
    html = as_(world.viewer).get(path).content.decode()
    for part in ("Power, last 24 hours", "Grid: import up, export down", "Sun"):
        assert part in html
    assert "Batteries: discharge up" not in html


def test_event_shows_target_plan_and_delivery(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(minutes=20, seconds=20), state="active")
    add_plan(signal, world.sites, shed_kw=2.0)
    add_plan(signal, world.sites[:2], shed_kw=2.5, revision=2, first=1, reason="one home went silent")
    track(signal, until=now)
    for site in world.sites[:2]:
        add_snapshot(site, now - timedelta(seconds=30), grid_kw=-1.4)
    html = text(as_(world.viewer), f"/console/{world.organization.pk}/events/{signal.pk}/")
    assert "Target now 6.00 kW 13.8 kWh in all Planned now 5.00 kW plan is up to 2.80 kW short" in html
    assert "Rose Street 1 2.50 kW 2.50 kW delivering" in html
    assert "Rose Street 5 0.00 kW – silent" in html
    assert "Revision 2: one home went silent" in html
    assert "the fleet is 1.8 kW short from 19:00." in html


def test_running_event_says_what_to_expect_at_its_end(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(minutes=20), state="active")
    track(signal, until=now)
    path = f"/console/{world.organization.pk}/events/{signal.pk}/"
    assert "expected at the end" not in text(as_(world.viewer), path)
    signal.tracking.update(expected_kwh=9.6, expected_low_kwh=9.2, expected_high_kwh=9.9)
    said = text(as_(world.viewer), path).replace("\xa0", " ")
    assert "expected at the end: 9.60 kWh of 13.8, 90 % between 9.20 and 9.90" in said


def test_a_settled_event_shows_what_it_cost(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    settle(signal, world.sites)
    html = text(as_(world.viewer), f"/console/{world.organization.pk}/events/{signal.pk}/")
    assert "5.25 € for 10.5 kWh delivered by the meters" in html


def test_an_event_that_is_over_shows_what_each_home_gave(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="planned")
    add_plan(signal, world.sites[:1], shed_kw=2.0)
    path = f"/console/{world.organization.pk}/events/{signal.pk}/"
    waiting = text(as_(world.viewer), path)
    assert "What each gave stands here once the event is settled" in waiting
    StatementLine.objects.filter(
        statement=settle(signal, world.sites[:1])[0], starts_at=signal.starts_at
    ).update(status="missing")
    OptOut.objects.create(signal=signal, site=world.sites[1], at=now)
    shown = text(as_(world.viewer), path)
    for part in ("3.50 kWh", "1.75 €", "1 interval without meter data", "1 opted out"):
        assert part in shown, part
    assert "Scheduled now" not in shown


def test_hubs_show_their_state_and_last_instruction(world: World, as_: As, hub: Hub, now: datetime) -> None:
    instruct(hub, state="acknowledged", now=now)
    add_hub(world.sites[1], now=now, connected=False)
    html = text(as_(world.operator), f"/console/{world.organization.pk}/hubs/")
    assert (
        f"Rose Street 1 online 16 Jun, 18:50 0.1.0 ORES edge {hub.serial} acknowledged evening relief Checks Revoke…"
        in html
    )
    assert "Rose Street 3 offline 17 Jun, 18:10 (40 minutes ago)" in html
    assert html.count("Revoke…") == 2


def test_viewer_sees_no_revoke_link(world: World, as_: As, hub: Hub) -> None:
    assert "Revoke…" not in text(as_(world.viewer), f"/console/{world.organization.pk}/hubs/")


def revoke_path(world: World, hub: Hub) -> str:
    return f"/console/{world.organization.pk}/hubs/{hub.pk}/revoke"


def test_operator_is_asked_then_revokes(world: World, as_: As, hub: Hub) -> None:
    client = as_(world.operator)
    asked = client.get(revoke_path(world, hub))
    assert "Revoke the hub of Rose Street 1?" in asked.content.decode()
    hub.refresh_from_db()
    assert hub.state == "active"
    response = client.post(revoke_path(world, hub))
    hub.refresh_from_db()
    assert (response.status_code, hub.state, hub.generation) == (302, "revoked", 2)
    assert list(AuditEntry.objects.values_list("actor", "action")) == [(world.operator.email, "hub_revoke")]


@pytest.mark.parametrize(
    ("who", "status"), [("viewer", 403), ("owner", 404), ("member", 404), ("stranger", 404)]
)
def test_nobody_but_an_operator_revokes(world: World, as_: As, hub: Hub, who: str, status: int) -> None:
    assert as_(getattr(world, who)).post(revoke_path(world, hub)).status_code == status
    hub.refresh_from_db()
    assert (hub.state, hub.generation, AuditEntry.objects.count()) == ("active", 1, 0)


def test_operator_of_another_tenant_revokes_nothing(world: World, as_: As, hub: Hub, now: datetime) -> None:
    other = build_other(now)
    client = as_(other.operator)
    paths = [revoke_path(world, hub), f"/console/{other.organization.pk}/hubs/{hub.pk}/revoke"]
    assert [client.post(path).status_code for path in paths] == [404, 404]
    hub.refresh_from_db()
    assert (hub.state, AuditEntry.objects.count()) == ("active", 0)


def test_without_csrf_token_nothing_changes(world: World, hub: Hub) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.operator)
    assert client.post(revoke_path(world, hub)).status_code == 403
    hub.refresh_from_db()
    assert hub.state == "active"


def test_anonymous_revokes_nothing(world: World, as_: As, hub: Hub) -> None:
    assert as_(None).post(revoke_path(world, hub)).status_code == 302
    hub.refresh_from_db()
    assert hub.state == "active"


def test_empty_console_explains_itself(world: World, as_: As) -> None:
    client = as_(world.operator)
    assert "No events yet." in text(client, f"/console/{world.organization.pk}/events/")
    assert "No hubs yet." in text(client, f"/console/{world.organization.pk}/hubs/")
