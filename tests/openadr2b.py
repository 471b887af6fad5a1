"""The 2.0b doors under test: a VTN in a thread or in a process of its own, and a VEN that says what a test wants."""

import asyncio
import contextlib
import http.client
import os
import signal
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from apps.accounts.models import ApiClient, Organization
from apps.hubs.link.server import conninfo
from apps.openadr import services
from apps.openadr.models import EventObject, Ven2b
from apps.openadr.selectors import viewer_of
from apps.openadr.vtn2b.door import PREFIX, Door, Settings, serve
from apps.openadr.vtn2b.gate import Gate
from apps.openadr.vtn2b.process import Identity, Process
from apps.openadr.vtn2b.vens import ven_create
from apps.openadr.wire2b import Message, Signer, compose, parse
from ores_cloud.local import ROOT
from ores_cloud.supervisor import with_database
from tests import factories
from tests.threads import LoopThread
from vpp.protocols.openadr2b.event import Event2b, read_events

VTN = "vtn-under-test"


def soon(minutes: float = 60) -> datetime:
    """Return an instant from now, in real time: the library's VEN and VTN know no other."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)


def let_in(organization: Organization, **changes: Any) -> Ven2b:
    """Let a VEN in, as the tenant's people do before it registers."""
    values = {"vtn_id": VTN, "name": f"ven {factories.number()}", "now": soon(0), **changes}
    return ven_create(organization=organization, **values)


class Utility:
    """A utility's credential and its program, for events by the services of 3.1."""

    def __init__(self, organization: Organization) -> None:
        made = factories.make_credential(organization=organization)
        self.client = ApiClient.objects.get(client_id=made.client_id)
        name = f"Relief {factories.number()}"
        self.viewer = viewer_of(client=self.client)
        self.program = services.program_object_create(
            viewer=self.viewer, body={"programName": name}, now=soon(0)
        )

    def body(self, *, starts_at: datetime, kw: float = -3.0, **changes: Any) -> dict[str, Any]:
        payload = {"type": "DISPATCH_SETPOINT_RELATIVE", "values": [kw]}
        return {
            "programID": self.program.pk,
            "intervalPeriod": {"start": starts_at.isoformat(), "duration": "PT30M"},
            "intervals": [{"id": 0, "payloads": [payload]}, {"id": 1, "payloads": [payload]}],
            **changes,
        }

    def event(self, *, starts_at: datetime | None = None, **changes: Any) -> EventObject:
        body = self.body(starts_at=starts_at or soon(), **changes)
        return services.event_object_create(viewer=self.viewer, body=body, now=soon(0))

    def change(self, event: EventObject, **changes: Any) -> EventObject:
        starts_at = datetime.fromisoformat(event.content["intervalPeriod"]["start"])
        body = self.body(**{"starts_at": starts_at, **changes})
        return services.event_object_replace(
            viewer=self.viewer, object_id=event.pk, if_match=None, body=body, now=soon(0)
        )

    def delete(self, event: EventObject) -> None:
        services.event_object_delete(viewer=self.viewer, object_id=event.pk, if_match=None, now=soon(0))


