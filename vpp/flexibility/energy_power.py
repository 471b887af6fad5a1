"""Whether stores that only discharge can deliver an event, and if not, what is missing: the E-p transform."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
RELATIVE: Final = 1e-9


class EventError(VppError):
    """A request or a fleet that is no numbers, negative, or of shapes that do not fit."""

    code = "invalid_event_request"


@dataclass(frozen=True, slots=True)
class EventFeasibility:
    """Whether a request can be delivered.

    Attributes
    ----------
    shortfall_kwh
        The least energy [kWh] that stays undelivered whatever the devices do; 0 where it is feasible.
    level_kw
        The power [kW] above which the request needs most more than the fleet has; NaN where it is feasible.
    intervals
        The intervals that ask for more than that power: the ones to ask less of.
    sentence
        The same in words.
    """

    feasible: bool
    shortfall_kwh: float
    level_kw: float
    intervals: tuple[int, ...]
    sentence: str


def event_feasibility(
    request_kw: ArrayLike, *, power_kw: ArrayLike, energy_kwh: ArrayLike, step_h: float
) -> EventFeasibility:
    """Exact test of a discharge-only event against N stores, without recharging between.

    The E-p transform of a power over time is the energy above each power, E(g) = integral of max(P(t) - g, 0). The
    fleet's own is that of R(t) = sum of the powers of stores that last longer than t at full power. A request is
    feasible just when E_P(g) <= E_R(g) for every g >= 0; the greatest excess is the least energy that stays
    undelivered. As E_R is linear between the levels of R and E_P is convex, it is enough to look there and at 0.

    Parameters
    ----------
    request_kw
        (T,) discharge asked for [kW], >= 0.
    power_kw, energy_kwh
        (N,) greatest discharge [kW] and energy [kWh], >= 0.
    step_h
        Length of an interval [h].

    Raises
    ------
    EventError
        For NaN, infinity, negative numbers, shapes that do not fit.

    Notes
    -----
    Evans, Tindemans, Angeli, IEEE Trans. Smart Grid 11(1):106 (2020), arXiv 1805.09315. That the excess is the
    undelivered energy follows from maximum flow = minimum cut; the tests hold it against linear programs.
    """
    request = _array("request_kw", request_kw)
    powers, energies = _array("power_kw", power_kw), _array("energy_kwh", energy_kwh)
    if powers.shape != energies.shape:
        raise EventError(f"powers {powers.shape} and energies {energies.shape} do not fit")
    if not (np.isfinite(step_h) and step_h > 0):
        raise EventError(f"step_h is {step_h!r}, must be finite and more than 0")
    levels, held = fleet_curve(power_kw=powers, energy_kwh=energies)
    asked = energy_above(request, step_h=step_h, levels_kw=levels)
    excess = asked - held
    worst = int(excess.argmax())
    if excess[worst] <= RELATIVE * max(1.0, float(asked[0])):
        return EventFeasibility(True, 0.0, float("nan"), (), "the fleet can deliver all of it")
    critical = tuple(int(step) for step in np.flatnonzero(request > levels[worst]))
    shortfall, level = float(excess[worst]), float(levels[worst])
    sentence = (
        f"{shortfall:.1f} kWh stay undelivered: above {level:.1f} kW the request needs {asked[worst]:.1f} kWh and "
        f"the fleet holds {held[worst]:.1f} kWh"
    )
    return EventFeasibility(False, shortfall, level, critical, sentence)


def fleet_curve(*, power_kw: Floats, energy_kwh: Floats) -> tuple[Floats, Floats]:
    """The fleet's E-p curve at its corners: powers (M,) [kW] ascending from 0, and the energies above them [kWh]."""
    able = (power_kw > 0) & (energy_kwh > 0)
    powers, energies = power_kw[able], energy_kwh[able]
    lasting = energies / powers
    longest_first = np.argsort(-lasting)
    # R(t) ends at the sum of all powers at t = 0; going down in time adds the stores that run out sooner.
    levels = np.concatenate([[0.0], np.cumsum(powers[longest_first])])
    last = np.concatenate([lasting[longest_first], [0.0]])
    slices = np.diff(levels) * last[:-1]
    above = np.concatenate([np.cumsum(slices[::-1])[::-1], [0.0]])
    return levels, above


def energy_above(request_kw: Floats, *, step_h: float, levels_kw: Floats) -> Floats:
    """The E-p curve of a request: energy [kWh] that it asks for above each of the levels (M,) [kW]."""
    ascending = np.sort(request_kw)
    suffix = np.concatenate([np.cumsum(ascending[::-1])[::-1], [0.0]])
    first = np.searchsorted(ascending, levels_kw, side="right")
    return np.asarray((suffix[first] - levels_kw * (len(ascending) - first)) * step_h)


def sustained_power(*, power_kw: ArrayLike, energy_kwh: ArrayLike, duration_h: float) -> float:
    """The greatest constant power [kW] that the stores can discharge for `duration_h` [h]: sum of min(p, e / d).

    Raises
    ------
    EventError
        As of `event_feasibility`.
    """
    powers, energies = _array("power_kw", power_kw), _array("energy_kwh", energy_kwh)
    if powers.shape != energies.shape:
        raise EventError(f"powers {powers.shape} and energies {energies.shape} do not fit")
    if not (np.isfinite(duration_h) and duration_h > 0):
        raise EventError(f"duration_h is {duration_h!r}, must be finite and more than 0")
    return float(np.minimum(powers, energies / duration_h).sum())


def _array(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise EventError(f"{name} of shape {array.shape} is not a list of numbers")
    if not (np.isfinite(array) & (array >= 0)).all():
        raise EventError(f"{name} must be finite and at least 0")
    return array
