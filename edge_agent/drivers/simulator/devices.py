"""The devices' physics: each takes a wish, gives the power that nature allows, and keeps its state.

Powers are AC [kW] in load convention, energies [kWh], times [h]. Every `run` holds its power for `hours`.
"""

from edge_agent.drivers.simulator.config import Battery, Ev, Heat

_ENOUGH_KW = float("inf")


class BatteryModel:
    """Energy in the cells rises by charging times efficiency, falls by discharging over efficiency."""

    __slots__ = ("config", "energy_kwh")

    def __init__(self, config: Battery) -> None:
        self.config = config
        self.energy_kwh = config.capacity_kwh * config.initial_soc

    @property
    def soc(self) -> float:
        """State of charge, 0 to 1."""
        return self.energy_kwh / self.config.capacity_kwh

    def gives_kw(self, hours: float) -> float:
        """What it can give for this long."""
        left_kw = self.energy_kwh * self.config.discharge_efficiency / hours
        return max(0.0, min(self.config.discharge_kw, left_kw) - self.config.standby_kw)

    def run(self, wish_kw: float | None, hours: float) -> float:
        """Charge (positive) or discharge (negative) as wished, within power and energy; None idles."""
        config = self.config
        if not wish_kw:
            return config.standby_kw
        if wish_kw > 0.0:
            room_kw = (config.capacity_kwh - self.energy_kwh) / (config.charge_efficiency * hours)
            power_kw = min(wish_kw, config.charge_kw, room_kw)
            self.energy_kwh = min(
                config.capacity_kwh, self.energy_kwh + power_kw * config.charge_efficiency * hours
            )
        else:
            left_kw = self.energy_kwh * config.discharge_efficiency / hours
            power_kw = -min(-wish_kw, config.discharge_kw, left_kw)
            self.energy_kwh = max(0.0, self.energy_kwh + power_kw * hours / config.discharge_efficiency)
        return power_kw + config.standby_kw


class EvModel:
    """A car that needs energy before it leaves: it may wait, but not longer than it can afford."""

    __slots__ = ("config", "need_kwh", "visit")

    def __init__(self, config: Ev) -> None:
        self.config = config
        self.visit = -1
        self.need_kwh = 0.0

    @property
    def soc(self) -> float | None:
        """State of charge of the car at home, None while it is away."""
        if self.visit < 0:
            return None
        return max(0.0, self.config.full_soc - self.need_kwh / self.config.battery_kwh)

    def arrive(self, visit: int, need_kwh: float) -> None:
        """The car of this visit is plugged in; -1 for nobody there."""
        self.visit = visit
        self.need_kwh = min(need_kwh, self.config.full_soc * self.config.battery_kwh)

    def run(
        self, limit_kw: float | None, hours: float, *, hours_left: float, there_kw: float = _ENOUGH_KW
    ) -> float:
        """Charge at full power, or below `limit_kw` as long as the need can still be met by departure.

        `there_kw` is what can be had at all.
        """
        if self.visit < 0 or self.need_kwh <= 0.0:
            return 0.0
        full_kw = self.config.charge_kw
        power_kw = full_kw if limit_kw is None else min(max(limit_kw, 0.0), full_kw)
        if power_kw < full_kw:
            late_kwh = self.need_kwh - full_kw * max(0.0, hours_left - hours)
            power_kw = max(power_kw, min(full_kw, late_kwh / hours))
        power_kw = min(power_kw, self.need_kwh / hours, there_kw)
        self.need_kwh = max(0.0, self.need_kwh - power_kw * hours)
        return power_kw


class HeatModel:
    """A heat pump fills a tank that the house draws from; nobody freezes for the grid."""

    __slots__ = ("config", "tank_kwh", "unmet_kwh")

    def __init__(self, config: Heat) -> None:
        self.config = config
        self.tank_kwh = config.tank_kwh * config.target
        self.unmet_kwh = 0.0

    def run(
        self,
        wish_kw: float | None,
        hours: float,
        *,
        demand_kw: float,
        limit_kw: float | None = None,
        there_kw: float = _ENOUGH_KW,
    ) -> float:
        """Electric power while the house draws `demand_kw` [kW thermal]; None keeps the tank at target.

        `limit_kw` bounds the wish; what keeps the tank from running empty is drawn all the same, as far as
        `there_kw`, what can be had at all, allows.
        """
        config = self.config
        if wish_kw is None:
            wish_kw = (demand_kw + config.tank_kwh * config.target - self.tank_kwh) / config.cop
        if limit_kw is not None:
            wish_kw = min(wish_kw, limit_kw)
        # What the tank needs so as not to run empty, and what it can take, bound what anybody wishes.
        drawn_kw = demand_kw - self.tank_kwh / hours
        least_kw = drawn_kw / config.cop
        most_kw = (drawn_kw + config.tank_kwh / hours) / config.cop
        power_kw = min(max(wish_kw, least_kw, 0.0), most_kw, config.rated_kw, there_kw)
        power_kw = max(0.0, power_kw)
        level_kwh = self.tank_kwh + (power_kw * config.cop - demand_kw) * hours
        if level_kwh < 0.0:
            self.unmet_kwh -= level_kwh
        self.tank_kwh = min(max(level_kwh, 0.0), config.tank_kwh)
        return power_kw
