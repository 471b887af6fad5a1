"""Debian's Chromium against a live server; skipped where there is none."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """Yield a fresh page; afterwards its console must be empty of errors."""
    size: Any = SIZES[request.param]
    context = browser.new_context(viewport=size)
    page = context.new_page()
    errors: list[str] = []
    # live_server has no event stream: let it wait, as a quiet one does.
    page.route("**/live/**", lambda route: None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda note: errors.append(f"{note.text} {note.location['url']}") if note.type == "error" else None,
    )
    yield page
    context.close()
    assert errors == []
