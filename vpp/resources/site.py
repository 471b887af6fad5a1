"""What the cloud knows of a home at one instant."""

from dataclasses import dataclass

from vpp.resources.battery import Battery
from vpp.resources.bounds import ResourceError, require_between
from vpp.resources.ev import Ev
from vpp.resources.heat_pump import HeatPump
from vpp.resources.pv import Pv


@dataclass(frozen=True, slots=True)
class SiteState:
    """A home's resources and their state now; a resource it lacks is None.

    `battery_soc` [0-1] is None where it is not known: such a battery is left out of every plan. Powers are
    as measured last [kW]: `pv_kw` produced, `ev_kw` and `heat_kw` drawn, all >= 0. The limits [kW], >= 0,
    hold at the grid connection point, per direction; None means no limit.
    """

    name: str
    battery: Battery | None = None
    battery_soc: float | None = None
    ev: Ev | None = None
    ev_kw: float = 0.0
    heat_pump: HeatPump | None = None
    heat_kw: float = 0.0
    pv: Pv | None = None
    pv_kw: float = 0.0
    export_limit_kw: float | None = None
    import_limit_kw: float | None = None

    def __post_init__(self) -> None:
        if self.battery_soc is not None:
            if self.battery is None:
                raise ResourceError(f"{self.name} has a state of charge but no battery")
            require_between("battery_soc", self.battery_soc, low=0.0, high=1.0)
        for name in ("ev_kw", "heat_kw", "pv_kw"):
            require_between(name, getattr(self, name), low=0.0)
        for name in ("export_limit_kw", "import_limit_kw"):
            if getattr(self, name) is not None:
                require_between(name, getattr(self, name), low=0.0)

    @property
    def deliverable_kwh(self) -> float:
        """Energy [kWh] the battery can give now; 0 without one, or where its state is not known."""
        if self.battery is None or self.battery_soc is None:
            return 0.0
        return self.battery.deliverable_kwh(self.battery_soc)
