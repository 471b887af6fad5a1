"""Answers the grid's frequency from settings sent ahead, without waiting for the cloud."""

from vpp.dispatch.droop import DroopCurve, next_relief_kw
from vpp.energy_manager.controllers.flaws import curve_of
from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed

_FOREVER = float("inf")


class DroopController:
    """After limits and owner, before the schedule: the battery gives at least what the droop asks."""

    name = "droop"

    def __init__(self, book: ScheduleBook) -> None:
        self._book = book
        self._relief_kw = 0.0
        self._from_kw = 0.0
        self._at = 0

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Bound the battery by what it did before the frequency left its band, and the relief."""
        instruction = self._book.droop(image.at)
        if instruction is None or image.frequency_hz is None or image.battery_kw is None:
            self._relief_kw = 0.0
            return
        curve = curve_of(instruction)
        before = self._relief_kw
        self._relief_kw = self._next(curve, image.frequency_hz, at=image.at)
        if self._relief_kw == 0.0:
            return
        if before == 0.0 or (before > 0) != (self._relief_kw > 0):
            self._from_kw = image.battery_kw
        aim_kw = self._from_kw - self._relief_kw
        bounds = (-_FOREVER, aim_kw) if self._relief_kw > 0 else (aim_kw, _FOREVER)
        side = "low" if self._relief_kw > 0 else "high"
        reason = f"instruction {instruction.id} revision {instruction.revision}, {side} frequency"
        allowed.narrow("battery", bounds, by=self.name, reason=reason)

    def _next(self, curve: DroopCurve, frequency_hz: float, *, at: int) -> float:
        elapsed_s = max(at - self._at, 0) / 1000.0
        self._at = at
        return next_relief_kw(curve, frequency_hz, previous_kw=self._relief_kw, elapsed_s=elapsed_s)
