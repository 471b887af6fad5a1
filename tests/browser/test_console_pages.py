"""The console's pages in a real browser, on a phone's and a desktop's size."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from apps.programs.models import EnrollmentJob
from apps.sites.models import Site
from tests import factories
from tests.apps.portal.world import World, add_day, add_hub, add_signal, build_world, evening, settle
from tests.browser.following import follow, go
from tests.browser.test_pages import fits, sign_in


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    add_day(world.sites[0], now=now)
    for number, site in enumerate(world.sites):
        Site.objects.filter(pk=site.pk).update(latitude_deg=51.3, longitude_deg=9.0 + number * 0.01)
    settle(
        add_signal(world, starts_at=now - timedelta(hours=20), name="Morning ramp", state="settled"),
        world.sites,
    )
    return world


def test_operator_finds_a_site_in_the_table_and_on_the_map(
    page: Page, live_server: LiveServer, world: World
) -> None:
    sign_in(page, live_server, world.operator)
    expect(page.get_by_text("settlement runs to approve")).to_be_visible()
    assert fits(page)
    go(page, "Sites")
    expect(page.get_by_role("heading", name="3 sites")).to_be_visible()
    assert fits(page)
    page.get_by_label("Name").fill("str 3")
    expect(page.get_by_role("heading", name="1 site of this filter")).to_be_visible()
    assert "name=str" in page.url
    go(page, "Map")
    expect(page.get_by_text("3 sites in view")).to_be_visible()
    assert fits(page)
    page.get_by_role("radio", name="battery power").check()
    expect(page.get_by_text("little battery power a home")).to_be_visible()
    first = page.get_by_role("link", name=re.compile("Rose Street 1:"))
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rose Street 1", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="Power over the last day")).to_be_visible()
    assert fits(page)


def test_operator_approves_a_run_and_enrolls_homes(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.operator)
    go(page, "Settlement")
    follow(page.get_by_role("link", name="Morning ramp"))
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved. It can be paid now.")).to_be_visible()
    assert fits(page)
    go(page, "Programs")
    follow(page.get_by_role("link", name="Enroll homes…"))
    page.get_by_label("Name").fill("street 5")
    page.get_by_role("button", name="Take out 1 home").click()
    expect(page.get_by_text("0 of 1 homes")).to_be_visible()
    assert (EnrollmentJob.objects.count(), fits(page)) == (1, True)


def test_operator_reads_the_log_and_invites_somebody(
    page: Page, live_server: LiveServer, world: World
) -> None:
    sign_in(page, live_server, world.operator)
    go(page, "Members")
    page.get_by_label("E-mail address").fill("new@example.org")
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("new@example.org is invited")).to_be_visible()
    assert fits(page)
    go(page, "Audit log")
    page.get_by_label("Any word").fill("new@")
    expect(page.get_by_role("cell", name="member invite")).to_be_visible()
    assert fits(page)
    for entry, heading in (
        ("Capacity", "Capacity"),
        ("Grid areas", "Grid areas"),
        ("API credentials", "Credentials"),
    ):
        go(page, entry)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert fits(page)
