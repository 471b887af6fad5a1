"""Every page on a phone and a desktop: no error, nothing that keeps people out, nothing that jumps; and its picture."""

import io
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from apps.accounts.models import User
from apps.common import clock
from tests.apps.portal.world import evening
from tests.architecture.tree import ROOT
from tests.browser.conftest import SIZES
from tests.exhaustive import exhaustive
from tests.screens.pages import SCREENS, Screen
from tests.screens.world import Screened, build_screened

AXE = ROOT / ".web" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = [screen.name for screen in SCREENS]
PICTURES = os.environ.get("ORES_SCREENSHOTS", "")
IMAGES = ROOT / "docs" / "images"
LARGEST_IMAGE = 150 * 1024
MOST_SHIFT = 0.05
EVERY = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
PEOPLE = {screen.who for screen in SCREENS}
# Every day: what most people look at, homes on a phone, fleets on a desktop.
USUAL = {("phone", "light"): {"nobody", "owner"}, ("desktop", "dark"): {"operator"}}
DAILY = {"sign-in", "now", "energy-day", "devices", "preferences", "fleet", "sites", "hubs", "console-event"}
SHIFTS = """() => new Promise(resolve => {
  let sum = 0;
  const add = list => { for (const entry of list) if (!entry.hadRecentInput) sum += entry.value; };
  const observer = new PerformanceObserver(list => add(list.getEntries()));
  observer.observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => { add(observer.takeRecords()); resolve(sum); }));
})"""
AXE_RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ['violations']});
  return found.violations.filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => `${one.id}: ${one.nodes.map(node => node.target.join(' ')).slice(0, 3).join(', ')}`);
}"""


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Screened:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    return build_screened(now=now, days=400 if PICTURES else 40)


def opened(
    browser: Browser, server: LiveServer, user: User | None, *, look: tuple[str, str]
) -> BrowserContext:
    """Return a context of this size and scheme in which `user` is signed in."""
    size: Any = SIZES[look[0]]
    scheme: Any = look[1]
    context = browser.new_context(
        viewport=size, color_scheme=scheme, reduced_motion="reduce", service_workers="block"
    )
    context.route("**/live/**", lambda route: None)  # live_server has no event stream
    if user is not None:
        client = Client()
        client.force_login(user)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": server.url}])
    return context


def listened(context: BrowserContext) -> tuple[Page, list[str]]:
    """Return a fresh page, and what its console says of errors."""
    page, said = context.new_page(), list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda note: said.append(note.text) if note.type == "error" else None)
    return page, said


def visits(
    browser: Browser,
    server: LiveServer,
    world: Screened,
    looks: dict[tuple[str, str], set[str]],
    *,
    names: Collection[str] = NAMES,
) -> Iterator[tuple[Screen, tuple[str, str], Page, list[str]]]:
    """Yield every page, open and drawn, with what its console said."""
    for look, people in looks.items():
        for who in sorted(people):
            context = opened(browser, server, world.people.get(who), look=look)
            page, said = listened(context)
            for screen in (one for one in SCREENS if one.who == who and one.name in names):
                said.clear()
                answer = page.goto(server.url + screen.path.format(**world.values))
                if answer is None or answer.status != 200:
                    said.append(f"status {answer and answer.status}")
                if not said:
                    page.locator(screen.ready).first.wait_for(state="attached")
                yield screen, look, page, said
            context.close()


def faults(page: Page, said: list[str]) -> list[str]:
    """Return what is wrong with an open page."""
    page.evaluate(AXE.read_text())
    shift = page.evaluate(SHIFTS)
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [
        *said,
        *page.evaluate(AXE_RUN),
        *([f"shifts by {shift:.3f}"] if shift >= MOST_SHIFT else []),
        *(["sticks out sideways"] if wide else []),
    ]


@pytest.mark.skipif(bool(PICTURES), reason="pictures are taken")
def test_the_usual_pages_are_sound(browser: Browser, live_server: LiveServer, world: Screened) -> None:
    found = {
        screen.name: wrong
        for screen, _, page, said in visits(browser, live_server, world, USUAL, names=DAILY)
        if (wrong := faults(page, said))
    }
    assert found == {}


@exhaustive
@pytest.mark.skipif(bool(PICTURES), reason="pictures are taken")
def test_every_page_is_sound(browser: Browser, live_server: LiveServer, world: Screened) -> None:
    found = {
        f"{screen.name}, {size}, {scheme}": wrong
        for screen, (size, scheme), page, said in visits(
            browser, live_server, world, dict.fromkeys(EVERY, PEOPLE)
        )
        if (wrong := faults(page, said))
    }
    assert found == {}


@pytest.mark.skipif(not PICTURES, reason="pictures are taken by make screenshots")
def test_pictures(browser: Browser, live_server: LiveServer, world: Screened) -> None:
    folder, large = Path(PICTURES), dict[str, int]()
    folder.mkdir(parents=True, exist_ok=True)
    for screen, look, page, _said in visits(browser, live_server, world, dict.fromkeys(EVERY, PEOPLE)):
        if screen.image == look:
            size = save_image(page.screenshot(), IMAGES / f"{screen.name}.webp")
            large |= {screen.name: size} if size > LARGEST_IMAGE else {}
        stretch(page)
        page.screenshot(path=folder / f"{screen.name}-{'-'.join(look)}.png")
        page.set_viewport_size({"width": SIZES[look[0]]["width"], "height": SIZES[look[0]]["height"]})
    assert large == {}


def stretch(page: Page) -> None:
    """Make the window as high as its page, so that what is fixed to the foot stands there."""
    width, height = page.evaluate(
        "[document.documentElement.clientWidth, document.documentElement.scrollHeight]"
    )
    page.set_viewport_size({"width": width, "height": height})


def save_image(picture: bytes, path: Path) -> int:
    """Keep a picture for the documents; return its size."""
    path.parent.mkdir(exist_ok=True)
    Image.open(io.BytesIO(picture)).save(path, "WEBP", quality=88, method=6)
    return path.stat().st_size
