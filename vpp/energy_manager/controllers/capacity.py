"""Limits that the cloud sets for the grid connection, for a while: nobody in the house overrules them."""

from collections.abc import Callable

from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, protect_grid

# Whoever comes later only ever narrows: without a limit here the installation's own holds.
_NO_LIMIT = float("inf")


class CapacityController:
    """After safety and the installation's own limits, before the owner; `connected` tells of an instant."""

    name = "capacity"

    def __init__(self, book: ScheduleBook, *, connected: Callable[[int], bool]) -> None:
        self._book = book
        self._connected = connected

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Narrow the grid connection to the tightest of what holds now."""
        capacity = self._book.capacity(image.at, connected=self._connected(image.at))
        bounds = [bound for bound in (capacity.import_, capacity.export) if bound]
        if not bounds:
            return
        grid = GridLimits(
            import_kw=capacity.import_.kw if capacity.import_ else _NO_LIMIT,
            export_kw=capacity.export.kw if capacity.export else _NO_LIMIT,
        )
        why = "; ".join(bound.why for bound in bounds)
        protect_grid(image, allowed, grid=grid, by=self.name, why=why)
