"""The owner's wishes for single resources and preferences for the home, from the local server or by the cloud.

Wherever it was said, the later word counts. Wishes outrank the cloud's schedules; safety and limits outrank them.
"""

import math
from collections.abc import Callable, Collection, Sequence

import msgspec

from edge_agent.config import Comfort, ConfigError, HubConfig
from edge_agent.controllers.comfort import ComfortController
from edge_agent.controllers.home_mode import HomeModeController, Tariff
from edge_agent.controllers.rules import LeisureController
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.safety import Allowed
from vpp.protocols.link.messages import PayloadValues
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Preferences, Wish


class OwnerState(msgspec.Struct):
    """What outlives the process; `settled` says by resource when the last word was said [ms]."""

    wishes: dict[str, Wish] = {}
    settled: dict[str, int] = {}
    change: orders.Change = msgspec.field(default_factory=orders.Change)


class OwnerController:
    """Behind the override file, before the cloud's schedules. It also takes the cloud's word as payloads.

    `keys` are the resources that can be controlled; devices may join while the hub runs.
    """

    name = "override"
    key = "owner"

    def __init__(self, config: HubConfig, *, keys: Collection[str] = (), saved: bytes | None = None) -> None:
        self._config = config
        self.keys = keys
        self._state = msgspec.json.decode(saved, type=OwnerState) if saved else OwnerState()
        self.on_preferences: Callable[[], None] = lambda: None

    def dump(self) -> bytes:
        """What a restart needs."""
        return msgspec.json.encode(self._state)

    # --- wishes

    @property
    def wishes(self) -> list[Wish]:
        """What holds, by resource."""
        return list(self._state.wishes.values())

    def take(self, wish: Wish) -> bool:
        """Follow a wish from the next cycle on, or let go of an earlier one; False where a later word was said."""
        if wish.starts_at < self._state.settled.get(wish.device_id, 0):
            return False
        self._state.settled[wish.device_id] = wish.starts_at
        self._state.wishes.pop(wish.device_id, None)
        if wish.kw is not None:
            self._state.wishes[wish.device_id] = wish
        return True

    def control(self, image: ProcessImage, allowed: Allowed) -> None:
        """Apply each wish until it ends."""
        for key, wish in list(self._state.wishes.items()):
            if image.at >= wish.ends_at:
                del self._state.wishes[key]
            elif image.at >= wish.starts_at and wish.kw is not None:
                self._apply(wish, wish.kw, allowed=allowed)

    def _apply(self, wish: Wish, kw: float, *, allowed: Allowed) -> None:
        why = wish.note or "the owner's wish"
        if wish.action == "limit":
            allowed.narrow(wish.device_id, (kw, 0.0), by=self.name, reason=why)
        else:
            allowed.want(wish.device_id, kw, by=self.name, reason=why)
        wish.state = "applied"
        wish.reason = allowed.ranges[wish.device_id].reason

    # --- preferences

    @property
    def change(self) -> orders.Change:
        """The preferences set here or by the cloud, and when."""
        return self._state.change

    def told(self) -> str:
        """The same as JSON, for the cloud; empty where nothing was ever set."""
        return msgspec.json.encode(self._state.change).decode() if self._state.change.set_at else ""

    def config(self) -> HubConfig:
        """The hub's configuration with what the owner prefers."""
        return preferred(self._config, self._state.change.preferences)

    def flaw(self, wanted: Preferences) -> str | None:
        """Why these preferences cannot be followed here, or None."""
        grid = self._config.grid
        for what, kw, most_kw in (
            ("import", wanted.import_limit_kw, grid.import_kw),
            ("export", wanted.export_limit_kw, grid.export_kw),
        ):
            if kw is not None and not 0.0 <= kw <= most_kw:
                return f"the {what} limit is at most {most_kw:g} kW, as installed"
        if wanted.import_limit_kw == 0.0:
            return "the import limit is more than 0 kW"
        if wanted.reserve_soc is not None and not 0.0 <= wanted.reserve_soc <= 1.0:
            return "the reserve lies between 0 and 1"
        return self._comfort_flaw(wanted) or self._mode_flaw(wanted)

    def _comfort_flaw(self, wanted: Preferences) -> str | None:
        """The band as it would be after the change."""
        try:
            config = msgspec.structs.asdict(_comfort(self.config().comfort, wanted))
            comfort = msgspec.convert(config, Comfort)
        except msgspec.ValidationError as error:
            return f"comfort: {error}"
        if comfort.low_c > comfort.high_c:
            return "the lowest temperature lies above the highest"
        return None

    def _mode_flaw(self, wanted: Preferences) -> str | None:
        if wanted.mode != "time_of_use":
            return None
        home = self._config.home
        try:
            Tariff(home.tariff, time_zone=home.time_zone)
        except ConfigError as error:
            return f"there is no tariff to follow: {error}"
        return None

    def prefer(self, change: orders.Change) -> None:
        """Take over what was said later than what holds."""
        held = self._state.change
        self._state.change = orders.joined(held, change)
        if self._state.change.preferences != held.preferences:
            self.on_preferences()

    # --- the cloud's word, as payloads

    def takes_payload(self, kind: str) -> bool:
        """Whether payloads of this kind are the owner's."""
        return kind == orders.SETTINGS or kind.startswith(orders.CONTROL)

    def payload_flaw(self, kind: str, values: PayloadValues) -> str | None:
        """Why the owner's word cannot be followed, or None."""
        try:
            if kind == orders.SETTINGS:
                return self.flaw(orders.change_of(values).preferences)
            wish = orders.wish_of(values)
        except msgspec.MsgspecError as error:
            return f"the owner's word cannot be read: {error}"
        if wish.device_id != kind.removeprefix(orders.CONTROL) or wish.device_id not in self.keys:
            return f"unknown or uncontrollable resource {wish.device_id}"
        if wish.kw is not None and not math.isfinite(wish.kw):
            return "a power that is no number"
        return None

    def apply_payload(self, kind: str, values: PayloadValues) -> None:
        """Follow the owner's word; none at all ends what the cloud had said, unless something was said since."""
        if kind == orders.SETTINGS:
            if values:
                self.prefer(orders.change_of(values))
        elif values:
            self.take(orders.wish_of(values))
        else:
            held = self._state.wishes.get(kind.removeprefix(orders.CONTROL))
            if held is not None and not held.control_id.startswith("local:"):
                del self._state.wishes[held.device_id]


