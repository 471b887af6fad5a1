"""Bytes to messages and back, JSON and MessagePack. Anything unreadable is one `LinkFormatError`."""

from collections.abc import Sequence

import msgspec

from vpp.errors import VppError
from vpp.protocols.link.messages import CloudMessage, HubMessage, LinkError


class LinkFormatError(VppError):
    """Bytes that are not a message of the link; `code` is `malformed` or `invalid_message`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code  # type: ignore[misc]  # one error class, two codes

    def as_message(self) -> LinkError:
        """The answer to whoever sent it."""
        return LinkError(code=self.code, detail=self.detail, permanent=True)


_json_encoder = msgspec.json.Encoder()
_msgpack_encoder = msgspec.msgpack.Encoder()

_hub_json: msgspec.json.Decoder[HubMessage] = msgspec.json.Decoder(HubMessage)
_hub_msgpack: msgspec.msgpack.Decoder[HubMessage] = msgspec.msgpack.Decoder(HubMessage)
_hub_list_json: msgspec.json.Decoder[list[HubMessage]] = msgspec.json.Decoder(list[HubMessage])
_hub_list_msgpack: msgspec.msgpack.Decoder[list[HubMessage]] = msgspec.msgpack.Decoder(list[HubMessage])
_cloud_json: msgspec.json.Decoder[CloudMessage] = msgspec.json.Decoder(CloudMessage)
_cloud_msgpack: msgspec.msgpack.Decoder[CloudMessage] = msgspec.msgpack.Decoder(CloudMessage)
_cloud_list_json: msgspec.json.Decoder[list[CloudMessage]] = msgspec.json.Decoder(list[CloudMessage])
_cloud_list_msgpack: msgspec.msgpack.Decoder[list[CloudMessage]] = msgspec.msgpack.Decoder(list[CloudMessage])

# Everything msgspec was seen to raise on hostile input, beside its own errors: text that is no UTF-8,
# nesting without end, integers beyond every bound.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, MemoryError, TypeError)


def _refusal(error: BaseException) -> LinkFormatError:
    code = "invalid_message" if isinstance(error, msgspec.ValidationError) else "malformed"
    return LinkFormatError(code, str(error)[:500] or type(error).__name__)


def encode_json(message: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    """One message, or a list of them, as JSON."""
    return _json_encoder.encode(message)


def encode_msgpack(message: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    """One message, or a list of them, as MessagePack."""
    return _msgpack_encoder.encode(message)


def decode_hub(data: bytes | str) -> HubMessage:
    """One message of a hub from a frame: text (str) is JSON, binary (bytes) is MessagePack."""
    try:
        if isinstance(data, str):
            return _hub_json.decode(data)
        return _hub_msgpack.decode(data)
    except _UNREADABLE as error:
        raise _refusal(error) from None


def decode_cloud(data: bytes | str) -> CloudMessage:
    """One message of the cloud from a frame: text (str) is JSON, binary (bytes) is MessagePack."""
    try:
        if isinstance(data, str):
            return _cloud_json.decode(data)
        return _cloud_msgpack.decode(data)
    except _UNREADABLE as error:
        raise _refusal(error) from None


def decode_hub_list(body: bytes, *, binary: bool) -> list[HubMessage]:
    """The messages of a POST body from a hub; `binary` for MessagePack."""
    try:
        return _hub_list_msgpack.decode(body) if binary else _hub_list_json.decode(body)
    except _UNREADABLE as error:
        raise _refusal(error) from None


def decode_cloud_list(body: bytes, *, binary: bool) -> list[CloudMessage]:
    """The messages of a POST answer from the cloud; `binary` for MessagePack."""
    try:
        return _cloud_list_msgpack.decode(body) if binary else _cloud_list_json.decode(body)
    except _UNREADABLE as error:
        raise _refusal(error) from None
