"""What the household keeps for itself before anybody else's wish: a least charge of the car, and quiet hours.

The band of temperatures is kept by the heat pump itself; the cloud counts on less of its heat where the band is narrow.
"""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from edge_agent.config import Comfort, ConfigError
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits

# What a heat pump may draw while it is to be quiet, as a share of its rated power.
QUIET_SHARE = 0.5


class ComfortController:
    """Behind the owner's wish for a single device, before the cloud's schedules."""

    name = "comfort"

    def __init__(self, config: Comfort, limits: DeviceLimits, *, time_zone: str) -> None:
        self._config = config
        self._limits = limits
        try:
            self._zone = ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(f"home.time_zone: {time_zone!r} is no time zone") from error
        self._quiet = time.fromisoformat(config.quiet_from), time.fromisoformat(config.quiet_until)

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Charge the car first, and keep the heat pump quiet."""
        self._charge(image, allowed)
        rated = self._limits.ranges.get("heat")
        if rated is not None and self._is_quiet(image.at):
            why = f"quiet hours {self._config.quiet_from} to {self._config.quiet_until}"
            allowed.narrow("heat", (0.0, rated[1] * QUIET_SHARE), by=self.name, reason=why)

    def _charge(self, image: ProcessImage, allowed: Allowed) -> None:
        least = self._config.ev_least_soc
        if image.ev_soc is None or image.ev_soc >= least or not allowed.undecided("ev") or not image.on_grid:
            return
        reason = f"the car is charged to {least:.0%} first"
        allowed.want("ev", allowed.ranges["ev"].high, by=self.name, reason=reason)

    def _is_quiet(self, now_ms: int) -> bool:
        starts, ends = self._quiet
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(self._zone).time()
        if starts <= ends:
            return starts <= now < ends
        return now >= starts or now < ends
