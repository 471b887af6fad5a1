"""A public client library (`openadr3`, `python-oa3-client`) against the served platform, from the token to the notification."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pendulum
import pytest
from openadr3_client import BlClient, VenClient

from apps.accounts.models import Organization
from tests import factories
from tests.apps.openadr.description import BASE
from tests.apps.openadr.listener import listening
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
START = NOW + timedelta(hours=2)


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True
    factories.drop_queued()


@pytest.fixture
def connected(live_server: Any) -> Iterator[Callable[[Organization, str], Any]]:
    """Connect a client that finds the token's address by itself."""
    opened: list[Any] = []

    def connect(organization: Organization, role: str) -> Any:
        credential = factories.make_credential(organization=organization, role=role)
        kind = BlClient if role == "utility" else VenClient
        opened.append(
            kind(
                url=live_server.url + BASE,
                client_id=credential.client_id,
                client_secret=credential.client_secret,
            ).start()
        )
        return opened[-1]

    yield connect
    for one in opened:
        one.stop()


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def prices(program_id: str, **more: Any) -> dict[str, Any]:
    period = {"start": START.isoformat(), "duration": "PT30M"}
    intervals = [
        {"id": index, "payloads": [{"type": "PRICE", "values": [value]}]}
        for index, value in enumerate((0.2, 0.3))
    ]
    return {
        "programID": program_id,
        "eventName": "evening",
        "intervalPeriod": period,
        "intervals": intervals,
        **more,
    }


def test_ven_registers_sees_its_event_and_reports(connected: Callable[[Organization, str], Any]) -> None:
    organization = factories.make_organization()
    utility, ven = connected(organization, "utility"), connected(organization, "ven")
    program = made(utility.create_program({"programName": "Dynamic prices"}))
    assert ven.register("house 7").ven_id == ven.register("house 7").ven_id
    held = utility.ven(ven.ven_id)
    granted = {
        "objectType": "BL_VEN_REQUEST",
        "clientID": held.client_id,
        "venName": "house 7",
        "targets": ["street 7"],
    }
    assert utility.update_ven(ven.ven_id, granted).status_code == 200
    body = {"objectType": "VEN_RESOURCE_REQUEST", "resourceName": "battery", "venID": ven.ven_id}
    made(ven.create_resource(body))
    event = made(utility.create_event(prices(program["id"], targets=["street 7", "street 8"])))
    made(utility.create_event(prices(program["id"], targets=["street 8"])))

    (seen,) = ven.events(programID=program["id"])
    assert (seen.id, seen.program_id, seen.targets) == (event["id"], program["id"], ["street 7"])
    assert [one.payloads[0].values for one in seen.intervals] == [[Decimal("0.2")], [Decimal("0.3")]]
    assert seen.interval_period.start == pendulum.instance(START)
    assert ven.resolve_program_id("Dynamic prices") == program["id"]

    usage = {"id": 0, "payloads": [{"type": "USAGE", "values": [1.5]}]}
    report = {"eventID": event["id"], "clientName": "house 7", "reportName": "used",
              "resources": [{"resourceName": "battery", "intervals": [usage]}]}  # fmt: skip
    made(ven.create_report(report))
    (received,) = utility.reports(eventID=event["id"])
    assert (received.client_name, received.resources[0].resource_name) == ("house 7", "battery")
    assert [one.resource_name for one in utility.resources(venID=ven.ven_id)] == ["battery"]


def test_ven_is_told_of_what_it_may_see(connected: Callable[[Organization, str], Any]) -> None:
    organization = factories.make_organization()
    utility, ven = connected(organization, "utility"), connected(organization, "ven")
    program = made(utility.create_program({"programName": "Dynamic prices"}))
    with listening() as listener:
        wanted = {"objects": ["EVENT"], "operations": ["CREATE", "DELETE"], "callbackUrl": listener.url}
        subscription = made(ven.create_subscription({"clientName": "house", "objectOperations": [wanted]}))
        event = made(utility.create_event(prices(program["id"])))
        made(utility.create_event(prices(program["id"], targets=["somebody else's"])))
        assert utility.delete_event(event["id"]).status_code == 200
        factories.run_queued()
        assert listener.operations() == [("EVENT", "CREATE"), ("EVENT", "DELETE")]
        assert ven.subscription(subscription["id"]).object_operations[0].callback_url == listener.url
        assert ven.delete_subscription(subscription["id"]).status_code == 200
        assert ven.subscriptions() == []


def test_client_of_another_tenant_finds_nothing(connected: Callable[[Organization, str], Any]) -> None:
    organization = factories.make_organization()
    utility, stranger = (connected(one, "utility") for one in (organization, factories.make_organization()))
    program = made(utility.create_program({"programName": "Dynamic prices"}))
    assert stranger.programs() == []
    assert stranger.get_program_by_id(program["id"]).status_code == 404
    assert stranger.create_event(prices(program["id"])).status_code == 409


def test_refused_credential_gets_no_token(live_server: Any) -> None:
    unknown = VenClient(url=live_server.url + BASE, client_id="nobody", client_secret="guess")
    with pytest.raises(httpx.HTTPStatusError) as caught:
        unknown.start()
    assert (caught.value.response.status_code, caught.value.response.json()["error"]) == (
        401,
        "invalid_client",
    )
