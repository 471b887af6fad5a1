"""Whatever the description of /api/v1 allows, and what it does not: no server error, no undescribed answer."""

import json
from datetime import timedelta
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

from apps.common.rest.schema import description
from tests import factories
from tests.exhaustive import exhaustive
from tests.factories import NOW
from tests.ores_cloud.victim import Victim, build_victim

EXAMPLES = 10
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@exhaustive
@pytest.mark.django_db(transaction=True)
def test_answers_are_as_described(settings: Any, monkeypatch: pytest.MonkeyPatch, live_server: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=2, minutes=5))
    monkeypatch.setitem(settings.THROTTLE_RATES, "tenant", "100000000/min")
    found = json.loads(json.dumps(description(), default=str))
    schema = schemathesis.openapi.from_dict(found)
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    victim = build_victim()
    credential = factories.make_credential(organization=organization_of(victim), role="aggregator")
    headers = {"Authorization": f"Bearer {factories.token_of(credential)}"}
    wrong: list[str] = []
    for path, methods in found["paths"].items():
        # Deletions last, so that there is something to ask about.
        for method in sorted(methods, key=lambda one: one == "delete"):
            operation = schema[path][method.upper()]
            ask(operation, headers=headers, known=known_of(victim), url=live_server.url, wrong=wrong)
    assert wrong == [], "\n\n".join(wrong)


def organization_of(victim: Victim) -> Any:
    from apps.accounts.models import Organization

    return Organization.objects.get(pk=victim.values["organization_id"])


def known_of(victim: Victim) -> dict[str, Any]:
    """Path parameters that lead somewhere."""
    return {name: str(value) for name, value in victim.values.items() if not isinstance(value, list)}


def ask(
    operation: Any, *, headers: dict[str, str], known: dict[str, Any], url: str, wrong: list[str]
) -> None:
    """Ask for an operation in many ways, with known objects and without; add what was wrong."""

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=operation.as_strategy())
    def one(case: Any) -> None:
        parts = case.path_parameters or {}
        for chosen in (parts, {name: known.get(name, value) for name, value in parts.items()}):
            case.path_parameters = chosen
            sent = {**headers, "Authorization": headers["Authorization"]}
            case.headers = {
                name: value for name, value in (case.headers or {}).items() if name.lower() != "authorization"
            }
            answer = case.call(base_url=url, headers=sent, timeout=60)
            case.validate_response(answer, checks=CHECKS)
            if not parts:
                return

    try:
        one()
    except (Exception, BaseExceptionGroup) as error:
        wrong.append(f"{operation.method} {operation.path}: {error}"[:900])
