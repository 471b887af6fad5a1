"""Which modes of a demand driven resource are ready for what will be demanded before another choice is possible."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from vpp.energy_manager.combine import Combo
from vpp.protocols.s2.ddbc import DemandDriven

# A source is asked to start this much earlier than it would have to [s].
_MARGIN_S: Final = 120.0
_NEAR: Final = 1e-6


def ready_combos(
    combos: Sequence[Combo], held: DemandDriven, *, now: datetime
) -> tuple[list[Combo], list[str]]:
    """The combinations that also meet what is expected until another one could; the strongest always does.

    Until then is, for each, the time in which it cannot be left, and then as long as the slowest source takes to start.
    Returns them with the reasons why others are not there.
    """
    most = max((strongest(combo) for combo in combos), default=0.0)
    start_s = max((one.delay_s for combo in combos for one in combo.options), default=0.0) + _MARGIN_S
    ready, reasons = [], []
    for combo in combos:
        locked_s = max((one.locked_s for one in combo.options), default=0.0)
        peak = held.peak(now, now + timedelta(seconds=locked_s + start_s))
        if peak is None or strongest(combo) >= min(peak[0], most) - _NEAR * max(1.0, abs(most)):
            ready.append(combo)
            continue
        reason = f"a demand of {peak[0]:g} is expected at {peak[1]:%H:%M}"
        if reason not in reasons:
            reasons.append(reason)
    return ready, reasons


def strongest(combo: Combo) -> float:
    """The highest rate that the modes can supply together."""
    return max(combo.rate(0.0), combo.rate(1.0))
