"""The bell, the list and the settings in a real browser, and an operator's incidents."""

from datetime import datetime

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.alerts.incidents import Found, conditions_hold
from apps.alerts.models import ChannelChoice, Incident, IncidentKind, Notification, NotificationKind
from apps.alerts.notifications import household_tell
from apps.common import clock
from tests import factories
from tests.apps.portal.world import World, add_hub, build_world, evening
from tests.browser.following import follow
from tests.browser.test_pages import fits, sign_in


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    return now


@pytest.fixture
def world(transactional_db: None, now: datetime) -> World:
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    return world


def test_a_homeowner_reads_a_message_and_says_how_to_be_told(
    page: Page, live_server: LiveServer, world: World, now: datetime
) -> None:
    facts = {"since": "2026-06-17T16:00:00+00:00"}
    household_tell(
        site_id=world.sites[0].pk, kind=NotificationKind.HUB_OFFLINE, key="1", facts=facts, now=now
    )
    sign_in(page, live_server, world.owner)
    follow(page.get_by_role("link", name="Notifications, 1 unread"))
    expect(page.get_by_role("heading", name="Notifications")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="The hub of Rose Street 1 is offline").click()
    expect(page.get_by_role("heading", name="Devices", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Notifications", exact=True)).to_be_visible()
    page.goto(f"{live_server.url}/notifications/settings/")
    assert fits(page)
    page.get_by_role("checkbox", name="An event is coming: E-mail").check()
    page.get_by_label("From").fill("22:00")
    page.get_by_label("To", exact=True).fill("07:00")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("Your choices are saved.")).to_be_visible()
    expect(page.get_by_role("checkbox", name="An event is coming: E-mail")).to_be_checked()
    assert ChannelChoice.objects.get(channel="email").wanted is True
    assert Notification.objects.get(user=world.owner).read_at is not None


def test_an_operator_acknowledges_an_incident_and_undoes_it(
    page: Page, live_server: LiveServer, world: World, now: datetime
) -> None:
    home = world.sites[0]
    key = f"hub:{home.hubs.get().pk}"
    found = [Found(key, "The hub of Rose Street 1 is offline", "Not heard since 16:00 UTC", home.pk)]
    conditions_hold(organization=world.organization, kind=IncidentKind.HUB_OFFLINE, found=found, now=now)
    sign_in(page, live_server, world.operator)
    expect(page.locator(".nav-count").first).to_have_text(", open: 1")
    page.goto(f"{live_server.url}/console/{world.organization.pk}/alerts/")
    follow(page.get_by_role("link", name="The hub of Rose Street 1 is offline"))
    assert fits(page)
    page.get_by_label("Note").fill("calling the owner")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("The hub of Rose Street 1 is offline: acknowledged.")).to_be_visible()
    assert Incident.objects.get().acknowledged_by == world.operator.email
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="The hub of Rose Street 1 is offline")).to_be_visible()
    assert Incident.objects.get().acknowledged_at is None
    follow(page.get_by_role("link", name="Rules"))
    expect(page.get_by_role("heading", name="Hub offline")).to_be_visible()
    assert fits(page)
