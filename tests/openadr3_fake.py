"""A utility's 3.x VTN that says what a test wants."""

import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.openadr2b import soon
from tests.openadr3_ven import Server


class FakeVtn:
    """A VTN whose collections are lists; what it says can be spoiled by path, for good or once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.spoiled: dict[str, web.Response] = {}
        self.spoiled_once: dict[str, web.Response | Callable[[], web.Response]] = {}
        self.objects: dict[str, Any] = {}
        self.sent: list[tuple[str, Any]] = []
        self.page = 50
        self.server = Server(self.answer, tls=tls)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.strip("/")
        if request.method == "POST" and path != "auth/token":
            self.sent.append((path, await request.json()))
        spoiled = self.spoiled_once.pop(path, None) or self.spoiled.get(path)
        if callable(spoiled):
            return spoiled()
        if spoiled is not None:
            return web.Response(status=spoiled.status, body=spoiled.body, headers=spoiled.headers)
        if path in self.objects:
            return web.json_response(self.objects[path])
        if path == "auth/server":
            return web.json_response({"tokenURL": f"{self.server.url}/auth/token"})
        if path == "auth/token":
            return web.json_response({"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        if path.startswith("vens") or path.startswith("resources"):
            one = {"id": path.split("/")[0], "venName": "ores", "resourceName": "portfolio"}
            return web.json_response(one if "/" in path or request.method == "POST" else [])
        if path.startswith("events/"):
            held = [one for one in self.events if path == f"events/{one['id']}"]
            return web.json_response(held[0] if held else {}, status=200 if held else 404)
        held = self.events if path == "events" else []
        skip = int(request.query.get("skip", 0))
        return web.json_response(held[skip : skip + self.page])

    def event(self, id_: str, **changes: Any) -> dict[str, Any]:
        made = {
            "id": id_, "programID": "p", "modificationDateTime": "2026-01-01T00:00:00Z",
            "intervalPeriod": {"start": soon().isoformat(), "duration": "PT1H"},
            "intervals": [
                {"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-2.0]}]}
            ],
            **changes,
        }  # fmt: skip
        self.events.append(made)
        return made
