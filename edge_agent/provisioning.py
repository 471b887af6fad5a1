"""The hub's identity: a key and a claim code made on first start, and the token they earn from the cloud."""

import asyncio
import base64
import contextlib
import http.client
import os
import random
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from edge_agent import VERSION
from edge_agent.config import HubConfig
from vpp.protocols.link import auth

_MAX_ANSWER = 1_000_000
# A token is renewed before it ends, so that no connection starts with one about to run out.
_TOKEN_MARGIN_S = 30.0
_HOPELESS_WAIT_S = 60.0


class Identity(msgspec.Struct):
    """What `identity.json` holds, readable by the hub's own user only."""

    private_key: str
    claim_code: str
    hub_id: str = ""

    def key(self) -> Ed25519PrivateKey:
        """The private key."""
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.private_key))

    def public_key(self) -> str:
        """The public key as it is sent."""
        raw = self.key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()

    def sign(self, payload: bytes) -> str:
        """A signature as it is sent."""
        return base64.b64encode(self.key().sign(payload)).decode()


class Refusal(Exception):
    """The cloud answered with a problem."""

    def __init__(self, status: int, code: str, *, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


def load_identity(data_dir: Path) -> Identity:
    """The identity kept in `data_dir`, made on first call."""
    path = data_dir / "identity.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    identity = Identity(base64.b64encode(raw).decode(), new_claim_code())
    save_identity(data_dir, identity)
    return identity


def save_identity(data_dir: Path, identity: Identity) -> None:
    """Replace the file in one step; it is never readable by others, not even for a moment."""
    path = data_dir / "identity.json"
    fresh = data_dir / "identity.json.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def new_claim_code() -> str:
    """A fresh claim code."""
    return auth.make_claim_code(os.urandom(auth.CLAIM_CODE_RANDOM_BYTES))


def post_json(url: str, document: dict[str, Any], *, timeout_s: float, token: str = "") -> dict[str, Any]:
    """POST a document, blocking; Refusal for a problem, OSError for no answer."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout_s)
    with contextlib.closing(connection):
        body = msgspec.json.encode(document)
        headers = {"Content-Type": "application/json", "User-Agent": f"ores-hub/{VERSION}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request("POST", parts.path, body, headers)
            response = connection.getresponse()
            answer = _document(response.read(_MAX_ANSWER))
        except http.client.HTTPException as error:
            raise OSError(f"{url}: {error!r}") from error
    if response.status >= 400:
        raise Refusal(response.status, str(answer.get("code", "")), detail=str(answer.get("detail", "")))
    return answer


def _document(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


class Provisioner:
    """Registers the hub, waits for its owner, and keeps a token at hand."""

    def __init__(self, config: HubConfig, identity: Identity, *, emit: Callable[..., None]) -> None:
        self._config = config
        self._identity = identity
        self._emit = emit
        self._data_dir = Path(config.data_dir)
        self._token = ""
        self._earning = asyncio.Lock()  # the link and the updater share one
        self._good_until = 0.0
        self._registered = False
        self._claim_ends_at = float("inf")
        self._last_problem = ""

    @property
    def hub_id(self) -> str:
        """The cloud's name for this hub; empty before it registered."""
        return self._identity.hub_id

    def forget_token(self) -> None:
        """The cloud refused it: earn a new one."""
        self._good_until = 0.0

    async def token(self) -> str:
        """A valid token, after however many attempts and however long a wait for the owner."""
        async with self._earning:
            return await self._earned()

    async def _earned(self) -> str:
        delay_s = self._config.link.backoff_s
        while time.monotonic() >= self._good_until:
            wait_s = delay_s
            try:
                if not self._registered:
                    await self._register()
                await self._authenticate()
                self._last_problem = ""
            except Refusal as refusal:
                wait_s = self._wait_after(refusal)
            except OSError as error:
                self._complain("unreachable", str(error))
                delay_s = min(2 * delay_s, self._config.link.backoff_max_s)
            if time.monotonic() < self._good_until:
                break
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter
        return self._token

    def _wait_after(self, refusal: Refusal) -> float:
        if refusal.code == "hub_unclaimed":
            if time.monotonic() >= self._claim_ends_at:
                self._identity.claim_code = new_claim_code()
                save_identity(self._data_dir, self._identity)
                self._registered = False
            return self._config.link.claim_poll_s
        self._complain("refused", str(refusal))
        if refusal.status == 404 or refusal.code == "hub_unknown":
            self._registered = False
            return self._config.link.claim_poll_s
        if refusal.code == "hub_revoked":
            return max(_HOPELESS_WAIT_S, self._config.link.backoff_max_s)
        return self._config.link.backoff_max_s if refusal.status == 429 else self._config.link.claim_poll_s

    def _complain(self, event: str, detail: str) -> None:
        """Say a problem once, however often it comes in a row."""
        if detail != self._last_problem:
            self._last_problem = detail
            self._emit(event, detail=detail)

    async def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        url = self._config.cloud_url.rstrip("/") + path
        timeout_s = self._config.link.request_timeout_s
        return await asyncio.to_thread(post_json, url, document, timeout_s=timeout_s)

    async def _register(self) -> None:
        identity = self._identity
        public_key = identity.public_key()
        digest = auth.claim_digest(identity.claim_code)
        answer = await self._post(
            "/device/register",
            {
                "public_key": public_key,
                "claim_digest": digest,
                "model": self._config.model,
                "serial": self._config.serial or self._config.key,
                "agent_version": VERSION,
                "signature": identity.sign(auth.register_payload(public_key, digest)),
            },
        )
        self._registered = True
        hub_id = str(answer.get("hub_id", ""))
        if hub_id != identity.hub_id:
            identity.hub_id = hub_id
            save_identity(self._data_dir, identity)
        self._claim_ends_at = _monotonic_of(answer.get("claim_expires_at"))
        self._emit(
            "registered", hub_id=hub_id, claim_code=identity.claim_code, status=str(answer.get("status", ""))
        )

    async def _authenticate(self) -> None:
        hub_id = self._identity.hub_id
        path = "/device/security/authenticate"
        challenge = str((await self._post(path, {"hub_id": hub_id})).get("challenge", ""))
        signature = self._identity.sign(auth.authenticate_payload(hub_id, challenge))
        answer = await self._post(path, {"hub_id": hub_id, "challenge": challenge, "signature": signature})
        try:
            self._token = str(answer["token"])
            lifetime_s = float(answer["expires_in"])
        except (KeyError, TypeError, ValueError) as error:
            raise OSError(f"authenticate: answer without {error}") from error
        self._good_until = time.monotonic() + max(1.0, lifetime_s - min(_TOKEN_MARGIN_S, lifetime_s / 4))
        self._emit("authenticated", hub_id=hub_id, site_id=answer.get("site_id"))


def _monotonic_of(claim_expires_at: object) -> float:
    """The end of a claim code's life on the monotonic clock; never where none is given."""
    if not isinstance(claim_expires_at, str):
        return float("inf")
    try:
        ends_at = datetime.fromisoformat(claim_expires_at)
    except ValueError:
        return float("inf")
    return time.monotonic() + ends_at.timestamp() - time.time()
