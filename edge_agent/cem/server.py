"""Resource managers of other makers connect to the hub."""

import asyncio
import hmac
import ssl
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from edge_agent.cem.conversation import Conversation, S2Settings, bearer
from edge_agent.cem.home import Home
from edge_agent.config import ConfigError
from vpp.energy_manager.guest import MAX_FRAME


class ServerConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where to listen. Beyond this machine only with a token, and best with a certificate."""

    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/"
    token: str = ""
    certificate: str = ""
    key: str = ""
    connections: int = 32
    settings: S2Settings = msgspec.field(default_factory=S2Settings)

    def check(self) -> None:
        """Refuse what would leave the house open."""
        if not self.token and not _is_loopback(self.host):
            raise ConfigError(f"s2 server: listening on {self.host} needs a token")
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("s2 server: a certificate and its key come together")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class S2Server:
    """Listens for resource managers; `port` is known once it does."""

    def __init__(self, config: ServerConfig, *, admit: Callable[[str], bool] | None = None) -> None:
        if admit is None:
            config.check()
        self._config = config
        self._may_enter = admit or self._has_token
        self._open = 0
        self.port = config.port
        self.listening = asyncio.Event()

    async def run(self, home: Home) -> None:
        """Serve until cancelled."""

        async def converse(socket: ServerConnection) -> None:
            self._open += 1
            try:
                await Conversation(socket, home, settings=self._config.settings).run()
            finally:
                self._open -= 1

        async with serve(
            converse,
            self._config.host,
            self._config.port,
            ssl=self._tls(),
            process_request=self._admit,
            max_size=MAX_FRAME,
            ping_interval=50,
            ping_timeout=20,
            close_timeout=2,
        ) as server:
            self.port = port_of(server)
            self.listening.set()
            await asyncio.Event().wait()

    def _tls(self) -> ssl.SSLContext | None:
        if not self._config.certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(Path(self._config.certificate), Path(self._config.key))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"s2 server: certificate {self._config.certificate}: {error}") from error
        return context

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Turn away who has no token, asks for something else, or comes when the house is full."""
        if request.path.partition("?")[0] != self._config.path:
            return connection.respond(HTTPStatus.NOT_FOUND, "there is nothing here\n")
        if self._open >= self._config.connections:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections\n")
        if not self._may_enter(bearer(request.headers)):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "a token is needed\n")
        return None

    def _has_token(self, given: str) -> bool:
        return not self._config.token or hmac.compare_digest(given.encode(), self._config.token.encode())


def port_of(server: Server) -> int:
    """The port a server listens on."""
    return int(next(iter(server.sockets)).getsockname()[1])
