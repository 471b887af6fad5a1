"""The description of /api/v1: clean, whole, with examples that are right, and the page made from it."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from django.core.management import call_command
from django.test import Client

from apps.common.rest.schema import PROBLEM
from apps.common.rest.schema import description as described

DIALECT = jsonschema.Draft4Validator


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(described(), default=str))
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, said in methods.items():
            yield f"{method.upper()} {path}", said


def test_the_description_is_made_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "api.yaml"))
    assert (tmp_path / "api.yaml").stat().st_size > 50_000


def test_every_operation_says_what_it_is(description: dict[str, Any]) -> None:
    silent = [name for name, said in operations(description) if not said.get("summary")]
    assert silent == []
    names = [said["operationId"] for _, said in operations(description)]
    assert len(set(names)) == len(names) > 90


def test_every_operation_says_who_may_and_what_goes_wrong(description: dict[str, Any]) -> None:
    for name, said in operations(description):
        assert said["security"] == [{"token": ["api"]}], name
        wanted = {"400", "401", "403", "404", "429"} | (set() if name.startswith("GET") else {"409", "422"})
        assert wanted <= set(said["responses"]), name
        assert PROBLEM in said["responses"]["404"]["content"], name
        if not name.startswith("GET"):
            assert "Idempotency-Key" in [one["name"] for one in said["parameters"]], name


def test_every_body_has_an_example_and_the_example_is_right(description: dict[str, Any]) -> None:
    without, wrong, checked = [], [], 0
    for name, said in operations(description):
        content = said.get("requestBody", {}).get("content", {}).get("application/json", {})
        if not content or not content["schema"].get("$ref"):
            continue
        examples = [one["value"] for one in content.get("examples", {}).values()]
        if not examples:
            without.append(name)
        for value in examples:
            checked += 1
            schema = {**plain(content["schema"]), "components": plain(description["components"])}
            wrong += [f"{name}: {error.message}" for error in DIALECT(schema).iter_errors(value)]
    assert (without, wrong) == ([], [])
    assert checked >= 60


def plain(schema: Any) -> Any:
    """OpenAPI's `nullable` in JSON Schema's words."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: plain(one) for name, one in schema.items()}
    if found.pop("nullable", False):
        return {"anyOf": [found, {"type": "null"}]}
    return found


@pytest.mark.django_db
def test_the_page_shows_every_operation(description: dict[str, Any]) -> None:
    text = Client().get("/api/v1/docs").content.decode()
    missing = [
        said["operationId"]
        for _, said in operations(description)
        if f'id="{said["operationId"]}"' not in text
    ]
    assert missing == []
    assert 'src="http' not in text
    assert "style=" not in text


@pytest.mark.django_db
def test_the_schema_is_served() -> None:
    answer = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    assert next(iter(json.loads(answer.content)["paths"])).startswith("/api/v1/")
