"""Parts of a simulated home that are measured by themselves: strings of panels, and appliances behind plugs."""

from __future__ import annotations  # array[float] is for the type checker only

from array import array
from collections.abc import Sequence
from datetime import time

from edge_agent.drivers.simulator.config import DAY_STEPS, Appliance, PvString
from vpp.energy_manager.details import POWER, string_quantity

_NOON = 11.0  # in UTC, in the middle of Europe
_HALF_DAY = 6.0


class Strings:
    """How the sun is shared among strings, by hour: those that look east have the morning."""

    def __init__(self, strings: Sequence[PvString]) -> None:
        self._strings = strings

    def shares(self, at: int, quarter: int) -> list[float]:
        """Each string's share of what the whole roof would give at `at` [ms], in this quarter-hour of the day."""
        toward_west = ((quarter + 0.5) / 4.0 - _NOON) / _HALF_DAY
        weights = [one.share * max(0.05, 1.0 + one.west * toward_west) for one in self._strings]
        total = sum(weights)
        return [
            weight / total * (1.0 - _lost(one, at))
            for one, weight in zip(self._strings, weights, strict=True)
        ]

    def told(self, pv_kw: float, *, at: int, quarter: int) -> dict[tuple[str, str], float]:
        """What each string gives of the roof's power (load convention) [kW]."""
        shares = self.shares(at, quarter)
        whole = sum(shares) or 1.0
        return {
            ("pv", string_quantity(one.name)): round(-pv_kw * share / whole, 4)
            for one, share in zip(self._strings, shares, strict=True)
        }


def _lost(string: PvString, at: int) -> float:
    return string.lost if string.lost_from and at >= string.lost_from.timestamp() * 1000 else 0.0


class Appliances:
    """What runs when, by quarter-hour of the simulated weeks."""

    def __init__(self, appliances: Sequence[Appliance], *, steps: int) -> None:
        self._powers = {one.key: _power(one, steps) for one in appliances}

    def told(self, step: int) -> dict[tuple[str, str], float]:
        """What each draws in a quarter-hour of the weeks [kW]."""
        return {(key, POWER): power[step] for key, power in self._powers.items()}

    def power_kw(self, step: int) -> float:
        """What all draw [kW]."""
        return sum(power[step] for power in self._powers.values())


def _power(one: Appliance, steps: int) -> array[float]:
    power = array("d", bytes(8 * steps))
    starts = time.fromisoformat(one.starts)
    first = starts.hour * 4 + starts.minute // 15
    for day in range(steps // DAY_STEPS):
        if day % 7 in one.days:
            for place, kw in enumerate(one.quarters_kw, start=day * DAY_STEPS + first):
                power[place % steps] += kw
    return power
