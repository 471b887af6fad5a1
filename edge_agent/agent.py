"""One hub, composed: driver, controllers, cycle, outbox, identity and link."""

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from edge_agent import VERSION
from edge_agent.appliances import appliances_of, set_deadlines
from edge_agent.cem.home import Home
from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.controllers.care import CareController
from edge_agent.controllers.comfort import ComfortController
from edge_agent.controllers.device_payloads import DevicePayloads
from edge_agent.controllers.droop import DroopController
from edge_agent.controllers.failsafe import FailsafeController
from edge_agent.controllers.home_mode import HomeModeController
from edge_agent.controllers.island import IslandController
from edge_agent.controllers.override import OverrideController
from edge_agent.controllers.override_file import OverrideFile
from edge_agent.controllers.owner import OwnerController, renewed
from edge_agent.controllers.rules import LeisureController, RulesController
from edge_agent.controllers.single_loads import SingleLoads
from edge_agent.cycle import Cycle
from edge_agent.details import DetailRecorder
from edge_agent.diagnostics.checks import Diagnostics
from edge_agent.diagnostics.log import EventLog
from edge_agent.drivers import LivingDriver
from edge_agent.drivers.catalog import open_driver
from edge_agent.joining.scout import Scout
from edge_agent.outbox import ROWS_PER_MESSAGE, Outbox, OutboxError, message_of
from edge_agent.parts import Part, end_parts, link_of, local_server_of, raise_in_loop
from edge_agent.provisioning import Provisioner, load_identity
from edge_agent.update.health import Health
from edge_agent.update.updater import updater_of
from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.controllers.capacity import CapacityController
from vpp.energy_manager.controllers.cloud_schedule import CloudScheduleController
from vpp.energy_manager.controllers.limits import LimitsController
from vpp.energy_manager.controllers.schedule_book import Notice, ScheduleBook
from vpp.energy_manager.controllers.self_consumption import SelfConsumptionController, follow_residual
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.recorder import Recorder
from vpp.energy_manager.safety import DeviceLimits, adopt, device_limits
from vpp.intervals import floor_ms
from vpp.protocols.link.messages import (
    FEATURES,
    Check,
    DeviceOrder,
    Hello,
    Instruction,
    ResourceDescription,
    Welcome,
)

Emit = Callable[..., None]
# Longer than devices may take to be given back to themselves, and than the link takes to say goodbye.
_ENDS_S = 20.0
_PARTS_END_S = 4.0
# How much of the past is made, and how many missed cycles are made up, before others get their turn.
_HISTORY_ROWS_AT_ONCE = 10 * ROWS_PER_MESSAGE
_CYCLES_AT_ONCE = 20
# How long the first cycle waits for devices to be there [s]; those that come later are taken up then.
_DEVICES_OPEN_S = 20.0


