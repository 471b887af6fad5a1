"""How long each page takes at 50,000 homes, one of which has 365 days of quarter-hours; and what a browser sees.

One key a page, the median of some requests; the reference of the same run is the sign-in page, which reads nothing. With
--homes N another number of homes.
"""

import os
import shutil
import statistics
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.benchmarks.platform import services, web

HOMES, DAYS = 50_000, 365
FEWEST, LONGEST_S = 3, 20.0
# What a phone's browser is asked to draw; the year shows every quarter-hour of 365 days.
PAINTED = {
    "now": "",
    "energy_day": "energy/",
    "energy_month": "energy/?span=month&against=year",
    "energy_year": "energy/?span=year",
}
# What pages ask for themselves, and ways into long lists.
PARTS = {
    "energy_quarters": ("owner", "/sites/{site}/energy/quarters?span=year"),
    "energy_csv": ("owner", "/sites/{site}/energy/energy.csv?span=month"),
    "energy_csv_year": ("owner", "/sites/{site}/energy/energy.csv?span=year&on=2026-01-01"),
    "map_cells": ("operator", "/console/{organization}/map/cells?west=5&south=47&east=15&north=55&zoom=6"),
    "map_offline": ("operator", "/console/{organization}/map/?hub=offline"),
    "sites_by_limit": ("operator", "/console/{organization}/sites/?order=-import_limit"),
    "sites_rare": ("operator", "/console/{organization}/sites/?name=49999"),
    "sites_offline": ("operator", "/console/{organization}/sites/?hub=offline&firmware=0.2.0"),
    "hubs_offline": ("operator", "/console/{organization}/hubs/?state=offline"),
    "alerts_history": ("operator", "/console/{organization}/alerts/?state=history"),
}
CURVE = ".quarters[data-drawn]"
SETTLED_MS = 1500
LCP = """() => new Promise(resolve => {
  new PerformanceObserver(list => resolve(list.getEntries().at(-1).startTime)).observe(
    {type: 'largest-contentful-paint', buffered: true});
})"""


def measure(options: list[str]) -> dict[str, Any]:
    """Seed, ask for every page, and let a browser draw the longest one."""
    homes = int(options[options.index("--homes") + 1]) if "--homes" in options else HOMES
    with services() as (state, _):
        import django

        django.setup()
        started = time.perf_counter()
        world = _seed(homes)
        seeded_s = time.perf_counter() - started
        with web(state) as port:
            base = f"http://127.0.0.1:{port}"
            pages = _pages(base, world)
            paint = _paint(base, world)
    reference_s = pages["sign_in_s"]
    slowest = max(pages, key=lambda name: pages[name])
    return {
        "homes": homes,
        "days": DAYS,
        "seeded_s": round(seeded_s, 1),
        **{name: round(value, 4) for name, value in pages.items()},
        "reference_s": round(reference_s, 4),
        "slowest": slowest.removesuffix("_s"),
        "slowest_per_reference": round(pages[slowest] / reference_s, 1),
        **paint,
    }


def _seed(homes: int) -> Any:
    from tests import factories
    from tests.apps.portal.world import evening
    from tests.benchmarks.portal_fleet import multiply
    from tests.screens.world import build_screened

    now = evening()
    os.environ["ORES_CLOCK"] = factories.clock_at(now)
    world = build_screened(now=now, days=DAYS)
    multiply(world, homes=homes, now=now)
    return world


def _session(world: Any, who: str) -> str:
    from django.conf import settings
    from django.test import Client

    if who not in world.people:
        return ""
    client = Client()
    client.force_login(world.people[who])
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _pages(base: str, world: Any) -> dict[str, float]:
    from tests.screens.pages import SCREENS

    sessions = {who: _session(world, who) for who in {screen.who for screen in SCREENS}}
    found = {}
    for screen in SCREENS:
        address = base + screen.path.format(**world.values)
        found[f"{screen.name.replace('-', '_')}_s"] = _median_s(address, sessions[screen.who])
    for name, (who, path) in PARTS.items():
        found[f"{name}_s"] = _median_s(base + path.format(**world.values), sessions[who])
    return found


def _median_s(address: str, cookie: str) -> float:
    """Return the median of some requests, the first not counted; fewer where they take long."""
    times: list[float] = []
    for number in range(8):
        started = time.perf_counter()
        with urllib.request.urlopen(
            urllib.request.Request(address, headers={"Cookie": cookie}), timeout=120
        ) as answer:
            answer.read()
        if number:
            times.append(time.perf_counter() - started)
        if len(times) >= FEWEST and sum(times) > LONGEST_S:
            break
    return statistics.median(times)


def _paint(base: str, world: Any) -> dict[str, Any]:
    """Return when a phone's browser has painted the largest thing of Now and Energy, and when the year's curve stands [s]."""
    path = shutil.which("chromium")
    if path is None or not Path(path).exists():
        return {f"{name}_lcp_s": None for name in PAINTED} | {"energy_year_curve_s": None}
    from playwright.sync_api import sync_playwright

    name, _, value = _session(world, "owner").partition("=")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = browser.new_context(viewport={"width": 390, "height": 844}, service_workers="block")
        context.add_cookies([{"name": name, "value": value, "url": base}])
        page = context.new_page()
        found = {}
        for screen, rest in PAINTED.items():
            found[f"{screen}_lcp_s"] = _lcp_s(page, f"{base}/sites/{world.values['site']}/{rest}")
        started = time.perf_counter()
        page.goto(f"{base}/sites/{world.values['site']}/{PAINTED['energy_year']}")
        page.locator(CURVE).wait_for(state="attached")
        found["energy_year_curve_s"] = round(time.perf_counter() - started, 3)
        found["energy_year_points"] = int(page.locator(CURVE).get_attribute("data-drawn") or 0)
        browser.close()
    return found


def _lcp_s(page: Any, address: str) -> float:
    """Return the median of five visits, the first not counted."""
    paints = []
    for _ in range(6):
        page.goto(address)
        page.wait_for_timeout(SETTLED_MS)  # later, larger paints count too
        paints.append(page.evaluate(LCP) / 1000)
    return float(round(statistics.median(paints[1:]), 3))
