"""A photovoltaic plant."""

from dataclasses import dataclass

from vpp.resources.bounds import require_between


@dataclass(frozen=True, slots=True)
class Pv:
    """Peak power [kW] of the inverter's AC side, and whether an order can curtail it."""

    peak_kw: float
    curtailable: bool = False

    def __post_init__(self) -> None:
        require_between("peak_kw", self.peak_kw, low=0.0)
