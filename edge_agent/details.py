"""Single devices and strings of panels beside the home's canonical quantities: their quarter-hours, for the cloud."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from edge_agent.outbox import Outbox
from edge_agent.thinning import QUARTER_MS
from vpp.protocols.link.messages import Points

Detail = tuple[str, str]
# A quarter-hour of which less is known is not told.
_LEAST_SHARE = 0.5


@runtime_checkable
class Detailed(Protocol):
    """A driver that knows more of its home than the canonical quantities."""

    def details(self) -> Mapping[Detail, float]:
        """Powers [kW] by resource and quantity, as measured last."""


class DetailRecorder:
    """Makes quarter-hours of what a driver tells each cycle; a value is the mean of the quarter-hour that ends at it."""

    def __init__(self) -> None:
        self._last_at: int | None = None
        self._energy: dict[Detail, tuple[float, int]] = {}

    def note(self, at: int, driver: object, *, outbox: Outbox) -> None:
        """Take what a driver knows, if it knows anything; a quarter-hour that is over goes into the outbox."""
        if isinstance(driver, Detailed) and (points := self.add(at, driver.details())) is not None:
            outbox.add_backfill(points)

    def add(self, at: int, values: Mapping[Detail, float]) -> Points | None:
        """Take values that held until `at` [ms]; the quarter-hour that is over with them, if there is one."""
        last, self._last_at = self._last_at, at
        if last is None or not 0 < at - last <= QUARTER_MS:
            self._energy = {}
            return None
        ended = at - at % QUARTER_MS
        if ended <= last:
            self._take(values, at - last)
            return None
        # What held over the quarter-hour's end belongs to both.
        self._take(values, ended - last)
        made = self._made(ended)
        self._energy = {}
        self._take(values, at - ended)
        return made

    def _take(self, values: Mapping[Detail, float], span_ms: int) -> None:
        for key, value in values.items():
            energy, known_ms = self._energy.get(key, (0.0, 0))
            self._energy[key] = (energy + value * span_ms, known_ms + span_ms)

    def _made(self, at: int) -> Points | None:
        means = {
            key: energy / known_ms
            for key, (energy, known_ms) in self._energy.items()
            if known_ms >= _LEAST_SHARE * QUARTER_MS
        }
        if not means:
            return None
        resources, quantities = [key[0] for key in means], [key[1] for key in means]
        return Points(
            "backfill", 0, resources, quantities, [at] * len(means), [round(one, 4) for one in means.values()]
        )
