"""What a portfolio can give over a window: how much, for how long, at what cost, and how sure.

Sums over homes are einsum's, not BLAS's: its threads cost more than they bring on vectors of this length.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError
from vpp.flexibility.energy_power import EventFeasibility, event_feasibility

Floats = NDArray[np.float64]
Kind = Literal["battery", "ev", "heat"]
SURE: Final = 0.9
SURE_DEVIATIONS: Final = 1.2815515655446004  # the standard normal's 0.9 quantile


class PortfolioError(VppError):
    """Columns of homes and intervals that do not fit, or are no numbers of 0 or more."""

    code = "invalid_portfolio"


@dataclass(frozen=True)
class Stores:
    """Stores that only give (or only take) in the window: (M,) power [kW], energy [kWh], probability [0-1]."""

    power_kw: Floats
    energy_kwh: Floats
    confidence: Floats

    def deliverable_kwh(self, hours: float) -> float:
        """Expected energy [kWh] that they can give within `hours` at once."""
        each = np.minimum(self.energy_kwh, self.power_kw * hours)
        return float(np.einsum("i,i->", self.confidence, each))


@dataclass(frozen=True)
class Portfolio:
    """N homes over T intervals of `step_h` [h].

    Attributes
    ----------
    discharge_kw, discharge_kwh
        (N,) greatest discharge [kW] and what is in the battery above its reserve, after losses [kWh].
    charge_kw, charge_kwh
        (N,) greatest charge [kW] and what the battery still takes [kWh].
    ev_kw, heat_kw
        (N, T) what cars and heat pumps are expected to draw [kW], all of which can be put off.
    heat_kwh
        (N,) the most that a heat pump can put off [kWh].
    export_room_kw, import_room_kw
        (N, T) by how much the grid connection point lets the home draw less, and more [kW].
    confidence
        (N,) probability that the home can be reached and does it [0-1].
    ev_most_kw
        (N,) the car's greatest power [kW], for the spread of what it is expected to draw.
    reach_deviation
        Standard deviation [0-1] of the share of homes in reach, which hits all of them together.
    """

    step_h: float
    discharge_kw: Floats
    discharge_kwh: Floats
    charge_kw: Floats
    charge_kwh: Floats
    ev_kw: Floats
    heat_kw: Floats
    heat_kwh: Floats
    export_room_kw: Floats
    import_room_kw: Floats
    confidence: Floats
    ev_most_kw: Floats
    reach_deviation: float = 0.0

    def __post_init__(self) -> None:
        if self.ev_kw.ndim != 2 or self.ev_kw.shape[1] == 0:
            raise PortfolioError(f"a portfolio needs homes and intervals, not shape {self.ev_kw.shape}")
        homes = self.ev_kw.shape[:1]
        for name in ("ev_kw", "heat_kw", "export_room_kw", "import_room_kw"):
            self._check(name, self.ev_kw.shape)
        for name in (
            "discharge_kw",
            "discharge_kwh",
            "charge_kw",
            "charge_kwh",
            "heat_kwh",
            "confidence",
            "ev_most_kw",
        ):
            self._check(name, homes)
        if (self.confidence > 1).any():
            raise PortfolioError("confidence is above 1")
        if not (math.isfinite(self.step_h) and self.step_h > 0 and self.reach_deviation >= 0):
            raise PortfolioError("step_h must be more than 0 and reach_deviation at least 0")

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        values = getattr(self, name)
        if values.shape != shape:
            raise PortfolioError(f"{name} of shape {values.shape} does not fit {shape}")
        if not (np.isfinite(values) & (values >= 0)).all():
            raise PortfolioError(f"{name} is not a finite number of 0 or more")

    @property
    def hours(self) -> float:
        """Length of the window [h]."""
        return self.step_h * float(self.ev_kw.shape[1])

    @cached_property
    def battery(self) -> Stores:
        """What batteries give all through the window: their power is that of the tightest interval."""
        power = np.minimum(self.discharge_kw, self.export_room_kw.min(axis=1))
        return Stores(power, self.discharge_kwh, self.confidence)

    @cached_property
    def room_after_battery(self) -> Floats:
        """(N, T) what the grid connection point lets cars and heat pumps give beside the battery [kW]."""
        able = np.where(self.discharge_kwh > 0, self.battery.power_kw, 0.0)
        return self.export_room_kw - able[:, None]

    @cached_property
    def ev_cut_kw(self) -> Floats:
        """(N, T) what cars can put off [kW]."""
        return np.minimum(self.ev_kw, self.room_after_battery)

    @cached_property
    def heat(self) -> Stores:
        """What heat pumps can put off all through the window."""
        room = self.room_after_battery - self.ev_cut_kw
        return Stores(np.minimum(self.heat_kw, room).min(axis=1), self.heat_kwh, self.confidence)

    @cached_property
    def charging(self) -> Stores:
        """What batteries take all through the window."""
        power = np.minimum(self.charge_kw, self.import_room_kw.min(axis=1))
        return Stores(power, self.charge_kwh, self.confidence)

    def expected_ev_kw(self) -> Floats:
        """(T,) what cars are expected to put off [kW]."""
        return np.asarray(np.einsum("i,it->t", self.confidence, self.ev_cut_kw))


@dataclass(frozen=True)
class CostStep:
    """The next `kw` of sustained power come from `kind` at `price_per_kwh` [currency/kWh]; `up_to_kw` is the sum so far."""

    kind: Kind
    kw: float
    up_to_kw: float
    price_per_kwh: float


@dataclass(frozen=True)
class Given:
    """One direction's answer.

    Attributes
    ----------
    most_kw
        What can be held over the whole window if every home does its part [kW].
    expected_kw, sure_kw
        The same weighted by confidence, and what is delivered with a probability of 0.9.
    deviation_kw
        Standard deviation behind `sure_kw` [kW].
    by_interval_kw
        (T,) the most expected in each interval by itself [kW].
    energy_kwh
        Expected energy of the window [kWh], more of it early than late if need be.
    steps
        The cost curve of `expected_kw`, cheapest first.
    """

    most_kw: float
    expected_kw: float
    sure_kw: float
    deviation_kw: float
    by_interval_kw: Floats
    energy_kwh: float
    steps: tuple[CostStep, ...] = ()
    sure_probability: float = SURE

    def probability(self, kw: float) -> float:
        """Probability [0-1] that `kw` are held over the whole window, by the normal distribution."""
        if self.deviation_kw <= 0:
            return 1.0 if kw <= self.expected_kw else 0.0
        return 0.5 * math.erfc((kw - self.expected_kw) / self.deviation_kw / math.sqrt(2))


def sustained(stores: list[Stores], *, beside_kw: Floats, step_h: float) -> float:
    """The greatest constant power [kW] of stores with `beside_kw` (T,) given by others, exact.

    By maximum flow = minimum cut, stores can fill what is missing in any k intervals just when they hold that much for
    k intervals: P = min over k of (energy of k intervals / step_h + the k smallest of `beside_kw`) / k. It is the
    E-p test (`energy_power`) solved for the power.
    """
    smallest = np.cumsum(np.sort(beside_kw))
    counts = range(1, len(beside_kw) + 1)
    held = [sum(one.deliverable_kwh(count * step_h) for one in stores) / step_h for count in counts]
    return float(((np.array(held) + smallest) / np.array(counts)).min())


def shed(portfolio: Portfolio, *, prices: dict[Kind, float]) -> Given:
    """How much less the portfolio can draw all through the window than with its batteries at rest.

    Batteries and heat pumps are stores with the power of their tightest interval; what cars are expected to draw can
    be put off to after the window. `sure_kw` is `expected_kw` less 1.28 standard deviations: homes fail independently
    by their confidence, a car that draws m of at most M on average spreads by at most m * (M - m) (Bhatia and Davis
    2000), and the share in reach moves for all homes together.

    Parameters
    ----------
    prices
        Cost [currency/kWh] of each kind, which orders the cost curve.
    """
    step_h, nothing = portfolio.step_h, np.zeros(portfolio.ev_kw.shape[1])
    ev = portfolio.expected_ev_kw()
    have: list[Stores] = []
    beside, before = nothing, 0.0
    steps: list[CostStep] = []
    for kind in sorted(prices, key=lambda kind: prices[kind]):
        if kind == "ev":
            beside = ev
        else:
            have.append(portfolio.battery if kind == "battery" else portfolio.heat)
        total = sustained(have, beside_kw=beside, step_h=step_h)
        steps.append(CostStep(kind, max(0.0, total - before), total, prices[kind]))
        before = total
    stores = [portfolio.battery, portfolio.heat]
    certain = [Stores(one.power_kw, one.energy_kwh, np.ones_like(one.confidence)) for one in stores]
    each = [one.deliverable_kwh(step_h) / step_h for one in stores]
    part = _part_kw(portfolio.battery, portfolio.hours) + _part_kw(portfolio.heat, portfolio.hours)
    drawn = portfolio.ev_cut_kw.mean(axis=1)
    spread = portfolio.confidence * drawn * np.maximum(portfolio.ev_most_kw - drawn, 0.0)
    deviation = _deviation(portfolio, part_kw=part + drawn, spread=float(spread.sum()), expected_kw=before)
    return Given(
        most_kw=sustained(certain, beside_kw=portfolio.ev_cut_kw.sum(axis=0), step_h=step_h),
        expected_kw=before,
        sure_kw=max(0.0, before - SURE_DEVIATIONS * deviation),
        deviation_kw=deviation,
        by_interval_kw=ev + sum(each),
        energy_kwh=sum(one.deliverable_kwh(portfolio.hours) for one in stores) + float(ev.sum()) * step_h,
        steps=tuple(steps),
    )


def more_load(portfolio: Portfolio, *, price_per_kwh: float) -> Given:
    """How much more the portfolio can draw all through the window: batteries charge. Cars are not counted on, for
    whether one is there to be charged is not known.
    """
    stores, nothing = portfolio.charging, np.zeros(portfolio.ev_kw.shape[1])
    expected = sustained([stores], beside_kw=nothing, step_h=portfolio.step_h)
    part = _part_kw(stores, portfolio.hours)
    deviation = _deviation(portfolio, part_kw=part, spread=0.0, expected_kw=expected)
    at_once = stores.deliverable_kwh(portfolio.step_h) / portfolio.step_h
    return Given(
        most_kw=float(part.sum()),
        expected_kw=expected,
        sure_kw=max(0.0, expected - SURE_DEVIATIONS * deviation),
        deviation_kw=deviation,
        by_interval_kw=nothing + at_once,
        energy_kwh=stores.deliverable_kwh(portfolio.hours),
        steps=(CostStep("battery", expected, expected, price_per_kwh),),
    )


def shed_feasibility(portfolio: Portfolio, kw: float) -> EventFeasibility:
    """Whether `kw` less can be expected all through the window, by the E-p test, and what is missing if not."""
    missing = np.maximum(0.0, kw - portfolio.expected_ev_kw())
    stores = [portfolio.battery, portfolio.heat]
    return event_feasibility(
        missing,
        power_kw=np.concatenate([one.confidence * one.power_kw for one in stores]),
        energy_kwh=np.concatenate([one.confidence * one.energy_kwh for one in stores]),
        step_h=portfolio.step_h,
    )


def _part_kw(stores: Stores, hours: float) -> Floats:
    return np.asarray(np.minimum(stores.power_kw, stores.energy_kwh / hours))


def _deviation(portfolio: Portfolio, *, part_kw: Floats, spread: float, expected_kw: float) -> float:
    sure = portfolio.confidence
    independent = float((sure * (1.0 - sure) * part_kw**2).sum()) + spread
    return math.sqrt(independent + (expected_kw * portfolio.reach_deviation) ** 2)
