"""Requests that a test in many ways found answered otherwise than described."""

from typing import Any

import pytest

from apps.sites.models import ImportRow
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(settings: Any) -> Api:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.forget_counts()
    return factories.make_aggregator(organization=factories.make_organization())


@pytest.mark.parametrize("text", ["a\\ud800", "a\\u0000b"])
@pytest.mark.parametrize(
    "row", ['{{"type": "site", "name": "{}"}}', '{{"{}": [1]}}', '{{"parameters": {{"a": "{}"}}}}']
)
def test_what_no_database_can_keep_is_told_of_its_row(api: Api, text: str, row: str) -> None:
    made = api.send("POST", "/imports", f"[{row.format(text)}]", name="x.json")
    assert made.status_code == 202
    (error,) = ImportRow.objects.get().errors
    assert (error["code"], error["message"]) == ("row_unreadable", "half a character or a NUL: no text")


def test_a_backslash_before_u0000_is_text(api: Api) -> None:
    made = api.send("POST", "/imports", '[{"type": "site", "name": "a\\\\u0000"}]', name="x.json")
    assert (made.status_code, ImportRow.objects.get().content["name"]) == (202, "a\\u0000")


def test_an_address_that_no_path_takes_is_a_problem_too(api: Api) -> None:
    answer = api.get("/members/-1")
    assert (answer.status_code, answer.headers["Content-Type"], answer.json()["code"]) == (
        404, "application/problem+json", "not_found",
    )  # fmt: skip
