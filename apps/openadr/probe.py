"""Trying a connection while somebody watches: is there a VTN, and does it let us in? Nothing is kept of it."""

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from apps.common.errors import DomainError
from apps.openadr.guard import Connection
from apps.openadr.models import VenConnection2b, VenConnection3
from apps.openadr.ven2b import client as client_2b
from apps.openadr.ven3 import client as client_3
from vpp.errors import VppError

LIMIT_S: Final = 12.0


@dataclass(frozen=True)
class Probe:
    """What came of a try."""

    is_good: bool
    text: str


def connection_probe(*, connection: Connection) -> Probe:
    """Ask the VTN one harmless question as the connection says, for at most `LIMIT_S`."""
    ask = _ask_3(connection) if isinstance(connection, VenConnection3) else _ask_2b(connection)
    try:
        return Probe(True, asyncio.run(_within_limit(ask)))
    except TimeoutError:
        return Probe(False, f"no answer within {LIMIT_S:.0f} s")
    except (client_3.VtnError, client_2b.VtnError, DomainError, VppError, OSError, ValueError) as error:
        return Probe(False, str(error)[:300] or type(error).__name__)


async def _within_limit(ask: Coroutine[None, None, str]) -> str:
    async with asyncio.timeout(LIMIT_S):
        return await ask


async def _ask_3(connection: VenConnection3) -> str:
    client = client_3.VtnClient(connection, _unnoted)
    try:
        await client.authorize()
        shown = await client.get("programs", skip="0", limit="50")
    finally:
        await client.close()
    if not isinstance(shown, list):
        raise client_3.VtnError("GET /programs: the answer is no list of objects")
    more = "or more " if len(shown) >= 50 else ""
    return f"It lets us in and shows {len(shown)} {more}program{'' if len(shown) == 1 else 's'}."


async def _ask_2b(connection: VenConnection2b) -> str:
    client = client_2b.VtnClient(connection)
    try:
        payload = {"request_id": uuid.uuid4().hex}
        answer = await client.say("EiRegisterParty", "oadrQueryRegistration", payload=payload)
    finally:
        await client.close()
    if answer is None or answer.kind != "oadrCreatedPartyRegistration":
        said = answer.kind if answer is not None else "nothing"
        raise client_2b.VtnError(f"asked for its terms of registration, it says {said}")
    return f"It answers as {answer.text('.//ei:vtnID')[:128] or 'a VTN'}."


async def _unnoted(direction: str, kind: str, *, body: str, status: int | None = None) -> None:
    """Keep nothing of a try in the log of messages."""
