"""Single loads of the home, such as plugs, that can be switched off although they are part of the load."""

from typing import Final

from edge_agent.cem.home import Home
from vpp.energy_manager.combine import Wish
from vpp.energy_manager.member import FAR_KW
from vpp.energy_manager.safety import Allowed, Range

OFF: Final = Wish(low_kw=-FAR_KW, high_kw=0.0, prefer_kw=0.0)


class SingleLoads:
    """What a controller says of single loads holds for one cycle, as what it says of resources does."""

    def __init__(self, home: Home | None) -> None:
        self._home = home
        # Loads that were off once: their decisions are told like those on resources.
        self._known: set[str] = set()

    def begin(self, allowed: Allowed) -> None:
        """A new cycle: all loads do as they like."""
        for key in self._known - allowed.ranges.keys():
            allowed.ranges[key] = Range(0.0, FAR_KW, reason="on")
            if self._home is not None:
                self._home.claims.pop(key, None)

    def off(self, key: str, allowed: Allowed, *, by: str, reason: str) -> None:
        """Switch a load off; what is no single load, or is limited as a resource, is not meant."""
        if self._home is None or key not in self._home.units:
            return
        if key in allowed.ranges and key not in self._known:
            return
        self._known.add(key)
        self._home.claims[key] = OFF
        allowed.ranges[key] = Range(0.0, 0.0, by, reason)

    def power_kw(self, key: str) -> float | None:
        """What a single load draws; None of one that is none, or says nothing."""
        unit = self._home.units.get(key) if self._home is not None else None
        if self._home is None or unit is None or unit.role != "load":
            return None
        reading = unit.reading(self._home.clock())
        return reading.power_kw if reading is not None else None


NO_SINGLE_LOADS: Final = SingleLoads(None)
