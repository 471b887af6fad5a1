"""Single simulated devices behind the device contract: what a hub talks to where there is no hardware."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from edge_agent.config import ConfigError, Fraction, Positive
from edge_agent.rm.device import (
    REVERSION_S,
    Battery,
    Charger,
    Device,
    DeviceError,
    Generator,
    Heater,
    Identity,
    Meter,
    Program,
    Shape,
    Switch,
)
from vpp.energy_manager.reading import Reading
from vpp.units import SECONDS_PER_HOUR

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
EFFICIENCY: Final = 0.95


class SimulatedConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A simulated device. Which fields count depends on `model`; `speed` is how fast its time runs."""

    key: str
    model: Literal["battery", "inverter", "charger", "heater", "plug", "washer", "meter"]
    kind: Literal["simulator"] = "simulator"
    name: str = ""
    rated_kw: Positive = 2.0
    least_kw: NotNegative = 0.0
    capacity_kwh: Positive = 10.0
    soc: Fraction = 0.5
    # What the sun gives, the household draws, or a car or tank takes out all the time.
    present_kw: NotNegative = 0.0
    least_on_s: NotNegative = 0.0
    least_off_s: NotNegative = 0.0
    phases_kw: tuple[NotNegative, ...] = (2.0, 0.3, 2.0)
    phase_s: Positive = 1200.0
    is_interruptible: bool = True
    speed: Positive = 1.0


def device_from(document: dict[str, Any]) -> "SimulatedDevice":
    """A simulated device from its table."""
    try:
        config = msgspec.convert(document, SimulatedConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"device {document.get('key', '?')!r}: {error}") from error
    if not config.phases_kw:
        raise ConfigError(f"device {config.key!r}: a program has at least one phase")
    return SimulatedDevice(config)


class SimulatedDevice:
    """One device with a little physics; what was ordered reverts by itself when nobody renews it."""

    def __init__(self, config: SimulatedConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self.key, self.name = config.key, config.name or config.key
        self.soc = config.soc
        # The rest of the house, for a meter; and whether the device is there, for tests and demonstrations.
        self.beside: Sequence[Device] = ()
        self.is_gone = False
        self.present_kw = config.present_kw
        self._clock = clock
        self._at = clock()
        self._ordered: float | None = None
        self._ordered_at = 0.0
        self._power_kw = 0.0
        self._ran_s = 0.0
        self._import_kwh = self._export_kwh = 0.0

    async def open(self) -> Identity:
        """Be there."""
        self._check()
        return Identity(maker="ORES", model=f"simulated {self.config.model}", serial=self.key)

    async def close(self) -> None:
        """Nothing to let go."""

    def _check(self) -> None:
        if self.is_gone:
            raise DeviceError(f"{self.name} does not answer")

    def shape(self) -> Shape:
        """By its model."""
        given = self.config
        match given.model:
            case "battery":
                return Battery(
                    capacity_kwh=given.capacity_kwh, charge_kw=given.rated_kw, discharge_kw=given.rated_kw
                )
            case "inverter":
                return Generator(peak_kw=given.rated_kw)
            case "charger":
                return Charger(
                    charge_kw=given.rated_kw, least_kw=given.least_kw, battery_kwh=given.capacity_kwh
                )
            case "heater":
                return Heater(rated_kw=given.rated_kw, tank_kwh=given.capacity_kwh)
            case "plug":
                return Switch(
                    rated_kw=given.rated_kw, least_on_s=given.least_on_s, least_off_s=given.least_off_s
                )
            case "washer":
                return Program(
                    phases_kw=given.phases_kw, phase_s=given.phase_s, is_interruptible=given.is_interruptible
                )
            case "meter":
                return Meter()

    async def write(self, power_kw: float | None) -> None:
        """Hold this until told otherwise, or until the order is too old."""
        self._check()
        self._advance()
        self._ordered, self._ordered_at = power_kw, self._clock()

    async def read(self) -> Reading:
        """Live until now, and measure."""
        self._check()
        self._advance()
        has_level = self.config.model in {"battery", "charger", "heater"}
        is_meter = self.config.model == "meter"
        return Reading(
            power_kw=round(self._power_kw, 4),
            soc=round(self.soc, 5) if has_level else None,
            import_kwh=round(self._import_kwh, 5) if is_meter else None,
            export_kwh=round(self._export_kwh, 5) if is_meter else None,
            voltage_v=230.0 if is_meter else None,
            frequency_hz=50.0 if is_meter else None,
            is_on_grid=True if is_meter else None,
            is_ready=self.config.model != "washer" or self._ran_s == 0.0,
        )

    @property
    def power_kw(self) -> float:
        """What it draws now [kW]."""
        return 0.0 if self.is_gone else self._power_kw

    def _advance(self) -> None:
        now = self._clock()
        if self._ordered is not None and now - self._ordered_at > REVERSION_S:
            self._ordered = None
        hours = (now - self._at) * self.config.speed / SECONDS_PER_HOUR
        self._at = now
        self._power_kw = self._run(hours)
        if self._power_kw >= 0.0:
            self._import_kwh += self._power_kw * hours
        else:
            self._export_kwh -= self._power_kw * hours

    def _run(self, hours: float) -> float:
        given, ordered = self.config, self._ordered
        match given.model:
            case "battery":
                return self._store(ordered or 0.0, hours, losses=EFFICIENCY)
            case "inverter":
                strongest = given.rated_kw if ordered is None else min(given.rated_kw, max(0.0, -ordered))
                return -min(self.present_kw, strongest)
            case "charger":
                most = given.rated_kw if ordered is None else min(ordered, given.rated_kw)
                return self._store(most if most >= given.least_kw else 0.0, hours, losses=1.0)
            case "heater":
                wish = given.rated_kw * (self.soc < 0.7) if ordered is None else min(ordered, given.rated_kw)
                self.soc = max(0.0, self.soc - self.present_kw * hours / given.capacity_kwh)
                return self._store(max(wish, 0.0), hours, losses=1.0)
            case "plug":
                return given.rated_kw if ordered is None or ordered > 0.0 else 0.0
            case "washer":
                return self._program(hours)
            case "meter":
                others = (one for one in self.beside if isinstance(one, SimulatedDevice) and one is not self)
                return self.present_kw + sum(one.power_kw for one in others)

    def _store(self, wish_kw: float, hours: float, *, losses: float) -> float:
        """Fill or empty as far as the store allows."""
        given = self.config
        if hours <= 0.0:
            return self._power_kw
        room_kw = (1.0 - self.soc) * given.capacity_kwh / (losses * hours)
        left_kw = self.soc * given.capacity_kwh * losses / hours
        power = min(max(wish_kw, -given.rated_kw, -left_kw), given.rated_kw, room_kw)
        stored = power * losses if power > 0.0 else power / losses
        self.soc = min(max(self.soc + stored * hours / given.capacity_kwh, 0.0), 1.0)
        return power

    def _program(self, hours: float) -> float:
        """Run on while it is told to; a program that is over is ready for the next."""
        if not self._ordered:
            return 0.0
        self._ran_s += hours * SECONDS_PER_HOUR
        phase = int(self._ran_s // self.config.phase_s)
        if phase >= len(self.config.phases_kw):
            self._ran_s, self._ordered = 0.0, None
            return 0.0
        return self.config.phases_kw[phase]
