"""The home's own mode: store what PV has to spare, cover the load from the battery."""

from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, reserve_discharge_kw


class SelfConsumptionController:
    """Takes what nobody above has claimed."""

    name = "self_consumption"

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Aim for nothing at the meter."""
        if allowed.undecided("battery"):
            allowed.want("battery", -image.residual_kw, by=self.name, reason="use the home's own energy")


def follow_residual(limits: DeviceLimits, residual_kw: float, *, soc: float, hours: float) -> float:
    """The same intent as one number, for a recorded past: battery power [kW] for the rest of the home's."""
    if residual_kw <= 0.0:
        return -residual_kw
    return -min(residual_kw, reserve_discharge_kw(limits, soc, hours=hours))
