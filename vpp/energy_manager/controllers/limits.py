"""Device safety, backup reserve and the grid connection's limits: before anybody's wish."""

from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, protect_battery, protect_grid


class LimitsController:
    """The first in the order."""

    name = "limits"

    def __init__(
        self, limits: DeviceLimits, grid: GridLimits, *, cycle_s: float, least_soc: float = 0.0
    ) -> None:
        self._limits = limits
        self._least_soc = least_soc
        self._grid = grid
        self._hours = cycle_s / 3600.0

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Apply them all."""
        protect_battery(image, allowed, limits=self._limits, hours=self._hours, least_soc=self._least_soc)
        protect_grid(image, allowed, grid=self._grid)
