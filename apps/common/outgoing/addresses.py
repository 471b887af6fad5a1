"""Where a callback may lead: no address of this machine or its neighbors can be asked for from outside."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from apps.common.errors import DomainError

PORTS = {"https": 443, "http": 80}


class CallbackError(DomainError):
    """A callback that is refused, or that did not answer as it must."""

    code = "callback_refused"


@dataclass(frozen=True)
class Target:
    """A checked URL with the very address to connect to, so that no second look-up can lead elsewhere."""

    is_tls: bool
    host: str
    port: int
    address: str
    path: str

    @property
    def host_header(self) -> str:
        """Return what the Host header says."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == PORTS["https" if self.is_tls else "http"] else f"{name}:{self.port}"


def target_of(url: str) -> Target:
    """Check a callback's URL and resolve it; `CallbackError` where it may not be called."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise CallbackError("a URL is of printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise CallbackError(f"the URL cannot be read: {error}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.OPENADR_ALLOW_PRIVATE_CALLBACKS):
        raise CallbackError("a URL must be https")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise CallbackError("a URL names a host and no user")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", parts.hostname, port, _address(parts.hostname, port), path)


def _address(host: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CallbackError(f"the host {host[:80]} cannot be resolved") from error
    addresses = [str(one[4][0]) for one in found]
    # One bad address among several is enough: which of them is tried is not the client's to choose.
    if not addresses or (
        not settings.OPENADR_ALLOW_PRIVATE_CALLBACKS and not all(is_public(one) for one in addresses)
    ):
        raise CallbackError(f"the host {host[:80]} has no public address", code="callback_address_refused")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an address is one that anybody on the Internet could have."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None or address in ipaddress.ip_network("64:ff9b::/96"):
            return False  # an address inside an address: nobody needs it for a callback
    return address.is_global and not address.is_multicast and not address.is_reserved
