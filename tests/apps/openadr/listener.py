"""A subscriber's web server on a free port of this machine; tests look at what it was sent."""

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Listener:
    """How it answers can be changed while it runs."""

    url: str = ""
    echoes: bool = True
    status: int = 200
    location: str = ""
    heard: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def posts(self) -> list[Any]:
        """Return the bodies of notifications, in order."""
        return [body for method, _, body in self.heard if method == "POST"]

    def operations(self) -> list[tuple[str, str]]:
        """Return what the notifications were about."""
        return [(body["objectType"], body["operation"]) for body in self.posts()]


def handler_of(listener: Listener) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listener.heard.append(("GET", dict(self.headers), self.path))
            word = parse_qs(urlsplit(self.path).query).get("echo", [""])[0]
            self.answer(word if listener.echoes else "something else")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.heard.append(("POST", {**self.headers, "raw": body.decode()}, json.loads(body)))
            self.answer("")

        def answer(self, text: str) -> None:
            self.send_response(listener.status)
            if listener.location:
                self.send_header("Location", listener.location)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def listening(*, context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    """Serve on loopback until the block ends."""
    listener = Listener()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(listener))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    scheme, host = ("http", "127.0.0.1") if context is None else ("https", "localhost")
    listener.url = f"{scheme}://{host}:{server.server_port}/hook"
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
