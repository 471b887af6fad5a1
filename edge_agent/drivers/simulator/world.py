"""A home in time: profiles drive it, setpoints steer it, meters count it."""

from __future__ import annotations  # array[float] is for the type checker only

from array import array
from datetime import datetime

import msgspec

from edge_agent.drivers import FollowResidual
from edge_agent.drivers.simulator.config import DAY_STEPS, Home, charger_kw
from edge_agent.drivers.simulator.devices import BatteryModel, EvModel, HeatModel
from edge_agent.drivers.simulator.ev import Visit, visits
from edge_agent.drivers.simulator.parts import Appliances, Strings
from edge_agent.drivers.simulator.profiles import STEP_MS, Calendar, Profiles
from edge_agent.drivers.simulator.volt_watt import VoltWatt
from vpp.energy_manager.process_image import HANDS_OFF, Setpoints

_MS_PER_HOUR = 3_600_000.0
_SUPPLY_V = 231.0
_DROP_V_PER_KW = 0.35


class WorldState(msgspec.Struct):
    """What of a home outlives the process."""

    at: int
    import_kwh: float
    export_kwh: float
    battery_kwh: float
    ev_visit: int
    ev_need_kwh: float
    tank_kwh: float
    unmet_kwh: float = 0.0
    unserved_kwh: float = 0.0


class Flows(msgspec.Struct, frozen=True):
    """True powers [kW, load convention] of one step; grid is the exact sum of the others."""

    grid_kw: float
    load_kw: float
    pv_kw: float
    battery_kw: float
    ev_kw: float
    heat_kw: float


def voltage_v(grid_kw: float) -> float:
    """The voltage [V] at the end of the home's line while it draws this power [kW]."""
    return _SUPPLY_V - _DROP_V_PER_KW * grid_kw


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


