"""How the owner's wishes and preferences travel from the cloud to the hub: as device payloads of kinds of their own."""

import msgspec

from vpp.protocols.link.messages import DevicePayload, PayloadValues
from vpp.protocols.ores.facts import Preferences, Wish
from vpp.units import MS_PER_DAY

CONTROL = "ORES_CONTROL:"
SETTINGS = "ORES_SETTINGS"
# A change waits for its hub as long as it takes; a release for an hour, then nothing is left to release.
SETTINGS_DAYS = 3650
RELEASE_S = 3600


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """Preferences, and when each was set [ms]."""

    preferences: Preferences = msgspec.field(default_factory=Preferences)
    set_at: dict[str, int] = {}

    @property
    def at(self) -> int | None:
        """When something was set last; None for never."""
        return max(self.set_at.values(), default=None)


def changed(held: Change, wanted: Preferences, *, at: int) -> Change:
    """What holds after what is wanted (and not None) was set at an instant [ms]."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    return joined(held, Change(wanted, dict.fromkeys(given, at)))


def joined(one: Change, other: Change) -> Change:
    """Of each preference the later word; of `one` where both are as late."""
    later = {name: at for name, at in other.set_at.items() if at > one.set_at.get(name, -1)}
    values = {name: getattr(other.preferences, name) for name in later if hasattr(other.preferences, name)}
    return Change(msgspec.structs.replace(one.preferences, **values), one.set_at | later)


def control_payload(wish: Wish) -> DevicePayload:
    """The payload that carries a wish, for as long as it holds."""
    seconds = RELEASE_S if wish.kw is None else max(1, (wish.ends_at - wish.starts_at) // 1000)
    text = msgspec.json.encode(wish).decode()
    return DevicePayload(f"{CONTROL}{wish.device_id}", wish.starts_at, seconds, [[text]])


def settings_payload(change: Change, *, now: int) -> DevicePayload:
    """The payload that carries preferences."""
    seconds = SETTINGS_DAYS * MS_PER_DAY // 1000
    return DevicePayload(SETTINGS, now, seconds, [[msgspec.json.encode(change).decode()]])


def wish_of(values: PayloadValues) -> Wish:
    """The wish that a payload carries; msgspec.MsgspecError where it carries none."""
    return msgspec.json.decode(_text(values), type=Wish)


def change_of(values: PayloadValues) -> Change:
    """The preferences that a payload carries; msgspec.MsgspecError where it carries none."""
    return msgspec.json.decode(_text(values), type=Change)


def _text(values: PayloadValues) -> str:
    if len(values) != 1 or not isinstance(values[0], str):
        raise msgspec.ValidationError("expected one text")
    return values[0]
