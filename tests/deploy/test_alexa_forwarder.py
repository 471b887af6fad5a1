"""The Lambda function, against a live platform and against none."""

import runpy
import socket
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from tests import factories
from tests.apps.assistants.world import World, check, states
from tests.architecture.tree import ROOT
from tests.factories import NOW

SCRIPT = ROOT / "deploy" / "alexa" / "forwarder.py"


def directive(token: str, name: str, key: str) -> dict[str, Any]:
    header = {
        "namespace": "Alexa",
        "name": name,
        "messageId": "m",
        "payloadVersion": "3",
        "correlationToken": "c-1",
    }
    endpoint = {"scope": {"type": "BearerToken", "token": token}, "endpointId": key, "cookie": {}}
    return {"directive": {"header": header, "endpoint": endpoint, "payload": {}}}


def forward(event: Any) -> Any:
    return runpy.run_path(str(SCRIPT))["handler"](event)


@pytest.mark.django_db(transaction=True)
def test_directives_and_refusals_go_through(
    live_server: LiveServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.forget_counts()
    settings.ORES_CLOCK = factories.clock_at(NOW)
    world = World(hub=False)
    url = live_server.url.replace("localhost", "127.0.0.1")
    monkeypatch.setenv("ORES_ALEXA_URL", f"{url}/assistants/alexa")
    key = f"battery-{world.site.pk}"
    report = check(forward(directive(world.token, "ReportState", key)), "alexa", "state")
    assert states(report)["Battery.Charge"] == 62
    refused = check(forward(directive("made-up", "ReportState", key)), "alexa", "refused")
    assert refused["event"]["payload"]["type"] == "INVALID_AUTHORIZATION_CREDENTIAL"
    assert refused["event"]["endpoint"] == {"endpointId": key}
    monkeypatch.setenv("ORES_ALEXA_URL", f"{url}/account/login/")
    strange = check(forward(directive(world.token, "ReportState", key)), "alexa", "refused")
    assert strange["event"]["payload"]["type"] == "INTERNAL_ERROR"


@pytest.mark.parametrize(
    "event",
    [
        directive("t", "ReportState", "home-1"),
        directive("t", "ReportState", "the home"),
        {"directive": {"header": {"correlationToken": ""}, "endpoint": {"endpointId": ""}}},
        {"directive": []},
        {},
    ],
)
def test_without_a_platform_alexa_gets_an_error(event: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:  # bound and not listening: nobody answers there
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ORES_ALEXA_URL", f"http://127.0.0.1:{held.getsockname()[1]}/")
        made = check(forward(event), "alexa", "refused")
    assert made["event"]["payload"]["type"] == "INTERNAL_ERROR"


def test_a_token_goes_by_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORES_ALEXA_URL", "http://ores.example.org/assistants/alexa")
    made = check(forward(directive("t", "ReportState", "home-1")), "alexa", "refused")
    assert made["event"]["payload"]["type"] == "INTERNAL_ERROR"
