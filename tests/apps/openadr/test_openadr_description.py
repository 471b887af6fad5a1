"""Whatever the published description allows, and what it does not: no server error, no undocumented answer."""

import os
import re
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.openadr.api.urls import urlpatterns
from tests import factories
from tests.apps.openadr.description import BASE, description
from tests.factories import NOW

IS_FULL = bool(os.environ.get("ORES_TEST_ALL"))
EXAMPLES = 200 if IS_FULL else 2
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(description())
SCHEMA.config.generation.update(modes=list(schemathesis.GenerationMode))


def operations() -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in description()["paths"].items()
        for method in methods
        if method != "parameters"
    ]


def test_every_described_path_is_served_and_no_other() -> None:
    served = {"/" + re.sub(r"<str:\w+>", "{}", str(pattern.pattern)) for pattern in urlpatterns}
    described = {re.sub(r"{\w+}", "{}", path) for _, path in operations()}
    assert served == described
    assert (len(described), len(operations())) == (27, 45)


@pytest.fixture
def _server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    monkeypatch.setitem(settings.THROTTLE_RATES, "tenant", "100000000/min")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_server")
@pytest.mark.parametrize("role", ["utility", "ven"])
def test_answers_are_as_described(role: str, live_server: Any) -> None:
    organization = factories.make_organization()
    api = (factories.make_utility if role == "utility" else factories.make_ven)(organization=organization)
    known = existing(organization)
    wrong: list[str] = []
    for method, path in operations():
        if not IS_FULL and path.startswith("/notifiers/mqtt/topics/") and "{" in path:
            continue  # told from the others by their path only
        ask(method, path, headers=api.headers, known=known, url=live_server.url + BASE, wrong=wrong)
    assert wrong == []


def existing(organization: Any) -> dict[str, str]:
    """Make one of each object, so that not every id is unknown."""
    utility = factories.make_utility(organization=organization)
    program = utility.post("/programs", {"programName": "known"}).json()["id"]
    event = utility.post("/events", {"programID": program}).json()["id"]
    body = {"objectType": "BL_VEN_REQUEST", "clientID": "known", "venName": "known"}
    return {"programID": program, "eventID": event, "venID": utility.post("/vens", body).json()["id"]}


def ask(
    method: str, path: str, *, headers: dict[str, str], known: dict[str, str], url: str, wrong: list[str]
) -> None:
    """Ask for an operation in many ways; add what was wrong."""

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(), use_known=hypothesis.strategies.booleans())
    def one(case: Any, use_known: bool) -> None:
        if use_known:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
            if isinstance(case.body, dict):
                case.body = {name: known.get(name, value) for name, value in case.body.items()}
        answer = case.call(base_url=url, headers=headers, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    try:
        one()
    except Exception as error:
        wrong.append(f"{method} {path}: {error}"[:1500])
