"""HTTP to one VTN: TLS with our certificate, messages out, checked messages in."""

import contextlib
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from apps.openadr.guard import check_literal, connector_of
from apps.openadr.models import VenConnection2b
from apps.openadr.ven2b.connections import signer_of
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.wire2b import CONTENT_TYPE, MalformedError, Message, SignatureError, compose, parse, verify

LARGEST_ANSWER = 5_000_000
LIMIT = aiohttp.ClientTimeout(total=30, connect=10)
REPLAY_WINDOW_S = 300.0


class VtnError(Exception):
    """The VTN did not answer as it should; to be tried again later. `status` is HTTP's, if it answered at all."""

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status

    @property
    def is_refusal(self) -> bool:
        """Whether the same message will not fare better the next time."""
        return self.status is not None and self.status not in {408, 429, 502, 503, 504}


class VtnClient:
    """One connection's HTTP session."""

    def __init__(self, connection: VenConnection2b) -> None:
        self.connection = connection
        self.signer = signer_of(connection)
        self._tls = tls_of(connection) if connection.url.startswith("https") else None
        self.sent = ""
        self._nonces: dict[str, datetime] = {}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    async def say(self, service: str, kind: str, *, payload: dict[str, Any]) -> Message | None:
        """Send a message and return the answer, None for an empty one; `VtnError` if there is no good one."""
        self.sent = text = compose(kind, payload, signer=self.signer)
        try:
            return self._checked(await self._post(f"{self.connection.url}/{service}", text))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VtnError(f"{kind}: {type(error).__name__}: {error}") from error
        except (MalformedError, SignatureError) as error:
            raise VtnError(f"{kind}: the answer is not to be trusted: {error}") from error

    async def _post(self, url: str, text: str) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector_of(self.connection, self._tls), timeout=LIMIT,
                headers={"Content-Type": CONTENT_TYPE},
            )  # fmt: skip
        check_literal(self.connection, url)
        async with self._session.post(url, data=text.encode(), allow_redirects=False) as answer:
            body = await answer.content.read(LARGEST_ANSWER + 1)
            while body and not answer.content.at_eof() and len(body) <= LARGEST_ANSWER:
                body += await answer.content.read(LARGEST_ANSWER + 1 - len(body))
            if answer.status != 200:
                text = body[:200].decode(errors="replace")
                raise VtnError(f"HTTP {answer.status}: {text}", status=answer.status)
            if len(body) > LARGEST_ANSWER:
                raise VtnError("the answer is too large")
            return body

    def _checked(self, body: bytes) -> Message | None:
        if not body.strip():
            return None
        message = parse(body)
        if not self.connection.vtn_fingerprint:
            return message
        now = datetime.now(UTC)
        signed = verify(
            message, fingerprint=self.connection.vtn_fingerprint, now=now, window_s=REPLAY_WINDOW_S
        )
        # Answers come on connections that we open ourselves; that none comes twice need not outlive the process.
        self._nonces = {
            one: at for one, at in self._nonces.items() if (now - at).total_seconds() < 2 * REPLAY_WINDOW_S
        }
        if signed.nonce in self._nonces:
            raise SignatureError("this message has been taken already")
        self._nonces[signed.nonce] = now
        return signed.message


def tls_of(connection: VenConnection2b) -> ssl.SSLContext:
    """Return TLS as a connection wants it; the key lies in a file for a moment, as Python's TLS reads only files."""
    context = ssl.create_default_context(cadata=connection.ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = connection.check_hostname
    if connection.certificate_pem:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ores-ven-")))  # mode 0700
            certificate, key = folder / "certificate.pem", folder / "key.pem"
            certificate.write_text(connection.certificate_pem)
            key.touch(mode=0o600)
            key.write_text(decrypt(connection.key_pem_encrypted))
            context.load_cert_chain(certificate, key)
    return context
