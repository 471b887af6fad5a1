"""A home whose meter says nothing: its battery does what was planned for it, and else rests."""

from collections.abc import Callable

from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed


class UnmeteredController:
    """Before those who hold a power at the meter; `metered` tells whether there is one."""

    name = "unmetered"

    def __init__(self, book: ScheduleBook, *, metered: Callable[[], bool]) -> None:
        self._book = book
        self._metered = metered

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Pin the battery."""
        if self._metered():
            return
        active = self._book.active(image.at)
        planned_kw, reason = None, "no meter tells what the home draws"
        if active is not None and active[0].schedule is not None:
            instruction, index = active
            plan = active[0].schedule.resources.get("battery", [])
            planned_kw = plan[index] if index < len(plan) else None
            reason = f"instruction {instruction.id} revision {instruction.revision}, interval {index}, without a meter"
        allowed.want("battery", planned_kw or 0.0, by=self.name, reason=reason)
