"""HTTP to one 3.x VTN: TLS, a token, JSON in and out, pages; nothing here is trusted before it is read."""

import asyncio
import base64
import ssl
import time
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import aiohttp
import msgspec

from apps.openadr.guard import check_literal, connector_of
from apps.openadr.models import VenConnection3
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.ven3.connections import is_safe

LARGEST_ANSWER = 5_000_000
LIMIT = aiohttp.ClientTimeout(total=30, connect=10)
PAGE = 50
MOST_OBJECTS = 100_000
LONGEST_WAIT_S = 60.0
MOST_WAITS = 5
# A token is renewed this long before it ends [s].
MARGIN_S = 30.0
SHORTEST_TOKEN_S = 60.0
HIDDEN = "…"
OBJECT_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


class VtnError(Exception):
    """The VTN did not answer as it should. `status` is HTTP's, if it answered at all."""

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status

    @property
    def is_refusal(self) -> bool:
        """Whether the same request will not fare better the next time."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in {401, 408, 429}


class Note(Protocol):
    """Keeps a message for people who look for the reason."""

    def __call__(
        self, direction: str, kind: str, *, body: str, status: int | None = None
    ) -> Awaitable[None]: ...


class VtnClient:
    """One connection's HTTP session."""

    def __init__(self, connection: VenConnection3, note: Note) -> None:
        self.connection = connection
        self._note = note
        self._session: aiohttp.ClientSession | None = None
        self.token = ""
        self._token_ends = 0.0

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    @property
    def has_token(self) -> bool:
        """Whether requests can be made."""
        return self.connection.token_auth == VenConnection3.TokenAuth.NONE or (
            bool(self.token) and time.monotonic() < self._token_ends
        )

    async def authorize(self) -> None:
        """Get a token, where the connection or the VTN says."""
        self.token = ""
        if self.connection.token_auth == VenConnection3.TokenAuth.NONE:
            return
        url = self.connection.token_url or await self._token_url()
        form = {"grant_type": "client_credentials"}
        if self.connection.scopes:
            form["scope"] = self.connection.scopes
        secret = decrypt(self.connection.client_secret_encrypted)
        headers = {}
        if self.connection.token_auth == VenConnection3.TokenAuth.BASIC:
            pair = f"{self.connection.client_id}:{secret}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": self.connection.client_id, "client_secret": secret}
        status, body = await self._exchange("POST", url, data=form, headers=headers)
        if status != 200:
            # What the form said does not belong in a log; what the server answers may repeat it.
            raise VtnError(f"no token: HTTP {status} {_error_of(body)}", status=status)
        self._keep_token(_json(body))

    async def get(self, path: str, **query: str) -> Any:
        """Return what a GET answers."""
        return await self._ask("GET", path, query=query)

    async def send(self, method: str, path: str, *, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST or PUT an object and return the VTN's; both go into the log."""
        kind = f"{method} /{path}"
        await self._note("sent", kind, body=shown_json(body))
        answer = await self._ask(method, path, body=body)
        await self._note("received", kind, body=shown_json(answer), status=200)
        if not isinstance(answer, dict):
            raise VtnError(f"{kind}: the answer is no object")
        return answer

    async def remove(self, path: str) -> None:
        """DELETE an object; one that is gone already is gone."""
        await self._note("sent", f"DELETE /{path}", body="")
        url = f"{self.connection.url}/{path}"
        status, answer = await self._exchange("DELETE", url, headers=self._bearer)
        if not 200 <= status < 300 and status != 404:
            raise await self._refusal("DELETE", path, status=status, answer=answer)

    async def pages(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all objects of a collection.

        Pages are read until one brings nothing new: a VTN may give fewer than it is asked for, or take no heed of `skip`.
        """
        found: dict[str, dict[str, Any]] = {}
        skip = 0
        while True:
            page = await self.get(path, **query, skip=str(skip), limit=str(PAGE))
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise VtnError(f"GET /{path}: the answer is no list of objects")
            known = len(found)
            # Later pages win: an object that moved while pages were read is shown twice.
            found |= {str(one.get("id")): one for one in page}
            if len(found) == known:
                return list(found.values())
            if len(found) > MOST_OBJECTS:
                raise VtnError(f"GET /{path}: more than {MOST_OBJECTS} objects")
            skip += len(page)

    async def _token_url(self) -> str:
        own = f"{self.connection.url}/auth/token"
        status, body = await self._exchange("GET", f"{self.connection.url}/auth/server")
        if status in {404, 501}:  # 3.0.1 has none
            return own
        said = _json(body) if status == 200 else None
        url = said.get("tokenURL") if isinstance(said, dict) else None
        if not isinstance(url, str):
            raise VtnError(f"/auth/server: HTTP {status}, no tokenURL", status=status)
        if not is_safe(url) or (self.connection.url.startswith("https:") and not url.startswith("https:")):
            raise VtnError(f"/auth/server names {url[:80]!r}, where no secret is said")
        return url

    def _keep_token(self, said: Any) -> None:
        token = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise VtnError("no token: the answer has no access_token")
        lasts_s = said.get("expires_in", 3600)
        if isinstance(lasts_s, bool) or not isinstance(lasts_s, int | float):
            lasts_s = SHORTEST_TOKEN_S
        self.token = token
        self._token_ends = time.monotonic() + max(float(lasts_s) - MARGIN_S, SHORTEST_TOKEN_S)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        url = f"{self.connection.url}/{path}"
        headers = self._bearer
        data = msgspec.json.encode(body) if body is not None else None
        if data is not None:
            headers["Content-Type"] = "application/json"
        status, answer = await self._exchange(method, url, params=query, data=data, headers=headers)
        if 200 <= status < 300:
            return _json(answer)
        raise await self._refusal(method, path, status=status, answer=answer)

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def _refusal(self, method: str, path: str, *, status: int, answer: bytes) -> VtnError:
        text = storable(answer.decode(errors="replace"))
        text = text.replace(self.token, HIDDEN) if self.token else text
        if status != 404:
            await self._note("received", f"{method} /{path}", body=text, status=status)
        return VtnError(f"{method} /{path}: HTTP {status}: {text[:200]}", status=status)

    async def _exchange(self, method: str, url: str, **options: Any) -> tuple[int, bytes]:
        """Return status and body; a VTN that asks for patience is given some."""
        for _ in range(MOST_WAITS):
            status, body, wait_s = await self._once(method, url, **options)
            if wait_s is None:
                break
            await asyncio.sleep(wait_s)
        return status, body

    async def _once(self, method: str, url: str, **options: Any) -> tuple[int, bytes, float | None]:
        """Return status, body, and how long to wait before it is worth to ask again, if it is [s]."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector_of(self.connection, tls_of(self.connection)), timeout=LIMIT,
                headers={"Accept": "application/json"},
            )  # fmt: skip
        try:
            check_literal(self.connection, url)
            async with self._session.request(method, url, allow_redirects=False, **options) as answer:
                body = await _body(answer)
                return answer.status, body, _patience(answer)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise VtnError(f"{method} {url[:200]}: {type(error).__name__}: {error}") from error


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    if 300 <= answer.status < 400:
        raise VtnError(f"HTTP {answer.status}: redirects are not followed", status=answer.status)
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise VtnError("the answer is too large")
    return bytes(body)


def _patience(answer: aiohttp.ClientResponse) -> float | None:
    """Return what the VTN asks us to wait [s]; of a 503 only if it says how long, of other answers nothing."""
    text = answer.headers.get("Retry-After", "")
    if answer.status not in {429, 503} or (answer.status == 503 and not text):
        return None
    if text.isascii() and text.isdecimal():
        return min(float(text), LONGEST_WAIT_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 1.0
    # A date of that form is in GMT, whether it says so or not.
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT_S)


def tls_of(connection: VenConnection3) -> ssl.SSLContext:
    """Return whom we trust to be the VTN, or its broker: the connection's CA alone, or the machine's."""
    try:
        context = ssl.create_default_context(cadata=connection.ca_pem or None)
    except ssl.SSLError as error:
        raise VtnError(f"the connection's CA cannot be read: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _json(body: bytes) -> Any:
    try:
        return storable(msgspec.json.decode(body))
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise VtnError(f"the answer is no JSON: {str(error)[:120]}") from error


def is_object_id(found: Any) -> bool:
    """Whether something can be an object's id; nothing else is put into a path."""
    return isinstance(found, str) and 0 < len(found) <= 128 and set(found) <= OBJECT_ID


def id_of(shown: Any) -> str:
    """Return an object's id, or raise."""
    found = shown.get("id") if isinstance(shown, dict) else None
    if not is_object_id(found):
        raise VtnError("the VTN shows an object without a usable id")
    return str(found)


def storable(value: Any) -> Any:
    """Return what the database can keep of what came."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {storable(name): storable(part) for name, part in value.items()}
    return [storable(part) for part in value] if isinstance(value, list) else value


def _error_of(body: bytes) -> str:
    """Return OAuth's word for what is wrong."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    return str(said.get("error", ""))[:60] if isinstance(said, dict) else ""


def shown_json(body: Any) -> str:
    """Return a body for the log, without the tokens that callbacks are called with."""
    return msgspec.json.encode(_without_tokens(body)).decode()


def _without_tokens(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if name == "bearerToken" and part else _without_tokens(part)
            for name, part in value.items()
        }
    return [_without_tokens(part) for part in value] if isinstance(value, list) else value
