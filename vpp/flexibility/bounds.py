"""What N devices can do over T intervals: bounds on power and on the energy drawn since the start."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
TOLERANCE_KWH: Final = 1e-9
NAMED: Final = 5


class BoundsError(VppError):
    """Bounds that are no numbers, do not fit each other, or leave a device nothing it could do."""

    code = "invalid_flexibility_bounds"


@dataclass(frozen=True, slots=True)
class FlexibilityBounds:
    """All that devices without losses can draw; load convention, so discharging is negative.

    A profile p is possible for device i when `least_kw <= p_t <= most_kw` and the energy drawn since the start,
    `sum_{s<=t} p_s * step_h`, lies between `least_kwh` and `most_kwh` at the end of every interval t.

    Attributes
    ----------
    step_h
        Length of an interval [h].
    least_kw, most_kw
        (N, T) bounds of the power [kW].
    least_kwh, most_kwh
        (N, T) bounds of the energy drawn up to the end of each interval [kWh].
    cost_per_kwh
        (N,) what moving a kWh costs [currency/kWh], >= 0; None for 0.
    confidence
        (N,) probability that the device does what is asked [0-1]; None for 1.

    Raises
    ------
    BoundsError
        For shapes that do not fit, NaN, infinite powers, reversed bounds, a step that is none, and devices for which
        no profile is possible.
    """

    step_h: float
    least_kw: Floats
    most_kw: Floats
    least_kwh: Floats
    most_kwh: Floats
    cost_per_kwh: Floats | None = None
    confidence: Floats | None = None

    def __post_init__(self) -> None:
        shape = np.shape(self.least_kw)
        if len(shape) != 2 or 0 in shape:
            raise BoundsError(f"bounds need devices and intervals, their shape is {shape}")
        for name in ("most_kw", "least_kwh", "most_kwh"):
            if np.shape(getattr(self, name)) != shape:
                raise BoundsError(f"{name} of shape {np.shape(getattr(self, name))} does not fit {shape}")
        if not (np.isfinite(self.step_h) and self.step_h > 0):
            raise BoundsError(f"step_h is {self.step_h!r}, must be finite and more than 0")
        for name in ("least_kw", "most_kw"):
            _refuse(~np.isfinite(getattr(self, name)), f"{name} is not a finite number")
        for name in ("least_kwh", "most_kwh"):
            _refuse(np.isnan(getattr(self, name)), f"{name} is not a number")
        _refuse(self.least_kw > self.most_kw, "least_kw is above most_kw")
        _refuse(self.least_kwh > self.most_kwh, "least_kwh is above most_kwh")
        self._check_extras(shape[0])
        least, most = reachable_kwh(self)
        _refuse(least > most + TOLERANCE_KWH, "no profile keeps within the bounds")

    def _check_extras(self, devices: int) -> None:
        for name, high in (("cost_per_kwh", np.inf), ("confidence", 1.0)):
            value = getattr(self, name)
            if value is None:
                continue
            if np.shape(value) != (devices,):
                raise BoundsError(f"{name} of shape {np.shape(value)} does not fit {devices} devices")
            good = np.isfinite(value) & (value >= 0) & (value <= high)
            _refuse(~good[:, None], f"{name} is not a number from 0 to {high:g}")


def _refuse(bad: NDArray[np.bool_], what: str) -> None:
    rows = np.flatnonzero(bad.any(axis=1))
    if len(rows):
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        raise BoundsError(f"{what}: device {', '.join(str(row) for row in rows[:NAMED])}{more}")


def reachable_kwh(bounds: FlexibilityBounds) -> tuple[Floats, Floats]:
    """Least and most energy (N, T) [kWh] that some possible profile has drawn at the end of each interval.

    The bounds of the energy, tightened forward by what the powers can reach and backward by what they can still get
    back from. Whoever stays within them by possible powers can always go on: with one state a tube is enough.
    """
    least, most = np.array(bounds.least_kwh, dtype=np.float64), np.array(bounds.most_kwh, dtype=np.float64)
    low, high = bounds.least_kw * bounds.step_h, bounds.most_kw * bounds.step_h
    before_least = before_most = np.zeros(len(least))
    for step in range(least.shape[1]):
        least[:, step] = np.maximum(least[:, step], before_least + low[:, step])
        most[:, step] = np.minimum(most[:, step], before_most + high[:, step])
        before_least, before_most = least[:, step], most[:, step]
    for step in range(least.shape[1] - 1, 0, -1):
        least[:, step - 1] = np.maximum(least[:, step - 1], least[:, step] - high[:, step])
        most[:, step - 1] = np.minimum(most[:, step - 1], most[:, step] - low[:, step])
    return least, most


@dataclass(frozen=True, slots=True)
class Sustained:
    """Power that can be held from now on [kW]: more load `up_kw`, less `down_kw`, both (N, D), >= 0, against doing
    nothing (0 kW), for each of D numbers of `intervals`.

    `portfolio_up_kw` and `portfolio_down_kw` (D,) are the sums, which all devices can hold together; the `expected_`
    ones are weighted by the devices' confidence.
    """

    intervals: tuple[int, ...]
    up_kw: Floats
    down_kw: Floats
    portfolio_up_kw: Floats
    portfolio_down_kw: Floats
    expected_up_kw: Floats
    expected_down_kw: Floats


def sustained_kw(bounds: FlexibilityBounds, *, intervals: ArrayLike) -> Sustained:
    """The most power up and down that each device can hold for the first D intervals, and still go on after.

    Exact: a constant power p is possible for k intervals just when p is within the powers of each of them and
    p * s * step_h within the reachable energies (`reachable_kwh`) after each s <= k. Sums are exact too, for the
    devices share nothing.

    Parameters
    ----------
    intervals
        Numbers of intervals, each from 1 to T; e.g. (1, 2, 4, 16) for 15 min to 4 h of quarter-hours.

    Raises
    ------
    BoundsError
        For a number of intervals that is not within the horizon.
    """
    wanted = tuple(int(count) for count in np.atleast_1d(np.asarray(intervals)))
    devices, steps = bounds.least_kw.shape
    if not wanted or min(wanted) < 1 or max(wanted) > steps:
        raise BoundsError(f"durations of {wanted} intervals are not within the {steps} of the horizon")
    least, most = reachable_kwh(bounds)
    elapsed_h = bounds.step_h * np.arange(1, steps + 1)
    highest = np.minimum.accumulate(np.minimum(bounds.most_kw, most / elapsed_h), axis=1)
    lowest = np.maximum.accumulate(np.maximum(bounds.least_kw, least / elapsed_h), axis=1)
    columns = np.array(wanted) - 1
    # Where the highest is below the lowest no constant power is possible, so none is offered either.
    possible = (highest >= lowest - TOLERANCE_KWH)[:, columns]
    up = np.where(possible, np.maximum(0.0, highest[:, columns]), 0.0)
    down = np.where(possible, np.maximum(0.0, -lowest[:, columns]), 0.0)
    sure = np.ones(devices) if bounds.confidence is None else bounds.confidence
    return Sustained(
        wanted, up, down, up.sum(axis=0), down.sum(axis=0), sure @ up, sure @ down
    )  # fmt: skip


def battery_bounds(
    *,
    step_h: float,
    steps: int,
    charge_kw: ArrayLike,
    discharge_kw: ArrayLike,
    start_kwh: ArrayLike,
    least_kwh: ArrayLike,
    most_kwh: ArrayLike,
    end_kwh: ArrayLike | None = None,
) -> FlexibilityBounds:
    """Bounds of batteries without losses, from powers, charge at the start, reserve and capacity.

    Parameters
    ----------
    charge_kw, discharge_kw
        (N,) greatest powers [kW], >= 0.
    start_kwh, least_kwh, most_kwh
        (N,) energy stored now, reserve and capacity [kWh].
    end_kwh
        (N,) least energy stored at the end [kWh]; None asks for none beyond the reserve.

    Raises
    ------
    BoundsError
        As of FlexibilityBounds; a start below the reserve that cannot be made good in time is one of them.
    """
    columns = [
        np.asarray(one, dtype=np.float64) for one in (charge_kw, discharge_kw, start_kwh, least_kwh, most_kwh)
    ]
    if any(column.shape != columns[0].shape or column.ndim != 1 for column in columns):
        raise BoundsError(f"battery columns of shapes {[column.shape for column in columns]} do not fit")
    charge, discharge, start, least, most = columns
    grid = np.ones((len(start), steps))
    floor = (least - start)[:, None] * grid
    if end_kwh is not None:
        end = np.asarray(end_kwh, dtype=np.float64)
        if end.shape != start.shape:
            raise BoundsError(f"end_kwh of shape {end.shape} does not fit {len(start)} batteries")
        floor[:, -1] = np.maximum(floor[:, -1], end - start)
    return FlexibilityBounds(
        step_h=step_h,
        least_kw=-discharge[:, None] * grid,
        most_kw=charge[:, None] * grid,
        least_kwh=floor,
        most_kwh=(most - start)[:, None] * grid,
    )
