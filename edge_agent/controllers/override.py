"""The owner's override: what a person in the house wants outranks the cloud, for a while."""

import msgspec

from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed


class Override(msgspec.Struct, forbid_unknown_fields=True):
    """Powers [kW, load convention] by resource key, until an instant [ms]."""

    until: int
    resources: dict[str, float]
    note: str = ""


class OverrideController:
    """Pins what the owner set."""

    name = "override"

    def __init__(self) -> None:
        self.override: Override | None = None

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Apply the override until it ends."""
        override = self.override
        if override is None:
            return
        if image.at >= override.until:
            self.override = None
            return
        for key, kw in override.resources.items():
            allowed.want(key, kw, by=self.name, reason=override.note or "the owner's wish")
