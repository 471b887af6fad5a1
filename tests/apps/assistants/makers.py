"""Google's and Amazon's servers on this machine: they check who calls and what, note it, and answer as they are told to."""

import base64
import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT

from tests.apps.assistants.world import check

SCOPE = "https://www.googleapis.com/auth/homegraph"
JSON = dict[str, Any]


@dataclasses.dataclass
class Makers:
    """What was called, in order, and how calls are answered."""

    url: str = ""
    key: JWK = dataclasses.field(default_factory=lambda: JWK.generate(kty="RSA", size=2048))
    heard: list[tuple[str, JSON]] = dataclasses.field(default_factory=list)
    # (status, content) by path, in place of success.
    answers: dict[str, tuple[int, JSON]] = dataclasses.field(default_factory=dict)
    tokens: int = 0
    good: set[str] = dataclasses.field(default_factory=set)

    def account_file(self, folder: Path) -> str:
        """Write a service account's file; return where it is."""
        path = folder / "service-account.json"
        content = {
            "type": "service_account", "client_email": "reports@test.example", "private_key_id": "k-1",
            "private_key": self.key.export_to_pem(private_key=True, password=None).decode(),
            "token_uri": f"{self.url}/google/token",
        }  # fmt: skip
        path.write_text(json.dumps(content))
        return str(path)

    def said(self, part: str) -> list[JSON]:
        """What was said at paths that end so, in order."""
        return [body for path, body in self.heard if path.endswith(part)]

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, JSON]:
        """Note a call and answer it; one that is not as it must be is refused."""
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        is_form = headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        said: JSON = form if is_form else json.loads(body)
        self.heard.append((path, said))
        if path in self.answers:
            return self.answers[path]
        if path == "/google/token":
            return self._google_token(said)
        if path == "/alexa/token":
            return self._alexa_token(said)
        token = headers["Authorization"].removeprefix("Bearer ")
        if token not in self.good:
            return 401, {"error": {"message": "unknown token"}}
        return self._taken(path, said, token=token)

    def _taken(self, path: str, said: JSON, *, token: str) -> tuple[int, JSON]:
        if path == "/google/v1/devices:reportStateAndNotification":
            check(said, "google", "report")
            return 200, {"requestId": said["requestId"]}
        if path == "/google/v1/devices:requestSync":
            check(said, "google", "request_sync")
            return 200, {}
        assert path == "/alexa/events"
        name = said["event"]["header"]["name"]
        parts = {"ChangeReport": "change", "AddOrUpdateReport": "add_or_update", "DeleteReport": "delete"}
        check(said, "alexa", parts[name])
        holder = said["event"].get("endpoint") or said["event"]["payload"]
        assert holder["scope"]["token"] == token
        return 202, {}

    def _google_token(self, form: JSON) -> tuple[int, JSON]:
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        told = JWT(jwt=form["assertion"], key=self.key, algs=["RS256"])
        claims = json.loads(told.claims)
        assert (claims["iss"], claims["scope"], claims["aud"]) == (
            "reports@test.example", SCOPE, f"{self.url}/google/token",
        )  # fmt: skip
        assert claims["exp"] - claims["iat"] == 3600
        head = json.loads(base64.urlsafe_b64decode(form["assertion"].split(".")[0] + "=="))
        assert (head["alg"], head["kid"]) == ("RS256", "k-1")
        return 200, {"access_token": self._new_token(), "expires_in": 3600, "token_type": "Bearer"}

    def _alexa_token(self, form: JSON) -> tuple[int, JSON]:
        assert (form["client_id"], form["client_secret"]) == ("skill", "of-the-skill")
        known = form.get("code") == "a-code" or form.get("refresh_token", "").startswith("refresh-")
        if not known:
            return 400, {"error": "invalid_grant", "error_description": "unknown"}
        token = self._new_token()
        return 200, {"access_token": token, "refresh_token": f"refresh-{self.tokens}", "expires_in": 3600}

    def _new_token(self) -> str:
        self.tokens += 1
        self.good.add(f"token-{self.tokens}")
        return f"token-{self.tokens}"


@contextmanager
def serving() -> Iterator[Makers]:
    """Serve on loopback until the block ends."""
    makers = Makers()
    failures: list[BaseException] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, content = makers.answer(self.path, self.headers, body)
            except BaseException as error:
                failures.append(error)
                status, content = 400, {"error": "invalid_request"}
            said = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    makers.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield makers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert failures == []
