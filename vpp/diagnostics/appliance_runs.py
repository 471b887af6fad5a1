"""Runs of an appliance, found in the power of its plug, and what they would have cost at another time of day.

A run is a stretch of power above a plug's standby, with short rests in it. Every run is put to every allowed time of its
own day with its own course of power, and costs what the home's bill at the meter grows by it: sun that would have been
fed in costs what feeding it in earns, everything else the price of that quarter-hour. The time told is one time for all
days, because households have habits and not optimizers; and the saving told is that of every second run at the time
that was best for the others, so that the search for the best time does not flatter it.

Limits: the rest of the home is taken to have done the same. What a home battery, or a limit at the grid connection,
would have done instead is not followed: with a battery that covers the evening the saving is told too small. Prices are
marginal, without demand charges. The method is ours.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import (
    Bools,
    DiagnosticsError,
    Floats,
    checked,
    complete,
    mask,
    positive,
    same_shape,
)
from vpp.diagnostics.runs import Stretches, stretches
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds


@dataclass(frozen=True, slots=True)
class Habit:
    """When an appliance runs, and what another time of day would save.

    `runs` is how many there were [1], `kwh_per_run` their mean energy [kWh], `usual_slot` the median interval of the
    day in which they begin and `best_slot` the cheapest one for all. `cost` and `saving` (R,) are of each run
    [currency], the saving out of sample; `cost_by_slot` (S,) is the mean cost of a run by the interval of the day it
    begins in, NaN where it is not allowed.
    """

    runs: int
    kwh_per_run: float
    usual_slot: int
    best_slot: int
    cost: Floats
    saving: Floats
    cost_by_slot: Floats

    def confidence(self, least: float = 0.0) -> float:
        """The probability [0-1] that a run saves more than `least` [currency], by Student's distribution."""
        from scipy.special import stdtr

        spread = float(self.saving.std(ddof=1)) / self.runs**0.5
        return float(stdtr(self.runs - 1, (float(self.saving.mean()) - least) / max(spread, 1e-9)))


def appliance_runs(power_kw: ArrayLike, *, step_h: float, thresholds: Thresholds = DEFAULTS) -> Stretches:
    """Find an appliance's runs in its power (T,) [kW]; NaN is missing, and a run beside it is left out.

    A run ends after `run_rest_h` at no more than `run_standby_kw`. One that is longer than `run_longest_h`, or of
    less than `run_least_kwh`, is no run of an appliance.

    Raises
    ------
    DiagnosticsError
        For infinite or negative powers, or a length of an interval that is none.
    """
    power = checked("power", power_kw, dimensions=1, least=0.0)
    positive("step_h", step_h)
    on = np.nan_to_num(power, nan=1e9) > thresholds.run_standby_kw
    found = stretches(_joined(on, most=round(thresholds.run_rest_h / step_h))[None, :], 1)
    keep = [
        ends - starts <= thresholds.run_longest_h / step_h
        and power[starts:ends].sum() * step_h >= thresholds.run_least_kwh  # false where a value is missing
        and starts > 0
        and ends < len(power)
        for starts, ends in zip(found.starts, found.ends, strict=True)
    ]
    chosen = np.array(keep, dtype=np.bool_)
    return Stretches(found.row[chosen], found.starts[chosen], found.ends[chosen])


