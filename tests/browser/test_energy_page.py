"""The Energy page in a browser: the curve of a year, its keys, and the choice of light or dark."""

from datetime import datetime

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from tests import factories
from tests.apps.portal.world import World, add_day, add_hub, build_world, evening
from tests.browser.following import follow
from tests.browser.test_pages import fits, sign_in


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now: datetime = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    add_day(world.sites[0], now=now, extras=True)
    return world


def test_the_curve_is_drawn_and_spans_lead_on(page: Page, live_server: LiveServer, world: World) -> None:
    sign_in(page, live_server, world.owner)
    follow(page.get_by_role("navigation", name="Main").get_by_role("link", name="Energy"))
    curve = page.locator(".quarters[data-drawn]")
    expect(curve).to_have_attribute("data-drawn", "76")
    expect(page.get_by_role("img", name="Energy used, made and imported")).to_be_visible()
    page.locator(".u-over").hover(position={"x": 120, "y": 80})
    expect(page.locator(".quarter-keys .used .now")).to_contain_text("kW")
    assert fits(page)
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("row", name="12:00")).to_be_visible()
    follow(page.get_by_role("link", name="Year", exact=True))
    expect(page.get_by_text("2026 so far")).to_be_visible()
    expect(page.locator(".quarters[data-drawn]")).to_have_attribute("data-drawn", "16104")
    assert fits(page)
    follow(page.get_by_role("link", name="Enter your tariff"))
    page.get_by_label("Price per kWh").first.fill("0,25")
    assert fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("By your own tariff: 0.2500 EUR per kWh")).to_be_visible()


def test_a_choice_of_dark_holds_on_every_page(page: Page, live_server: LiveServer, world: World) -> None:
    body, light, dark = page.locator("body"), "rgb(245, 246, 242)", "rgb(13, 19, 17)"
    page.emulate_media(color_scheme="light")
    sign_in(page, live_server, world.owner)
    address = page.url
    expect(body).to_have_css("background-color", light)
    page.get_by_role("button", name="Dark", exact=True).click()
    expect(page.locator("html[data-theme=dark]")).to_be_attached()
    expect(body).to_have_css("background-color", dark)
    assert page.url == address
    follow(page.get_by_role("link", name="Energy"))
    expect(page.locator(".quarters[data-drawn]")).to_be_visible()
    expect(body).to_have_css("background-color", dark)
    page.get_by_role("button", name="Automatic").click()
    expect(page.locator("html:not([data-theme])")).to_be_attached()
    expect(body).to_have_css("background-color", light)
    expect(page.locator(".quarters[data-drawn]")).to_be_visible()
