"""Where a connection that a tenant's operator made may lead: to the Internet, never to this machine or its neighbors."""

import errno
import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import ResolveResult
from django.conf import settings

from apps.common.outgoing.addresses import is_public
from apps.openadr.models import VenConnection2b, VenConnection3

Connection = VenConnection2b | VenConnection3


class PublicResolver(aiohttp.ThreadedResolver):
    """Looks names up; one with an address that is not public leads nowhere."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if not all(is_public(one["host"]) for one in found):
            raise OSError(errno.EHOSTUNREACH, f"{host[:80]} has no public address")
        return found


def is_guarded(connection: Connection) -> bool:
    """Whether the connection may reach public addresses only."""
    return connection.public_only and not settings.OPENADR_ALLOW_PRIVATE_CALLBACKS


def connector_of(connection: Connection, tls: ssl.SSLContext | None) -> aiohttp.TCPConnector:
    """Return what opens a connection's sockets."""
    resolver = PublicResolver() if is_guarded(connection) else None
    return aiohttp.TCPConnector(ssl=True if tls is None else tls, resolver=resolver)


def check_literal(connection: Connection, url: str) -> None:
    """Refuse an address in figures that is not public: no name is looked up for it. Raises `OSError`."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return
    if is_guarded(connection) and not is_public(host):
        raise OSError(errno.EHOSTUNREACH, f"{host} is no public address")


async def check_host(connection: Connection, host: str, *, port: int) -> None:
    """Refuse a host that is not public, whoever will speak with it. Raises `OSError`."""
    check_literal(connection, f"//{host}" if ":" not in host else f"//[{host}]")
    if is_guarded(connection):
        await PublicResolver().resolve(host, port)
