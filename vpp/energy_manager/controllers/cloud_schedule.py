"""Executes the cloud's schedule: holds the planned power at the meter with the battery, the rest by key."""

from vpp.energy_manager.controllers.schedule_book import ScheduleBook
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed


class CloudScheduleController:
    """One wish among others: limits and the owner have spoken before."""

    name = "cloud_schedule"

    def __init__(self, book: ScheduleBook) -> None:
        self._book = book

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Apply the interval that `image.at` lies in."""
        active = self._book.active(image.at)
        if active is None:
            return
        instruction, index = active
        schedule = instruction.schedule
        assert schedule is not None
        reason = f"instruction {instruction.id} revision {instruction.revision}, interval {index}"
        site_kw = schedule.site_kw[index] if schedule.site_kw else None
        for key, plan in schedule.resources.items():
            planned_kw = plan[index]
            # Where the meter is planned, the battery is the means to hold it: its own plan was a forecast.
            if planned_kw is None or (key == "battery" and site_kw is not None):
                continue
            if key in {"ev", "pv"}:
                # A car and the sun take or give what they have, up to the plan.
                bounds = (0.0, planned_kw) if key == "ev" else (planned_kw, 0.0)
                allowed.narrow(key, bounds, by=self.name, reason=reason)
            else:
                allowed.want(key, planned_kw, by=self.name, reason=reason)
        if site_kw is not None:
            allowed.want("battery", site_kw - image.residual_kw, by=self.name, reason=reason)
