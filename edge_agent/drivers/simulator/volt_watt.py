"""A PV inverter that follows a volt-watt curve: the higher the voltage, the less it may give."""

import math
from collections.abc import Callable
from itertools import pairwise

from vpp.protocols.link.messages import CurvePoint, PayloadValues

NOMINAL_V = 230.0
# The search for the power that agrees with its own voltage ends far below a watt.
_HALVINGS = 30


class VoltWatt:
    """Takes CURVE: x is the voltage in percent of nominal, y the most active power in percent of rated.

    Between points the curve is straight, beyond its ends level.
    """

    key = "pv"

    def __init__(self, rated_kw: float) -> None:
        self._rated_kw = rated_kw
        self._points: list[CurvePoint] = []

    def takes_payload(self, kind: str) -> bool:
        """Whether payloads of this kind are for this inverter."""
        return kind == "CURVE"

    def payload_flaw(self, kind: str, values: PayloadValues) -> str | None:
        """Why values are no volt-watt curve, or None."""
        points = [value for value in values if isinstance(value, CurvePoint)]
        if len(points) != len(values):
            return f"a {kind} consists of points x and y"
        if not all(math.isfinite(point.x) and 0.0 <= point.y <= 100.0 for point in points):
            return f"a {kind} goes from 0 to 100 % of the rated power"
        if any(after.x <= before.x or after.y > before.y for before, after in pairwise(points)):
            return f"a {kind} has rising voltages and powers that do not rise"
        return None

    def apply_payload(self, kind: str, values: PayloadValues) -> None:
        """Follow this curve; none sets the inverter free."""
        self._points = [value for value in values if isinstance(value, CurvePoint)]

    def power_kw(self, available_kw: float, voltage_v: Callable[[float], float]) -> float:
        """The generation [kW], of what is available, that the curve allows at the voltage it causes."""
        if not self._points or available_kw <= self._most_kw(voltage_v(available_kw)):
            return available_kw
        low_kw, high_kw = 0.0, available_kw
        for _ in range(_HALVINGS):
            middle_kw = (low_kw + high_kw) / 2.0
            if middle_kw <= self._most_kw(voltage_v(middle_kw)):
                low_kw = middle_kw
            else:
                high_kw = middle_kw
        return low_kw

    def _most_kw(self, voltage_v: float) -> float:
        return self._rated_kw * _level(self._points, voltage_v / NOMINAL_V * 100.0) / 100.0


def _level(points: list[CurvePoint], x: float) -> float:
    if x <= points[0].x:
        return points[0].y
    for before, after in pairwise(points):
        if x <= after.x:
            return before.y + (after.y - before.y) * (x - before.x) / (after.x - before.x)
    return points[-1].y
