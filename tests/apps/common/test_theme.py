"""Light or dark, as chosen: from the first byte of a page."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
PAGE = "/account/login/"


def html(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_without_a_choice_the_device_decides(client: Client) -> None:
    page = html(client)
    assert '<html lang="en">' in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert page.count('name="theme-color"') == 2


@pytest.mark.parametrize(("theme", "color"), [("light", "#f5f6f2"), ("dark", "#0d1311")])
def test_the_choice_is_kept_and_every_page_comes_in_it(client: Client, theme: str, color: str) -> None:
    response = client.post("/theme", {"theme": theme, "next": PAGE})
    assert (response.status_code, response["Location"]) == (302, PAGE)
    page = html(client)
    assert f'<html lang="en" data-theme="{theme}">' in page
    assert page.count('name="theme-color"') == 1
    assert f'<meta name="theme-color" content="{color}">' in page
    assert f'value="{theme}" aria-pressed="true"' in page


def test_the_device_decides_again_when_asked(client: Client) -> None:
    client.post("/theme", {"theme": "dark"})
    client.post("/theme", {"theme": "system"})
    assert '<html lang="en">' in html(client)


def test_what_is_no_theme_changes_nothing(client: Client) -> None:
    client.post("/theme", {"theme": "dark"})
    assert client.post("/theme", {"theme": '"><script>'}).cookies == {}
    client.cookies["theme"] = "sepia"
    assert '<html lang="en">' in html(client)


@pytest.mark.parametrize(
    "elsewhere", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(client: Client, elsewhere: str) -> None:
    assert client.post("/theme", {"theme": "dark", "next": elsewhere})["Location"] == "/"


def test_a_link_or_another_site_cannot_choose() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get("/theme").status_code == 405
    assert client.post("/theme", {"theme": "dark"}).status_code == 403
    assert "theme" not in client.cookies
