"""Debian's Chromium against a live server; skipped where there is none."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.exhaustive import EXHAUSTIVE

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser; ends with its module, because Playwright keeps an event loop in this thread."""
    path = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        pytest.skip("no Chromium here: apt-get install chromium to run the browser tests")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # The tests' own queries are synchronous all the same.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


# What HTMX says when a page is left while a part of it is still being asked for; an answer that is wrong it says otherwise.
LEFT = ("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")


# What Chromium says of a form that was refused, in a test that has one refused (`@pytest.mark.refused`).
REFUSED = "Failed to load resource: the server responded with a status of 400"


def _is_trouble(note: ConsoleMessage) -> bool:
    return note.type == "error" and not note.text.startswith(LEFT)


def _said(note: ConsoleMessage) -> str:
    return f"{note.text} {note.location['url']}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Homes are looked at on phones, fleets on desktops; with the exhaustive ones each on both."""
    if "page" in metafunc.fixturenames:
        usual = "desktop" if metafunc.function.__name__.startswith("test_operator") else "phone"
        metafunc.parametrize("page", list(SIZES) if EXHAUSTIVE else [usual], indirect=True)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Yield a fresh page; afterwards its console must be empty of errors."""
    size: Any = SIZES[request.param]
    context = browser.new_context(viewport=size, service_workers="block")
    page = context.new_page()
    errors: list[str] = []
    # live_server has no event stream: let it wait, as a quiet one does.
    page.route("**/live/**", lambda route: None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda note: errors.append(_said(note)) if _is_trouble(note) else None)
    yield page
    context.close()
    wanted = request.node.get_closest_marker("refused")
    assert [one for one in errors if wanted is None or not one.startswith(REFUSED)] == []
