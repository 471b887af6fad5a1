"""A home that answers prices again and again: its program is kept warm in HiGHS, only costs change.

A home that switches is asked without its switches first; where that answer is a real one already, or time is short, no
integer program is solved. A store seen to charge and discharge at once gets switches from then on.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.home_explain import infeasible
from vpp.scheduling.home_lp import HomeLp, write_home
from vpp.scheduling.home_problem import Cost, HomeProblem, NoPlanInTimeError, cost_of
from vpp.scheduling.home_rule import rule_powers
from vpp.scheduling.program import SolverFailedError

PRIMAL_SIMPLEX: Final = 4
DUAL_SIMPLEX: Final = 1
AT_ONCE_KW: Final = 1e-6
WHOLE: Final = 1e-6
FEASIBLE: Final = 2  # HiGHS's word for a feasible primal solution


@dataclass(frozen=True, slots=True, eq=False)
class Behavior:
    """What a home does: stored energies [kWh] and powers [kW] by resource, at the meter (T,) [kW], and its cost."""

    stored_kwh: dict[str, Floats]
    power_kw: dict[str, Floats]
    meter_kw: Floats
    cost: Cost


@dataclass(frozen=True, slots=True, eq=False)
class HomeAnswer:
    """A behavior and a bound on what the best would cost at the same prices [currency]."""

    behavior: Behavior
    bound: float


def behave(problem: HomeProblem, stored_kwh: dict[str, Floats], *, others_kw: dict[str, Floats]) -> Behavior:
    """What follows from the energies of stores and the powers of all else: a store never does both at once."""
    power = dict(others_kw)
    discharged = {}
    step_h = problem.horizon.step_h
    for store in problem.resources:
        if not isinstance(store, Store):
            continue
        stored = stored_kwh[store.name]
        before = np.concatenate([[store.start_kwh], stored[:-1]])
        change = stored - (store.retention * before - store.drain_kwh)
        charge = np.clip(change / (store.charge_efficiency * step_h), 0.0, store.charge_kw)
        discharge = np.clip(change * (-store.discharge_efficiency / step_h), 0.0, store.discharge_kw)
        power[store.name], discharged[store.name] = charge - discharge, discharge
    meter: Floats = np.sum([power[one.name] for one in problem.resources], axis=0)
    return Behavior(stored_kwh, power, meter, cost_of(problem, meter, discharged_kw=discharged))


class HomeSolver:
    """One home's program; `ask` it what it does at a price that is added to its tariff."""

    def __init__(self, problem: HomeProblem) -> None:
        self.problem = problem
        self.switches = any(
            isinstance(one, Appliance) or (isinstance(one, Store) and one.switches)
            for one in problem.resources
        )
        self._exclusive: frozenset[str] = frozenset()
        self._last: Behavior | None = None
        self._write()

    def _write(self) -> None:
        self._lp = write_home(self.problem, exclusive=self._exclusive)
        self._relaxed = _load(self._lp, integer=False)

    def ask(self, price: Floats, *, time_limit_s: float) -> HomeAnswer:
        """Answer to what a kWh costs more in each step, (T,) [currency/kWh].

        Raises
        ------
        InfeasibleHomeError
            Naming what gives way.
        NoPlanInTimeError
            Where neither the solver within its time nor the simple rule found any plan.
        SolverFailedError
            For a failure inside the solver.
        """
        while True:
            bound, relaxed = self._relaxation(price)
            found: Floats | None = relaxed
            if not self._is_whole(relaxed):
                bound, found = self._integers(price, bound=bound, time_limit_s=time_limit_s)
            if found is None:
                return HomeAnswer(self._fallback(), bound)
            missed = self._both_ways(found) - self._exclusive
            if not missed:
                self._last = self._behavior(found)
                return HomeAnswer(self._last, bound)
            self._exclusive |= missed
            self._write()

    def _relaxation(self, price: Floats) -> tuple[float, Floats]:
        self._price(self._relaxed, price)
        status = _run(self._relaxed)
        if status != "kOptimal":  # a warm start may fail in its numbers where a new one does not
            self._relaxed = _load(self._lp, integer=False)
            self._relaxed.setOptionValue("simplex_strategy", DUAL_SIMPLEX)
            self._price(self._relaxed, price)
            status = _run(self._relaxed)
        if status in ("kUnboundedOrInfeasible", "kInfeasible"):
            raise infeasible(self.problem, time_limit_s=self.problem.time_limit_s)
        if status != "kOptimal":
            raise SolverFailedError(f"{self.problem.name}: HiGHS ended with {status}")
        return self._objective(self._relaxed), _values(self._relaxed)

    def _integers(self, price: Floats, *, bound: float, time_limit_s: float) -> tuple[float, Floats | None]:
        """The better bound, and the best found; None where nothing was found in the time."""
        if time_limit_s <= 0:
            return bound, None
        highs = _load(self._lp, integer=True)  # anew, for HiGHS counts the time of earlier questions
        self._price(highs, price)
        highs.setOptionValue("time_limit", time_limit_s)
        status = _run(highs)
        if status in ("kUnboundedOrInfeasible", "kInfeasible"):
            raise infeasible(self.problem, time_limit_s=self.problem.time_limit_s)
        if status not in ("kOptimal", "kTimeLimit"):
            raise SolverFailedError(f"{self.problem.name}: HiGHS ended with {status}")
        info = highs.getInfo()
        bound = max(bound, float(info.mip_dual_bound))
        return bound, _values(highs) if info.primal_solution_status == FEASIBLE else None

    def _price(self, highs: Any, price: Floats) -> None:
        lp, more = self._lp, price * self.problem.horizon.step_h
        meter = np.concatenate([lp.imported, lp.exported])
        cost = np.concatenate([lp.cost[lp.imported] + more, lp.cost[lp.exported] - more])
        highs.changeColsCost(len(meter), meter.astype(np.int32), cost)

    def _objective(self, highs: Any) -> float:
        return float(highs.getInfo().objective_function_value)

    def _is_whole(self, found: Floats) -> bool:
        switches = found[self._lp.integer]
        return bool((np.abs(switches - np.round(switches)) <= WHOLE).all())

    def _both_ways(self, found: Floats) -> frozenset[str]:
        return frozenset(
            name
            for name, (charge, discharge) in self._lp.both_ways.items()
            if float(np.minimum(found[charge], found[discharge]).max()) > AT_ONCE_KW
        )

    def _behavior(self, found: Floats) -> Behavior:
        lp = self._lp
        others = _fixed(self.problem)
        others |= {name: -found[columns] for name, columns in lp.produced.items()}
        others |= {name: draws @ np.round(found[columns]) for name, (columns, draws) in lp.runs.items()}
        stored = {name: found[columns] for name, columns in lp.stored.items()}
        return behave(self.problem, stored, others_kw=others)

    def _fallback(self) -> Behavior:
        """The last answer, or the simple rule's."""
        if self._last is not None:
            return self._last
        powers, nothing = rule_powers(self.problem), np.zeros(self.problem.horizon.steps)
        if powers is None:
            raise NoPlanInTimeError(f"{self.problem.name}: no plan was found in time, nor by the simple rule")
        stores = {one.name: one for one in self.problem.resources if isinstance(one, Store)}
        stored = {name: store.stored_from(powers[name], nothing) for name, store in stores.items()}
        others = {name: power for name, power in powers.items() if name not in stores}
        self._last = behave(self.problem, stored, others_kw=others)
        return self._last


