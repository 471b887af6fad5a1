"""Device tables of a hub's configuration: read strictly, refused with the place and the reason."""

import re
from typing import Annotated, Any, TypeVar

import msgspec

from edge_agent.config import ConfigError

T = TypeVar("T", bound=msgspec.Struct)

Key = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[^\s/@]+$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Kilowatts = Annotated[float, msgspec.Meta(gt=0, le=1000)]
KilowattHours = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
_NOT_OF_A_KEY = re.compile(r"[^a-z0-9]+")


def device_table(document: dict[str, Any], table: type[T]) -> T:
    """A device's table as its driver's struct."""
    try:
        return msgspec.convert(document, table)
    except msgspec.ValidationError as error:
        raise ConfigError(f"device {document.get('key', '?')!r}: {error}") from error


def key_from(*parts: object) -> str:
    """A key for a device that was found, from what it says of itself."""
    words = (_NOT_OF_A_KEY.sub("-", str(part).lower()).strip("-") for part in parts)
    return "-".join(word for word in words if word)[:64].strip("-") or "device"
