"""The grid connection's limits when nobody is heard who could set them: the states of EEBus LPC and LPP.

A hub starts with the failsafe limits. It leaves them when the cloud is heard and has set a limit since, or was heard for
the grace time without setting one; or when nobody was heard at all for that time, as at a home without a controller.
Out of touch later, it takes them for the least time at least, and then goes on by itself.
"""

from collections.abc import Callable
from enum import Enum

from edge_agent.config import Failsafe
from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed, protect_grid


class LimitState(Enum):
    """Who decides about the grid connection's limits."""

    INIT = "starting, limits unknown"
    CONTROLLED = "controlled"
    FAILSAFE = "out of touch"
    AUTONOMOUS = "on its own"


_LIMITED = frozenset({LimitState.INIT, LimitState.FAILSAFE})


class FailsafeController:
    """After the limits of the installation and the cloud, before the owner.

    `connected` tells whether the cloud is heard at an instant; `limits_heard_at` when it last set limits [ms].
    """

    name = "failsafe"

    def __init__(
        self,
        config: Failsafe | None,
        *,
        connected: Callable[[int], bool],
        limits_heard_at: Callable[[], int | None],
    ) -> None:
        self._config = config
        self._connected = connected
        self._limits_heard_at = limits_heard_at
        self.state = LimitState.INIT
        self._since: int | None = None
        self._heard_since: int | None = None

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Take the next state, and hold the failsafe limits where it asks for them."""
        config = self._config
        if config is None:
            return
        self._next(image.at, config)
        if self.state in _LIMITED:
            grid = GridLimits(import_kw=config.import_kw, export_kw=config.export_kw)
            why = f"{self.state.value}: at most {config.import_kw:g} kW in, {config.export_kw:g} kW out"
            protect_grid(image, allowed, grid=grid, by=self.name, why=why)

    def _next(self, at: int, config: Failsafe) -> None:
        if self._since is None:
            self._since = at
        if self._connected(at):
            self._heard(at, config)
        else:
            self._heard_since = None
            self._unheard(at, config)

    def _heard(self, at: int, config: Failsafe) -> None:
        if self._heard_since is None:
            self._heard_since = at
        if self.state is LimitState.CONTROLLED:
            return
        limits_at = self._limits_heard_at()
        # Heard again the first time in this cycle, or told a limit in that very moment: both are fresh.
        is_fresh = limits_at is not None and limits_at >= min(self._heard_since, self._entered)
        if is_fresh or at - self._heard_since >= config.grace_s * 1000:
            self._enter(LimitState.CONTROLLED, at)

    def _unheard(self, at: int, config: Failsafe) -> None:
        patience_s = {LimitState.INIT: config.grace_s, LimitState.FAILSAFE: config.least_s}.get(self.state)
        if self.state is LimitState.CONTROLLED:
            self._enter(LimitState.FAILSAFE, at)
        elif patience_s is not None and at - self._entered >= patience_s * 1000:
            self._enter(LimitState.AUTONOMOUS, at)

    @property
    def _entered(self) -> int:
        assert self._since is not None
        return self._since

    def _enter(self, state: LimitState, at: int) -> None:
        self.state, self._since = state, at
