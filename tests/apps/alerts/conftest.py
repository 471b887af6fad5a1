"""A home with an owner, and a web server of this machine that notes what it is sent."""

import dataclasses
import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.apps.portal.conftest import NOW, as_, now, world

__all__ = ["NOW", "as_", "now", "world"]
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
