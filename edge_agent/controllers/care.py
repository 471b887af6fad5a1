"""A battery's care: a budget of cycles a day, and no work in cold or heat."""

import msgspec

from edge_agent.config import Care
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits
from vpp.units import MS_PER_DAY, MS_PER_SECOND, kwh_from_kw

# A gap in the measurements is not counted as if the last power had held all the time.
_LONGEST_STEP_MS = 300_000


class Worn(msgspec.Struct):
    """What was discharged [kWh] on a day (UTC, counted from 1970), up to an instant [ms]."""

    day: int = 0
    discharged_kwh: float = 0.0
    at: int = 0


class CareController:
    """Right behind the devices' limits; without a grid the battery works all the same."""

    name = "care"

    def __init__(self, limits: DeviceLimits, config: Care) -> None:
        self._config = config
        self._limits = limits
        self._worn = Worn()

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Count, and stop what the battery should not do."""
        self._count(image)
        if not image.on_grid:
            return
        config = self._config
        if (
            config.cycles_a_day
            and self._worn.discharged_kwh >= config.cycles_a_day * self._limits.battery_kwh
        ):
            reason = f"today's {config.cycles_a_day:g} cycles are used"
            allowed.narrow("battery", (0.0, float("inf")), by=self.name, reason=reason)
        if image.battery_c is not None and not config.coldest_c <= image.battery_c <= config.hottest_c:
            reason = f"{image.battery_c:g} °C is outside of {config.coldest_c:g} to {config.hottest_c:g} °C"
            least = 0.0 if image.battery_c > config.hottest_c else -float("inf")
            allowed.narrow("battery", (least, 0.0), by=self.name, reason=reason)

    def _count(self, image: ProcessImage) -> None:
        worn, day = self._worn, image.at // MS_PER_DAY
        if day != worn.day:
            worn.day, worn.discharged_kwh = day, 0.0
        if image.battery_kw is not None and image.battery_kw < 0.0 and worn.at:
            step_ms = min(max(0, image.at - worn.at), _LONGEST_STEP_MS)
            worn.discharged_kwh -= kwh_from_kw(image.battery_kw, step_ms / MS_PER_SECOND)
        worn.at = image.at

    def dump(self) -> bytes:
        """What a restart needs."""
        return msgspec.json.encode(self._worn)

    def load(self, saved: bytes) -> None:
        """Take up where an earlier process stopped."""
        self._worn = msgspec.json.decode(saved, type=Worn)
