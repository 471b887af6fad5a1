"""A real server with the platform's own ASGI application, and hubs that speak to it over real sockets."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from django.apps import apps
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from apps.hubs.link.server import LinkServer
from apps.hubs.models import Hub
from apps.sites.models import Site
from ores_cloud.asgi import Application
from tests import factories
from tests.factories import HubDevice
from vpp.protocols.link import codec
from vpp.protocols.link.messages import Ack, CloudMessage, Hello, HubMessage, Welcome

PATH = "/hub/communicate"
# What these tests write is committed, for the server to see. Naming the apps spares the slow part of a flush.
COMMITTED = pytest.mark.django_db(
    transaction=True, available_apps=[one.name for one in apps.get_app_configs()]
)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Link:
    """The running server, as a hub's shells see it."""

    def __init__(self, application: Application, port: int) -> None:
        self.application = application
        self.port = port

    @property
    def server(self) -> LinkServer:
        assert self.application.server is not None
        return self.application.server

    @contextlib.contextmanager
    def connection(self, device: HubDevice, *, token: str | None = None) -> Iterator["Wire"]:
        headers = {"Authorization": f"Bearer {token or device.token()}"}
        with connect(f"ws://127.0.0.1:{self.port}{PATH}", additional_headers=headers) as socket:
            yield Wire(socket, device)

    @contextlib.contextmanager
    def session(self, device: HubDevice, **hello: Any) -> Iterator["Wire"]:
        with self.connection(device) as wire:
            wire.greet(**hello)
            yield wire

    def request(
        self, method: str, body: bytes = b"", *, token: str = "", content_type: str = "application/json"
    ) -> Answer:
        http_connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": content_type, **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                http_connection.request(method, PATH, body, headers)
            response = http_connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            http_connection.close()

    def post(self, device: HubDevice, messages: list[HubMessage]) -> list[CloudMessage]:
        answer = self.request("POST", codec.encode_json(messages), token=device.token())
        assert answer.status == 200, answer.body
        return codec.decode_cloud_list(answer.body, binary=False)


class Wire:
    """One WebSocket, seen from the hub."""

    def __init__(self, socket: ClientConnection, device: HubDevice) -> None:
        self.socket = socket
        self.device = device

    def greet(self, **hello: Any) -> Welcome:
        self.send(Hello(**{"hub_id": self.device.hub_id, "boot_id": "boot-1", **hello}))
        welcome = self.receive()
        assert isinstance(welcome, Welcome)
        return welcome

    def send(self, message: HubMessage, *, binary: bool = False) -> None:
        if binary:
            self.socket.send(codec.encode_msgpack(message))
        else:
            self.socket.send(codec.encode_json(message), text=True)

    def receive(self, timeout: float = 5.0) -> CloudMessage:
        return codec.decode_cloud(self.socket.recv(timeout))

    def acknowledged(self, message: HubMessage, *, binary: bool = False) -> Ack:
        self.send(message, binary=binary)
        answer = self.receive()
        assert isinstance(answer, Ack), answer
        return answer

    def hears_nothing(self, seconds: float = 0.25) -> bool:
        try:
            self.socket.recv(seconds)
        except TimeoutError:
            return True
        return False

    def close_code(self, timeout: float = 5.0) -> int:
        """Read on until the cloud closes; return its code."""
        try:
            while True:
                self.socket.recv(timeout)
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code


def until(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def until_gone(site: Site, timeout_s: float = 20.0) -> None:
    """Wait until the link has noted that a home's hub left; else that meets the emptying of the tables."""
    until(lambda: not any(hub.is_connected for hub in Hub.objects.filter(site=site)), timeout_s)


@contextlib.contextmanager
def serving() -> Iterator[Link]:
    """Run the application on a free port, as production does."""
    application = Application()
    config = uvicorn.Config(
        application,
        port=0,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=1_048_576,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Link(application, port)
    finally:
        server.should_exit = True
        thread.join(10)


def empty_database() -> None:
    """Leave nothing of telemetry behind; pytest-django empties the tables that Django manages."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        cursor.execute(
            "TRUNCATE telemetry_snapshot, telemetry_point, telemetry_latest, telemetry_quarter, telemetry_day, telemetry_dirty"
        )
        cursor.execute("UPDATE telemetry_rolled_up SET until = 'epoch'")


@pytest.fixture(scope="module")
def link(django_db_setup: None, django_db_blocker: Any) -> Iterator[Link]:
    """The running link for a module's tests."""
    with django_db_blocker.unblock():
        try:
            with serving() as running:
                yield running
        finally:
            empty_database()


@pytest.fixture
def device(link: Link) -> HubDevice:
    """A claimed hub of a new home."""
    site = factories.make_site(organization=factories.make_organization(), battery=None)
    return factories.make_hub(site=site)
