"""The pages in a real browser, on a phone's and a desktop's size."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.common import clock
from apps.dispatch.answers import answer_work
from apps.dispatch.services import signal_plan
from apps.hubs.models import Hub
from apps.programs.models import OptOut
from tests import factories
from tests.apps.portal.world import (
    PASSWORD,
    World,
    add_day,
    add_hub,
    add_plan,
    add_signal,
    build_world,
    evening,
    settle,
    track,
    waiting_hub,
)
from tests.browser.following import follow, go


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    add_day(world.sites[0], now=now, extras=True)
    _events(world, now)
    return world


def _events(world: World, now: datetime) -> None:
    running = add_signal(world, starts_at=now.replace(minute=0, second=0), state="active")
    add_plan(running, world.sites)
    track(running, until=now)
    past = add_signal(world, starts_at=now - timedelta(hours=20), name="Morning ramp", state="settled")
    add_plan(past, world.sites)
    settle(past, world.sites)


def sign_in(page: Page, server: LiveServer, user: User) -> None:
    page.goto(f"{server.url}/")
    page.get_by_label("E-mail address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/account/" not in url)


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways, styles applied."""
    page.wait_for_load_state("load")
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_homeowner_sees_the_home_and_opts_out(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.owner)
    expect(page.get_by_role("heading", name="Rose Street 1")).to_be_visible()
    expect(page.get_by_role("img", name="The home uses")).to_be_visible()
    expect(page.get_by_role("img", name="Asked and given")).to_be_visible()
    assert fits(page)
    address = page.url
    page.get_by_role("button", name="Opt out of this event").click()
    expect(page.get_by_text("You are out of this event.")).to_be_visible()
    expect(page.get_by_role("button", name="Opt out of this event")).to_have_count(0)
    assert (page.url, OptOut.objects.count()) == (address, 1)


def test_homeowner_follows_a_payment_to_its_lines(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.owner)
    follow(page.locator(".area-earnings").get_by_role("link", name="Morning ramp"))
    expect(page.get_by_role("heading", name="1.75")).to_be_visible()
    assert page.locator("tbody tr").count() == 8
    assert fits(page)


def test_owner_types_a_claim_code(page: Page, live_server: LiveServer, world: World) -> None:
    Hub.objects.all().delete()
    waiting_hub(machine_now=datetime.now().astimezone())
    sign_in(page, live_server, world.owner)
    follow(page.get_by_role("link", name="Add your hub"))
    page.get_by_label("Claim code").fill("7kxqm2rd4p")
    page.get_by_role("button", name="Add this hub").click()
    expect(page.get_by_text("Your hub belongs to this home now.")).to_be_visible()
    assert fits(page)


def test_operator_sees_fleet_event_and_hubs(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.operator)
    expect(page.get_by_role("heading", name="Sunny Street Energy")).to_be_visible()
    assert fits(page)
    go(page, "Events")
    follow(page.get_by_role("link", name="Evening peak"))
    expect(page.get_by_role("img", name="Target, planned and delivered")).to_be_visible()
    assert fits(page)
    go(page, "Hubs")
    follow(page.get_by_role("link", name="Revoke…"))
    page.get_by_role("button", name="Revoke this hub").click()
    expect(page.get_by_text("The hub of Rose Street 1 is revoked.")).to_be_visible()
    assert fits(page)


def test_operator_looks_behind_a_decision(page: Page, live_server: LiveServer, world: World) -> None:
    factories.forget_counts()
    fleet = factories.make_fleet(homes=3)
    operator = factories.make_operator(organization=fleet.organization)
    signal = factories.make_signal(program=fleet.program, target_kw=[6.0, 20.0, 6.0, 6.0])
    plan = signal_plan(signal_id=signal.pk, reason="the event came in", now=factories.NOW)
    assert plan is not None
    sign_in(page, live_server, operator)
    page.goto(f"{live_server.url}/console/{fleet.organization.pk}/events/{signal.pk}/")
    follow(page.get_by_role("link", name="Revision 1"))
    expect(page.get_by_role("img", name="Target, planned and missing")).to_be_visible()
    expect(page.get_by_role("img", name="What one more kWh would cost")).to_be_visible()
    assert page.locator("tbody tr").count() == 3
    assert fits(page)
    page.get_by_role("button", name="Replay this decision").click()
    expect(page.get_by_text("Computing")).to_be_visible()
    token = page.url.partition("answer=")[2].partition("#")[0]
    answer_work(plan_id=plan.pk, token=token, change={})
    expect(page.get_by_text("The replay gives the same plan.")).to_be_visible()
    page.get_by_text("What if…").click()
    page.get_by_label("Target in kW").fill("3")
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_text("Computing")).to_be_visible()
    token = page.url.partition("answer=")[2].partition("#")[0]
    answer_work(plan_id=plan.pk, token=token, change={"target_kw": [3.0] * 4})
    expect(page.get_by_role("img", name="The plan and what would have been planned instead")).to_be_visible()
    assert fits(page)


def test_operator_walks_through_the_other_pages(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.operator)
    for link, heading in (
        ("Flexibility", "What can we give?"),
        ("Forecasts", "Forecasts"),
        ("Baselines", "Baselines"),
        ("Payments", "Payments"),
        ("Objections", "Objections"),
    ):
        go(page, link)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert fits(page)
    go(page, "Baselines")
    follow(page.get_by_role("link", name="Evening relief"))
    expect(page.get_by_role("heading", name="Which method fits?")).to_be_visible()
    assert fits(page)
    go(page, "Payments")
    follow(page.get_by_role("link", name="Evening relief"))
    page.locator("select[name=rounding_mode]").select_option("down")
    page.get_by_role("button", name="Try on past events").click()
    expect(page.get_by_role("heading", name="What past events would have paid")).to_be_visible()
    expect(page.locator("select[name=rounding_mode]")).to_have_value("down")
    assert fits(page)


def test_household_objects_and_the_operator_sees_it(
    page: Page, live_server: LiveServer, world: World
) -> None:
    sign_in(page, live_server, world.owner)
    follow(page.locator(".area-earnings").get_by_role("link", name="Morning ramp"))
    expect(page.get_by_role("link", name="PDF")).to_be_visible()
    expect(page.get_by_role("link", name="CSV")).to_be_visible()
    page.get_by_role("textbox").fill("The meter was exchanged that day.")
    page.get_by_role("button", name="Object").click()
    expect(page.get_by_text("The meter was exchanged that day.")).to_be_visible()
    assert fits(page)
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, live_server, world.operator)
    go(page, "Objections")
    follow(page.get_by_role("link", name="Rose Street 1"))
    expect(page.get_by_role("button", name="Accept and settle again")).to_be_visible()
    assert fits(page)


def test_dark_follows_the_device(page: Page, live_server: LiveServer) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    page.goto(f"{live_server.url}/account/login/")
    assert page.evaluate(background) == "rgb(245, 246, 242)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == "rgb(13, 19, 17)"
