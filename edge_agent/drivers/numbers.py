"""Numbers that devices say: what is none, not finite or out of all bounds is not taken for a measurement."""

import math

from edge_agent.rm.device import DeviceError


def number(value: object) -> float | None:
    """A finite number, else None; a text that is one counts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def scaled(value: object, factor: float) -> float | None:
    """A finite number in our unit, else None."""
    found = number(value)
    return None if found is None else found * factor


def within(value: float | None, low: float, *, high: float) -> float | None:
    """A value that can be, else None."""
    return value if value is not None and low <= value <= high else None


def voltage_v(value: float | None) -> float | None:
    """A voltage [V] between a conductor and neutral or another conductor."""
    return within(value, 0.0, high=1000.0)


def frequency_hz(value: float | None) -> float | None:
    """A grid's frequency [Hz]."""
    return within(value, 40.0, high=70.0)


def temperature_c(value: float | None) -> float | None:
    """A device's temperature [°C]."""
    return within(value, -60.0, high=200.0)


def register_kwh(value: float | None) -> float | None:
    """An energy register [kWh]."""
    return within(value, 0.0, high=1e9)


def soc(value: float | None) -> float | None:
    """A state of charge (0-1); a little too much is full, anything else is no measurement."""
    if value is None:
        return None
    if not -0.001 <= value <= 1.02:
        raise DeviceError(f"says a state of charge of {value:.3g}")
    return min(1.0, max(0.0, value))


def power_kw(value: float | None, most_kw: float) -> float:
    """A power [kW] that the device can have, which is at most `most_kw` either way."""
    if value is None:
        raise DeviceError("says no power")
    if abs(value) > most_kw:
        raise DeviceError(f"says a power of {value:.6g} kW, beyond {most_kw:.6g} kW")
    return value
