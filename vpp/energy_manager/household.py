"""The home's energy manager: many resources in, one image in kW out, and what they are told."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from vpp.energy_manager import details, roles
from vpp.energy_manager.combine import Wish
from vpp.energy_manager.member import FAR_KW, LIKED, ROLES, RoleKey
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.energy_manager.programs import Conditions
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.settling import SettledLoad
from vpp.energy_manager.units import Unit
from vpp.protocols.link.messages import ResourceDescription

_MS_PER_HOUR: Final = 3_600_000.0
# A gap in time longer than this is not counted into registers of our own [ms].
_GAP_MS: Final = 300_000
# What orders move. The sun moves by itself, and what it gives is told beside the load.
CONTROLLED: Final[tuple[RoleKey, ...]] = ("battery", "ev", "heat")


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


class Household:
    """The resources of a home by key; `clock` tells the time, `saved` is what an earlier process kept."""

    def __init__(
        self, units: Iterable[Unit] = (), *, clock: Callable[[], datetime], saved: bytes | None = None
    ) -> None:
        self.clock = clock
        self.units: dict[str, Unit] = {unit.key: unit for unit in units}
        self._kept = msgspec.json.decode(saved, type=Kept) if saved else Kept()
        self._image: ProcessImage | None = None
        self._load_kw = 0.0
        self._settled = SettledLoad()
        self._ordered = Setpoints()
        # Wishes for single resources, above what their role is told.
        self.claims: dict[str, Wish] = {}
        # By when programs are to be done, where the household said so.
        self.deadlines: dict[str, datetime] = {}
        self._appliances: dict[str, tuple[float, float]] = {}

    def of(self, role: RoleKey) -> list[Unit]:
        """The units of a role."""
        return [unit for unit in self.units.values() if unit.role == role]

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

    def appliances(self) -> dict[str, tuple[float, float]]:
        """Single resources beside the roles that can be told something: their powers [kW] by key, also while away."""
        now = self.clock()
        for unit in self.of("load"):
            most = unit.rated(now).charge_kw
            if unit.member is not None and most > 0.0 and unit.key not in ROLES:
                self._appliances[unit.key] = (0.0, most)
        self._appliances = {key: held for key, held in self._appliances.items() if key in self.units}
        return self._appliances

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
            settled_kw: float | None = self._settled_kw(power, now_ms=now_ms)
        else:
            settled_kw = None
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
            settled_load_kw=settled_kw,
        )
        return self._image

    def _settled_kw(self, power: Mapping[RoleKey, float | None], *, now_ms: int) -> float:
        moving: list[tuple[str, float | None]] = [(role, power[role]) for role in CONTROLLED]
        moving += [(f"{role} told", getattr(self._ordered, f"{role}_kw")) for role in CONTROLLED]
        return round(self._settled.follow(self._load_kw, at_ms=now_ms, moving=moving), 4)

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

    def details(self) -> dict[tuple[str, str], float]:
        """Powers [kW] of single loads and strings of panels, by resource and quantity."""
        return details.details(self.units.values(), self.clock())

    def write(self, setpoints: Setpoints) -> None:
        """Share what each role is told among its resources, and tell them."""
        now = self.clock()
        self._ordered = setpoints
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
            spare = FAR_KW if wish and wish.low_kw > 0.0 else self._spare_kw()
            conditions = Conditions(spare_kw=spare, most_kw=most, until=self.deadlines.get(unit.key))
            member.wish(LIKED["load"], now, conditions=conditions)
        elif wish is None:
            member.release(now)
        else:
            member.wish(wish, now)

    def _spare_kw(self) -> float:
        """What is exported, or could go elsewhere than into the battery [kW]."""
        if self._image is None:
            return 0.0
        return max(0.0, -self._image.grid_kw) + max(0.0, self._image.battery_kw or 0.0)

    def state(self) -> bytes:
        """What is kept."""
        return msgspec.json.encode(self._kept)

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