class World:
    """The truth about a home; what the hub sees of it is the driver's business."""

    def __init__(self, config: Home, profiles: Profiles, *, at: int) -> None:
        self.config = config
        self.at = at
        self.import_kwh = 0.0
        self.export_kwh = 0.0
        self.inverter = VoltWatt(config.pv.peak_kw) if config.pv else None
        self.unserved_kwh = 0.0
        self.on_grid = True
        self._outages = [tuple(_ms(at) for at in (one.starts_at, one.ends_at)) for one in config.outages]
        self._rest_kw = 0.0
        self.strings = Strings(config.pv.strings) if config.pv and config.pv.strings else None
        self.battery = BatteryModel(config.battery) if config.battery else None
        self.ev = EvModel(config.ev) if config.ev else None
        self.heat = HeatModel(config.heat) if config.heat else None
        self._calendar = Calendar(
            first_monday=config.first_monday, weeks=config.weeks, time_zone=config.time_zone
        )
        self._prepare_profiles(config, profiles)

    def _prepare_profiles(self, config: Home, profiles: Profiles) -> None:
        weeks = config.weeks
        load = profiles.stretch(config.household.profile, first_week=config.household.first_week, weeks=weeks)
        scale = config.household.annual_kwh / profiles.full_load_hours[config.household.profile]
        self._load_kw = array("d", (value * scale for value in load))
        self.appliances = Appliances(config.appliances, steps=len(load))
        if config.appliances:
            # Their power is part of the household's.
            self._load_kw = array(
                "d", (value + self.appliances.power_kw(step) for step, value in enumerate(self._load_kw))
            )
        self._pv_kw = self._demand_kw = array("d", bytes(8 * len(load)))
        if config.pv:
            series = profiles.stretch(config.pv.profile, first_week=config.pv.first_week, weeks=weeks)
            self._pv_kw = array("d", (value * config.pv.peak_kw for value in series))
        if config.heat:
            heat = config.heat
            series = profiles.stretch(heat.profile, first_week=heat.first_week, weeks=weeks)
            self._demand_kw = array("d", (value * heat.rated_kw * heat.cop for value in series))
        self._visits: list[Visit] = []
        self._visit_at = array("h", [-1]) * len(load)
        if config.ev:
            self._prepare_visits(config.ev.profile, config.ev.first_week, profiles=profiles)

    def _prepare_visits(self, profile: str, first_week: int, *, profiles: Profiles) -> None:
        rated_kw = charger_kw(profile)
        series = profiles.stretch(profile, first_week=first_week, weeks=self.config.weeks)
        self._visits = visits(array("d", (value * rated_kw for value in series)))
        for number, visit in enumerate(self._visits):
            for step in range(visit.arrives, visit.departs):
                self._visit_at[step] = number

    def advance(
        self, to_ms: int, setpoints: Setpoints = HANDS_OFF, *, follow: FollowResidual | None = None
    ) -> Flows:
        """Hold the setpoints from the present to `to_ms`, within one profile step.

        With `follow` the battery answers to the rest of the home's power at once, as an inverter does.
        """
        at = self.at
        hours = (to_ms - at) / _MS_PER_HOUR
        local = self._calendar.local_step(at)
        load_kw, pv_kw, there_kw = self._load_kw[local], -self._sun_kw(at, setpoints.pv_kw), float("inf")
        self.on_grid = not any(begins <= at < ends for begins, ends in self._outages)
        if not self.on_grid:
            load_kw, pv_kw, there_kw = self._island(load_kw, pv_kw, hours=hours)
        ev_kw = heat_kw = battery_kw = 0.0
        if self.ev:
            ev_kw = self._run_ev(self.ev, local, hours=hours, limit_kw=setpoints.ev_kw, there_kw=there_kw)
        if self.heat:
            heat_kw = self.heat.run(
                setpoints.heat_kw,
                hours,
                demand_kw=self._demand_kw[local],
                limit_kw=setpoints.heat_most_kw,
                there_kw=there_kw - ev_kw,
            )
        rest_kw = load_kw + pv_kw + ev_kw + heat_kw
        if self.battery:
            wish_kw = follow(rest_kw, soc=self.battery.soc, hours=hours) if follow else setpoints.battery_kw
            battery_kw = self.battery.run(wish_kw if self.on_grid else self._formed_kw(rest_kw), hours)
        if not self.on_grid:
            # Whatever is left over, the inverter does not make.
            pv_kw -= rest_kw + battery_kw
        grid_kw = load_kw + pv_kw + battery_kw + ev_kw + heat_kw if self.on_grid else 0.0
        return self._close(to_ms, Flows(grid_kw, load_kw, pv_kw, battery_kw, ev_kw, heat_kw))

    def _sun_kw(self, at: int, limit_kw: float | None) -> float:
        """What the sun gives below a limit (zero or negative) and what the voltage lets through."""
        step = self._calendar.sun_step(at)
        available_kw = self._pv_kw[step]
        if not available_kw:
            return 0.0
        if self.strings is not None:
            available_kw *= sum(self.strings.shares(at, step % DAY_STEPS))
        if limit_kw is not None:
            available_kw = min(available_kw, max(0.0, -limit_kw))
        return self.inverter.power_kw(available_kw, self._voltage_with) if self.inverter else available_kw

    def _island(self, load_kw: float, pv_kw: float, *, hours: float) -> tuple[float, float, float]:
        """Load, sun and what is there for the rest without a grid; a dark home's sun fills its battery.

        Only a battery forms a grid of the home's own.
        """
        gives_kw = self.battery.gives_kw(hours) if self.battery else 0.0
        spare_kw = gives_kw - pv_kw - load_kw
        if gives_kw > 0.0 and spare_kw >= 0.0:
            return load_kw, pv_kw, spare_kw
        self.unserved_kwh += load_kw * hours
        return 0.0, pv_kw if self.battery else 0.0, 0.0

    def _formed_kw(self, rest_kw: float) -> float:
        """What the battery's inverter does to hold an island's balance, its own standby included."""
        assert self.battery is not None
        return -rest_kw - self.battery.config.standby_kw

    def _close(self, to_ms: int, flows: Flows) -> Flows:
        """Let the meters count."""
        hours = (to_ms - self.at) / _MS_PER_HOUR
        if flows.grid_kw >= 0.0:
            self.import_kwh += flows.grid_kw * hours
        else:
            self.export_kwh -= flows.grid_kw * hours
        self.at = to_ms
        self._rest_kw = flows.grid_kw - flows.pv_kw
        return flows

    def _voltage_with(self, generated_kw: float) -> float:
        """The voltage [V] at the meter with this much PV beside what the rest did last."""
        return voltage_v(self._rest_kw - generated_kw)

    def _run_ev(
        self, ev: EvModel, local: int, *, hours: float, limit_kw: float | None, there_kw: float
    ) -> float:
        visit = self._visit_at[local]
        if visit != ev.visit:
            ev.arrive(visit, self._visits[visit].need_kwh if visit >= 0 else 0.0)
        if visit < 0:
            return 0.0
        into_step_ms = self.at % STEP_MS
        left_ms = (self._visits[visit].departs - local) * STEP_MS - into_step_ms
        return ev.run(limit_kw, hours, hours_left=left_ms / _MS_PER_HOUR, there_kw=there_kw)

    def details(self, pv_kw: float, *, at: int) -> dict[tuple[str, str], float]:
        """What strings and appliances do in the profiles' step that has `at` in it, while the roof gives `pv_kw` [kW]."""
        told = self.appliances.told(self._calendar.local_step(at)) if self.on_grid else {}
        if self.strings is not None:
            told |= self.strings.told(pv_kw, at=at, quarter=self._calendar.sun_step(at) % DAY_STEPS)
        return told

    def next_stop(self, to_ms: int) -> int:
        """How far one step may go: to `to_ms`, the next change of the profiles, or of the grid."""
        changes = (at for outage in self._outages for at in outage if at > self.at)
        return min(to_ms, self.at - self.at % STEP_MS + STEP_MS, *changes)

    def dump(self) -> WorldState:
        """The state to save."""
        return WorldState(
            at=self.at,
            import_kwh=self.import_kwh,
            export_kwh=self.export_kwh,
            battery_kwh=self.battery.energy_kwh if self.battery else 0.0,
            ev_visit=self.ev.visit if self.ev else -1,
            ev_need_kwh=self.ev.need_kwh if self.ev else 0.0,
            tank_kwh=self.heat.tank_kwh if self.heat else 0.0,
            unmet_kwh=self.heat.unmet_kwh if self.heat else 0.0,
            unserved_kwh=self.unserved_kwh,
        )

    def load(self, state: WorldState) -> None:
        """Take up a saved state."""
        self.at = state.at
        self.import_kwh, self.export_kwh = state.import_kwh, state.export_kwh
        self.unserved_kwh = state.unserved_kwh
        if self.battery:
            self.battery.energy_kwh = state.battery_kwh
        if self.ev:
            self.ev.visit, self.ev.need_kwh = state.ev_visit, state.ev_need_kwh
        if self.heat:
            self.heat.tank_kwh, self.heat.unmet_kwh = state.tank_kwh, state.unmet_kwh
