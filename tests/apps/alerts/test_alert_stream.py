"""Operators' pages hear of incidents by the event stream of the web door, a process of its own as in production."""

import contextlib
import http.client
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from apps.accounts.models import Organization, User
from apps.alerts.acknowledging import incident_acknowledge
from apps.alerts.incidents import Found, conditions_hold
from apps.alerts.models import Incident, IncidentKind
from ores_cloud.local import ROOT
from ores_cloud.supervisor import free_port, web_command, with_database
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, until
from tests.factories import NOW

pytestmark = COMMITTED
NEWS = "event: news"
KIND = IncidentKind.HUB_OFFLINE


@pytest.fixture
def port(transactional_db: None) -> Iterator[int]:
    """The web door as the supervisor starts it, on the test's database."""
    found = free_port(None, first=8700)
    url = with_database(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
    environment = {**os.environ, "DATABASE_URL": url, "ORES_CLOCK": factories.clock_at(NOW)}
    environment["DJANGO_SETTINGS_MODULE"] = "ores_cloud.settings.base"
    command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", *web_command(found, "127.0.0.1")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        until(lambda: answers(found), 60.0)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=20)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        connection_ = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection_.request("GET", "/openadr3/3.1.0/auth/server")
        return connection_.getresponse().status == 200
    return False


class Stream:
    """An open stream; what it says is read by a thread and waits to be asked for."""

    def __init__(self, port: int, path: str, user: User | None) -> None:
        headers = {"Accept": "text/event-stream"}
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            headers["Cookie"] = f"{name}={client.cookies[name].value}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", path, headers=headers)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.kind = self._response.getheader("Content-Type")
        self._said: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self._response.readline():
                self._said.put(line.decode().strip())

    def next(self, wanted: str, timeout_s: float = 30.0) -> str:
        """Return the next line that begins as wanted; keep-alives and empty lines are passed over."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                if (line := self._said.get(timeout=left_s)).startswith(wanted):
                    return line
        raise AssertionError(f"nothing began with {wanted} in time")

    def said(self) -> list[str]:
        """Return what has been said and was not asked for."""
        lines = []
        with contextlib.suppress(queue.Empty):
            while True:
                lines.append(self._said.get_nowait())
        return lines

    def close(self) -> None:
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        if self.status == 200:
            self._thread.join(10)
        self._connection.close()


@contextlib.contextmanager
def stream(port: int, path: str, user: User | None) -> Iterator[Stream]:
    made = Stream(port, path, user)
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.close()


def holds(organization: Organization, *keys: str, at: datetime = NOW) -> int:
    found = [Found(key, f"{key} is offline") for key in keys]
    return conditions_hold(organization=organization, kind=KIND, found=found, now=at)


def test_a_page_hears_of_incidents_as_they_open_are_taken_care_of_and_end(port: int) -> None:
    organization = factories.make_organization()
    operator = factories.make_operator(organization=organization)
    with stream(port, f"/live/fleet/{organization.pk}", operator) as live:
        assert (live.status, live.kind) == (200, "text/event-stream")
        assert live.next("retry:") == "retry: 2000"
        holds(organization, "hub:1")
        assert live.next("event:") == NEWS
        incident = Incident.objects.get()
        incident_acknowledge(
            organization=organization, incident_id=incident.pk, note="", actor=operator.email, now=NOW
        )
        assert live.next("event:") == NEWS
        holds(organization)
        assert live.next("event:") == NEWS
        # Nothing has changed: nothing is said.
        holds(organization)
        other = factories.make_organization()
        with stream(port, f"/live/fleet/{other.pk}", factories.make_operator(organization=other)) as theirs:
            theirs.next("retry:")
            holds(other, "hub:2")
            assert theirs.next("event:") == NEWS
        assert [line for line in live.said() if line.startswith("event:")] == []


@pytest.mark.parametrize("who", ["nobody", "stranger", "owner", "nowhere"])
def test_others_hear_nothing_of_a_tenants_incidents(port: int, who: str) -> None:
    organization = factories.make_organization()
    site = factories.make_site(organization=organization)
    people = {
        "nobody": None,
        "stranger": factories.make_operator(organization=factories.make_organization()),
        "owner": factories.make_owner(site=site),
        "nowhere": factories.make_operator(organization=organization),
    }
    number = organization.pk + 1000 if who == "nowhere" else organization.pk
    with stream(port, f"/live/fleet/{number}", people[who]) as live:
        assert live.status == 403
