"""The devices that an owner let join: the tables that open them, and what was found, by the names orders use."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from edge_agent.diagnostics.redact import redact_text
from edge_agent.rm.device import Found
from vpp.protocols.link.messages import MAX_FOUND, FoundDevice

MAX_JOINED: Final = 50
# Fields of a device's table that say where it is; two tables of a kind that agree in them are of one device.
_PLACE: Final = ("host", "topic", "command_topic", "url", "pairing_url")
_WITHIN: Final = ("port", "unit", "role", "component", "channel", "relay")
_PAIRED: Final = "it is paired with a code: enter the hub's pairing code at the device"


class Joined(msgspec.Struct, frozen=True):
    """A device of an order: the name it was found by, and its table."""

    ref: str
    table: dict[str, Any]


def load(saved: bytes | None) -> dict[str, Joined]:
    """The joined devices that an earlier process kept, by key."""
    kept = msgspec.json.decode(saved, type=list[Joined]) if saved else []
    return {one.table["key"]: one for one in kept}


def dump(joined: Iterable[Joined]) -> bytes:
    """What to keep."""
    return msgspec.json.encode(list(joined))


def part_of(found: Found) -> str:
    """What tells apart the devices that answer at one address."""
    return str(found.config.get("role") or "")


def ref_of(found: Found) -> str:
    """The name of what was found: the same whenever the same is found again."""
    told = msgspec.json.encode([found.kind, found.address, found.identity.serial, part_of(found)])
    return hashlib.sha256(told).hexdigest()[:32]


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two tables are of one device: by key, or by kind and place."""
    if one.get("key") is not None and one.get("key") == other.get("key"):
        return True
    if one.get("kind") != other.get("kind"):
        return False
    places = [name for name in _PLACE if name in one and name in other]
    if not places or any(one[name] != other[name] for name in places):
        return False
    return all(one[name] == other[name] for name in _WITHIN if name in one and name in other)


def proposals(found: Sequence[Found], *, configured: Sequence[dict[str, Any]]) -> dict[str, Found]:
    """What is to be proposed, by its name: once each, and nothing that the owner's configuration has."""
    told: dict[str, Found] = {}
    for one in found:
        if len(told) == MAX_FOUND:
            break
        if not any(is_same(table, one.config) for table in configured):
            told.setdefault(ref_of(one), one)
    return told


def described(ref: str, found: Found, *, joined: dict[str, Joined], has_home: bool) -> FoundDevice:
    """A proposal as the cloud may know it: who and where it is, never its table."""
    identity = found.identity
    return FoundDevice(
        ref=ref,
        kind=plain(found.kind),
        address=plain(found.address),
        part=plain(part_of(found)),
        name=plain(found.config.get("name") or found.config.get("key") or ""),
        maker=plain(identity.maker),
        model=plain(identity.model),
        serial=plain(identity.serial),
        hint=hint_of(found, has_home=has_home),
        joined=any(one.ref == ref or is_same(one.table, found.config) for one in joined.values()),
    )


def hint_of(found: Found, *, has_home: bool) -> str:
    if found.kind == "s2":
        return _PAIRED
    return "" if has_home else "this hub runs a simulated home, which takes no devices"


def plain(text: object, most: int = 100) -> str:
    """A text that a device said, fit for a message."""
    kept = "".join(letter if letter.isprintable() else " " for letter in redact_text(str(text)))
    return kept.encode(errors="replace").decode()[:most]
