"""The hub connects to resource managers that listen themselves."""

import asyncio
import ssl

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from edge_agent.backoff import Backoff
from edge_agent.cem.conversation import Conversation, S2Settings
from edge_agent.cem.home import Home
from edge_agent.config import ConfigError, Positive
from vpp.energy_manager.guest import MAX_FRAME


class ClientConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A resource manager's address. `authority` is a file of certificates to trust instead of the machine's own."""

    url: str
    token: str = ""
    authority: str = ""
    backoff_s: Positive = 1.0
    backoff_max_s: Positive = 60.0
    settings: S2Settings = msgspec.field(default_factory=S2Settings)

    def check(self) -> None:
        """Refuse what is no address of a WebSocket."""
        if not self.url.startswith(("ws://", "wss://")):
            raise ConfigError(f"s2 client: {self.url!r} is no address of a WebSocket")
        if self.authority and not self.url.startswith("wss://"):
            raise ConfigError("s2 client: an authority is for wss addresses")


class S2Client:
    """Keeps one connection; `last_error` tells why there is none."""

    def __init__(self, config: ClientConfig) -> None:
        config.check()
        self._config = config
        self._tls = self._context()
        self.last_error: str | None = None

    def _context(self) -> ssl.SSLContext | None:
        if not self._config.url.startswith("wss://"):
            return None
        try:
            return ssl.create_default_context(cafile=self._config.authority or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"s2 client: authority {self._config.authority}: {error}") from error

    async def run(self, home: Home) -> None:
        """Connect, and again after every end, until cancelled."""
        backoff = Backoff(self._config.backoff_s, self._config.backoff_max_s)
        while True:
            hopeless = False
            try:
                hopeless = await self._connection(home, backoff)
            except (OSError, TimeoutError, WebSocketException) as error:
                self.last_error = str(error) or type(error).__name__
            await asyncio.sleep(backoff.next_s(hopeless=hopeless))

    async def _connection(self, home: Home, backoff: Backoff) -> bool:
        headers = {"Authorization": f"Bearer {self._config.token}"} if self._config.token else {}
        async with connect(
            self._config.url,
            additional_headers=headers,
            ssl=self._tls,
            max_size=MAX_FRAME,
            ping_interval=50,
            ping_timeout=20,
            close_timeout=2,
            proxy=None,
        ) as socket:
            conversation = Conversation(socket, home, settings=self._config.settings)
            closed = await conversation.run()
        self.last_error = closed.reason
        if conversation.session.details is not None:
            backoff.succeeded()
        return closed.permanent
