"""A home as sparse matrices, for solvers that are asked many times at prices that differ.

It says the same as `home_program` says in cvxpy, which is its referee, in a hundredth of the time it takes to write:

    imported_t - exported_t = sum of the resources' powers
    minimize h * sum(buy_t imported_t - sell_t exported_t) + wear + demand price * (peak - the peak there was)

Only the costs of `imported` and `exported` change with a price that is added to the tariff.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.home_problem import HomeProblem

Columns = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class HomeLp:
    """Columns with bounds, costs and switches, rows with bounds; (T,) numbers of the columns that mean something.

    `runs` are the columns of each appliance with what they draw, (T, columns) [kW]; `constant` [currency] is added to
    the objective.
    """

    matrix: Any
    low: Floats
    high: Floats
    cost: Floats
    integer: NDArray[np.bool_]
    row_low: Floats
    row_high: Floats
    imported: Columns
    exported: Columns
    stored: dict[str, Columns]
    both_ways: dict[str, tuple[Columns, Columns]]
    produced: dict[str, Columns]
    runs: dict[str, tuple[Columns, Floats]]
    constant: float


@dataclass(slots=True)
class _Draft:
    """Columns and rows that grow; `balance` are the rows of the meter."""

    problem: HomeProblem
    low: list[Floats] = field(default_factory=list)
    high: list[Floats] = field(default_factory=list)
    cost: list[Floats] = field(default_factory=list)
    integer: list[NDArray[np.bool_]] = field(default_factory=list)
    row_low: list[Floats] = field(default_factory=list)
    row_high: list[Floats] = field(default_factory=list)
    entries: list[tuple[Columns, Columns, Floats]] = field(default_factory=list)
    width: int = 0
    height: int = 0
    stored: dict[str, Columns] = field(default_factory=dict)
    both_ways: dict[str, tuple[Columns, Columns]] = field(default_factory=dict)
    produced: dict[str, Columns] = field(default_factory=dict)
    runs: dict[str, tuple[Columns, Floats]] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        return self.problem.horizon.steps

    def columns(
        self, count: int, *, low: Any = 0.0, high: Any = np.inf, cost: Any = 0.0, integer: bool = False
    ) -> Columns:
        for kept, value in ((self.low, low), (self.high, high), (self.cost, cost)):
            kept.append(np.array(np.broadcast_to(value, (count,)), np.float64))
        self.integer.append(np.full(count, integer))
        self.width += count
        return np.arange(self.width - count, self.width)

    def rows(self, count: int, *, low: Any = -np.inf, high: Any = np.inf) -> Columns:
        for kept, value in ((self.row_low, low), (self.row_high, high)):
            kept.append(np.array(np.broadcast_to(value, (count,)), np.float64))
        self.height += count
        return np.arange(self.height - count, self.height)

    def put(self, rows: Any, columns: Any, *, value: Any) -> None:
        where = np.broadcast_arrays(rows, columns, np.asarray(value, np.float64))
        self.entries.append((where[0].ravel(), where[1].ravel(), where[2].ravel()))

    def finished(self, *, imported: Columns, exported: Columns, constant: float) -> HomeLp:
        from scipy import sparse

        rows, columns, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = sparse.csc_matrix((values, (rows, columns)), shape=(self.height, self.width))
        return HomeLp(
            matrix=matrix,
            low=np.concatenate(self.low),
            high=np.concatenate(self.high),
            cost=np.concatenate(self.cost),
            integer=np.concatenate(self.integer),
            row_low=np.concatenate(self.row_low),
            row_high=np.concatenate(self.row_high),
            imported=imported,
            exported=exported,
            stored=self.stored,
            both_ways=self.both_ways,
            produced=self.produced,
            runs=self.runs,
            constant=constant,
        )


def write_home(problem: HomeProblem, *, exclusive: Collection[str] = ()) -> HomeLp:
    """Write the program.

    Parameters
    ----------
    problem
        A home whose goal is cost.
    exclusive
        Stores, by name, that get switches against charging and discharging at once.
    """
    draft, step_h, prices = _Draft(problem), problem.horizon.step_h, problem.prices
    most, least = _range(problem)
    limits = (problem.import_limit_kw, problem.export_limit_kw)
    into, out = (np.inf if limit is None else limit for limit in limits)
    imported = draft.columns(draft.steps, high=np.minimum(most, into), cost=step_h * prices.buy_per_kwh)
    exported = draft.columns(draft.steps, high=np.minimum(least, out), cost=-step_h * prices.sell_per_kwh)
    fixed = np.zeros(draft.steps)
    balance = draft.rows(draft.steps)
    draft.put(balance, imported, value=1.0)
    draft.put(balance, exported, value=-1.0)
    for one in problem.resources:
        if isinstance(one, Load):
            fixed = fixed + one.power_kw
        elif isinstance(one, PvOutput):
            fixed = fixed - (0.0 if one.curtailable else one.available_kw)
            _produce(draft, one)
        elif isinstance(one, Appliance):
            _run(draft, one)
        else:
            _store(draft, one, exclusive=one.name in exclusive)
    draft.row_low[0], draft.row_high[0] = fixed, fixed
    both = np.flatnonzero(prices.sell_per_kwh > prices.buy_per_kwh)
    _either(draft, (imported[both], exported[both]), most=(most[both], least[both]))
    constant = _demand(draft, imported)
    return draft.finished(imported=imported, exported=exported, constant=constant)


def _range(problem: HomeProblem) -> tuple[Floats, Floats]:
    """The most that can be imported and exported, (T,) each [kW]."""
    most, least = np.zeros(problem.horizon.steps), np.zeros(problem.horizon.steps)
    for one in problem.resources:
        if isinstance(one, Load):
            most, least = most + one.power_kw, least - one.power_kw
        elif isinstance(one, PvOutput):
            most, least = most - (0.0 if one.curtailable else one.available_kw), least + one.available_kw
        elif isinstance(one, Appliance):
            most = most + one.profile.max()
        else:
            most, least = most + one.charge_kw, least + one.discharge_kw
    return np.maximum(0.0, most), np.maximum(0.0, least)


def _either(draft: _Draft, ways: tuple[Columns, Columns], *, most: tuple[Floats, Floats]) -> None:
    """Switches that let only one of two flows be above 0."""
    count = len(ways[0])
    if not count:
        return
    first = draft.columns(count, high=1.0, integer=True)
    rows = draft.rows(count, high=0.0)
    draft.put(rows, ways[0], value=1.0)
    draft.put(rows, first, value=-most[0])
    rows = draft.rows(count, high=most[1])
    draft.put(rows, ways[1], value=1.0)
    draft.put(rows, first, value=most[1])


def _demand(draft: _Draft, imported: Columns) -> float:
    prices = draft.problem.prices
    counted = np.flatnonzero(prices.peak_steps)
    if not counted.size:
        return 0.0
    peak = draft.columns(1, low=prices.demand_already_kw, cost=prices.demand_per_kw)
    rows = draft.rows(counted.size, high=0.0)
    draft.put(rows, imported[counted], value=1.0)
    draft.put(rows, peak, value=-1.0)
    return -prices.demand_per_kw * prices.demand_already_kw


def _produce(draft: _Draft, plant: PvOutput) -> None:
    if plant.curtailable:
        draft.produced[plant.name] = draft.columns(draft.steps, high=plant.available_kw)
        draft.put(np.arange(draft.steps), draft.produced[plant.name], value=1.0)


def _store(draft: _Draft, store: Store, *, exclusive: bool) -> None:
    steps, step_h = draft.steps, store.horizon.step_h
    charge = draft.columns(steps, high=store.charge_kw)
    stored = draft.columns(steps, low=store.least_kwh, high=store.most_kwh)
    known = -store.drain_kwh
    known[0] += store.retention * store.start_kwh
    rows = draft.rows(steps, low=known, high=known)
    draft.put(rows, stored, value=1.0)
    draft.put(rows[1:], stored[:-1], value=-store.retention)
    draft.put(rows, charge, value=-step_h * store.charge_efficiency)
    draft.put(np.arange(steps), charge, value=-1.0)
    draft.stored[store.name] = stored
    if store.discharges:
        discharge = draft.columns(steps, high=store.discharge_kw, cost=step_h * store.wear_per_kwh)
        draft.put(rows, discharge, value=step_h / store.discharge_efficiency)
        draft.put(np.arange(steps), discharge, value=1.0)
        draft.both_ways[store.name] = (charge, discharge)
        if exclusive:
            _either(draft, (charge, discharge), most=(store.charge_kw, store.discharge_kw))
    if store.switches:
        _switch(draft, store, charge=charge)


def _switch(draft: _Draft, store: Store, *, charge: Columns) -> None:
    """Charging with at least the least power or not at all, and perhaps without a break."""
    steps = draft.steps
    usable = (store.charge_kw >= store.min_charge_kw) & (store.charge_kw > 0)
    on = draft.columns(steps, high=usable.astype(np.float64), integer=True)
    rows = draft.rows(steps, high=0.0)
    draft.put(rows, charge, value=1.0)
    draft.put(rows, on, value=-store.charge_kw)
    rows = draft.rows(steps, low=0.0)
    draft.put(rows, charge, value=1.0)
    draft.put(rows, on, value=-store.min_charge_kw)
    if store.uninterrupted:
        again = np.flatnonzero((store.charge_kw[1:] > 0) & (store.charge_kw[:-1] > 0)) + 1
        rows = draft.rows(again.size, high=0.0)
        draft.put(rows, on[again], value=1.0)
        draft.put(rows, on[again - 1], value=-1.0)


def _run(draft: _Draft, appliance: Appliance) -> None:
    profile = appliance.profile
    if not appliance.interruptible:
        draws = appliance.runs().T
        chosen = draft.columns(draws.shape[1], high=1.0, integer=True)
        draft.put(draft.rows(1, low=1.0, high=1.0), chosen, value=1.0)
    else:
        draws, chosen = _phases(draft, appliance, profile=profile)
    draft.runs[appliance.name] = (chosen, draws)
    steps, columns = np.nonzero(draws)
    draft.put(steps, chosen[columns], value=-draws[steps, columns])


def _phases(draft: _Draft, appliance: Appliance, *, profile: Floats) -> tuple[Floats, Columns]:
    """A switch for each phase and step; a phase is done by a step only if the one before was by the step before."""
    window, count = appliance.window, len(profile)
    width = len(window)
    last_start = width - count
    at = draft.columns(
        count * width,
        high=np.concatenate([_between(width, phase, last=last_start + phase) for phase in range(count)]),
        integer=True,
    ).reshape(count, width)
    draft.put(draft.rows(count, low=1.0, high=1.0)[:, None], at, value=1.0)
    draft.put(draft.rows(width, high=1.0)[:, None], at.T, value=1.0)
    for phase in range(1, count):
        rows = draft.rows(width - 1, high=0.0)
        for row, step in zip(rows.tolist(), range(1, width), strict=True):
            draft.put(row, at[phase, : step + 1], value=1.0)
            draft.put(row, at[phase - 1, :step], value=-1.0)
    draws = np.zeros((draft.steps, count * width))
    for phase in range(count):
        draws[np.arange(window.start, window.stop), phase * width + np.arange(width)] = profile[phase]
    return draws, at.ravel()


def _between(width: int, first: int, *, last: int) -> Floats:
    """(width,) 1 from `first` to `last`, else 0."""
    places = np.arange(width)
    return ((places >= first) & (places <= last)).astype(np.float64)
