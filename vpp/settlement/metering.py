"""Energy per interval from cumulative registers.

A register that only grows needs no reading inside an interval, just its value at both ends. Between two
readings the value is interpolated, but only where they are close; anything else is missing, and says why.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.intervals import Grid, to_ms
from vpp.settlement.errors import SettlementError
from vpp.units import MS_PER_SECOND, SECONDS_PER_HOUR

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Fault = Literal["", "missing", "reset", "jump"]

# What a register may move by without meaning: its last digit, and the noise of its arithmetic.
REGISTER_STEP_KWH = 0.001
FALL_KWH = 1e-9


@dataclass(frozen=True, slots=True)
class MeteredIntervals:
    """(T,) energies of one home [kWh], NaN where `fault` is not empty."""

    import_kwh: Floats
    export_kwh: Floats
    fault: tuple[Fault, ...]

    @property
    def net_kwh(self) -> Floats:
        """(T,) drawn minus fed in [kWh]."""
        return self.import_kwh - self.export_kwh


def interval_energies(
    *,
    at_ms: ArrayLike,
    import_kwh: ArrayLike,
    export_kwh: ArrayLike,
    grid: Grid,
    max_gap_s: float = 300.0,
    max_kw: float = 100.0,
) -> MeteredIntervals:
    """Difference both registers at the boundaries of a grid.

    An interval is ``missing`` when a boundary lies outside of the readings or in a gap longer than
    `max_gap_s`; ``reset`` when a register falls between two readings that touch the interval; ``jump`` when
    one grows faster than `max_kw`. Readings may come in any order; of two with one time the later given
    counts; one with NaN in either register is no reading.

    Parameters
    ----------
    at_ms
        (K,) times of the readings, milliseconds since the Unix epoch.
    import_kwh, export_kwh
        (K,) registers [kWh].
    grid
        T intervals.
    max_gap_s
        Longest gap to interpolate over [s].
    max_kw
        Greatest power that is possible at the connection [kW].

    Raises
    ------
    SettlementError
        For arrays that do not fit, infinite registers, or limits that make no sense.
    """
    if not (max_gap_s >= 0 and max_kw > 0):
        raise SettlementError(f"limits of {max_gap_s} s and {max_kw} kW make no sense")
    times, registers = _readings(at_ms, import_kwh=import_kwh, export_kwh=export_kwh)
    marks = np.array([to_ms(at) for at in grid.boundaries()], dtype=np.int64)
    values = np.stack([_at(marks, times=times, register=one, max_gap_s=max_gap_s) for one in registers])
    energy = np.diff(values, axis=1)
    fault = np.where(np.isnan(energy).any(axis=0), "missing", "").astype(object)
    jumps, falls = _faulty_pairs(times, registers=registers, max_kw=max_kw)
    fault[_touched(marks, times=times, pairs=jumps)] = "jump"
    fault[_touched(marks, times=times, pairs=falls)] = "reset"
    energy[:, fault != ""] = np.nan
    return MeteredIntervals(energy[0], energy[1], tuple(fault.tolist()))


def used_readings(
    *,
    at_ms: ArrayLike,
    import_kwh: ArrayLike,
    export_kwh: ArrayLike,
    grid: Grid,
    max_gap_s: float = 300.0,
    max_kw: float = 100.0,
) -> tuple[Ints, Floats, Floats]:
    """The readings that decide `interval_energies`, in order: what has to be kept to compute it again.

    Those are the neighbors of every boundary and both ends of every fall and jump. In the rare case where
    leaving out the others would change anything (a register at its limit all the time), all are returned.

    Parameters and errors are those of `interval_energies`; returns (K',) times [ms], and registers [kWh].
    """
    times, registers = _readings(at_ms, import_kwh=import_kwh, export_kwh=export_kwh)
    if not len(times):
        return times, registers[0], registers[1]
    marks = np.array([to_ms(at) for at in grid.boundaries()], dtype=np.int64)
    keep = np.zeros(len(times), dtype=np.bool_)
    right = np.searchsorted(times, marks)
    keep[np.clip(right, 0, len(times) - 1)] = True
    keep[np.clip(right - 1, 0, len(times) - 1)] = True
    for faulty in _faulty_pairs(times, registers=registers, max_kw=max_kw):
        keep[:-1] |= faulty
        keep[1:] |= faulty

    def energies(chosen: NDArray[np.bool_]) -> MeteredIntervals:
        return interval_energies(
            at_ms=times[chosen],
            import_kwh=registers[0, chosen],
            export_kwh=registers[1, chosen],
            grid=grid,
            max_gap_s=max_gap_s,
            max_kw=max_kw,
        )

    some, every = energies(keep), energies(np.ones_like(keep))
    same = some.fault == every.fault and np.array_equal(some.net_kwh, every.net_kwh, equal_nan=True)
    keep = keep if same else np.ones_like(keep)
    return times[keep], registers[0, keep], registers[1, keep]


def _faulty_pairs(
    times: Ints, *, registers: Floats, max_kw: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs of neighboring readings jump, and which fall, in either register."""
    steps = np.diff(registers, axis=1)
    hours = np.diff(times) / (MS_PER_SECOND * SECONDS_PER_HOUR)
    jumps, falls = steps > max_kw * hours + REGISTER_STEP_KWH, steps < -FALL_KWH
    return jumps[0] | jumps[1], falls[0] | falls[1]


def _readings(at_ms: ArrayLike, *, import_kwh: ArrayLike, export_kwh: ArrayLike) -> tuple[Ints, Floats]:
    """Times in order without doubles, and the registers (2, K) that belong to them."""
    times = np.asarray(at_ms, dtype=np.int64).reshape(-1)
    columns = [np.asarray(values, dtype=np.float64) for values in (import_kwh, export_kwh)]
    if any(column.shape != times.shape for column in columns):
        raise SettlementError(f"{len(times)} times do not fit registers of {[c.shape for c in columns]}")
    registers = np.stack(columns)
    if np.isinf(registers).any():
        raise SettlementError("a register is infinite")
    known = ~np.isnan(registers).any(axis=0)
    times, registers = times[known][::-1], registers[:, known][:, ::-1]
    unique, first = np.unique(times, return_index=True)
    return unique, registers[:, first]


def _at(marks: Ints, *, times: Ints, register: Floats, max_gap_s: float) -> Floats:
    """The register at each mark; NaN outside of the readings and in long gaps."""
    values = np.full(len(marks), np.nan)
    if not len(times):
        return values
    right = np.searchsorted(times, marks)
    inside = (right < len(times)) & (marks >= times[0])
    right = np.where(inside, right, 0)
    exact = inside & (times[right] == marks)
    left = np.where(exact, right, np.maximum(right - 1, 0))
    close = exact | (times[right] - times[left] <= max_gap_s * MS_PER_SECOND)
    known = inside & close
    values[known] = np.interp(marks[known], times, register)
    return values


def _touched(marks: Ints, *, times: Ints, pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which intervals share time with a pair of neighboring readings that is marked."""
    touched = np.zeros(max(0, len(marks) - 1), dtype=np.bool_)
    for index in np.flatnonzero(pairs):
        touched |= (times[index] < marks[1:]) & (times[index + 1] > marks[:-1])
    return touched
