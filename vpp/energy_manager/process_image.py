"""What the hub knows in one cycle, frozen: every controller decides on the same values."""

import msgspec


class ProcessImage(msgspec.Struct, frozen=True, kw_only=True):
    """Measured values at `at` [ms]. Power [kW] in load convention, registers [kWh], state of charge 0-1.

    None: the home has no such device, or it is not there now (a car on the road). `on_grid` is false while the home
    feeds itself; `battery_c` is the battery's temperature [°C]. `settled_load_kw` is the load as control may believe it
    while devices move; None: as measured.
    """

    at: int
    grid_kw: float
    import_kwh: float
    export_kwh: float
    load_kw: float
    pv_kw: float | None = None
    battery_kw: float | None = None
    battery_soc: float | None = None
    ev_kw: float | None = None
    ev_soc: float | None = None
    heat_kw: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    on_grid: bool = True
    battery_c: float | None = None
    settled_load_kw: float | None = None

    @property
    def residual_kw(self) -> float:
        """What the home would draw without its battery."""
        load_kw = self.load_kw if self.settled_load_kw is None else self.settled_load_kw
        return load_kw + (self.pv_kw or 0.0) + (self.ev_kw or 0.0) + (self.heat_kw or 0.0)


class Setpoints(msgspec.Struct, frozen=True, kw_only=True):
    """What the devices are told [kW, load convention]. None: as the device itself would.

    `battery_kw` and `heat_kw` are held; `ev_kw` and `heat_most_kw` are the highest power; `pv_kw` (zero or
    negative) is the strongest generation allowed.
    """

    battery_kw: float | None = None
    ev_kw: float | None = None
    heat_kw: float | None = None
    pv_kw: float | None = None
    heat_most_kw: float | None = None


HANDS_OFF = Setpoints()
# Mean over the time since the row before; the others are values at the instant.
POWER_COLUMNS = ("grid_kw", "load_kw", "pv_kw", "battery_kw", "ev_kw", "heat_kw")
