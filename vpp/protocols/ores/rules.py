"""What a household wants week by week: when appliances run, what is ready by when, what is shed first without a grid.

The rules travel as one device payload and live on the hub, which follows them with or without the cloud.
"""

from collections.abc import Collection
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from vpp.protocols.link.messages import DevicePayload, PayloadValues
from vpp.units import MS_PER_DAY

RULES: Final = "ORES_RULES"
RULES_DAYS: Final = 3650
MOST_ROUTINES: Final = 50
# Made by the sun or by the home's own battery: nothing that could be shed.
NEVER_SHED: Final = ("pv", "battery")
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Annotated[int, msgspec.Meta(ge=0, le=6)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
RoutineKind = Literal["on", "off", "ready_by"]


class Routine(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something a device does every week on some days (0: Monday).

    `on` and `off` hold from `starts` to `ends`, over midnight where that is earlier; `on` at `kw` [kW], else at full
    power. `ready_by` means that by `ends` the device has its state of charge `soc` (0-1), or has had `kwh` [kWh] since
    the time before; a program is then done.
    """

    routine_id: Key
    device_id: Key
    kind: RoutineKind
    days: Annotated[list[Weekday], msgspec.Meta(min_length=1, max_length=7)]
    starts: TimeOfDay = "00:00"
    ends: TimeOfDay
    kw: Annotated[float, msgspec.Meta(ge=0, le=1000)] | None = None
    soc: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    kwh: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None = None


class HouseRules(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All routines, and the order in which devices are shed without a grid; None: as the hub is configured."""

    time_zone: str = "UTC"
    routines: Annotated[list[Routine], msgspec.Meta(max_length=MOST_ROUTINES)] = []
    shed_first: Annotated[list[Key], msgspec.Meta(max_length=100)] | None = None


def rules_payload(rules: HouseRules, *, now: int) -> DevicePayload:
    """The payload that carries the rules from an instant [ms] on."""
    seconds = RULES_DAYS * MS_PER_DAY // 1000
    return DevicePayload(RULES, now, seconds, [[msgspec.json.encode(rules).decode()]])


def rules_of(values: PayloadValues) -> HouseRules:
    """The rules that a payload carries; msgspec.MsgspecError where it carries none."""
    if len(values) != 1 or not isinstance(values[0], str):
        raise msgspec.ValidationError("expected one text")
    return msgspec.json.decode(values[0], type=HouseRules)


def rules_flaw(rules: HouseRules, *, keys: Collection[str]) -> str | None:
    """Why these rules cannot be followed where there are these devices, or None."""
    try:
        ZoneInfo(rules.time_zone)
    except (KeyError, ValueError, OSError):
        return f"{rules.time_zone[:40]!r} is no time zone"
    order = rules.shed_first or []
    for key in order:
        if key not in keys or key in NEVER_SHED:
            return f"{key} is nothing that could be shed"
    if len(set(order)) < len(order):
        return "a device stands twice in the order of what is shed"
    return next((flaw for one in rules.routines if (flaw := _routine_flaw(one, keys)) is not None), None)


def _routine_flaw(routine: Routine, keys: Collection[str]) -> str | None:
    if routine.device_id not in keys:
        return f"unknown or uncontrollable device {routine.device_id}"
    if routine.kind != "ready_by" and routine.starts == routine.ends:
        return f"{routine.device_id} cannot begin and end at {routine.ends}"
    if len(set(routine.days)) < len(routine.days):
        return "a day stands twice in a routine"
    if routine.soc is not None and routine.kwh is not None:
        return "ready by a state of charge or by an energy, not both"
    return None
