"""ASGI application of `/s2/`: who may come in."""

from apps.common.errors import DomainError
from apps.common.threads import in_thread
from apps.hubs.credentials import S2Identity, s2_identity
from apps.hubs.errors import BusyError, TokenError
from apps.hubs.link.app import Receive, Scope, Send, header, refuse_upgrade
from apps.hubs.virtual.connection import S2Connection
from apps.hubs.virtual.homes import VirtualHomes

PATH = "/s2/"
MOST_CONNECTIONS = 2000
# So many may wait for their token to be looked up; beyond them the others' work comes first.
MOST_KNOCKING = 32


async def websocket(homes: VirtualHomes, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one resource manager."""
    await receive()  # websocket.connect
    try:
        identity = await _identify(homes, scope)
    except DomainError as error:
        await refuse_upgrade(error, scope, send=send)
        return
    homes.connections += 1
    try:
        await send({"type": "websocket.accept"})
        await S2Connection(homes, identity, receive=receive, send=send).run()
    finally:
        homes.connections -= 1


async def _identify(homes: VirtualHomes, scope: Scope) -> S2Identity:
    if homes.connections >= MOST_CONNECTIONS or homes.knocking >= MOST_KNOCKING:
        raise BusyError("too many resource managers at once; come again in a minute")
    kind, _, token = header(scope, b"authorization").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise TokenError("send Authorization: Bearer and the credential's token", code="token_missing")
    homes.knocking += 1
    try:
        identity = await in_thread(s2_identity, token=token.strip())
    finally:
        homes.knocking -= 1
    if identity is None:
        raise TokenError("this token is unknown or revoked; make a new credential")
    return identity
