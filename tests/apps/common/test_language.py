"""The reader's language on homeowners' pages; English for operators, partners and machines."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from apps.common import catalogs
from apps.common.templatetags import ores

ROOT = Path(settings.ROOT)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "1,234,567.50\u202f€"), ("de", "1.234.567,50\u202f€"), ("es", "1.234.567,50\u202f€")],
)
def test_money_is_separated_as_the_reader_writes_it(language: str, said: str) -> None:
    with translation.override(language):
        assert ores.money(1234567.5) == said  # type: ignore[arg-type]


def test_a_power_keeps_its_digits_in_every_language() -> None:
    with translation.override("de"):
        assert (ores.kw(4.2), ores.kw(-0.42), ores.kw(1420.0)) == (
            "4,20\u202fkW",
            "−0,42\u202fkW",
            "1.420\u202fkW",
        )


@pytest.mark.django_db
def test_a_choice_is_kept_in_a_cookie(client: Client) -> None:
    answer = client.post("/language", {"language": "de", "next": "/account/login/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/login/")
    assert '<html lang="de">' in client.get("/account/login/").content.decode()


@pytest.mark.django_db
def test_the_browser_is_asked_where_nothing_was_chosen(client: Client) -> None:
    page = client.get("/account/login/", headers={"accept-language": "fr, es;q=0.8"})
    assert '<html lang="es">' in page.content.decode()


@pytest.mark.django_db
def test_no_stranger_is_sent_elsewhere_by_the_choice(client: Client) -> None:
    answer = client.post("/language", {"language": "de", "next": "https://example.org/"})
    assert answer.headers["Location"] == "/"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/console/", "/api/v1/programs"])
def test_operators_and_partners_read_english(client: Client, path: str) -> None:
    answer = client.get(path, headers={"accept-language": "de"})
    assert answer.headers["Content-Language"] == "en"


@pytest.mark.parametrize("language", ["de", "es"])
def test_every_text_is_translated(language: str) -> None:
    path = settings.CATALOGS / language / "LC_MESSAGES" / "django.po"
    assert catalogs.faults(path, catalogs.template_of(ROOT / "apps")) == []
