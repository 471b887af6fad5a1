"""The home without the grid: it balances itself, keeps its reserve for what matters, and comes back gently."""

from collections.abc import Callable, Collection, Sequence

from edge_agent.config import Island
from edge_agent.controllers.single_loads import NO_SINGLE_LOADS, SingleLoads
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, DeviceLimits

# A load that was shed comes back this far above the state of charge at which it went.
_HYSTERESIS_SOC = 0.05
# A load that was more than battery and sun could carry is not tried again for so long [ms].
_TOO_MUCH_MS = 900_000
_OVER_KW = 0.05


class IslandController:
    """Right behind the devices' own limits; `draw` gives a share (0-1) of the time to wait before rejoining.

    The owner's list names resources and, by their keys, single loads: a plug is one of several and part of the load.
    """

    name = "island"

    def __init__(
        self,
        limits: DeviceLimits,
        config: Island,
        *,
        draw: Callable[[], float],
        shed: Collection[str] = (),
        singles: SingleLoads = NO_SINGLE_LOADS,
        order: Callable[[], Sequence[str] | None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._config = config
        self._draw = draw
        self._shed = set(shed)
        self._order = order
        self._singles = singles
        # Until when a single load is off because it was too much [ms].
        self._too_much: dict[str, int] = {}
        self._islanded = False
        self._rejoin_at: int | None = None

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Balance the island; after it, wait a while before anything big draws or feeds in."""
        self._singles.begin(allowed)
        if not image.on_grid:
            self._islanded, self._rejoin_at = True, None
            self._shed_loads(image, allowed)
            self._balance(image, allowed)
            return
        if self._islanded:
            self._islanded = False
            self._rejoin_at = image.at + self._wait_ms()
        if self._rejoin_at is not None:
            self._rejoin(image, allowed)

    @property
    def is_apart(self) -> bool:
        """Whether the home is on its own, or has not taken up its place at the grid again."""
        return self._islanded or self._rejoin_at is not None

    @property
    def _shed_first(self) -> Sequence[str]:
        """The owner's order, else as configured."""
        order = self._order()
        return self._config.shed_first if order is None else order

    def _wait_ms(self) -> int:
        config = self._config
        span_s = max(0.0, config.rejoin_most_s - config.rejoin_least_s)
        return round((config.rejoin_least_s + span_s * self._draw()) * 1000)

    def _shed_loads(self, image: ProcessImage, allowed: Allowed) -> None:
        for place, key in enumerate(self._shed_first):
            if self._is_shed(key, place, soc=image.battery_soc):
                reason = f"no grid: shed as number {place + 1} of the owner's list"
                self._off(key, allowed, reason=reason)

    def _off(self, key: str, allowed: Allowed, *, reason: str) -> None:
        allowed.narrow(key, (0.0, 0.0), by=self.name, reason=reason)
        self._singles.off(key, allowed, by=self.name, reason=reason)

    def _is_shed(self, key: str, place: int, *, soc: float | None) -> bool:
        if soc is None:
            return True
        count = len(self._shed_first)
        below = self._limits.reserve_soc + self._config.margin_soc * (count - place) / count
        if soc < below:
            self._shed.add(key)
        elif soc >= below + _HYSTERESIS_SOC:
            self._shed.discard(key)
        return key in self._shed

    def _balance(self, image: ProcessImage, allowed: Allowed) -> None:
        """What the battery cannot give is not drawn, what neither it nor the home can take is not made."""
        battery = allowed.ranges.get("battery")
        gives_kw, takes_kw = (-battery.low, battery.high) if battery else (0.0, 0.0)
        if image.battery_soc is not None and image.battery_soc >= 1.0:
            takes_kw = 0.0
        sun_kw = -(image.pv_kw or 0.0)
        left_kw = gives_kw + sun_kw - image.load_kw
        self._relieve(image, allowed, over_kw=-left_kw)
        left_kw = max(0.0, left_kw)
        for key in reversed(self._shed_first):
            allowed.narrow(key, (0.0, left_kw), by=self.name, reason="no grid: what battery and sun can give")
            known = allowed.ranges.get(key)
            now_kw = (image.ev_kw if key == "ev" else image.heat_kw if key == "heat" else None) or 0.0
            left_kw -= min(now_kw, known.high) if known else 0.0
            left_kw = max(0.0, left_kw)
        draws_kw = image.residual_kw + sun_kw
        allowed.narrow(
            "pv", (-max(0.0, draws_kw + takes_kw), 0.0), by=self.name, reason="no grid: nothing is exported"
        )
        allowed.want(
            "battery", -image.residual_kw, by=self.name, reason="no grid: the battery carries the home"
        )

    def _relieve(self, image: ProcessImage, allowed: Allowed, *, over_kw: float) -> None:
        """Switch off single loads, in the owner's order, until battery and sun can carry the rest."""
        for key in self._shed_first:
            drawn_kw = self._singles.power_kw(key) or 0.0
            if over_kw > _OVER_KW and drawn_kw > _OVER_KW and key not in self._shed:
                self._too_much[key] = image.at + _TOO_MUCH_MS
                over_kw -= drawn_kw
            if image.at < self._too_much.get(key, image.at):
                self._off(key, allowed, reason="no grid: more than battery and sun can give")

    def _rejoin(self, image: ProcessImage, allowed: Allowed) -> None:
        assert self._rejoin_at is not None
        if image.at >= self._rejoin_at:
            self._rejoin_at = None
            self._shed.clear()
            self._too_much.clear()
            return
        reason = (
            f"the grid is back: waiting {(self._rejoin_at - image.at) / 1000:.0f} s before taking part again"
        )
        for key in self._shed_first:
            self._off(key, allowed, reason=reason)
        house_kw = image.residual_kw - (image.pv_kw or 0.0)
        allowed.narrow("pv", (-max(0.0, house_kw), 0.0), by=self.name, reason=reason)
        allowed.narrow("battery", (-max(0.0, image.residual_kw), 0.0), by=self.name, reason=reason)
