"""What a device or a resource says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a device says of itself. Power [kW] in load convention: what it draws is positive.

    Registers [kWh] only count up. `soc` (0-1) is of a battery, a plugged-in car or a tank. `is_ready` is false
    where the device is there but takes no orders now: no car, a fault, somebody at its panel. `strings` is what
    each string of panels gives [kW], by name, where an inverter tells them apart.
    """

    power_kw: float | None = None
    soc: float | None = None
    import_kwh: float | None = None
    export_kwh: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    temperature_c: float | None = None
    is_ready: bool = True
    is_on_grid: bool | None = None
    faults: tuple[str, ...] = ()
    strings: tuple[tuple[str, float], ...] = ()