def habit_shift(
    power_kw: ArrayLike,
    grid_kw: ArrayLike,
    *,
    buy_per_kwh: ArrayLike,
    sell_per_kwh: float,
    allowed: ArrayLike,
    step_h: float,
    thresholds: Thresholds = DEFAULTS,
) -> Habit | None:
    """Learn when an appliance runs, and price other times of the day; None where it ran too seldom.

    Parameters
    ----------
    power_kw
        (D x S,) power of the appliance [kW] on D whole days of S intervals; NaN is missing.
    grid_kw
        (D x S,) power at the home's meter [kW], load convention, the appliance included; NaN is missing.
    buy_per_kwh
        (D x S,) price of bought energy [currency/kWh].
    sell_per_kwh
        What feeding in earns [currency/kWh].
    allowed
        (S,) in which intervals of the day it may begin.
    step_h
        Length of an interval [h].
    thresholds
        Of which the ones beginning with run count.

    Raises
    ------
    DiagnosticsError
        For negative powers of the appliance, infinite or missing prices, shapes that do not fit, or days that are not whole.
    """
    power = checked("power", power_kw, dimensions=1, least=0.0)
    grid = checked("grid power", grid_kw, dimensions=1)
    buy = complete("price", buy_per_kwh, dimensions=1)
    same_shape("grid power", grid, shape=power.shape)
    same_shape("price", buy, shape=power.shape)
    may = mask("allowed", allowed, shape=np.shape(allowed))
    if may.ndim != 1 or not may.any() or len(power) % len(may):
        raise DiagnosticsError(f"{len(power)} intervals are no whole days of {may.shape}")
    found = appliance_runs(power, step_h=step_h, thresholds=thresholds)
    runs = list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))
    bill = _Bill(grid, buy=buy, sell=sell_per_kwh, step_h=step_h)
    costs = np.array([bill.growth(at, power[at:ends], of=at) for at, ends in runs])
    priced = [run for run, cost in zip(runs, costs, strict=True) if not np.isnan(cost)]
    if len(priced) < thresholds.run_least_count:
        return None
    by_slot = np.stack([_costs_of_day(bill, at, power=power[at:ends], may=may) for at, ends in priced])
    energy = [float(power[at:ends].sum()) * step_h for at, ends in priced]
    usual = int(np.median([at % len(may) for at, _ in priced]))
    return _habit(by_slot, costs[~np.isnan(costs)], kwh_per_run=float(np.mean(energy)), usual_slot=usual)


def _habit(by_slot: Floats, cost: Floats, *, kwh_per_run: float, usual_slot: int) -> Habit | None:
    """The cheapest time for all runs (R, S); None where no time can be priced."""
    means = _means(by_slot)
    if np.isnan(means).all():
        return None
    best = int(np.nanargmin(means))
    return Habit(len(cost), kwh_per_run, usual_slot, best, cost, _out_of_sample(by_slot, cost), means)


@dataclass(frozen=True, slots=True)
class _Bill:
    """A home's meter and prices, and what a run makes its bill grow by."""

    grid_kw: Floats
    buy: Floats
    sell: float
    step_h: float

    def growth(self, at: int, run_kw: Floats, *, of: int) -> float:
        """Cost of a run at interval `at` that was really at `of`; NaN where the meter is not known."""
        there = slice(at, at + len(run_kw))
        rest = self.grid_kw[there].copy()
        # Where both overlap the meter shows the run already.
        first, last = max(at, of), min(at, of) + len(run_kw)
        if first < last:
            rest[first - at : last - at] -= run_kw[first - of : last - of]
        price = self.buy[there]
        with_run, without = (self._cost(power, price) for power in (rest + run_kw, rest))
        return float((with_run - without).sum() * self.step_h)

    def _cost(self, power: Floats, price: Floats) -> Floats:
        return np.where(power > 0.0, power * price, power * self.sell)


def _costs_of_day(bill: _Bill, starts: int, *, power: Floats, may: Bools) -> Floats:
    """(S,) what the run costs when it begins in each interval of its day."""
    midnight = starts - starts % len(may)
    costs = np.full(len(may), np.nan)
    for slot in np.flatnonzero(may).tolist():
        if midnight + slot + len(power) <= len(bill.grid_kw):
            costs[slot] = bill.growth(midnight + slot, power, of=starts)
    return costs


def _means(by_slot: Floats) -> Floats:
    """(S,) means over the runs, of the intervals that nearly all runs can be priced in."""
    enough = (~np.isnan(by_slot)).mean(axis=0) >= 0.8
    means = np.full(by_slot.shape[1], np.nan)
    # Times that cost the same but for rounding are the same; the earliest of them is told.
    means[enough] = np.nanmean(by_slot[:, enough], axis=0).round(9)
    return means


def _out_of_sample(by_slot: Floats, cost: Floats) -> Floats:
    """(R,) savings of every second run at the time that is best for the others."""
    saving = np.zeros(len(cost))
    for half in (0, 1):
        others = _means(by_slot[1 - half :: 2])
        best = by_slot[half::2, int(np.nanargmin(others))] if not np.isnan(others).all() else cost[half::2]
        saving[half::2] = np.nan_to_num(cost[half::2] - best)
    return saving


def _joined(on: Bools, *, most: int) -> Bools:
    """(T,) the same with rests of up to `most` intervals between two true values filled."""
    at = np.flatnonzero(on)
    filled = on.copy()
    for before, after in itertools.pairwise(at):
        if after - before - 1 <= most:
            filled[before:after] = True
    return filled
