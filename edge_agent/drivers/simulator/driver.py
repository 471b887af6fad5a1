"""The simulator behind the driver interface: measures a simulated home with a little noise."""

import random

import msgspec

from edge_agent.drivers import FollowResidual
from edge_agent.drivers.simulator.config import Home
from edge_agent.drivers.simulator.profiles import load_profiles
from edge_agent.drivers.simulator.world import Flows, World, WorldState, voltage_v
from vpp.energy_manager.payload_takers import PayloadTaker
from vpp.energy_manager.process_image import HANDS_OFF, ProcessImage, Setpoints
from vpp.protocols.link.messages import ResourceDescription

_MS_PER_DAY = 86_400_000
# While a hub is dead its devices look after themselves; that time is made up in steps of this length.
_UNATTENDED_STEP_MS = 300_000
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(WorldState)


class SimulatorDriver:
    """One home. `saved` is the state an earlier process left; the time since then passes unattended."""

    def __init__(self, config: Home, *, now_ms: int, saved: bytes | None = None) -> None:
        self._config = config
        self._noise = random.Random(config.seed * 1_000_003 + now_ms)
        self._setpoints = HANDS_OFF
        self.world = World(config, load_profiles(config.profiles), at=now_ms)
        self._image: ProcessImage | None = None
        if saved is not None:
            self.world.load(_decoder.decode(saved))
            self._pass_unattended(now_ms)

    def _pass_unattended(self, now_ms: int) -> None:
        world = self.world
        while world.at < now_ms:
            world.advance(world.next_stop(min(now_ms, world.at + _UNATTENDED_STEP_MS)))

    def describe(self) -> list[ResourceDescription]:
        """The home's resources."""
        return describe(self._config)

    def write(self, setpoints: Setpoints) -> None:
        """Hold these until told otherwise."""
        self._setpoints = setpoints

    def payload_takers(self) -> list[PayloadTaker]:
        """The PV inverter; what it was told does not outlive the process, as the hub tells it again."""
        return [self.world.inverter] if self.world.inverter else []

    def details(self) -> dict[tuple[str, str], float]:
        """What strings of panels and appliances do, as the image said."""
        pv_kw = self._image.pv_kw if self._image is not None else None
        return self.world.details(pv_kw or 0.0, at=self.world.at - 1)

    def state(self) -> bytes:
        """The world's state."""
        return _encoder.encode(self.world.dump())

    def read(self, now_ms: int) -> ProcessImage:
        """Let the home live until `now_ms`, then measure it."""
        world = self.world
        if now_ms <= world.at and self._image is not None:
            return self._image
        return self.measure(self._live_until(max(now_ms, world.at + 1)))

    def _live_until(self, now_ms: int) -> Flows:
        """The mean powers until `now_ms`."""
        world = self.world
        began = world.at
        flows = world.advance(world.next_stop(now_ms), self._setpoints)
        if world.at == now_ms:
            return flows
        sums = [power * (world.at - began) for power in msgspec.structs.astuple(flows)]
        while world.at < now_ms:
            before = world.at
            flows = world.advance(world.next_stop(now_ms), self._setpoints)
            for place, power in enumerate(msgspec.structs.astuple(flows)):
                sums[place] += power * (world.at - before)
        return Flows(*(total / (now_ms - began) for total in sums))

    def measure(self, flows: Flows) -> ProcessImage:
        """What the meters show. Registers and state of charge are exact, powers carry noise."""
        world = self.world
        noise, gauss = self._config.noise, self._noise.gauss
        config = self._config
        image = self._image = ProcessImage(
            at=world.at,
            grid_kw=round(flows.grid_kw * gauss(1.0, noise), 4),
            import_kwh=round(world.import_kwh, 5),
            export_kwh=round(world.export_kwh, 5),
            load_kw=round(flows.load_kw * gauss(1.0, noise), 4),
            pv_kw=round(flows.pv_kw * gauss(1.0, noise), 4) if config.pv else None,
            battery_kw=round(flows.battery_kw * gauss(1.0, noise), 4) if world.battery else None,
            battery_soc=round(world.battery.soc, 5) if world.battery else None,
            ev_kw=round(flows.ev_kw * gauss(1.0, noise), 4) if world.ev else None,
            ev_soc=_rounded(world.ev.soc) if world.ev else None,
            heat_kw=round(flows.heat_kw * gauss(1.0, noise), 4) if world.heat else None,
            voltage_v=round(voltage_v(flows.grid_kw) + gauss(0.0, 0.6), 1),
            frequency_hz=round(gauss(50.0, 0.012), 3),
            on_grid=world.on_grid,
        )
        return image

    def history(self, *, days: int, step_s: int, until_ms: int, decide: FollowResidual) -> "History":
        """The `days` before `until_ms`, lived through with the battery as `decide` says."""
        world = self.world
        step_ms = step_s * 1000
        world.at = until_ms - days * _MS_PER_DAY
        world.at -= world.at % step_ms
        return History(self, step_ms=step_ms, until_ms=until_ms, decide=decide)


class History:
    """The recorded past, made step by step."""

    def __init__(
        self, driver: SimulatorDriver, *, step_ms: int, until_ms: int, decide: FollowResidual
    ) -> None:
        self._driver = driver
        self._step_ms = step_ms
        self._until_ms = until_ms
        self._decide = decide

    def step(self) -> ProcessImage | None:
        """The next row, or None when the present is reached."""
        world = self._driver.world
        to_ms = world.at + self._step_ms
        if to_ms > self._until_ms:
            return None
        return self._driver.measure(world.advance(to_ms, follow=self._decide))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def describe(config: Home) -> list[ResourceDescription]:
    """The resources of a home, with what the cloud needs to know to plan them."""
    resources = [ResourceDescription("load", "load", "Household")]
    if config.pv:
        resources.append(ResourceDescription("pv", "pv", "PV system", {"peak_kw": config.pv.peak_kw}))
    if config.battery:
        battery = config.battery
        parameters = {
            "capacity_kwh": battery.capacity_kwh,
            "charge_kw": battery.charge_kw,
            "discharge_kw": battery.discharge_kw,
            "charge_efficiency": battery.charge_efficiency,
            "discharge_efficiency": battery.discharge_efficiency,
        }
        resources.append(ResourceDescription("battery", "battery", "Home battery", parameters))
    if config.ev:
        parameters = {"charge_kw": config.ev.charge_kw, "battery_kwh": config.ev.battery_kwh}
        resources.append(ResourceDescription("ev", "ev_charger", "Car charger", parameters))
    if config.heat:
        parameters = {"rated_kw": config.heat.rated_kw, "tank_kwh": config.heat.tank_kwh}
        resources.append(ResourceDescription("heat", "heat_pump", "Heat pump", parameters))
    return resources
