"""One home whose energy manager is the cloud: its resources, its orders, and the cycle over both."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from apps.common import clock
from apps.hubs.instructions import milliseconds
from apps.hubs.link.server import LinkServer
from apps.hubs.virtual.facts import Facts, Settings
from apps.hubs.virtual.unmetered import UnmeteredController
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.controllers.capacity import CapacityController
from vpp.energy_manager.controllers.cloud_schedule import CloudScheduleController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.schedule_book import Notice, ScheduleBook
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController
from vpp.energy_manager.household import Household
from vpp.energy_manager.news import News
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.recorder import Recorder
from vpp.energy_manager.safety import Allowed, DeviceLimits, adopt, device_limits, device_ranges, setpoints
from vpp.protocols.link.messages import (
    COLUMNS,
    MAX_DECISIONS,
    CloudMessage,
    Decision,
    Instruction,
    ResourceDescription,
    Snapshots,
)

log = logging.getLogger(__name__)
CYCLE_S = 1.0
ROW_S = 60.0
# Resources that went are remembered, so that they come back as the same; of these the oldest go first.
MOST_UNITS = 16
# What only a meter at the grid connection can tell.
_METERED = frozenset({"grid_kw", "load_kw", "import_kwh", "export_kwh"})


class Connection(Protocol):
    """A resource manager's connection, as its home sees it."""

    def shut(self, code: int) -> None: ...


class VirtualHome:
    """A receiver of the link, like a hub's connection; `turn` is its cycle."""

    def __init__(self, server: LinkServer, facts: Facts, *, hub_id: str, site_id: int) -> None:
        self.hub_id, self.site_id = hub_id, site_id
        self.connections: set[Connection] = set()
        self.connected_at: datetime | None = None
        self.on_resources: Callable[[list[ResourceDescription]], None] = lambda described: None
        self._server = server
        self.household = Household(clock=clock.now, saved=msgspec.json.encode(facts.kept))
        self._settings = facts.settings
        self._described = self._describe()
        self._limits: DeviceLimits = device_limits(self._described, reserve_soc=facts.settings.reserve_soc)
        self._book = ScheduleBook(self._limits.ranges)
        self._controllers = self._compose()
        self._recorder = Recorder(ROW_S)
        self._news = News(facts.decided)
        self._fresh: list[Decision] = []
        self._seq = 0
        for order in facts.orders:
            self.push(order)

    # --- what the link tells

    def push(self, message: CloudMessage) -> None:
        """Take an order."""
        if not isinstance(message, Instruction):
            return
        now_ms = milliseconds(clock.now())
        flaw = self._flaw(message)
        if flaw is not None:
            self._report([Notice(message.id, message.revision, "rejected", now_ms, flaw)])
            return
        self._report(self._book.receive(message, now_ms))

    def shut(self, code: int) -> None:
        """Close every connection of the home."""
        for connection in list(self.connections):
            connection.shut(code)

    # --- the cycle

    def turn(self) -> None:
        """Read, decide, write; a row where a minute is over."""
        now_ms = milliseconds(clock.now())
        self._notice_resources()
        image = self.household.read(now_ms)
        self._report(self._book.tick(now_ms))
        allowed = device_ranges(self._limits)
        for controller in self._controllers:
            controller.control(image, allowed)
        self.household.write(setpoints(allowed, self._limits))
        self._note(allowed, now_ms)
        row = self._recorder.add(image)
        if row is not None:
            self._store(row)

    def follow(self, settings: Settings) -> None:
        """Go on with other settings."""
        if settings == self._settings:
            return
        self._settings = settings
        adopt(self._limits, device_limits(self._described, reserve_soc=settings.reserve_soc))
        self._controllers = self._compose()
        self._described = self._describe()
        self.on_resources(self._described)

    def forget_oldest(self) -> None:
        """Keep what is remembered of resources that went within bounds."""
        gone = [key for key, unit in self.household.units.items() if unit.trouble]
        for key in gone[: max(0, len(self.household.units) - MOST_UNITS)]:
            del self.household.units[key]

    def take_decisions(self) -> list[Decision]:
        """What was decided since it was taken the last time."""
        taken, self._fresh = self._fresh, []
        return taken

    def give_back(self, decisions: list[Decision]) -> None:
        """What was taken and could not be kept; of too many the oldest go."""
        self._fresh = [*decisions, *self._fresh][-MAX_DECISIONS:]

    @property
    def is_metered(self) -> bool:
        """Whether a meter at the grid connection says something now."""
        now = self.household.clock()
        return any(unit.reading(now) is not None for unit in self.household.of("grid"))

    def _flaw(self, order: Instruction) -> str | None:
        """What a hub could follow and this home cannot."""
        if order.droop is not None:
            return "a home without a hub does not answer the grid's frequency"
        schedule = order.schedule
        if schedule is None or not schedule.site_kw or "battery" in schedule.resources:
            return None
        if self._settings.has_meter or self.household.of("grid"):
            return None
        return "no meter tells what the home draws"

    def _compose(self) -> list[Controller]:
        return [
            LimitsController(self._limits, self._settings.grid, cycle_s=CYCLE_S),
            CapacityController(self._book, connected=lambda at: True),
            UnmeteredController(self._book, metered=lambda: self.is_metered),
            CloudScheduleController(self._book),
            SelfConsumptionController(),
        ]

    def _describe(self) -> list[ResourceDescription]:
        """What is there; the household itself only where a meter shows it."""
        described = [
            one for one in self.household.describe() if one.kind != "load" or self.household.of("grid")
        ]
        for one in described:
            if one.kind == "battery":
                one.parameters["reserve_soc"] = self._settings.reserve_soc
        return described

    def _notice_resources(self) -> None:
        described = self._describe()
        if described == self._described:
            return
        self._described = described
        adopt(self._limits, device_limits(described, reserve_soc=self._settings.reserve_soc))
        self.on_resources(described)

    # --- what the cloud's other half is told

    def _note(self, allowed: Allowed, now_ms: int) -> None:
        """Remember what is decided otherwise than before, for whoever asks why."""
        fresh = [
            Decision(now_ms, key, one.by, one.reason[:300], one.low, one.high)
            for key, one in self._news.of(allowed)
        ]
        self._fresh = [*self._fresh, *fresh][-MAX_DECISIONS:]

    def _report(self, notices: list[Notice]) -> None:
        for notice in notices:
            self._seq += 1
            self._server.report(self.hub_id, notice.numbered(self._seq), done=lambda refused: None)

    def _store(self, row: ProcessImage) -> None:
        blank = frozenset() if self.is_metered else _METERED
        values: dict[str, Any] = {
            name: [value]
            for name in COLUMNS
            if name not in blank and (value := getattr(row, name)) is not None
        }
        if not values:
            return
        self._seq += 1
        self._server.writer.put(
            site_id=self.site_id,
            message=Snapshots(lane="live", seq=self._seq, at=[row.at], **values),
            done=lambda held, quarantined: None,
            failed=lambda: log.error("a row of site %s was not stored", self.site_id),
        )
