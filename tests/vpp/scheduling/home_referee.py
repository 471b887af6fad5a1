"""A home written a second time, as matrices for scipy's HiGHS, with a switch wherever one could be missed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store

BIG_KW = 1000.0


class Referee:
    """Columns and rows that grow; every row is least <= sum <= most."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.low: list[float] = []
        self.high: list[float] = []
        self.integer: list[int] = []
        self.cost: list[float] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []

    def columns(self, low: Any, high: Any, *, integer: bool = False) -> list[int]:
        first = len(self.low)
        self.low += list(np.broadcast_to(low, self.steps))
        self.high += list(np.broadcast_to(high, self.steps))
        self.cost += [0.0] * self.steps
        self.integer += [int(integer)] * self.steps
        return list(range(first, first + self.steps))

    def row(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def solve(self) -> float | None:
        matrix = np.zeros((len(self.rows), len(self.low)))
        for index, (terms, _, _) in enumerate(self.rows):
            for column, factor in terms.items():
                matrix[index, column] = factor
        limits = LinearConstraint(matrix, [row[1] for row in self.rows], [row[2] for row in self.rows])
        answer = milp(
            self.cost,
            constraints=limits,
            bounds=Bounds(np.array(self.low), np.array(self.high)),
            integrality=self.integer,
            options={"mip_rel_gap": 1e-9},
        )
        return float(answer.fun) if answer.status == 0 else None


def referee_cost(
    resources: Sequence[Any],
    *,
    buy: Floats,
    sell: Floats,
    import_limit_kw: float | Floats = BIG_KW,
    export_limit_kw: float | Floats = BIG_KW,
    demand_per_kw: float = 0.0,
) -> float | None:
    """The least cost [currency], or None where there is no plan."""
    steps, step_h = resources[0].horizon.steps, resources[0].horizon.step_h
    program = Referee(steps)
    drawn = program.columns(0.0, np.minimum(import_limit_kw, BIG_KW))
    given = program.columns(0.0, np.minimum(export_limit_kw, BIG_KW))
    way = program.columns(0.0, 1.0, integer=True)
    peak = program.columns(0.0, BIG_KW)[0]
    program.cost[peak] = demand_per_kw
    balance: list[dict[int, float]] = [{drawn[t]: 1.0, given[t]: -1.0} for t in range(steps)]
    fixed = np.zeros(steps)
    for t in range(steps):
        program.cost[drawn[t]], program.cost[given[t]] = step_h * buy[t], -step_h * sell[t]
        program.row({drawn[t]: 1.0, way[t]: -BIG_KW}, -np.inf, 0.0)
        program.row({given[t]: 1.0, way[t]: BIG_KW}, -np.inf, BIG_KW)
        program.row({drawn[t]: 1.0, peak: -1.0}, -np.inf, 0.0)
    for resource in resources:
        if isinstance(resource, Load):
            fixed += resource.power_kw
        elif isinstance(resource, PvOutput):
            low = 0.0 if resource.curtailable else resource.available_kw
            for t, column in enumerate(program.columns(low, resource.available_kw)):
                balance[t][column] = 1.0
        elif isinstance(resource, Appliance):
            add_appliance(program, resource, balance=balance)
        else:
            add_store(program, resource, balance=balance)
    for t in range(steps):
        program.row(balance[t], float(fixed[t]), float(fixed[t]))
    return program.solve()


def add_store(program: Referee, store: Store, *, balance: list[dict[int, float]]) -> None:
    step_h = store.horizon.step_h
    charge = program.columns(0.0, store.charge_kw)
    discharge = program.columns(0.0, store.discharge_kw)
    stored = program.columns(store.least_kwh, store.most_kwh)
    on = program.columns(0.0, 1.0, integer=True)
    for t in range(program.steps):
        balance[t] |= {charge[t]: -1.0, discharge[t]: 1.0}
        program.cost[discharge[t]] = store.wear_per_kwh * step_h
        program.row({charge[t]: 1.0, on[t]: -float(store.charge_kw[t])}, -np.inf, 0.0)
        program.row({discharge[t]: 1.0, on[t]: BIG_KW}, -np.inf, BIG_KW)
        program.row({charge[t]: 1.0, on[t]: -store.min_charge_kw}, 0.0, np.inf)
        if store.uninterrupted and t and store.charge_kw[t] > 0 and store.charge_kw[t - 1] > 0:
            program.row({on[t]: 1.0, on[t - 1]: -1.0}, -np.inf, 0.0)
        terms = {
            stored[t]: 1.0,
            charge[t]: -step_h * float(store.charge_efficiency[t]),
            discharge[t]: step_h / store.discharge_efficiency,
        }
        known = -float(store.drain_kwh[t])
        if t:
            terms[stored[t - 1]] = -store.retention
        else:
            known += store.retention * store.start_kwh
        program.row(terms, known, known)


def add_appliance(program: Referee, appliance: Appliance, *, balance: list[dict[int, float]]) -> None:
    """Phase by phase, each in one step of the window and after the phase before it."""
    before: list[int] = []
    for place, power in enumerate(appliance.profile):
        inside = [float(t in appliance.window) for t in range(program.steps)]
        at = program.columns(0.0, inside, integer=True)
        program.row(dict.fromkeys(at, 1.0), 1.0, 1.0)
        for t, column in enumerate(at):
            balance[t][column] = -float(power)
        if place:
            terms = {column: float(t) for t, column in enumerate(at)}
            terms |= {column: -float(t) for t, column in enumerate(before)}
            program.row(terms, 1.0, np.inf if appliance.interruptible else 1.0)
        before = at