class Vtn(LoopThread):
    """A VTN in a thread of this process."""

    def __init__(
        self,
        organization: Organization,
        *,
        vtn_id: str = VTN,
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> None:
        self.port = 0
        self._tls = tls
        options = {"gate": Gate(tls=tls is not None), **options}
        identity = Identity(organization, vtn_id, poll=timedelta(seconds=1))
        self.door = Door(Process(identity), Settings(conninfo(), **options))
        self.begin()

    async def work(self, stopping: asyncio.Event) -> None:
        runner, self.port = await serve(self.door, host="127.0.0.1", port=0, tls=self._tls)
        self.ready.set()
        await stopping.wait()
        await runner.cleanup()

    def refresh(self) -> None:
        self.result(self.door.refresh())


class VtnProcess:
    """The VTN as it is run, which can be killed and started again on the same port."""

    def __init__(self, organization: Organization, *options: str, vtn_id: str = VTN) -> None:
        self.port = 0
        self.command = [
            "openadr2b_vtn",
            "--organization",
            organization.slug,
            "--vtn-id",
            vtn_id,
            "--poll-s",
            "1",
            *options,
        ]
        self.start()

    def start(self) -> None:
        self.process = manage(*self.command, "--port", str(self.port))
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "answers at" in line, line
        self.port = int(line.split(":")[-1].split("/")[0])

    def kill(self) -> None:
        kill(self.process)

    def restart(self) -> None:
        self.kill()
        self.start()


def world() -> dict[str, Any]:
    """Return where a command runs on the database of the test."""
    url = with_database(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
    settings = {"DJANGO_SETTINGS_MODULE": "ores_cloud.settings.test", "DATABASE_URL": url}
    return {"cwd": ROOT, "env": {**os.environ, **settings}}


def command(*arguments: str) -> list[str]:
    """Return how a command is run."""
    return [sys.executable, "manage.py", *arguments]


class VenProcess:
    """A VEN as it is run, by the name of its command."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.start()

    def start(self) -> None:
        self.process = manage(self.command)
        assert self.process.stdout is not None
        assert "speaks" in self.process.stdout.readline()

    def kill(self) -> None:
        kill(self.process)


def kill(process: "subprocess.Popen[str]") -> None:
    """End a command at once, as a lost machine does."""
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


def manage(*arguments: str) -> "subprocess.Popen[str]":
    """Start a command on the database of the test."""
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, text=True, **world())


@contextlib.contextmanager
def vtn_process(organization: Organization, *options: str, vtn_id: str = VTN) -> Iterator[VtnProcess]:
    """Run a VTN as a process until the block ends."""
    made = VtnProcess(organization, *options, vtn_id=vtn_id)
    try:
        yield made
    finally:
        made.kill()


class Ven:
    """A VEN that says what a test wants, over a socket."""

    def __init__(
        self,
        port: int,
        ven: Ven2b | None = None,
        *,
        signer: Signer | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port, self.ven, self.signer, self.tls = port, ven, signer, tls
        self.ven_id = ven.ven_id if ven is not None else "nobody"
        self.registration_id = ""

    def post(self, service: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        if self.tls is not None:
            channel: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=20, context=self.tls
            )
        else:
            channel = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = {
                "Content-Type": "application/xml",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            channel.request("POST", f"{PREFIX}/{service}", body, sent)
            answer = channel.getresponse()
            return answer.status, answer.read()
        finally:
            channel.close()

    def write(self, kind: str, **payload: Any) -> bytes:
        said = {"ven_id": self.ven_id, "request_id": uuid.uuid4().hex, **payload}
        return compose(kind, said, signer=self.signer).encode()

    def say(self, service: str, kind: str, **payload: Any) -> Message:
        status, body = self.post(service, self.write(kind, **payload))
        assert status == 200, body
        return parse(body)

    def register(self, **changes: Any) -> Message:
        wish = {
            "profile_name": "2.0b", "transport_name": "simpleHttp", "transport_address": "", "report_only": False,
            "xml_signature": False, "ven_name": self.ven.name if self.ven is not None else "nobody",
            "http_pull_model": True,
        }  # fmt: skip
        answer = self.say("EiRegisterParty", "oadrCreatePartyRegistration", **{**wish, **changes})
        self.registration_id = answer.text("ei:registrationID")
        return answer

    def poll(self) -> Message:
        return self.say("OadrPoll", "oadrPoll")

    def events(self) -> list[Event2b]:
        """Return what a poll brings; no events if it brings nothing."""
        answer = self.poll()
        return list(read_events(answer.element)[2]) if answer.kind == "oadrDistributeEvent" else []

    def created(self, event: Event2b, opt_type: str = "optIn") -> Message:
        return self.answer_event(event.event_id, event.modification_number, opt_type)

    def answer_event(self, event_id: str, modification_number: int, opt_type: str = "optIn") -> Message:
        response = {"response_code": 200, "response_description": "OK", "request_id": "r"}
        one = {
            **response,
            "event_id": event_id,
            "modification_number": modification_number,
            "opt_type": opt_type,
        }
        return self.say("EiEvent", "oadrCreatedEvent", response=response, event_responses=[one])


def code(answer: Message) -> int:
    """Return the response code of an answer."""
    return int(answer.text(".//ei:responseCode"))
