"""Of what npm installed, a few files are served, under names of ours."""

import json

from django.contrib.staticfiles import finders
from django.test import Client

from apps.common.webfiles import SERVED, WebFilesFinder
from tests.architecture.tree import ROOT


def test_every_served_file_is_installed() -> None:
    found = {name: finders.find(name) for name in SERVED}
    assert found == {name: str(ROOT / ".web" / "node_modules" / inside) for name, inside in SERVED.items()}
    assert [name for name, _ in WebFilesFinder().list([])] == list(SERVED)


def test_what_is_served_is_for_pages_and_not_for_tests() -> None:
    listed = json.loads((ROOT / "requirements" / "web" / "package.json").read_text())
    packages = {inside.split("/")[0] for inside in SERVED.values()}
    assert packages <= set(listed["dependencies"])


def test_nothing_else_of_the_packages_is_found() -> None:
    for name in ("uplot/package.json", "web/package.json", "web/uPlot.js", "web/package.json"):
        assert finders.find(name) is None


def test_whitenoise_serves_them_and_only_them(client: Client) -> None:
    response = client.get("/static/web/uplot.js")
    assert response.status_code == 200
    assert b"uPlot" in response.getvalue()
    assert client.get("/static/web/axe.js").status_code == 404