class Agent:
    """The program of one hub. `emit` gets progress as (event, **facts)."""

    def __init__(self, config: HubConfig, clock: Clock, *, emit: Emit) -> None:
        self.config = config
        self.clock = clock
        self.log = EventLog(clock.now_ms)
        self.emit = emit = self.log.noting(emit)
        self._data_dir = Path(config.data_dir)
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.outbox = Outbox(self._data_dir / "hub.db", max_bytes=int(config.outbox_max_mb * 1e6))
        saved = self.outbox.get("device_state")
        self._first_start = self.outbox.get("started_at") is None
        self.driver = open_driver(config.driver, now_ms=self._tick_before(clock.now_ms()), saved=saved)
        self.image: ProcessImage | None = None
        self.scout = Scout(self)
        self.override = OverrideController()
        self.owner = OwnerController(config, saved=self.outbox.get("owner"))
        self.config = self.owner.config()
        self.recorder = Recorder(config.snapshot_interval_s)
        self.details = DetailRecorder()
        self._heard_at = int(self.outbox.get("heard_at") or 0)
        self._limits_heard_at: int | None = None
        self._doubts_clock = False
        self._singles = SingleLoads(self.driver if isinstance(self.driver, Home) else None)
        self._compose()
        self.provisioner = Provisioner(config, load_identity(self._data_dir), emit=emit)
        self.health = Health(os.environ, needs_cloud=bool(config.cloud_url))
        self.updater = updater_of(config, self.provisioner, launched=self.health.launched, emit=emit)
        self.link = link_of(self)
        self.diagnostics = Diagnostics(self)
        self._backfilling = self.outbox.waiting("backfill") > 0
        self._override_file = OverrideFile(self._data_dir, emit=emit)
        self.owner.on_preferences = self._reconfigure
        self.local = local_server_of(self)

    def _compose(self) -> None:
        """Put controllers and cycle together for what the driver describes now."""
        config = self.config
        self._resources = self._described()
        self._limits = limits = self._limits_now()
        self._decide_alone = partial(follow_residual, limits)
        self.owner.keys = limits.ranges
        self.rules = RulesController(
            limits, described=lambda: self._resources, saved=self.outbox.get("rules")
        )
        takers = [*self.driver.payload_takers(), self.owner, self.rules]
        self.book = ScheduleBook(limits.ranges, takers)
        self.book.load(self.outbox.get("schedules") or b"[]")
        self.payloads = DevicePayloads(self.book, takers)
        self.care = CareController(limits, config.care)
        if worn := self.outbox.get("care"):
            self.care.load(worn)
        self.cycle = Cycle(self.driver, self._controllers(limits), limits=limits)

    def _limits_now(self) -> DeviceLimits:
        """What devices can do: the roles, and single appliances beside them."""
        limits = device_limits(self._resources, reserve_soc=self.config.reserve_soc)
        limits.ranges.update(appliances_of(self.driver))
        return limits

    def _described(self) -> list[ResourceDescription]:
        resources = self.driver.describe()
        for resource in resources:
            if resource.kind == "battery":
                resource.parameters["reserve_soc"] = self.config.reserve_soc
        return resources

    def _notice_devices(self) -> None:
        """Take up what joined or grew; the cloud hears of it with the next session's hello."""
        if not isinstance(self.driver, LivingDriver):
            return
        described = self._described()
        known = appliances_of(self.driver).items() <= self._limits.ranges.items()
        if described == self._resources and known:
            return
        self._resources = described
        adopt(self._limits, self._limits_now())
        self.emit("devices_changed", resources=[resource.key for resource in described])

    def _reconfigure(self) -> None:
        """Follow what the owner prefers from the next cycle on."""
        self.config = self.owner.config()
        self._resources = self._described()
        adopt(self._limits, self._limits_now())
        self.cycle.follow(renewed(self.cycle.controllers, self._controllers(self._limits)))

    def _controllers(self, limits: DeviceLimits) -> tuple[Controller, ...]:
        """Who decides, in this order: a later one chooses only within what earlier ones left."""
        config = self.config
        return (
            LimitsController(limits, config.grid, cycle_s=config.cycle_s, least_soc=config.island.least_soc),
            IslandController(
                limits,
                config.island,
                draw=random.random,
                singles=self._singles,
                order=lambda: self.rules.rules.shed_first,
            ),
            self.care,
            CapacityController(self.book, connected=self._connected),
            FailsafeController(
                config.failsafe, connected=self._connected, limits_heard_at=lambda: self._limits_heard_at
            ),
            self.override,
            self.owner,
            self.rules,
            ComfortController(config.comfort, limits, time_zone=config.home.time_zone),
            DroopController(self.book),
            CloudScheduleController(self.book),
            LeisureController(self.rules, home=config.home),
            HomeModeController(config.home, limits),
            SelfConsumptionController(),
        )

    def _tick_before(self, now_ms: int) -> int:
        return floor_ms(now_ms, self.config.cycle_s)

    # --- life

    async def run(self) -> None:
        """Live until cancelled; what was measured and decided is on disk when this ends."""
        devices: list[asyncio.Task[None]] = []
        parts: list[asyncio.Task[None]] = []
        try:
            if isinstance(self.driver, LivingDriver):
                devices.append(self._start(self.driver))
                await self.driver.opened(_DEVICES_OPEN_S)
                self._compose()
            live_from = self._tick_before(self.clock.now_ms())
            if self._first_start:
                live_from = await self._record_history(live_from)
            if self.local is not None:
                await self.local.start()
            parts += [self._start(part) for part in (self.link, self.updater, self.scout) if part is not None]
            await self._live(live_from)
        finally:
            # Parts may use devices, which take longer: they are given back to themselves.
            await end_parts(parts, within_s=_PARTS_END_S)
            await end_parts(devices, within_s=_ENDS_S)
            if self.local is not None:
                await self.local.close()
            with suppress(OutboxError):
                self.outbox.close()

    def _start(self, part: Part) -> asyncio.Task[None]:
        task = asyncio.create_task(part.run(), name=f"{type(part).__name__} {self.config.key}")
        task.add_done_callback(raise_in_loop)
        return task

    async def _record_history(self, now_ms: int) -> int:
        """First start: what the home recorded before there was a hub goes into the backfill lane.

        Returns the instant up to which that is; live data goes on from there without a gap.
        """
        config = self.config
        until_ms = floor_ms(now_ms, config.history_step_s) if config.history_days else now_ms
        rows = await self._backfill(until_ms) if config.history_days else 0
        self.outbox.put("started_at", str(now_ms).encode())
        self.outbox.put("device_state", self.driver.state())
        self.outbox.commit()
        self._backfilling = rows > 0
        self.emit("recorded", rows=rows, messages=self.outbox.waiting("backfill"))
        return until_ms

    async def _backfill(self, until_ms: int) -> int:
        config = self.config
        source = self.driver.history(
            days=config.history_days,
            step_s=config.history_step_s,
            until_ms=until_ms,
            decide=self._decide_alone,
        )
        rows = 0
        waiting: list[ProcessImage] = []
        while source is not None and (row := source.step()) is not None:
            waiting.append(row)
            rows += 1
            self.details.note(row.at, self.driver, outbox=self.outbox)
            if len(waiting) == ROWS_PER_MESSAGE:
                self.outbox.add_backfill(message_of(waiting))
                waiting = []
            if rows % _HISTORY_ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
        if waiting:
            self.outbox.add_backfill(message_of(waiting))
        return rows

    async def _live(self, next_at: int) -> None:
        """A cycle at every multiple of `cycle_s`; missed ones are made up, within reason."""
        cycle_ms = round(self.config.cycle_s * 1000)
        while True:
            await asyncio.sleep(self.clock.machine_seconds_until(next_at))
            now_ms = self.clock.now_ms()
            if abs(now_ms - next_at) > self.config.max_catch_up_cycles * cycle_ms:
                self.emit("clock_jumped", seconds=(now_ms - next_at) / 1000)
                next_at = self._tick_before(now_ms)
            for _ in range(_CYCLES_AT_ONCE):
                if next_at > now_ms:
                    break
                self._run_cycle(next_at)
                next_at += cycle_ms
            self._notice_devices()
            self._commit()

    def _run_cycle(self, at: int) -> None:
        self._override_file.read_into(self.override)
        self._report(self.book.tick(at, connected=self._connected(at)))
        self.payloads.run(at)
        image = self.image = self.cycle.run(at)
        set_deadlines(self.driver, self.rules.deadlines)
        for decided in self.cycle.news(at):
            self.outbox.add_decision(decided)
        row = self.recorder.add(image)
        if self.local is not None:
            self.local.step(image, row)
        if row is not None:
            self.outbox.add_row(row, clock_trusted=self._trusts_clock)
        if self._trusts_clock:
            self.details.note(at, self.driver, outbox=self.outbox)

    def _commit(self) -> None:
        self.outbox.put("device_state", self.driver.state())
        self.outbox.put("heard_at", str(self._heard_at).encode())
        self.outbox.put("care", self.care.dump())
        self.outbox.put("owner", self.owner.dump())
        self.outbox.put("rules", self.rules.dump())
        try:
            self.outbox.commit()
        except OutboxError as error:
            self.emit("outbox_failed", detail=str(error))
            return
        self.health.committed()
        if self.link is not None:
            self.link.wake()
        if self._backfilling and self.outbox.waiting("backfill") == 0:
            self._backfilling = False
            self.emit("backfilled")

    # --- the link's host

    async def token(self) -> str:
        """A token to connect with, however long that takes."""
        return await self.provisioner.token()

    def forget_token(self) -> None:
        """The cloud refused the token."""
        self.provisioner.forget_token()

    def hello(self) -> Hello:
        """The first message of a session."""
        return Hello(
            hub_id=self.provisioner.hub_id,
            boot_id=self.outbox.boot_id,
            first_unacked=self.outbox.first_unacked(),
            agent_version=VERSION,
            clock_trusted=self._trusts_clock,
            features=self._features(),
            resources=self._resources,
        )

    def _features(self) -> list[str]:
        """What this hub knows, without what its configuration has no place for."""
        lacking = {"update": self.updater is None, "pairing": not self.scout.desk.can_show}
        return [one for one in FEATURES if not lacking.get(one, False)]

    def welcomed(self, welcome: Welcome) -> None:
        """Follow the cloud's wish for how often to report, and doubt the clock if the cloud's says otherwise."""
        off_s = abs(welcome.server_time - self.clock.now_ms()) / 1000
        was_doubted, self._doubts_clock = self._doubts_clock, off_s > self._clock_tolerance_s
        if self._doubts_clock and not was_doubted:
            self.emit("clock_doubted", seconds=round(off_s))
        interval_s = max(welcome.snapshot_interval_s, self.config.cycle_s)
        self.recorder.interval_ms = round(interval_s * 1000)
        self.health.connected()
        self.scout.welcomed(welcome.features)
        self.emit("connected", site_id=welcome.site_id)

    @property
    def _trusts_clock(self) -> bool:
        return self.clock.trusted and not self._doubts_clock

    @property
    def _clock_tolerance_s(self) -> float:
        """How far the cloud's time may be off; a message's way takes longer where time runs faster."""
        return self.config.clock_tolerance_s * max(1.0, self.clock.scale / 10.0)

    def heard(self) -> None:
        """Note that the link is alive."""
        self._heard_at = self.clock.now_ms()

    def _connected(self, at: int) -> bool:
        """Whether the cloud was heard lately, seen from `at`; a clock set back makes it no younger."""
        return abs(at - self._heard_at) <= self.config.link_lost_after_s * 1000

    def acknowledged(self) -> None:
        """Deleted with the next commit."""

    def received(self, instruction: Instruction) -> None:
        """Take an instruction; schedule and answer become durable together with the next commit."""
        now_ms = self.clock.now_ms()
        if instruction.limits is not None:
            self._limits_heard_at = now_ms
        self._report(self.book.receive(instruction, now_ms))

    def asked(self, check: Check) -> None:
        """Answer a check; the answer becomes durable with the next commit."""
        self.outbox.add_status(self.diagnostics.answer(check))

    def ordered(self, order: DeviceOrder) -> None:
        """Follow the owner's word on a device."""
        self.scout.take(order)

    def _report(self, notices: list[Notice]) -> None:
        for notice in notices:
            self.outbox.add_status(notice.numbered(0))
            told = {"id": notice.instruction_id, "revision": notice.revision, "state": notice.state}
            self.emit("instruction", **told, reason=notice.reason)
        if notices:
            self.outbox.put("schedules", self.book.dump())

    # --- the owner

    def is_connected(self) -> bool:
        """Whether the cloud was heard lately."""
        return self.link is not None and self._connected(self.clock.now_ms())
