"""Pairing in the manner of S2 Connect, without I/O: code, two-way HMAC challenge, access tokens that are used once.

After the draft "Discovery, pairing and authentication" of the S2 documentation (s2standard.org), for an endpoint that is
server of both the pairing and the connection API. Names of headers and of the WebSocket's details are not settled there.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from vpp.errors import VppError

VERSION: Final = "v1"
ATTEMPT: Final = timedelta(seconds=15)
TOKEN_LIFE: Final = timedelta(minutes=5)
PENDING_LIFE: Final = timedelta(seconds=30)
ALGORITHM: Final = "SHA256"
PROTOCOL: Final = "WebSocket"
TOKEN_BYTES: Final = 9
_CHALLENGE_BYTES: Final = 32
_MOST_FAILURES: Final = 5
_MOST_OPEN: Final = 8
_NODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")

Fate = Literal["open", "paired", "guessed", "over"]


class PairingError(VppError):
    """A pairing code or message that cannot be used."""

    code = "s2_pairing"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    document: Any = None


@dataclass(slots=True)
class _Attempt:
    node: str
    challenge: bytes
    token: bytes
    until: datetime
    access_token: str | None = None


@dataclass(slots=True)
class Pairings:
    """Paired nodes and the digests of their access tokens; this is what has to be kept."""

    tokens: dict[str, str] = field(default_factory=dict)


def new_token(random: bytes) -> str:
    """A pairing token as people type it, of at least nine random bytes."""
    if len(random) < TOKEN_BYTES:
        raise PairingError(f"a pairing token has at least {TOKEN_BYTES} bytes")
    return base64.b64encode(random).decode()


def split_code(code: str) -> tuple[str | None, bytes]:
    """The pairing node id, where there is one, and the token of a pairing code."""
    node, dash, token = code.strip().rpartition("-")
    if dash and not _NODE.fullmatch(node):
        raise PairingError("what is before the dash is no node id")
    decoded = _decoded(token)
    if decoded is None or len(decoded) < TOKEN_BYTES:
        raise PairingError("the pairing code is no base64 text of at least nine bytes")
    return node or None, decoded


def challenge_response(challenge: bytes, token: bytes, *, fingerprint: bytes = b"") -> bytes:
    """The answer to a challenge: HMAC-SHA256 keyed by it over the token and, within a LAN, the certificate's fingerprint."""
    return hmac.new(challenge, token + fingerprint, hashlib.sha256).digest()


