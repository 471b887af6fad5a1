"""The home's load as control may believe it, although devices answer and tell seconds late."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

# Twice what a device is expected to tell later, or earlier, than the meter shows it [s].
TIME_CONSTANT_S: Final = 10.0
# So long after the last order or movement a device may still be on its way [s].
HOLD_S: Final = 15.0
# A change of order or power that is no movement [kW].
STILL_KW: Final = 0.1
# A smaller difference is followed gently also while all stands still [kW].
STEP_KW: Final = 0.2
# Over a longer gap nothing is followed gently [s].
GAP_S: Final = 60.0
_MS: Final = 1000.0


@dataclass(slots=True)
class SettledLoad:
    """Follow what the meter shows less what devices say of themselves.

    Notes
    -----
    That difference is the load only where meter and devices tell of the same instant. With a device that is `d` seconds
    behind the meter it is off by what the device moved in these `d` seconds, and orders that follow it move the device
    again: a loop of gain ``|1 - exp(-j w d)| <= w d`` around a device of gain 1 at most, whatever its own delay. A
    first-order filter of time constant `T` brings that down to ``d / T``, and a loop of gain below 1 settles (the small
    gain theorem: Zames, On the input-output stability of time-varying nonlinear feedback systems, IEEE Trans. Automatic
    Control 11, 1966; Astrom and Murray, Feedback Systems, chapter 10). Around devices that stand still there is no loop, so
    once nothing has been told or moved for `HOLD_S` a step of the load is followed at once.
    """

    load_kw: float | None = None
    _at: int = 0
    _moved_at: float = float("-inf")
    _anchors: dict[str, float] = field(default_factory=dict)

    def follow(self, raw_kw: float, *, at_ms: int, moving: Sequence[tuple[str, float | None]]) -> float:
        """Return the load to believe [kW].

        Parameters
        ----------
        raw_kw
            The meter's power less the devices' [kW].
        at_ms
            Instant [ms].
        moving
            Powers [kW] by name of what is controlled: told and measured ones. A change of one is a movement.
        """
        for name, kw in moving:
            if kw is not None and abs(kw - self._anchors.get(name, kw)) > STILL_KW:
                self._moved_at = at_ms
                self._anchors[name] = kw
            elif kw is not None:
                self._anchors.setdefault(name, kw)
        span_s = (at_ms - self._at) / _MS
        if self.load_kw is None or not 0.0 <= span_s <= GAP_S or self._is_step(raw_kw - self.load_kw, at_ms):
            self.load_kw = raw_kw
        else:
            self.load_kw += span_s / (span_s + TIME_CONSTANT_S) * (raw_kw - self.load_kw)
        self._at = at_ms
        return self.load_kw

    def _is_step(self, change_kw: float, at_ms: int) -> bool:
        return abs(change_kw) > STEP_KW and (at_ms - self._moved_at) / _MS >= HOLD_S
