"""Read everything, freeze it, decide, write: one cycle. And the rows that come of many."""

from collections.abc import Sequence

from edge_agent.appliances import tell
from edge_agent.drivers import Driver
from edge_agent.outbox import Decided
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.news import News
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits, device_ranges, setpoints


class Cycle:
    """One home's read-decide-write loop, one pass at a time."""

    def __init__(self, driver: Driver, controllers: Sequence[Controller], *, limits: DeviceLimits) -> None:
        self._driver = driver
        self._controllers = controllers
        self._limits = limits
        self._news = News()
        self.allowed = Allowed()

    def follow(self, controllers: Sequence[Controller]) -> None:
        """Go on with other controllers from the next pass on."""
        self._controllers = controllers

    @property
    def controllers(self) -> Sequence[Controller]:
        """Who decides, in order."""
        return self._controllers

    def run(self, now_ms: int) -> ProcessImage:
        """One pass at `now_ms`."""
        image = self._driver.read(now_ms)
        self.allowed = device_ranges(self._limits)
        for controller in self._controllers:
            controller.control(image, self.allowed)
        tell(self._driver, self.allowed, limits=self._limits)
        self._driver.write(setpoints(self.allowed, self._limits))
        return image

    def news(self, at: int) -> list[Decided]:
        """The decisions that have another author or reason than the time before."""
        fresh = self._news.of(self.allowed)
        return [Decided(at, key, one.low, one.high, one.by, one.reason) for key, one in fresh]
