"""When an instruction is in force: its interval now, its end, and what capacity it asks for."""

from collections.abc import Iterable
from dataclasses import dataclass

from vpp.intervals import index_at
from vpp.protocols.link.messages import CapacityLimits, DevicePayload, Instruction, Schedule


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit [kW] at the grid connection, and the instruction it comes from."""

    kw: float
    why: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the grid connection may carry at most by instructions; None: none of them says."""

    import_: Bound | None = None
    export: Bound | None = None


def intervals(order: Schedule | CapacityLimits | DevicePayload) -> int:
    """How many intervals there are."""
    if isinstance(order, DevicePayload):
        return len(order.values)
    if isinstance(order, CapacityLimits):
        return max(len(order.import_kw), len(order.export_kw))
    if order.site_kw:
        return len(order.site_kw)
    return max((len(plan) for plan in order.resources.values()), default=0)


def index_of(order: Schedule | CapacityLimits | DevicePayload, now_ms: int) -> int | None:
    """The interval now."""
    return index_at(now_ms, starts_at_ms=order.starts_at, interval_s=order.interval_s, count=intervals(order))


def is_valid(instruction: Instruction, now_ms: int) -> bool:
    """Whether its time of validity is now."""
    return instruction.not_before <= now_ms < instruction.expires_at


def ends_at(instruction: Instruction) -> int:
    """The instant [ms] from which on it asks for nothing any more."""
    limits = instruction.limits
    order = instruction.schedule or limits or instruction.device
    if order is None or (limits is not None and _has_fallback(limits)):
        return instruction.expires_at
    end = order.starts_at + intervals(order) * order.interval_s * 1000
    return min(end, instruction.expires_at)


def capacity_of(instruction: Instruction, now_ms: int, *, connected: bool) -> Capacity | None:
    """What limits ask for now; None before their first interval and where there is nothing to follow.

    Out of touch with the cloud, or behind the last interval, that is the fallback.
    """
    limits = instruction.limits
    if limits is None or not is_valid(instruction, now_ms) or now_ms < limits.starts_at:
        return None
    why = f"instruction {instruction.id} revision {instruction.revision}"
    index = index_of(limits, now_ms) if connected else None
    if index is None:
        if not _has_fallback(limits):
            return None
        return _capacity(limits.fallback_import_kw, limits.fallback_export_kw, why=f"{why}, fallback")
    import_kw = limits.import_kw[index] if limits.import_kw else None
    export_kw = limits.export_kw[index] if limits.export_kw else None
    return _capacity(import_kw, export_kw, why=f"{why}, interval {index}")


def tightest(capacities: Iterable[Capacity]) -> Capacity:
    """The lowest limit of each direction."""
    held = list(capacities)
    return Capacity(_lowest(one.import_ for one in held), _lowest(one.export for one in held))


def _lowest(bounds: Iterable[Bound | None]) -> Bound | None:
    return min((bound for bound in bounds if bound), key=lambda bound: bound.kw, default=None)


def _capacity(import_kw: float | None, export_kw: float | None, *, why: str) -> Capacity:
    return Capacity(
        None if import_kw is None else Bound(import_kw, f"{why}: {import_kw:g} kW in"),
        None if export_kw is None else Bound(export_kw, f"{why}: {export_kw:g} kW out"),
    )


def _has_fallback(limits: CapacityLimits) -> bool:
    return limits.fallback_import_kw is not None or limits.fallback_export_kw is not None
