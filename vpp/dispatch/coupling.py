"""What couples homes: limits on the power that groups of them draw together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class CouplingError(VppError):
    """Limits that do not fit the homes or make no sense."""

    code = "invalid_coupling"


@dataclass(frozen=True, slots=True)
class Limit:
    """The power of some zones together has to lie between two bounds.

    Attributes
    ----------
    name
        What to call it in an explanation: "feeder north", "event".
    least_kw, most_kw
        (T,) bounds of the sum [kW], load convention; -inf and inf where there is none.
    zones
        Numbers of the zones it sums; None for all. A zone is a set of homes that every limit treats alike, e.g.
        the homes behind one transformer.
    penalty_least, penalty_most
        What it costs to stay below or go above [currency/kWh], >= 0: how much meeting it is worth at most.
    """

    name: str
    least_kw: Floats
    most_kw: Floats
    zones: tuple[int, ...] | None = None
    penalty_least: float = 10.0
    penalty_most: float = 10.0

    def __post_init__(self) -> None:
        if np.ndim(self.least_kw) != 1 or np.shape(self.least_kw) != np.shape(self.most_kw):
            raise CouplingError(f"{self.name}: the bounds need one value a step each")
        if np.isnan(self.least_kw).any() or np.isnan(self.most_kw).any():
            raise CouplingError(f"{self.name}: a bound is not a number")
        if (self.least_kw > self.most_kw).any():
            step = int(np.argmax(self.least_kw > self.most_kw))
            raise CouplingError(f"{self.name}: the bounds are reversed at step {step}")
        if (self.least_kw == np.inf).any() or (self.most_kw == -np.inf).any():
            raise CouplingError(f"{self.name}: a bound nothing can meet")
        for penalty in (self.penalty_least, self.penalty_most):
            if not (math.isfinite(penalty) and penalty >= 0):
                raise CouplingError(f"{self.name}: a penalty of {penalty!r} makes no sense")

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return len(self.most_kw)


def at_most(
    name: str, most_kw: Floats, *, zones: tuple[int, ...] | None = None, penalty: float = 10.0
) -> Limit:
    """A cap on what is drawn (T,) [kW]; inf where there is none."""
    return Limit(name, np.full(len(most_kw), -np.inf), most_kw, zones=zones, penalty_most=penalty)


def at_least(
    name: str, least_kw: Floats, *, zones: tuple[int, ...] | None = None, penalty: float = 10.0
) -> Limit:
    """A floor of what is drawn (T,) [kW], e.g. the export limit of a transformer; -inf where there is none."""
    return Limit(name, least_kw, np.full(len(least_kw), np.inf), zones=zones, penalty_least=penalty)


@dataclass(frozen=True, slots=True)
class Coupling:
    """Limits as arrays over M limits, Z zones and T steps; powers [kW], penalties [currency/kWh]."""

    names: tuple[str, ...]
    member: Flags
    least_kw: Floats
    most_kw: Floats
    penalty_least: Floats
    penalty_most: Floats
    step_h: float

    @property
    def shape(self) -> tuple[int, int]:
        """(M, T)."""
        return self.most_kw.shape[0], self.most_kw.shape[1]

    def zone_prices(self, prices: Floats) -> Floats:
        """(Z, T) what a kWh costs more in each zone, from the limits' prices (M, T) [currency/kWh]."""
        summed: Floats = self.member.T.astype(np.float64) @ prices
        return summed

    def sums(self, zone_kw: Floats) -> Floats:
        """(M, T) what each limit sums, from (Z, T) [kW]."""
        summed: Floats = self.member.astype(np.float64) @ zone_kw
        return summed

    def clip(self, prices: Floats) -> Floats:
        """Prices (M, T) held to what the penalties and the kinds of bound allow [currency/kWh]."""
        low = np.where(np.isfinite(self.least_kw), -self.penalty_least[:, None], 0.0)
        high = np.where(np.isfinite(self.most_kw), self.penalty_most[:, None], 0.0)
        clipped: Floats = np.clip(prices, low, high)
        return clipped

    def worth(self, prices: Floats) -> float:
        """What the bounds are worth at these prices [currency]: the constant of the dual bound."""
        most = np.where(prices > 0, self.most_kw, 0.0)
        least = np.where(prices < 0, self.least_kw, 0.0)
        return float((prices * (most + least)).sum() * self.step_h)

    def violation_kw(self, zone_kw: Floats) -> tuple[Floats, Floats]:
        """(M, T) each how far the sums are below and above their bounds [kW], from (Z, T)."""
        sums = self.sums(zone_kw)
        return np.maximum(0.0, self.least_kw - sums), np.maximum(0.0, sums - self.most_kw)

    def penalty(self, zone_kw: Floats) -> float:
        """What the violation costs [currency]."""
        below, above = self.violation_kw(zone_kw)
        rates = self.penalty_least[:, None] * below + self.penalty_most[:, None] * above
        return float(rates.sum() * self.step_h)


def couple(limits: Sequence[Limit], *, zones: int, steps: int, step_h: float) -> Coupling:
    """Check limits against the fleet and stack them.

    Raises
    ------
    CouplingError
        Naming the limit that does not fit.
    """
    member = np.zeros((len(limits), zones), np.bool_)
    for row, limit in enumerate(limits):
        if limit.steps != steps:
            raise CouplingError(f"{limit.name} has {limit.steps} steps, the fleet {steps}")
        chosen = range(zones) if limit.zones is None else limit.zones
        if not all(0 <= zone < zones for zone in chosen):
            raise CouplingError(f"{limit.name} names a zone that is none of {zones}")
        member[row, list(chosen)] = True
    empty = np.empty((0, steps))
    return Coupling(
        names=tuple(limit.name for limit in limits),
        member=member,
        least_kw=np.vstack([empty, *(limit.least_kw for limit in limits)]),
        most_kw=np.vstack([empty, *(limit.most_kw for limit in limits)]),
        penalty_least=np.array([limit.penalty_least for limit in limits]),
        penalty_most=np.array([limit.penalty_most for limit in limits]),
        step_h=step_h,
    )
