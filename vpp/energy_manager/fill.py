"""How fast a store may and must be filled: its bounds, its targets, what leaks and what is used."""

from datetime import datetime

from vpp.protocols.s2.frbc import FillRate

_FREE = float("inf")
# Filling for a target begins this much earlier than it would have to [s].
_MARGIN_S = 120.0
_NEAR = 1e-6


def fill_rates(held: FillRate, *, now: datetime, fastest: float) -> tuple[tuple[float, float], list[str]]:
    """Least and most rate [levels/s] of all actuators together, and the reasons; `fastest` they can reach."""
    system = held.system(now)
    if system is None or held.level is None:
        return (-_FREE, _FREE), []
    level, bounds = held.level, system.storage.fill_level_range
    slack = _NEAR * max(1.0, abs(bounds.end_of_range - bounds.start_of_range))
    low, high, reasons = -_FREE, _FREE, []
    if level >= bounds.end_of_range - slack:
        high = 0.0
        reasons.append("it is full")
    if level <= bounds.start_of_range + slack:
        low = 0.0
        reasons.append("it is empty")
    for starts_at, ends_at, target in held.target_spans():
        if ends_at <= now:
            continue
        if starts_at <= now and level >= target.end_of_range - slack:
            high = min(high, 0.0)
            reasons.append(f"it is to stay at {target.end_of_range:g} at most")
        least = _needed(held, now, starts_at=starts_at, wanted=target.start_of_range, fastest=fastest)
        if least is not None and least > low:
            low = least
            reasons.append(f"{target.start_of_range:g} is wanted by {starts_at:%H:%M}")
    return (min(low, max(high, 0.0) if high < _FREE else low), high), reasons


def _needed(
    held: FillRate, now: datetime, *, starts_at: datetime, wanted: float, fastest: float
) -> float | None:
    """The rate [levels/s] without which a target is missed; None while there is time."""
    assert held.level is not None
    left_s = (starts_at - now).total_seconds()
    if left_s <= 0.0:
        return fastest if held.level < wanted else None
    lost = held.used(now, starts_at) + held.leakage_rate(held.level, now) * left_s
    missing = wanted + lost - held.level
    if missing <= 0.0 or missing < fastest * (left_s - _MARGIN_S):
        return None
    return min(fastest, missing / left_s)
