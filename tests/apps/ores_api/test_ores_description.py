"""Whatever the description allows, and what it does not: no server error, no undocumented answer, at either door."""

import os
from pathlib import Path
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

from edge_agent.clock import Clock
from tests import factories
from tests.apps.ores_api.doors import RunningHub, home_document, personal_token
from tests.factories import NOW
from vpp.protocols.ores.description import description

IS_FULL = bool(os.environ.get("ORES_TEST_ALL"))
EXAMPLES = 200 if IS_FULL else 5
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
DESCRIPTION = description()
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
SCHEMA.config.generation.update(modes=list(schemathesis.GenerationMode))
KNOWN = {"device_id": "battery"}


@pytest.mark.django_db(transaction=True)
def test_the_cloud_answers_as_described(
    live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    monkeypatch.setitem(settings.THROTTLE_RATES, "person", "100000000/min")
    site = factories.make_site(organization=factories.make_organization())
    factories.resource(site=site, kind="pv", peak_kw=5.0)
    factories.make_hub(site=site)
    factories.add_history(sites=[site], days=1)
    token = personal_token(factories.make_owner(site=site))
    assert asked(live_server.url, token, site_id=site.pk) == []


def test_a_hub_answers_as_described(tmp_path: Path) -> None:
    hub = RunningHub(home_document(tmp_path), Clock())
    try:
        assert asked(f"http://127.0.0.1:{hub.door.port}", hub.door.token, site_id=1) == []
    finally:
        hub.close()


def asked(url: str, token: str, *, site_id: int) -> list[str]:
    """Ask for every operation in many ways; return what was wrong."""
    wrong: list[str] = []
    for path, methods in DESCRIPTION["paths"].items():
        for method in methods:
            error = ask(method.upper(), path, url=url, token=token, site_id=site_id)
            wrong += [f"{method} {path}: {error}"[:1500]] if error else []
    return wrong


def ask(method: str, path: str, *, url: str, token: str, site_id: int) -> str:
    """Ask for one operation; the home and a device that exist are put in now and then."""

    @hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(case=SCHEMA[path][method].as_strategy(), use_known=hypothesis.strategies.booleans())
    def one(case: Any, use_known: bool) -> None:
        if use_known:
            case.query = {**(case.query or {}), "site_id": site_id}
            if isinstance(case.body, dict):
                case.body = {name: KNOWN.get(name, value) for name, value in case.body.items()}
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    try:
        one()
    except Exception as error:
        return str(error) or type(error).__name__
    return ""
