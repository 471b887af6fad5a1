"""What a hub cannot do, or make sense of, in an instruction: the reason of its rejection."""

import math
from collections.abc import Collection, Sequence

import msgspec

from vpp.dispatch.droop import DroopCurve, DroopError
from vpp.energy_manager.payload_takers import PayloadTaker, taker_of
from vpp.protocols.link.messages import CapacityLimits, DevicePayload, Instruction, Schedule

_MAX_INTERVALS = 10_000
_KINDS = {
    "schedule": "a schedule",
    "droop": "droop settings",
    "limits": "limits",
    "device": "a device payload",
}


def kinds_of(instruction: Instruction) -> list[str]:
    """Which kinds of order an instruction carries; none revokes."""
    return [kind for kind in _KINDS if getattr(instruction, kind) is not None]


def flaw_of(
    instruction: Instruction, *, controllable: Collection[str], takers: Sequence[PayloadTaker]
) -> str | None:
    """Why this hub cannot follow an instruction, or None."""
    kinds = kinds_of(instruction)
    if len(kinds) > 1:
        names = [_KINDS[kind] for kind in kinds]
        return f"{', '.join(names[:-1])} and {names[-1]} need an instruction each"
    if instruction.schedule is not None:
        return _schedule_flaw(instruction.schedule, controllable)
    if instruction.limits is not None:
        return _limits_flaw(instruction.limits)
    if instruction.device is not None:
        return _device_flaw(instruction.device, takers)
    return _droop_flaw(instruction, controllable)


def curve_of(instruction: Instruction) -> DroopCurve:
    """The droop that an instruction sets; DroopError where it makes no sense."""
    assert instruction.droop is not None
    return DroopCurve(**msgspec.structs.asdict(instruction.droop))


def _droop_flaw(instruction: Instruction, controllable: Collection[str]) -> str | None:
    if "battery" not in controllable:
        return "there is no battery to answer the frequency with"
    try:
        curve_of(instruction)
    except DroopError as error:
        return error.detail
    return None


def _schedule_flaw(schedule: Schedule, controllable: Collection[str]) -> str | None:
    unknown = sorted(set(schedule.resources) - set(controllable))
    if unknown:
        return f"unknown or uncontrollable resource {', '.join(unknown)}"
    series = [*([schedule.site_kw] if schedule.site_kw else []), *schedule.resources.values()]
    return _series_flaw(series, name="schedule")


def _limits_flaw(limits: CapacityLimits) -> str | None:
    series = [one for one in (limits.import_kw, limits.export_kw) if one]
    fallbacks = [limits.fallback_import_kw, limits.fallback_export_kw]
    if series or fallbacks == [None, None]:
        flaw = _series_flaw(series, name="limits")
        if flaw:
            return flaw
    if any(not (kw is None or 0.0 <= kw < math.inf) for one in (*series, fallbacks) for kw in one):
        return "a limit is a power of at least 0 kW"
    return None


def _series_flaw(series: Sequence[Sequence[float | None]], *, name: str) -> str | None:
    what, have = ("a schedule", "has") if name == "schedule" else (name, "have")
    count = max((len(values) for values in series), default=0)
    if not 0 < count <= _MAX_INTERVALS:
        return f"{what} {have} 1 to {_MAX_INTERVALS} intervals, not {count}"
    if any(len(values) != count for values in series):
        return f"the series of the {name} differ in length"
    if any(value is not None and not math.isfinite(value) for values in series for value in values):
        return f"the {name} {have} a power that is no number"
    return None


def _device_flaw(payload: DevicePayload, takers: Sequence[PayloadTaker]) -> str | None:
    taker = taker_of(payload.kind, takers)
    if taker is None:
        return f"no resource here takes {payload.kind}"
    count = len(payload.values)
    if not 0 < count <= _MAX_INTERVALS:
        return f"a device payload has 1 to {_MAX_INTERVALS} intervals, not {count}"
    flaws = (taker.payload_flaw(payload.kind, values) for values in payload.values if values)
    return next((flaw for flaw in flaws if flaw), None)
