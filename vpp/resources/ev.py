"""A car at its charger."""

from dataclasses import dataclass

from vpp.resources.bounds import ResourceError, require_between


@dataclass(frozen=True, slots=True)
class Ev:
    """Charging between `min_kw` and `max_kw` [kW]; `interruptible` chargers may also stop."""

    max_kw: float
    min_kw: float = 0.0
    interruptible: bool = True

    def __post_init__(self) -> None:
        require_between("max_kw", self.max_kw, low=0.0)
        require_between("min_kw", self.min_kw, low=0.0)
        if self.min_kw > self.max_kw:
            raise ResourceError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")

    @property
    def floor_kw(self) -> float:
        """The least power [kW] an order can bring charging down to."""
        return 0.0 if self.interruptible else self.min_kw
