"""The link over HTTPS POST, for hubs that cannot hold a connection: one session per request."""

import asyncio
import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

from edge_agent.backoff import Backoff
from edge_agent.link.host import LinkHost, SessionOver, apply
from edge_agent.link.websocket import PATH
from edge_agent.outbox import OutboxError
from vpp.protocols.link import codec
from vpp.protocols.link.hub import HubSession
from vpp.protocols.link.messages import CloudMessage

_MAX_ANSWER = 4_000_000


class PostLink:
    """Asks every `post_interval_s`, sooner while messages wait."""

    def __init__(self, host: LinkHost) -> None:
        self._host = host
        self._config = host.config.link
        self.connected = False

    def wake(self) -> None:
        """Nothing to do: the next request takes what is there."""

    async def run(self) -> None:
        """Post until cancelled."""
        backoff = Backoff(self._config.backoff_s, self._config.backoff_max_s)
        while True:
            hopeless = False
            try:
                more = await self._exchange(await self._host.token())
                self.connected = True
                backoff.succeeded()
                await asyncio.sleep(0 if more else self._config.post_interval_s)
                continue
            except SessionOver as error:
                reason, hopeless = str(error), error.permanent
            except (OSError, OutboxError, codec.LinkFormatError) as error:
                reason = str(error) or type(error).__name__
            if self.connected:
                self.connected = False
                self._host.emit("disconnected", reason=reason)
            await asyncio.sleep(backoff.next_s(hopeless=hopeless))

    async def _exchange(self, token: str) -> bool:
        """One request; whether another should follow at once."""
        outbox = self._host.outbox
        hello = self._host.hello()
        session = HubSession(hello=hello, next_seq=outbox.ends(), pipelined=True)
        bodies = [codec.encode_json(hello)]
        for span in session.next_spans(outbox.ends()):
            bodies += outbox.read(span.lane, first=span.first, end=span.end)
        body = b"[" + b",".join(bodies) + b"]"
        for message in await asyncio.to_thread(self._post, token, body):
            apply(session.feed(message), self._host)
        left = any(outbox.waiting(lane) for lane in outbox.ends())
        return left and session.in_flight == 0

    def _post(self, token: str, body: bytes) -> list[CloudMessage]:
        parts = urlsplit(self._host.config.cloud_url)
        timeout_s = self._config.request_timeout_s
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=context)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        with contextlib.closing(connection):
            try:
                connection.request("POST", parts.path.rstrip("/") + PATH, body, headers)
                response = connection.getresponse()
                answer = response.read(_MAX_ANSWER)
            except http.client.HTTPException as error:
                raise OSError(f"post: {error!r}") from error
        if response.status in {401, 403}:
            self._host.forget_token()
        if response.status >= 400:
            raise OSError(f"refused with status {response.status}")
        return codec.decode_cloud_list(answer, binary=False)
