"""Operation modes of a resource's actuators, taken together: which powers they reach, at which rates and costs.

Power and rate of an operation mode run linearly from its factor 0 to 1. Several actuators share one fraction `t` of what
their chosen modes leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product

# More combinations than a home's device has; beyond them the first ones are enough.
_MOST = 512
# Powers this near count as alike [kW], so that costs decide.
ALIKE_KW = 0.02
_EPS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An operation mode that can be entered or kept now. Power [kW] and rate at factors 0 and 1."""

    part: str
    mode: str
    label: str = ""
    power_kw: tuple[float, float]
    rate: tuple[float, float] = (0.0, 0.0)
    cost: float = 0.0
    delay_s: float = 0.0
    # So long it cannot be left again.
    locked_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An operation mode of one actuator and its factor."""

    part: str
    mode: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Combo:
    """One mode for every actuator, and the fractions that the rates allow."""

    options: tuple[Option, ...]
    low: float
    high: float

    def power_kw(self, t: float) -> float:
        """The power [kW] of all at a fraction."""
        return sum(_at(option.power_kw, t) for option in self.options)

    def rate(self, t: float) -> float:
        """The rate of all at a fraction."""
        return sum(_at(option.rate, t) for option in self.options)

    @property
    def range_kw(self) -> tuple[float, float]:
        """The powers [kW] between its fractions."""
        ends = (self.power_kw(self.low), self.power_kw(self.high))
        return min(ends), max(ends)

    @property
    def cost(self) -> float:
        """What entering and keeping these modes costs."""
        return sum(option.cost for option in self.options)

    def nearest(self, kw: float) -> float:
        """The allowed fraction whose power is nearest."""
        start, end = self.power_kw(0.0), self.power_kw(1.0)
        if abs(end - start) < _EPS:
            return self.low
        return min(max((kw - start) / (end - start), self.low), self.high)

    def settings(self, t: float) -> tuple[Setting, ...]:
        """Modes and factors at a fraction."""
        return tuple(Setting(part=one.part, mode=one.mode, factor=t) for one in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which power [kW] is wanted: within two limits, and as near as possible to `prefer_kw`."""

    low_kw: float
    high_kw: float
    prefer_kw: float

    @property
    def aim_kw(self) -> float:
        """What is aimed at."""
        return min(max(self.prefer_kw, self.low_kw), self.high_kw)

    def excess_kw(self, kw: float) -> float:
        """By how much a power is outside of the limits [kW]."""
        return max(0.0, kw - self.high_kw, self.low_kw - kw)


def exactly(kw: float) -> Wish:
    """A wish for this power and no other."""
    return Wish(low_kw=kw, high_kw=kw, prefer_kw=kw)


def combine(parts: Sequence[Sequence[Option]], rates: tuple[float, float]) -> list[Combo]:
    """The combinations whose rate can be within `rates`; where there is none, those that come nearest."""
    whole = [Combo(options=options, low=0.0, high=1.0) for options in islice(product(*parts), _MOST)]
    fitting = [fitted for combo in whole if (fitted := _fit(combo, rates)) is not None]
    if fitting or not whole:
        return fitting
    least = min(_miss(combo, rates) for combo in whole)
    return [_best_end(combo, rates) for combo in whole if _miss(combo, rates) <= least + _EPS]


def choose(combos: Sequence[Combo], wish: Wish) -> tuple[Combo, float] | None:
    """The combination and fraction that meet a wish best: within its limits, then near, then cheap."""
    found: tuple[tuple[int, int, float, float], Combo, float] | None = None
    for combo in combos:
        t = combo.nearest(wish.aim_kw)
        kw = combo.power_kw(t)
        excess = round(wish.excess_kw(kw) / ALIKE_KW)
        rank = (excess, round(abs(kw - wish.aim_kw) / ALIKE_KW), combo.cost, abs(kw - wish.aim_kw))
        if found is None or rank < found[0]:
            found = (rank, combo, t)
    return None if found is None else (found[1], found[2])


def _at(ends: tuple[float, float], t: float) -> float:
    return ends[0] + t * (ends[1] - ends[0])


def _fit(combo: Combo, rates: tuple[float, float]) -> Combo | None:
    """The fractions at which the rate is as it has to be."""
    start, end = combo.rate(0.0), combo.rate(1.0)
    least, most = rates
    if abs(end - start) < _EPS:
        return combo if least - _EPS <= start <= most + _EPS else None
    bounds = sorted(((least - start) / (end - start), (most - start) / (end - start)))
    low, high = max(0.0, bounds[0]), min(1.0, bounds[1])
    return Combo(options=combo.options, low=low, high=high) if low <= high else None


def _miss(combo: Combo, rates: tuple[float, float]) -> float:
    ends = (combo.rate(0.0), combo.rate(1.0))
    return max(rates[0] - max(ends), min(ends) - rates[1], 0.0)


def _best_end(combo: Combo, rates: tuple[float, float]) -> Combo:
    """A combination held at the end that comes nearest."""
    wanted = rates[0] if max(combo.rate(0.0), combo.rate(1.0)) < rates[0] else rates[1]
    t = min((0.0, 1.0), key=lambda end: abs(combo.rate(end) - wanted))
    return Combo(options=combo.options, low=t, high=t)