def _fixed(problem: HomeProblem) -> dict[str, Floats]:
    fixed = {one.name: one.power_kw for one in problem.resources if isinstance(one, Load)}
    plants = [one for one in problem.resources if isinstance(one, PvOutput) and not one.curtailable]
    return fixed | {plant.name: -plant.available_kw for plant in plants}


def _load(lp: HomeLp, *, integer: bool) -> Any:
    import highspy

    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("simplex_strategy", PRIMAL_SIMPLEX),  # only costs change, so the last answer stays feasible
        ("mip_rel_gap", 1e-6),
        ("mip_abs_gap", 1e-9),
    ):
        highs.setOptionValue(option, value)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = lp.matrix.shape[1], lp.matrix.shape[0]
    model.col_cost_, model.col_lower_, model.col_upper_ = lp.cost, lp.low, lp.high
    model.row_lower_, model.row_upper_ = lp.row_low, lp.row_high
    model.offset_ = lp.constant
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = lp.matrix.indptr
    model.a_matrix_.index_ = lp.matrix.indices
    model.a_matrix_.value_ = lp.matrix.data
    if integer:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[bool(one)] for one in lp.integer]
    highs.passModel(model)
    return highs


def _run(highs: Any) -> str:
    highs.run()
    return str(highs.getModelStatus().name)


def _values(highs: Any) -> NDArray[np.float64]:
    return np.asarray(highs.getSolution().col_value, dtype=np.float64)
