"""Units of power, energy and time. kW and kWh everywhere; W and Wh only at a driver's boundary."""

from typing import Final

SECONDS_PER_HOUR: Final = 3600.0
MS_PER_SECOND: Final = 1000
MS_PER_MINUTE: Final = 60_000
MS_PER_DAY: Final = 86_400_000


def kwh_from_kw(kw: float, seconds: float) -> float:
    """Energy [kWh] of a constant power [kW] over `seconds` [s]."""
    return kw * seconds / SECONDS_PER_HOUR


def kw_from_kwh(kwh: float, seconds: float) -> float:
    """Mean power [kW] that carries `kwh` [kWh] within `seconds` [s]."""
    return kwh * SECONDS_PER_HOUR / seconds


def kw_from_w(w: float) -> float:
    """Power [kW] of `w` [W]."""
    return w / 1000.0


def w_from_kw(kw: float) -> float:
    """Power [W] of `kw` [kW]."""
    return kw * 1000.0


def clamp(value: float, *, low: float, high: float) -> float:
    """`value` held within [low, high]; `low` wins where the bounds cross."""
    return max(low, min(high, value))
