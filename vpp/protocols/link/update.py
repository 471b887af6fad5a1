"""What a hub and the cloud tell each other about software updates (POST /device/firmware/update)."""

import hashlib
import re
from typing import Annotated, Literal

import msgspec

from vpp.errors import VppError
from vpp.protocols.link.messages import Name, Text

# A hub's update: nothing new, unpacked beside what runs, tried, kept, or given up.
Phase = Literal["idle", "downloaded", "trial", "confirmed", "rolled_back"]
Slot = Literal["installed", "a", "b"]
_VERSION = re.compile(r"^(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\Z")


class VersionError(VppError):
    """A text that is no version."""

    code = "version_invalid"


class UpdateReport(msgspec.Struct, omit_defaults=True):
    """What runs on a hub, and how far its last update got.

    `problem` is what hinders a download that is tried again; `failed_version` was given up for `reason`.
    """

    version: Name
    hardware: Name = "generic"
    phase: Phase = "idle"
    slot: Slot = "installed"
    candidate_version: Name = ""
    failed_version: Name = ""
    reason: Text = ""
    problem: Text = ""


class UpdateAnswer(msgspec.Struct, omit_defaults=True):
    """The version that a hub shall run, empty for the one it has; and when it shall ask again [s]."""

    wanted: Name = ""
    poll_s: Annotated[float, msgspec.Meta(gt=0)] = 3600.0


def parsed_version(text: str) -> tuple[int, int, int]:
    """The three numbers of a version.

    Parameters
    ----------
    text
        Three numbers without leading zeros, joined by dots.

    Raises
    ------
    VersionError
        Where the text is anything else.
    """
    found = _VERSION.match(text)
    if found is None:
        raise VersionError(f"{text[:40]!r} is no version: three numbers joined by dots")
    major, minor, patch = found.groups()
    return int(major), int(minor), int(patch)


def target_name(version: str) -> str:
    """The name of a version's archive in the repository; VersionError for what is no version."""
    return "edge-agent-{}.{}.{}.archive".format(*parsed_version(version))


def ring_position(hub_id: str) -> float:
    """Where a hub stands among all hubs [%, 0 to below 100], the same for ever.

    A hub is in the ring of the first p per cent where its position is below p. The position is a hash of the
    identifier, so that rings are samples of the fleet and not its oldest members.
    """
    digest = hashlib.sha256(f"ring:{hub_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * 100