class PairingHost:
    """The server's side for one energy manager. `random_bytes` has to be a cryptographic source."""

    def __init__(
        self,
        node_id: str,
        *,
        random_bytes: Callable[[int], bytes],
        fingerprint: bytes,
        url: str,
        versions: tuple[str, ...],
        pairings: Pairings | None = None,
    ) -> None:
        self.node_id, self.url, self.versions = node_id, url, versions
        self.pairings = pairings or Pairings()
        self._random = random_bytes
        self._fingerprint = fingerprint
        self._token: tuple[bytes, datetime] | None = None
        self._failures = 0
        self._last_paired: tuple[bytes, str] | None = None
        self._attempts: dict[str, _Attempt] = {}
        self._pending: dict[str, tuple[str, datetime]] = {}
        self._sessions: dict[str, tuple[str, datetime]] = {}

    def offer(self, now: datetime) -> str:
        """A fresh pairing code to show; the one before it is void."""
        code = new_token(self._random(TOKEN_BYTES))
        self.shown(code, made_at=now, now=now)
        return code

    def shown(self, code: str, *, made_at: datetime, now: datetime) -> None:
        """Take up a code that was shown elsewhere; the one before it is void."""
        _, token = split_code(code)
        self._token, self._failures = (token, min(made_at, now) + TOKEN_LIFE), 0

    def fate(self, code: str, now: datetime) -> tuple[Fate, str]:
        """What has become of a code that was shown; with `paired` the node that used it."""
        _, token = split_code(code)
        if self._last_paired is not None and self._last_paired[0] == token:
            return "paired", self._last_paired[1]
        if self._token is None or self._token[0] != token or now > self._token[1]:
            return "over", ""
        return ("guessed" if self._failures >= _MOST_FAILURES else "open"), ""

    def handle(self, path: str, document: Any, *, headers: Mapping[str, str], now: datetime) -> Reply:
        """Answer a request; `headers` by lower-case name."""
        handlers = {
            "requestPairing": self._request_pairing,
            "requestConnectionDetails": self._request_details,
            "finalizePairing": self._finalize,
            "initiateConnection": self._initiate,
            "confirmAccessToken": self._confirm,
            "unpair": self._unpair,
        }
        if path == "/":
            return Reply(200, [VERSION])
        handler = handlers.get(path.removeprefix(f"/{VERSION}/"))
        if handler is None or not path.startswith(f"/{VERSION}/"):
            return Reply(404)
        if not isinstance(document, dict):
            return _error("Parsing error", "a request is a JSON object")
        return handler(document, headers, now=now)

    def admit(self, token: str, now: datetime) -> str | None:
        """The node that a communication token belongs to; it opens one WebSocket and no second."""
        node, until = self._sessions.pop(_digest(token), (None, now))
        return node if node is not None and now <= until else None

    # --- pairing

    def _request_pairing(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        client = given.get("s2ClientNodeDescription")
        challenge = _decoded(given.get("clientHmacChallenge"))
        if not isinstance(client, dict) or not isinstance(client.get("id"), str) or challenge is None:
            return _error("Parsing error", "s2ClientNodeDescription and clientHmacChallenge are needed")
        if client.get("role") != "RM":
            return _error("Invalid combination of roles", "this is an energy manager")
        if len(challenge) < _CHALLENGE_BYTES or len(client["id"]) > 64:
            return _error("Parsing error", f"a challenge has at least {_CHALLENGE_BYTES} bytes")
        if ALGORITHM not in _texts(given.get("supportedHmacHashingAlgorithms")):
            return _error("Incompatible HMAC hashing algorithms", f"{ALGORITHM} is needed")
        flaw = self._incompatible(given)
        if flaw is not None and given.get("forcePairing") is not True:
            return flaw
        if self._token is None or now > self._token[1] or self._failures >= _MOST_FAILURES:
            return _error("No valid pairingToken on PairingServer", "show a new pairing code")
        return self._attempt(client["id"], challenge, token=self._token[0], now=now)

    def _attempt(self, node: str, challenge: bytes, *, token: bytes, now: datetime) -> Reply:
        self._attempts = {key: one for key, one in self._attempts.items() if now <= one.until}
        if len(self._attempts) >= _MOST_OPEN:
            return _error("Other", "too many attempts at once")
        ours = self._random(_CHALLENGE_BYTES)
        key = _text(self._random(_CHALLENGE_BYTES))
        self._attempts[key] = _Attempt(node, ours, token, now + ATTEMPT)
        return Reply(
            200,
            {
                "pairingAttemptId": key,
                "s2ServerNodeDescription": {"id": self.node_id, "role": "CEM"},
                "s2ServerEndpointDescription": {"deployment": "LAN"},
                "selectedHmacHashingAlgorithm": ALGORITHM,
                "clientHmacChallengeResponse": _text(
                    challenge_response(challenge, token, fingerprint=self._fingerprint)
                ),
                "serverHmacChallenge": _text(ours),
            },
        )

    def _request_details(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        key = headers.get("pairingattemptid", "")
        attempt = self._attempts.get(key)
        if attempt is None or now > attempt.until or attempt.access_token is not None:
            return Reply(401)
        answer = _decoded(given.get("serverHmacChallengeResponse"))
        if answer is None:
            return Reply(400)
        expected = challenge_response(attempt.challenge, attempt.token, fingerprint=self._fingerprint)
        if not hmac.compare_digest(answer, expected):
            del self._attempts[key]
            self._failures += 1
            return Reply(403)
        attempt.access_token = _text(self._random(_CHALLENGE_BYTES))
        return Reply(200, {"initiateConnectionUrl": self.url, "accessToken": attempt.access_token})

    def _finalize(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        attempt = self._attempts.pop(headers.get("pairingattemptid", ""), None)
        if attempt is None or now > attempt.until:
            return Reply(401)
        if given.get("success") is not True:
            return Reply(204)
        if attempt.access_token is None:
            return Reply(400)
        self.pairings.tokens[attempt.node] = _digest(attempt.access_token)
        self._token, self._last_paired = None, (attempt.token, attempt.node)  # a code pairs once
        return Reply(204)

    # --- connections

    def _initiate(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        node = given.get("s2ClientNodeId")
        if not isinstance(node, str) or given.get("s2ServerNodeId") != self.node_id:
            return Reply(401)
        if not self._is_token_of(node, headers):
            return Reply(401)
        flaw = self._incompatible(given)
        if flaw is not None:
            return flaw
        self._pending = {key: one for key, one in self._pending.items() if now <= one[1] and one[0] != node}
        token = _text(self._random(_CHALLENGE_BYTES))
        self._pending[_digest(token)] = (node, now + PENDING_LIFE)
        version = next(one for one in self.versions if one in _texts(given["supportedS2MessageVersions"]))
        return Reply(
            200,
            {
                "selectedCommunicationProtocol": PROTOCOL,
                "selectedS2MessageVersion": version,
                "accessToken": token,
            },
        )

    def _confirm(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        digest = _digest(_bearer(headers))
        node, until = self._pending.pop(digest, (None, now))
        if node is None or now > until:
            return Reply(401)
        self.pairings.tokens[node] = digest
        self._sessions = {key: one for key, one in self._sessions.items() if now <= one[1] and one[0] != node}
        session = _text(self._random(_CHALLENGE_BYTES))
        self._sessions[_digest(session)] = (node, now + PENDING_LIFE)
        return Reply(200, {"websocketUrl": self.url, "websocketToken": session})

    def _unpair(self, given: dict[str, Any], headers: Mapping[str, str], *, now: datetime) -> Reply:
        node = given.get("s2ClientNodeId")
        if not isinstance(node, str) or not self._is_token_of(node, headers):
            return Reply(401)
        del self.pairings.tokens[node]
        return Reply(204)

    def _is_token_of(self, node: str, headers: Mapping[str, str]) -> bool:
        expected = self.pairings.tokens.get(node, "")
        return bool(expected) and hmac.compare_digest(_digest(_bearer(headers)), expected)

    def _incompatible(self, given: dict[str, Any]) -> Reply | None:
        if PROTOCOL not in _texts(given.get("supportedCommunicationProtocols")):
            return _error("Incompatible communication protocols", f"{PROTOCOL} is spoken here")
        if not set(self.versions) & set(_texts(given.get("supportedS2MessageVersions"))):
            return _error("Incompatible S2 message versions", f"{', '.join(self.versions)} are spoken here")
        return None


def _error(kind: str, detail: str) -> Reply:
    return Reply(400, {"errorMessage": kind, "additionalInfo": detail})


def _texts(given: Any) -> list[str]:
    return [one for one in given if isinstance(one, str)] if isinstance(given, list) else []


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(given: Any) -> bytes | None:
    try:
        return base64.b64decode(given, validate=True) if isinstance(given, str) else None
    except (binascii.Error, ValueError):
        return None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _bearer(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
