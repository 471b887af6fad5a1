"""One intent each. They run in a fixed order; a later one chooses only within what earlier ones left."""

from typing import Protocol

from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed


class Controller(Protocol):
    """Narrows what is allowed, each time with a reason."""

    name: str

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Decide on this cycle's image."""