def renewed(held: Sequence[Controller], fresh: Sequence[Controller]) -> list[Controller]:
    """The controllers after a change of preferences: new ones where all that they know is their configuration."""
    return [new if _is_renewed(old) else old for old, new in zip(held, fresh, strict=True)]


def _is_renewed(controller: Controller) -> bool:
    kinds = LimitsController | HomeModeController | ComfortController | LeisureController
    return isinstance(controller, kinds)


def preferred(config: HubConfig, wanted: Preferences) -> HubConfig:
    """A configuration with preferences in it; grid limits are never wider than installed."""
    changed = msgspec.structs.replace(
        config,
        grid=msgspec.structs.replace(
            config.grid,
            import_kw=_least(config.grid.import_kw, wanted.import_limit_kw),
            export_kw=_least(config.grid.export_kw, wanted.export_limit_kw),
        ),
    )
    if wanted.reserve_soc is not None:
        changed.reserve_soc = wanted.reserve_soc
    if wanted.mode is not None:
        changed.home = msgspec.structs.replace(config.home, mode=wanted.mode)
    changed.comfort = _comfort(config.comfort, wanted)
    return changed


def _comfort(held: Comfort, wanted: Preferences) -> Comfort:
    given = {
        "low_c": wanted.comfort_low_c,
        "high_c": wanted.comfort_high_c,
        "ev_least_soc": wanted.ev_least_soc,
        "quiet_from": wanted.quiet_from,
        "quiet_until": wanted.quiet_until,
    }
    return msgspec.structs.replace(
        held, **{name: value for name, value in given.items() if value is not None}
    )


def _least(installed_kw: float, wanted_kw: float | None) -> float:
    return installed_kw if wanted_kw is None else min(installed_kw, wanted_kw)
