"""One home behind both doors: a simulated hub with its local server, and the cloud that it is linked to."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from django.db.models import Q
from oauth2_provider.models import get_access_token_model

from apps.accounts.models import User
from apps.sites.models import AppGrant, Site
from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.local_api.token import load_token
from tests import factories
from tests.oauth_apps import make_app

START = datetime.fromisoformat("2026-04-23T11:58:00+02:00")
SCALE = 300.0


@dataclass
class Reply:
    """What a door said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Door:
    """One end to ask, with a good token."""

    name: str
    port: int
    token: str

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        token: str | None = None,
        kind: str = "application/json",
    ) -> Reply:
        """Ask once, on a connection of its own."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        shown = self.token if token is None else token
        headers = {"Authorization": f"Bearer {shown}"} if shown else {}
        if raw:
            headers["Content-Type"] = kind
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, target, raw, headers)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, got, response.read())
        finally:
            connection.close()

    @contextmanager
    def stream(self, target: str) -> Iterator[Iterator[tuple[str, Any]]]:
        """Listen; yields (event, data)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(
            "GET", target, headers={"Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"}
        )
        response = connection.getresponse()
        assert (response.status, response.getheader("content-type")) == (200, "text/event-stream")
        try:
            yield _events(response)
        finally:
            response.close()
            connection.close()


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    event = ""
    while line := response.readline():
        text = line.decode().strip()
        if text.startswith("event: "):
            event = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield event, json.loads(text.removeprefix("data: "))


class RunningHub:
    """An agent in a thread with a loop of its own."""

    def __init__(self, config: dict[str, Any], clock: Clock) -> None:
        self.events: list[dict[str, Any]] = []
        self.clock = clock
        self.config = hub_config(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        until(lambda: self.told("local_api"))

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        self.agent = Agent(self.config, self.clock, emit=self._emit)
        self._task = self._loop.create_task(self.agent.run())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def _emit(self, event: str, **facts: object) -> None:
        self.events.append({"event": event, **facts})

    def told(self, event: str) -> list[dict[str, Any]]:
        return [facts for facts in self.events if facts["event"] == event]

    @property
    def door(self) -> Door:
        assert self.agent.local is not None
        return Door("hub", self.agent.local.port, load_token(Path(self.config.data_dir)))

    def decided(self, key: str = "battery") -> Any:
        """What the last whole cycle decided about a resource: asked in the hub's own loop, never amid a cycle."""

        async def look() -> Any:
            return self.agent.cycle.allowed.ranges[key]

        return asyncio.run_coroutine_threadsafe(look(), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive()


def home_document(folder: Path, *, cloud_url: str = "", **changes: Any) -> dict[str, Any]:
    """A hub's configuration: the fleet's second home, with sun, battery and heat pump."""
    return {
        "key": "home-02",
        "cloud_url": cloud_url,
        "data_dir": str(folder / "home-02"),
        "cycle_s": 15.0,
        "grid": {"import_kw": 17.0, "export_kw": 10.0},
        "home": {"time_zone": "Europe/Berlin"},
        "local_api": {"port": 0, "requests_per_minute": 100_000.0, "wrong_tokens_per_minute": 1000.0},
        "driver": msgspec.to_builtins(fleet()[1].home),
        "link": {"claim_poll_s": 0.05, "backoff_s": 0.02, "backoff_max_s": 0.1, "backfill_spread_s": 0.0},
    } | changes


def personal_token(user: User, *, scope: str = "ores_read ores_control", client: Any = None) -> str:
    """An access token that a person granted to an app."""
    made = client or make_app(organization=factories.make_organization()).client
    visible = Q(members__user=user) | Q(organization__memberships__user=user)
    for site in Site.objects.filter(visible).distinct():
        AppGrant.objects.get_or_create(
            user=user, client=made, site=site, defaults={"granted_at": datetime.now(UTC)}
        )
    text = f"granted-{factories.number()}-{time.monotonic_ns()}"
    get_access_token_model().objects.create(
        user=user,
        application=made,
        token=text,
        expires=datetime.now(UTC) + timedelta(hours=1),
        scope=scope,
    )
    return text


def until(condition: Callable[[], Any], limit_s: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
