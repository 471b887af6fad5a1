"""How a home answers the grid's frequency by itself, by settings sent ahead: a droop with a dead band.

No message is fast enough for frequency: the fleet's operator says beforehand what each home does at which deviation,
and the hub does it from what it measures. Plain numbers only, as the hub has no numerical library.
"""

import math
from dataclasses import dataclass, fields

from vpp.errors import VppError


class DroopError(VppError):
    """A droop that makes no sense, or a frequency that is no number."""

    code = "invalid_droop"


@dataclass(frozen=True, slots=True)
class DroopCurve:
    """What is given at which frequency.

    Attributes
    ----------
    nominal_hz
        45 to 65 [Hz].
    dead_band_hz
        Deviation to either side at which nothing is done yet [Hz], >= 0.
    slope_kw_per_hz
        Power for each Hz beyond the dead band [kW/Hz], > 0.
    most_kw
        The most that is given, to either side [kW], > 0.
    recovery_kw_per_s
        How fast it is taken back when the frequency returns [kW/s], > 0; what is given more is given at once.

    Raises
    ------
    DroopError
        For values out of these ranges.

    Notes
    -----
    The form is that of the frequency-droop function of IEEE 1547-2018 (6.5.2.7) with its slope said in kW/Hz, and of
    P(f) in EN 50549-1; the standards' default values are not taken over, and conformity was not checked.
    """

    nominal_hz: float
    dead_band_hz: float
    slope_kw_per_hz: float
    most_kw: float
    recovery_kw_per_s: float

    def __post_init__(self) -> None:
        for item in fields(self):
            if not math.isfinite(getattr(self, item.name)):
                raise DroopError(f"{item.name} is not a finite number")
        if not 45 <= self.nominal_hz <= 65:
            raise DroopError(f"a nominal frequency of {self.nominal_hz:g} Hz is none of a grid")
        if not 0 <= self.dead_band_hz <= 5:
            raise DroopError(f"a dead band of {self.dead_band_hz:g} Hz is not between 0 and 5")
        for name in ("slope_kw_per_hz", "most_kw", "recovery_kw_per_s"):
            if getattr(self, name) <= 0:
                raise DroopError(f"{name} must be more than 0")


def relief_kw(curve: DroopCurve, frequency_hz: float) -> float:
    """How much less [kW] is to be drawn at a frequency [Hz]; below 0, how much more.

    Raises
    ------
    DroopError
        For a frequency that is not finite.
    """
    if not math.isfinite(frequency_hz):
        raise DroopError("the frequency is not a finite number")
    deviation = curve.nominal_hz - frequency_hz
    beyond = max(abs(deviation) - curve.dead_band_hz, 0.0)
    return math.copysign(min(beyond * curve.slope_kw_per_hz, curve.most_kw), deviation) if beyond else 0.0


def next_relief_kw(curve: DroopCurve, frequency_hz: float, *, previous_kw: float, elapsed_s: float) -> float:
    """The relief [kW] now, after `previous_kw` [kW] was given `elapsed_s` [s] ago: taken back no faster than allowed.

    Raises
    ------
    DroopError
        For a frequency or previous relief that is not finite, or time running backward.
    """
    if not (math.isfinite(previous_kw) and 0 <= elapsed_s < math.inf):
        raise DroopError(f"{previous_kw} kW given {elapsed_s} s ago makes no sense")
    wanted = relief_kw(curve, frequency_hz)
    back = curve.recovery_kw_per_s * elapsed_s
    if previous_kw > 0:
        return max(wanted, previous_kw - back, 0.0) if wanted >= 0 else wanted
    if previous_kw < 0:
        return min(wanted, previous_kw + back, 0.0) if wanted <= 0 else wanted
    return wanted
