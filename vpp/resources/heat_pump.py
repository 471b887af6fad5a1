"""A heat pump whose building or tank keeps the warmth for a while."""

from dataclasses import dataclass

from vpp.resources.bounds import ResourceError, require_between


@dataclass(frozen=True, slots=True)
class HeatPump:
    """Greatest electric power [kW], the least it may be held to, and the electric energy it can put off.

    `deferrable_kwh` [kWh] is what one event may withhold before it gets cold: the thermal store's usable
    heat divided by the coefficient of performance.
    """

    max_kw: float
    deferrable_kwh: float
    min_kw: float = 0.0

    def __post_init__(self) -> None:
        require_between("max_kw", self.max_kw, low=0.0)
        require_between("deferrable_kwh", self.deferrable_kwh, low=0.0)
        require_between("min_kw", self.min_kw, low=0.0)
        if self.min_kw > self.max_kw:
            raise ResourceError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")
