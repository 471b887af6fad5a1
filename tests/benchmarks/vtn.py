"""VENs' polls and a utility's writes a second through the web door: 2,000 VENs, 200 active events; then those of 2.0b.

The client runs on the same cores. The CPU time of the server's side (web door, PostgreSQL, Redis) for each request is
given as well: it says the same on a machine that is busy with something else.
"""

import http.client
import json
import os
import statistics
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks import vtn2b
from tests.benchmarks.platform import services, web

VENS, EVENTS, HIDDEN = 2000, 200, 10
GROUPS = 20  # a VEN sees a group's events: 10 of the 200
CONNECTIONS, SECONDS = 8, 8.0
BASE = "/openadr3/3.1.0"


def measure(options: list[str]) -> dict[str, Any]:
    """Poll, poll among ten times as many hidden events, and write."""
    with services() as (state, _):
        import django

        django.setup()
        tenant = _Tenant()
        with web(state) as port:
            server = Server(state, port)
            tenant.add_events(EVENTS, hidden=False)
            polls = _load(server, tenant.tokens)
            tenant.add_events(EVENTS * HIDDEN, hidden=True)
            among_hidden = _load(server, tenant.tokens)
            writes = _load(server, [tenant.utility] * CONNECTIONS, body=json.dumps(tenant.event("written")))
        of_2b = vtn2b.measure_here()
    return {
        "polls_per_s": round(polls["rate"]),
        "polls_per_s_10x_hidden_events": round(among_hidden["rate"]),
        "writes_per_s": round(writes["rate"]),
        "poll_p99_s": round(polls["p99_s"], 4),
        "poll_cpu_ms": round(polls["cpu_ms"], 2),
        "poll_cpu_ms_10x_hidden_events": round(among_hidden["cpu_ms"], 2),
        "write_cpu_ms": round(writes["cpu_ms"], 2),
        "events_in_a_poll": polls["items"],
        "vens": len(tenant.tokens),
        **of_2b,
    }


@dataclass(frozen=True)
class Server:
    """The processes that serve: the web door by its port, the services by the folder they run in."""

    state: Path
    port: int

    def cpu_s(self) -> float:
        """Return the processor seconds that they have used so far."""
        return sum(_cpu_s(folder) for folder in Path("/proc").glob("[0-9]*") if self._is_ours(folder))

    def _is_ours(self, folder: Path) -> bool:
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_web = "uvicorn" in words and str(self.port) in words
            return is_web or (folder / "cwd").readlink().is_relative_to(self.state.resolve())
        except OSError:  # it has ended
            return False


def _cpu_s(folder: Path) -> float:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Tenant:
    """An organization with a utility and VENs, each with a token and a ven."""

    def __init__(self) -> None:
        from apps.accounts.services import api_client_create, organization_create
        from apps.openadr.selectors import viewer_of
        from apps.openadr.services import program_object_create, ven_create

        self.now = datetime.now(UTC)
        organization = organization_create(name="Bench", slug="bench")
        made = api_client_create(organization=organization, name="utility", role="utility")
        self.viewer = viewer_of(client=made.client)
        self.utility = self._token(made.client, "read_all write_events")
        self.program = program_object_create(viewer=self.viewer, body={"programName": "P"}, now=self.now).pk
        self.tokens = []
        for index in range(VENS):
            client = self._client(organization, index)
            body = {"objectType": "BL_VEN_REQUEST", "clientID": client.client_id, "venName": f"ven {index}"}
            ven_create(
                viewer=self.viewer, body={**body, "targets": [f"group {index % GROUPS}"]}, now=self.now
            )
            self.tokens.append(self._token(client, "read_targets"))

    def _client(self, organization: Any, index: int) -> Any:
        from apps.accounts.models import ApiClient

        # Without the service: hashing 2,000 secrets takes minutes, and none of them is used.
        return ApiClient.objects.create(
            organization=organization, role="ven", name=f"ven {index}", client_id=f"bench-{index}", client_secret="!",
            hash_client_secret=False, client_type="confidential", authorization_grant_type="client-credentials",
        )  # fmt: skip

    def _token(self, client: Any, scope: str) -> str:
        from oauth2_provider.models import AccessToken

        token = f"bench-token-{client.pk}"
        AccessToken.objects.create(
            application=client, token=token, scope=scope, expires=datetime.now(UTC) + timedelta(hours=1)
        )
        return token

    def event(self, target: str) -> dict[str, Any]:
        """Return a day of hourly prices."""
        start = self.now.replace(minute=0, second=0, microsecond=0)
        intervals = [{"id": hour, "payloads": [{"type": "PRICE", "values": [0.3]}]} for hour in range(24)]
        period = {"start": start.isoformat(), "duration": "PT1H"}
        return {
            "programID": self.program,
            "targets": [target],
            "intervalPeriod": period,
            "intervals": intervals,
        }

    def add_events(self, count: int, *, hidden: bool) -> None:
        """Store active events, spread over the groups or for nobody here."""
        from django.db import connection

        from apps.openadr.services import event_object_create

        for index in range(count):
            target = f"hidden {index}" if hidden else f"group {index % GROUPS}"
            event_object_create(viewer=self.viewer, body=self.event(target), now=datetime.now(UTC))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _load(server: Server, tokens: list[str], body: str | None = None) -> dict[str, Any]:
    times: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    items: list[int] = []
    ends = time.monotonic() + SECONDS

    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        index = number
        while time.monotonic() < ends:
            began = time.monotonic()
            headers = {
                "Authorization": f"Bearer {tokens[index % len(tokens)]}",
                "Content-Type": "application/json",
            }
            path = f"{BASE}/events" + ("" if body else "?active=true")
            connection.request("POST" if body else "GET", path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (200, 201):
                raise RuntimeError(f"{answer.status}: {text[:200]!r}")
            times[number].append(time.monotonic() - began)
            index += CONNECTIONS
            if number == 0 and not items and body is None:
                items.append(len(json.loads(text)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CONNECTIONS)]
    began, cpu_s = time.monotonic(), server.cpu_s()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    all_times = [one for some in times for one in some]
    p99 = statistics.quantiles(all_times, n=100)[98]
    return {
        "rate": len(all_times) / (time.monotonic() - began),
        "p99_s": p99,
        "cpu_ms": (server.cpu_s() - cpu_s) / len(all_times) * 1000,
        "items": items[0] if items else 0,
    }
