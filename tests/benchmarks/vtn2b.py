"""Polls per second of the 2.0b VTN (all state in PostgreSQL) beside a bare `openleadr` VTN, both unsigned over HTTP."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from ores_cloud.local import ROOT
from tests.benchmarks.platform import services

VENS = 200
CONNECTIONS = 16
SECONDS = 4.0
ROUNDS = 3
PREFIX = "/OpenADR2/Simple/2.0b"
POLL = (
    '<?xml version="1.0" encoding="utf-8"?><oadr:oadrPayload xmlns:oadr="http://openadr.org/oadr-2.0b/2012/07">'
    '<oadr:oadrSignedObject oadr:Id="oadrSignedObject"><oadr:oadrPoll ei:schemaVersion="2.0b" '
    'xmlns:ei="http://docs.oasis-open.org/ns/energyinterop/201110"><ei:venID>{ven_id}</ei:venID></oadr:oadrPoll>'
    "</oadr:oadrSignedObject></oadr:oadrPayload>"
)
BARE = """
import asyncio, logging
from datetime import timedelta
from openleadr import OpenADRServer
logging.getLogger("openleadr").setLevel(logging.WARNING)
async def main():
    server = OpenADRServer(vtn_id="bare", http_port={port}, ven_lookup=lambda ven_id: {{"ven_id": ven_id, "ven_name": ven_id,
        "fingerprint": "", "registration_id": "r"}}, show_fingerprint=False)
    await server.run()
    print("answers at", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def measure(options: list[str] | None = None) -> dict[str, Any]:
    """Measure both VTNs in turn, several times; the medians count."""
    with services():
        return measure_here()


def measure_here() -> dict[str, Any]:
    """The same on the services that the environment names (a benchmark that has its own calls this)."""
    ours: list[float] = []
    bare: list[float] = []
    slug = _prepare()
    with _bare(8791) as bare_port, _ours(slug) as our_port:
        asyncio.run(_settle(our_port))
        for _ in range(ROUNDS):
            ours.append(asyncio.run(_polls_per_s(our_port)))
            bare.append(asyncio.run(_polls_per_s(bare_port)))
    mine, theirs = sorted(ours)[ROUNDS // 2], sorted(bare)[ROUNDS // 2]
    return {
        "v2b_polls_per_s": round(mine, 1),
        "v2b_bare_polls_per_s": round(theirs, 1),
        "v2b_ratio": round(mine / theirs, 3),
    }


def _prepare() -> str:
    """Let VENs in, registered, and make events that they know."""
    import django

    django.setup()
    from datetime import UTC, datetime, timedelta

    from apps.accounts.models import ApiClient
    from apps.accounts.services import api_client_create, organization_create
    from apps.openadr import services as openadr
    from apps.openadr.models import Ven2b
    from apps.openadr.selectors import viewer_of

    slug = f"bench-2b-{os.getpid()}"
    organization = organization_create(name=slug, slug=slug)
    made = api_client_create(organization=organization, name="utility", role="utility")
    client = ApiClient.objects.get(client_id=made.client_id)
    viewer, now = viewer_of(client=client), datetime.now(UTC)
    program = openadr.program_object_create(viewer=viewer, body={"programName": "Relief"}, now=now)
    Ven2b.objects.bulk_create(
        Ven2b(
            organization=organization, vtn_id="bench", ven_id=f"ven-{number}", name=f"ven-{number}",
            registration_id=f"r-{number}", targets=[f"t-{number}"], created_at=now,
        )
        for number in range(VENS)
    )  # fmt: skip
    for number in range(200):
        body = {
            "programID": program.pk, "targets": [f"t-{number}"],
            "intervals": [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-1]}]}],
            "intervalPeriod": {"start": (now + timedelta(hours=2)).isoformat(), "duration": "PT1H"},
        }  # fmt: skip
        openadr.event_object_create(viewer=viewer, body=body, now=now)
    return slug


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[str]:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        while line and "answers at" not in line:
            line = process.stdout.readline()
        yield line
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextlib.contextmanager
def _ours(slug: str) -> Iterator[int]:
    words = ["manage.py", "openadr2b_vtn", "--organization", slug, "--vtn-id", "bench", "--port", "0"]
    with _process([sys.executable, *words]) as line:
        yield int(line.split(":")[-1].split("/")[0])


@contextlib.contextmanager
def _bare(port: int) -> Iterator[int]:
    with _process([sys.executable, "-c", BARE.format(port=port)]):
        yield port


async def _settle(port: int) -> None:
    """Let every VEN fetch its event and answer it, as VENs do."""
    import aiohttp

    from apps.openadr.wire2b import compose, parse
    from vpp.protocols.openadr2b.event import read_events

    response = {"response_code": 200, "response_description": "OK", "request_id": "r"}
    headers = {"Content-Type": "application/xml"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        for number in range(VENS):
            ven_id = f"ven-{number}"
            async with session.post(f"{PREFIX}/OadrPoll", data=POLL.format(ven_id=ven_id)) as answer:
                events = read_events(parse(await answer.read()).element)[2]
            said = [
                {
                    **response,
                    "event_id": one.event_id,
                    "modification_number": one.modification_number,
                    "opt_type": "optIn",
                }
                for one in events
            ]
            text = compose(
                "oadrCreatedEvent", {"ven_id": ven_id, "response": response, "event_responses": said}
            )
            async with session.post(f"{PREFIX}/EiEvent", data=text) as answer:
                assert answer.status == 200


async def _polls_per_s(port: int) -> float:
    import aiohttp

    headers = {"Content-Type": "application/xml"}
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", headers=headers, connector=connector
    ) as session:
        deadline = time.monotonic() + SECONDS
        started = time.monotonic()
        counts = await asyncio.gather(*(_poll(session, first, deadline) for first in range(CONNECTIONS)))
        return sum(counts) / (time.monotonic() - started)


async def _poll(session: Any, first: int, deadline: float) -> int:
    count = 0
    while time.monotonic() < deadline:
        body = POLL.format(ven_id=f"ven-{(first + count * CONNECTIONS) % VENS}")
        async with session.post(f"{PREFIX}/OadrPoll", data=body) as answer:
            text = await answer.read()
            assert answer.status == 200, text
            assert b"oadrResponse" in text, text
        count += 1
    return count
