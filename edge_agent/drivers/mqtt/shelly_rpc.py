"""Shelly's remote procedure calls: JSON frames over MQTT or HTTP POST, with its digest where a password is set."""

import asyncio
import contextlib
import hashlib
import http.client
import itertools
import secrets
from typing import Any, Protocol

import msgspec

from edge_agent.drivers.broker import Session, content
from edge_agent.drivers.mqtt.config import ShellyConfig
from edge_agent.rm.device import DeviceError

_LARGEST = 64 * 1024
_UNAUTHORIZED = 401


class Channel(Protocol):
    """Carries one frame there and one back."""

    async def exchange(self, frame: dict[str, Any]) -> Any:
        """The answer to a frame."""

    async def close(self) -> None:
        """Disconnect."""


class MqttChannel:
    """Frames to `<topic>/rpc`, answers to `<src>/rpc`."""

    def __init__(self, config: ShellyConfig) -> None:
        assert config.broker is not None and config.topic is not None, "checked with the configuration"
        self._broker, self._topic, self._timeout_s = config.broker, config.topic, config.timeout_s
        self._source = f"ores-{secrets.token_hex(6)}"
        self._session: Session | None = None
        self._is_offline = False

    def _hear(self, topic: str, said: Any) -> None:
        if topic == f"{self._topic}/online":
            self._is_offline = said is False

    async def exchange(self, frame: dict[str, Any]) -> Any:
        """Publish the frame and wait for the answer with its number."""
        if self._session is None or not self._session.is_alive:
            await self.close()
            topics = [f"{self._source}/rpc", f"{self._topic}/online"]
            session = Session(self._broker, topics, hear=self._hear, timeout_s=self._timeout_s)
            await session.open()
            self._session = session
        if self._is_offline:
            raise DeviceError("says that it is offline")

        def answer(topic: str, said: Any) -> Any:
            is_ours = topic == f"{self._source}/rpc" and isinstance(said, dict)
            return said if is_ours and said.get("id") == frame["id"] else None

        body = msgspec.json.encode({**frame, "src": self._source})
        return await self._session.ask(f"{self._topic}/rpc", body, answer=answer, timeout_s=self._timeout_s)

    async def close(self) -> None:
        """Disconnect."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class HttpChannel:
    """Frames by POST to `/rpc`."""

    def __init__(self, config: ShellyConfig) -> None:
        assert config.host is not None
        self._address, self._timeout_s = (config.host, config.port), config.timeout_s

    async def exchange(self, frame: dict[str, Any]) -> Any:
        """Post the frame."""
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                return await asyncio.to_thread(self._post, msgspec.json.encode({**frame, "src": "ores"}))
        except TimeoutError:
            raise DeviceError(f"no answer within {self._timeout_s:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise DeviceError(f"{self._address[0]}: {str(error) or type(error).__name__}") from error

    def _post(self, body: bytes) -> Any:
        connection = http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
        with contextlib.closing(connection):
            connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return content(response.read(_LARGEST + 1))

    async def close(self) -> None:
        """Nothing is held between calls."""


class Rpc:
    """Calls with their numbers, answers checked."""

    def __init__(self, channel: Channel, password: str | None) -> None:
        self._channel, self._password = channel, password
        self._numbers = itertools.count(1)
        self._challenge: dict[str, Any] | None = None

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """The result of a procedure."""
        answer = await self._exchange(method, params)
        if _code(answer) == _UNAUTHORIZED and self._password is not None:
            self._challenge = _challenge(answer)
            answer = await self._exchange(method, params)
        if not isinstance(answer, dict):
            raise DeviceError(f"{method}: answers no frame")
        if "error" in answer:
            detail = answer["error"].get("message") if isinstance(answer["error"], dict) else answer["error"]
            is_refused = _code(answer) == _UNAUTHORIZED
            raise DeviceError(f"{method}: {_code(answer)} {str(detail)[:200]}", permanent=is_refused)
        return answer.get("result")

    async def _exchange(self, method: str, params: dict[str, Any]) -> Any:
        frame = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}
        if self._challenge is not None and self._password is not None:
            frame["auth"] = digest(self._challenge, self._password)
        return await self._channel.exchange(frame)

    async def close(self) -> None:
        """Disconnect."""
        await self._channel.close()


def _code(answer: Any) -> Any:
    error = answer.get("error") if isinstance(answer, dict) else None
    return error.get("code") if isinstance(error, dict) else None


def _challenge(answer: dict[str, Any]) -> dict[str, Any]:
    """What a refusal asks for: its message is a JSON text."""
    try:
        found = msgspec.json.decode(str(answer["error"].get("message")), type=dict[str, Any])
    except msgspec.MsgspecError:
        raise DeviceError("refuses without saying how to sign", permanent=True) from None
    if "realm" not in found or "nonce" not in found:
        raise DeviceError("refuses without saying how to sign", permanent=True)
    return found


def digest(challenge: dict[str, Any], password: str) -> dict[str, Any]:
    """The signature of a call: SHA-256 over user, realm, password and the device's nonce."""
    realm, nonce, cnonce = str(challenge["realm"]), challenge["nonce"], secrets.randbelow(2**31)
    count = challenge.get("nc", 1)
    owner = _sha256(f"admin:{realm}:{password}")
    what = _sha256("dummy_method:dummy_uri")
    response = _sha256(f"{owner}:{nonce}:{count}:{cnonce}:auth:{what}")
    return {
        "realm": realm, "username": "admin", "nonce": nonce, "cnonce": cnonce, "response": response,
        "nc": count, "algorithm": "SHA-256",
    }  # fmt: skip


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
