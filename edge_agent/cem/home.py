"""The home's energy manager behind the cycle's driver interface: many resources in, one image in kW out."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from edge_agent.cem import roles
from edge_agent.cem.combine import Wish
from edge_agent.cem.member import LIKED, ROLES, RoleKey
from edge_agent.cem.programs import Conditions
from edge_agent.cem.units import OwnUnit, Unit
from edge_agent.process_image import ProcessImage, Setpoints
from edge_agent.rm.device import Reading
from edge_agent.rm.tasks import ended
from vpp.protocols.link.messages import ResourceDescription

if TYPE_CHECKING:
    from edge_agent.drivers import FollowResidual, HistorySource, PayloadTaker

_MS_PER_HOUR: Final = 3_600_000.0
# A gap in time longer than this is not counted into registers of our own [ms].
_GAP_MS: Final = 300_000
# How long a device that is removed may take to be given back to itself [s].
_LET_GO_S: Final = 15.0


class Shell(Protocol):
    """Connects foreign resource managers; `run` lives until cancelled."""

    async def run(self, home: "Home") -> None:
        """Bring units into the home and take them out again."""


class Kept(msgspec.Struct):
    """What outlives the process: what the home was found to have, and registers counted here."""

    resources: list[ResourceDescription] = []
    import_kwh: float = 0.0
    export_kwh: float = 0.0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one resource does and why, for whoever asks."""

    key: str
    name: str
    role: str
    power_kw: float | None
    low_kw: float
    high_kw: float
    control_type: str
    reason: str
    limits: list[str]
    rejections: list[str]
    trouble: str | None


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class Home:
    """A `Driver` over units; `run` has to live beside the cycle."""

    def __init__(
        self,
        units: Sequence[OwnUnit] = (),
        *,
        shells: Sequence[Shell] = (),
        clock: Callable[[], datetime] = utc_now,
        saved: bytes | None = None,
    ) -> None:
        self.clock = clock
        self.units: dict[str, Unit] = {unit.key: unit for unit in units}
        self._own = list(units)
        self._shells = list(shells)
        self._failed: asyncio.Future[None] | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._kept = msgspec.json.decode(saved, type=Kept) if saved else Kept()
        self._image: ProcessImage | None = None
        self._load_kw = 0.0
        # Wishes for single resources, above what their role is told.
        self.claims: dict[str, Wish] = {}

    # --- life

    async def run(self) -> None:
        """Talk to all devices until cancelled."""
        self._failed = asyncio.get_running_loop().create_future()
        for unit in self._own:
            self._start(unit.run(), key=unit.key)
        for number, shell in enumerate(self._shells):
            self._start(shell.run(self), key=f"s2 shell {number}")
        try:
            await self._failed
        finally:
            self._failed = None
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.clear()

    def _start(self, work: Coroutine[Any, Any, None], *, key: str) -> None:
        task = self._tasks[key] = asyncio.create_task(work, name=f"device {key}")
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A bug that ends one task ends the home, loudly."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def add(self, unit: OwnUnit) -> None:
        """Take up a device of the hub, also while running; its key must be free."""
        if unit.key in self.units:
            raise ValueError(f"there is a device {unit.key} already")
        self.units[unit.key] = unit
        self._own.append(unit)
        if self._failed is not None:
            self._start(unit.run(), key=unit.key)

    async def remove(self, key: str) -> None:
        """Give a device of the hub back to itself and forget it."""
        unit = self.units.pop(key)
        self._own = [one for one in self._own if one is not unit]
        self.claims.pop(key, None)
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=_LET_GO_S)
            await ended(task)
        if unit.role is not None and not self.of(unit.role):
            self._kept.resources = [one for one in self._kept.resources if one.key != unit.role]

    async def opened(self, timeout_s: float) -> bool:
        """Wait until all own devices are known, for so long at most; whether they are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for unit in self._own:
                    await unit.is_known.wait()
        return all(unit.is_known.is_set() for unit in self._own)

    def of(self, role: RoleKey) -> list[Unit]:
        """The units of a role."""
        return [unit for unit in self.units.values() if unit.role == role]

    # --- the driver interface

    def describe(self) -> list[ResourceDescription]:
        """What is there; what is not there now is described as it was when it was."""
        now = self.clock()
        found = [ResourceDescription("load", "load", "Household")]
        before = {one.key: one for one in self._kept.resources}
        for role in ROLES:
            described = roles.describe(role, self.of(role), now=now) or before.get(role)
            if described is not None and role in roles.NAMES:
                found.append(described)
        self._kept.resources = found[1:]
        return found

    def read(self, now_ms: int) -> ProcessImage:
        """What all devices said last."""
        now = self.clock()
        said = {role: self._said(role, now) for role in ROLES}
        power = {role: roles.power_kw(said[role]) for role in ROLES}
        managed_kw = sum(power[role] or 0.0 for role in ("pv", "battery", "ev", "heat"))
        meter = said["grid"][0] if said["grid"] else None
        if meter is not None and meter.power_kw is not None:
            grid_kw = meter.power_kw
            self._load_kw = grid_kw - managed_kw
        else:
            # Without its meter the household is taken for what it was, or for what its loads say.
            self._load_kw = power["load"] if power["load"] is not None else self._load_kw
            grid_kw = managed_kw + self._load_kw
        self._count(meter, grid_kw, now_ms=now_ms)
        anybody = [meter] if meter is not None else [one for role in ROLES for one in said[role]]
        self._image = ProcessImage(
            at=now_ms,
            grid_kw=round(grid_kw, 4),
            import_kwh=round(self._kept.import_kwh, 5),
            export_kwh=round(self._kept.export_kwh, 5),
            load_kw=round(self._load_kw, 4),
            pv_kw=power["pv"],
            battery_kw=power["battery"],
            battery_soc=roles.soc(self.of("battery"), now),
            ev_kw=power["ev"],
            ev_soc=roles.soc(self.of("ev"), now),
            heat_kw=power["heat"],
            voltage_v=next((one.voltage_v for one in anybody if one.voltage_v is not None), None),
            frequency_hz=next((one.frequency_hz for one in anybody if one.frequency_hz is not None), None),
            on_grid=all(one.is_on_grid is not False for role in ROLES for one in said[role]),
            battery_c=max(
                (one.temperature_c for one in said["battery"] if one.temperature_c is not None), default=None
            ),
        )
        return self._image

    def _said(self, role: RoleKey, now: datetime) -> list[Reading]:
        return [reading for unit in self.of(role) if (reading := unit.reading(now)) is not None]

    def _count(self, meter: Reading | None, grid_kw: float, *, now_ms: int) -> None:
        """The meter's registers, or our own where it has none."""
        kept, before = self._kept, self._image
        if meter is not None and meter.import_kwh is not None:
            kept.import_kwh = meter.import_kwh
            kept.export_kwh = kept.export_kwh if meter.export_kwh is None else meter.export_kwh
            return
        span_ms = now_ms - before.at if before is not None else 0
        if not 0 < span_ms <= _GAP_MS:
            return
        if grid_kw >= 0.0:
            kept.import_kwh += grid_kw * span_ms / _MS_PER_HOUR
        else:
            kept.export_kwh -= grid_kw * span_ms / _MS_PER_HOUR

    def write(self, setpoints: Setpoints) -> None:
        """Share what each role is told among its resources, and tell them."""
        now = self.clock()
        for role in ROLES:
            units = self.of(role)
            if role == "grid" or not units:
                continue
            shared = roles.wishes(role, setpoints, units=units, now=now)
            for unit in units:
                self._tell(unit, self.claims.get(unit.key, shared[unit.key]), now=now)

    def _tell(self, unit: Unit, wish: Wish | None, *, now: datetime) -> None:
        member = unit.member
        if member is None:
            return
        if member.is_program:
            most = wish.high_kw if wish else float("inf")
            member.wish(LIKED["load"], now, conditions=Conditions(spare_kw=self._spare_kw(), most_kw=most))
        elif wish is None:
            member.release(now)
        else:
            member.wish(wish, now)

    def _spare_kw(self) -> float:
        """What is exported, or could go elsewhere than into the battery [kW]."""
        if self._image is None:
            return 0.0
        return max(0.0, -self._image.grid_kw) + max(0.0, self._image.battery_kw or 0.0)

    def payload_takers(self) -> "Sequence[PayloadTaker]":
        """None of these resources takes more than a power."""
        return []

    def state(self) -> bytes:
        """What is kept."""
        return msgspec.json.encode(self._kept)

    def history(
        self, *, days: int, step_s: int, until_ms: int, decide: "FollowResidual"
    ) -> "HistorySource | None":
        """Devices tell nothing of the past."""
        return None

    # --- for whoever asks why

    def told(self) -> list[Told]:
        """Every resource: what it does, may do, was told, and did not do."""
        now = self.clock()
        return [self._told(unit, now) for unit in self.units.values()]

    def _told(self, unit: Unit, now: datetime) -> Told:
        member, reading = unit.member, unit.reading(now)
        able = member.ability(now) if member else None
        return Told(
            key=unit.key,
            name=unit.name,
            role=unit.role or "unknown",
            power_kw=reading.power_kw if reading else None,
            low_kw=able.low_kw if able else 0.0,
            high_kw=able.high_kw if able else 0.0,
            control_type=member.session.control_type.value if member else "NO_SELECTION",
            reason=member.reason if member else "",
            limits=list(able.reasons) if able else [],
            rejections=member.rejections if member else [],
            trouble=unit.trouble,
        )
