"""A home with an owner, and a web server of this machine that notes what it is sent."""

import dataclasses
import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.common import clock
from tests import factories
from tests.apps.portal.conftest import as_
from tests.apps.portal.world import World, build_world, evening

__all__ = ["as_"]
NOW = evening()
As = Callable[[User | None], Client]


@dataclasses.dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass
class Receiver:
    """How it answers can be changed while it runs."""

    url: str = ""
    status: int = 200
    calls: list[Call] = dataclasses.field(default_factory=list)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    return NOW


@pytest.fixture
def world(db: None, now: datetime) -> World:
    factories.forget_counts()
    return build_world(now=now)


@pytest.fixture
def receiver(settings: object) -> Iterator[Receiver]:
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True  # type: ignore[attr-defined]
    held = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            held.calls.append(Call(self.path, dict(self.headers), body))
            self.send_response(held.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.url = f"http://127.0.0.1:{server.server_address[1]}/hear"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield held
    server.shutdown()
    server.server_close()
    thread.join()
