"""One battery that can do at least all a fleet can, and possibly more: an outer approximation, and labelled so."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vpp.flexibility.bounds import FlexibilityBounds, reachable_kwh

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class OuterApproximation:
    """Necessary bounds (T,) of a fleet's power [kW] and energy since the start [kWh].

    Whatever the fleet can do keeps within them; not all that keeps within them can be done. Never promise from these
    bounds: `kind` goes wherever they are shown.
    """

    step_h: float
    least_kw: Floats
    most_kw: Floats
    least_kwh: Floats
    most_kwh: Floats
    kind: Literal["outer approximation"] = "outer approximation"

    def contains(self, power_kw: Floats, *, tolerance: float = 1e-9) -> bool:
        """Whether a power (T,) [kW] fulfills the necessary bounds."""
        energy = np.cumsum(power_kw) * self.step_h
        powers = (power_kw >= self.least_kw - tolerance) & (power_kw <= self.most_kw + tolerance)
        energies = (energy >= self.least_kwh - tolerance) & (energy <= self.most_kwh + tolerance)
        return bool((powers & energies).all())

    def as_bounds(self) -> FlexibilityBounds:
        """The same as one device, to optimize over; the optimum is a bound on the fleet's, not a plan."""
        return FlexibilityBounds(
            step_h=self.step_h,
            least_kw=self.least_kw[None],
            most_kw=self.most_kw[None],
            least_kwh=self.least_kwh[None],
            most_kwh=self.most_kwh[None],
        )


def virtual_battery(bounds: FlexibilityBounds) -> OuterApproximation:
    """Sum the devices' powers and energies, each first tightened to what the device itself can reach.

    Each bound alone is attained by some power of the fleet; they are not attained together, which is why the result is
    an outer approximation (of the kind called right-hand side summation).

    Notes
    -----
    Oeztuerk et al., Energies 15(7):2501 (2022), for how far such sums can be off.
    """
    least_kwh, most_kwh = reachable_kwh(bounds)
    nothing = np.zeros((len(least_kwh), 1))
    gained_most = most_kwh - np.hstack([nothing, least_kwh[:, :-1]])
    gained_least = least_kwh - np.hstack([nothing, most_kwh[:, :-1]])
    return OuterApproximation(
        step_h=bounds.step_h,
        least_kw=np.maximum(bounds.least_kw, gained_least / bounds.step_h).sum(axis=0),
        most_kw=np.minimum(bounds.most_kw, gained_most / bounds.step_h).sum(axis=0),
        least_kwh=least_kwh.sum(axis=0),
        most_kwh=most_kwh.sum(axis=0),
    )
