"""MQTT topics: their names over HTTP, and a real broker that hears of changes."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from apps.accounts.models import Organization
from apps.openadr.models import TopicMessage
from apps.openadr.notify import mqtt
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def utility(organization: Organization) -> Api:
    return factories.make_utility(organization=organization)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def broker(tmp_path: Path, settings: Any) -> Iterator[int]:
    """Start Mosquitto on a free port; return the port."""
    with broker_on(tmp_path, free_port()) as port:
        settings.OPENADR_MQTT_URL = f"mqtt://127.0.0.1:{port}"
        yield port


@contextlib.contextmanager
def broker_on(folder: Path, port: int) -> Iterator[int]:
    """Run Mosquitto until the block ends."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("there is no mosquitto on this machine")
    (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([found, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the broker did not start")


class Reader:
    """A client of the broker that has subscribed to a topic."""

    def __init__(self, port: int, topic: str) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.ready, self.more = threading.Event(), threading.Condition()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = self.on_message
        self.client.on_subscribe = lambda *said: self.ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(topic, qos=1)
        assert self.ready.wait(10)

    def on_message(self, client: Any, userdata: Any, message: Any) -> None:
        with self.more:
            self.heard.append((message.topic, json.loads(message.payload)))
            self.more.notify_all()

    def wait(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        with self.more:
            assert self.more.wait_for(lambda: len(self.heard) >= count, timeout=10), self.heard
        return self.heard

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_changes_reach_the_topics_of_those_who_may_see_them(
    broker: int, organization: Organization, utility: Api, django_capture_on_commit_callbacks: Any
) -> None:
    ven = factories.make_ven(organization=organization, targets=["north"])
    factories.make_ven(organization=organization, targets=["south"])
    ven_id = ven.get("/vens").json()[0]["id"]
    TopicMessage.objects.all().delete()
    whole, own = Reader(broker, "openadr3/#"), Reader(broker, f"openadr3/{organization.pk}/vens/{ven_id}/#")
    with django_capture_on_commit_callbacks(execute=True):
        program = utility.post("/programs", {"programName": "P", "targets": ["east"]}).json()["id"]
        body = {"programID": program, "targets": ["north", "east"]}
        event = utility.post("/events", body).json()
        utility.delete(f"/events/{event['id']}")
    factories.run_queued()
    start = f"openadr3/{organization.pk}"
    assert [topic for topic, _ in whole.wait(7)] == [
        f"{start}/programs/create",
        f"{start}/events/create",
        f"{start}/programs/{program}/events/create",
        f"{start}/vens/{ven_id}/events/create",
        f"{start}/events/delete",
        f"{start}/programs/{program}/events/delete",
        f"{start}/vens/{ven_id}/events/delete",
    ]
    assert [(said["operation"], said["targets"]) for _, said in own.wait(2)] == [
        ("CREATE", ["north"]), ("DELETE", ["north"]),
    ]  # fmt: skip
    assert own.heard[0][1]["object"] == {**event, "targets": ["north"]}
    assert whole.heard[1][1]["object"] == event
    assert TopicMessage.objects.count() == 0
    whole.close()
    own.close()


def test_what_no_broker_takes_waits(utility: Api, settings: Any) -> None:
    settings.OPENADR_MQTT_URL = f"mqtt://127.0.0.1:{free_port()}"
    assert utility.post("/programs", {"programName": "P"}).status_code == 201
    with pytest.raises(mqtt.BrokerError):
        mqtt.topics_publish()
    assert TopicMessage.objects.count() == 1


class TestPaths:
    KINDS = ("programs", "events", "reports", "subscriptions", "vens", "resources")

    def test_without_a_broker_there_are_webhooks_only(self, organization: Organization, utility: Api) -> None:
        ven = factories.make_ven(organization=organization, targets=["north"])
        assert utility.get("/notifiers").json() == ven.get("/notifiers").json() == {"WEBHOOK": True}
        for path in (*self.KINDS, "vens/x", "vens/x/events", "programs/x", "programs/x/events"):
            answer = utility.get(f"/notifiers/mqtt/topics/{path}")
            assert (answer.status_code, answer.json()["title"]) == (404, "mqtt_not_offered"), path

    def test_topics_are_named(self, organization: Organization, utility: Api, settings: Any) -> None:
        settings.OPENADR_MQTT_URL = "mqtt://user:secret@broker.example:1884"
        ven = factories.make_ven(organization=organization, targets=["north"])
        ven_id = ven.get("/vens").json()[0]["id"]
        program = utility.post("/programs", {"programName": "P"}).json()["id"]
        assert ven.get("/notifiers").json()["MQTT"] == {
            "URIS": ["mqtt://broker.example:1884"],
            "serialization": "JSON",
            "authentication": {"method": "ANONYMOUS"},
        }
        start = f"openadr3/{organization.pk}"
        for path in (*self.KINDS, f"programs/{program}/events", f"vens/{ven_id}/events"):
            assert utility.get(f"/notifiers/mqtt/topics/{path}").json()["topics"] == {
                "CREATE": f"{start}/{path}/create",
                "UPDATE": f"{start}/{path}/update",
                "DELETE": f"{start}/{path}/delete",
                "ALL": f"{start}/{path}/+",
            }
        for path in (f"programs/{program}", f"vens/{ven_id}"):
            names = utility.get(f"/notifiers/mqtt/topics/{path}").json()["topics"]
            assert set(names) == {"UPDATE", "DELETE", "ALL"}

    def test_ven_is_told_its_own_topics_only(
        self, organization: Organization, utility: Api, settings: Any
    ) -> None:
        settings.OPENADR_MQTT_URL = "mqtt://broker.example"
        ven, other = (factories.make_ven(organization=organization, targets=[name]) for name in ("a", "b"))
        own, foreign = (api.get("/vens").json()[0]["id"] for api in (ven, other))
        program = utility.post("/programs", {"programName": "P"}).json()["id"]

        def status(path: str) -> int:
            code: int = ven.get(f"/notifiers/mqtt/topics/{path}").status_code
            return code

        below = ("", "/events", "/programs", "/resources")
        assert {status(f"vens/{own}{path}") for path in below} == {200}
        assert {status(f"vens/{foreign}{path}") for path in below} == {404}
        refused = (*self.KINDS, f"programs/{program}", f"programs/{program}/events")
        assert {status(path) for path in refused} == {403}
        assert utility.get("/notifiers/mqtt/topics/programs/nowhere").status_code == 404
