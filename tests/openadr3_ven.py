"""The 3.x VEN under test, and the utilities that it speaks with."""

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from apps.accounts.models import Organization
from apps.openadr.models import VenConnection3
from apps.openadr.ven3.connections import connection_create
from apps.openadr.ven3.supervision import Supervisor
from tests import factories
from tests.factories import Api
from tests.openadr2b import soon
from tests.openadr2b_ven import LOOK_EVERY_S
from tests.threads import LoopThread, VenThread
from vpp.protocols.openadr3.legacy import Kind, from_legacy, to_legacy

KINDS: dict[str, Kind] = {
    "programs": "PROGRAM", "events": "EVENT", "reports": "REPORT", "subscriptions": "SUBSCRIPTION", "vens": "VEN",
    "resources": "RESOURCE",
}  # fmt: skip


def until(condition: Callable[[], Any], *, limit_s: float = 40) -> None:
    """Wait for something that the database or the other side tells."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    held = list(VenConnection3.objects.values_list("name", "last_error", "last_answer_at"))
    raise AssertionError(f"it did not happen: {held}")


class VenThread3(VenThread):
    """The VEN of all connections in a thread."""

    def __init__(self) -> None:
        super().__init__(Supervisor(look_every_s=LOOK_EVERY_S))


class Utility3:
    """Another organization with our own 3.1 VTN: its business logic, and the credential it gave us."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/openadr3/3.1.0"
        self.organization: Organization = factories.make_organization(name="Utility")
        self.api: Api = factories.make_utility(organization=self.organization)
        self.credential = factories.make_credential(organization=self.organization, role="ven")
        self.program = self.make("/programs", {"programName": f"Relief {factories.number()}"})

    def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.api.post(path, body)
        assert answer.status_code == 201, answer.content
        made: dict[str, Any] = answer.json()
        return made

    def body(self, *, starts_at: datetime | None = None, kw: float = -3.0, **changes: Any) -> dict[str, Any]:
        payload = {"type": "DISPATCH_SETPOINT_RELATIVE", "values": [kw]}
        return {
            "programID": self.program["id"],
            "intervalPeriod": {"start": (starts_at or soon()).isoformat(), "duration": "PT30M"},
            "intervals": [{"id": 0, "payloads": [payload]}, {"id": 1, "payloads": [payload]}],
            **changes,
        }

    def event(self, **changes: Any) -> dict[str, Any]:
        return self.make("/events", self.body(**changes))

    def change(self, event: dict[str, Any], **changes: Any) -> None:
        starts_at = datetime.fromisoformat(event["intervalPeriod"]["start"])
        answer = self.api.put(f"/events/{event['id']}", self.body(**{"starts_at": starts_at, **changes}))
        assert answer.status_code == 200, answer.content

    def delete(self, event: dict[str, Any]) -> None:
        assert self.api.delete(f"/events/{event['id']}").status_code == 200

    def connect(self, *, url: str = "", now: datetime | None = None, **options: Any) -> VenConnection3:
        values = {
            "organization": factories.make_organization(), "name": "ores", "url": url or self.url, "poll_s": 1,
            "client_id": self.credential.client_id, "client_secret": self.credential.client_secret, "now": now or soon(0),
        }  # fmt: skip
        if "program" in options:
            values["organization"] = options["program"].organization
        return connection_create(**{**values, **options})


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server(LoopThread):
    """An HTTP server in a thread, which answers as a test wants."""

    def __init__(self, handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._handler, self.port, self._tls = handler, port, tls
        self.asked: list[tuple[str, str]] = []
        self.asked_at: list[float] = []
        self.begin()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def work(self, stopping: asyncio.Event) -> None:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked_at.append(time.monotonic())
            self.asked.append((request.method, request.path))
            return await self._handler(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = runner.addresses[0][1]
        self.ready.set()
        await stopping.wait()
        await runner.cleanup()


def legacy_of(url: str) -> Handler:
    """Play a 3.0.1 VTN: our own 3.1 one behind a door that says everything in 3.0.1's words.

    What 3.0.1 lacks (/auth/server, /notifiers) is not there, and resources are under their ven.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["auth", "server"] or parts[0] in {"notifiers", "resources"}:
            return web.json_response({"status": 404}, status=404)
        query = dict(request.query)
        if parts[0] == "vens" and len(parts) > 2:
            query["venID"] = parts[1]
            parts = parts[2:]
        kind = KINDS.get(parts[0])
        data = await request.read()
        if kind is not None and data:
            data = _translated(data, kind, path=parts, ven_id=query.get("venID"))
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        params = query if request.method == "GET" else None
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, f"{url}/{'/'.join(parts)}", params=params, data=data or None, headers=headers
            ) as answer,
        ):
            said = json.loads(await answer.read())
            if kind is not None and answer.status < 300:
                said = [to_said(one, kind) for one in said] if isinstance(said, list) else to_said(said, kind)
            return web.json_response(said, status=answer.status)

    return handle


def to_said(one: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Return an object as 3.0.1 shows it; a report's program is not known here."""
    return to_legacy(one, kind=kind, program_id="unknown")


def _translated(data: bytes, kind: Kind, *, path: list[str], ven_id: str | None) -> bytes:
    body = from_legacy(json.loads(data), kind=kind)
    if kind in {"VEN", "RESOURCE"}:
        body["objectType"] = f"VEN_{kind}_REQUEST"
    if ven_id is not None:
        body["venID"] = ven_id
    return json.dumps(body).encode()


HOUR = timedelta(hours=1)
