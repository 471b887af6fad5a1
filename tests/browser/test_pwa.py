"""The installed application: what makes it installable, and what it shows without a network."""

import json
import struct
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from tests import factories
from tests.apps.portal.world import World, add_day, add_hub, build_world, evening
from tests.browser.test_pages import sign_in
from tests.exhaustive import exhaustive

KEPT = "caches.open('ores-pages').then(cache => cache.keys()).then(keys => keys.map(one => new URL(one.url).pathname))"


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now: datetime = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    add_day(world.sites[0], now=now)
    return world


@pytest.fixture
def worked(browser: Browser) -> Iterator[Page]:
    """Yield a page of a context in which service workers may work."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.route("**/live/**", lambda route: None)
    yield page
    context.close()


def wait_for(page: Page, expression: str) -> None:
    page.wait_for_function(f"async () => Boolean(await ({expression}))", timeout=60_000)


@exhaustive
def test_without_a_network_the_last_page_is_shown_with_its_age(
    worked: Page, live_server: LiveServer, world: World
) -> None:
    page, site = worked, world.sites[0].pk
    sign_in(page, live_server, world.owner)
    wait_for(page, "navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller)")
    page.reload()
    wait_for(page, f"{KEPT}.then(kept => kept.includes('/sites/{site}/'))")
    page.route("**/*", lambda route: route.abort())
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("There is no network. You see the page as it was a moment ago")).to_be_visible()
    expect(page.get_by_role("heading", name="Rose Street 1")).to_be_visible()
    assert page.locator("form").count() == 0
    page.goto(f"{live_server.url}/sites/{site}/devices/")
    expect(
        page.get_by_text("There is no network, and this page has not been seen here before.")
    ).to_be_visible()
    page.context.set_offline(False)
    page.unroute("**/*")
    page.goto(f"{live_server.url}/sites/{site}/")
    page.get_by_role("button", name="Sign out").click()
    wait_for(page, f"{KEPT}.then(kept => kept.length === 0)")


@pytest.mark.django_db
def test_the_manifest_is_what_browsers_ask_of_one(client: Client) -> None:
    response = client.get("/manifest.webmanifest")
    assert response["Content-Type"] == "application/manifest+json"
    manifest = json.loads(response.content)
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == ("/", "/", "standalone")
    assert {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]} == {
        ("192x192", "any"), ("192x192", "maskable"), ("512x512", "any"), ("512x512", "maskable"), ("any", "any"),
    }  # fmt: skip
    for icon in manifest["icons"][:4:2]:
        picture = client.get(icon["src"]).content
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert "{}x{}".format(*struct.unpack(">II", picture[16:24])) == icon["sizes"]
    assert client.get("/icon-99999.png").status_code == 404


@pytest.mark.django_db
def test_the_worker_may_answer_for_every_page_and_is_never_stale(client: Client) -> None:
    response = client.get("/sw.js")
    assert (response["Content-Type"], response["Cache-Control"]) == (
        "text/javascript; charset=utf-8",
        "no-cache",
    )
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert (
        b'FILES = ["/offline", "/static/portal/ores.css"'.replace(b'["/offline"', b"[OFFLINE")
        in response.content
    )
    assert client.get("/offline").status_code == 200
