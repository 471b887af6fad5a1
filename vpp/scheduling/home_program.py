"""A home as a program for HiGHS: linear, or mixed-integer where something switches.

    imported_t - exported_t = sum of the resources' powers          its dual is the price of a kWh in that step
    minimize h * sum(buy_t imported_t - sell_t exported_t) + wear + demand price * (peak - the peak there was)

Where selling pays more than buying costs, a switch a step keeps the meter from running both ways at once; a store gets
switches only after the program without them was seen to charge and discharge at once.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpp.resources.horizon import Floats, Requirement, ResourceModel, modeling, switch
from vpp.scheduling.home_problem import HomeProblem
from vpp.scheduling.program import Solved, solve_program

AT_ONCE_KW = 1e-6
LITTLE_KWH = 1e-6


@dataclass(frozen=True, slots=True)
class HomeProgram:
    """A home's variables and constraints in cvxpy; `needs` are the resources', `limits` the connection point's."""

    problem: HomeProblem
    models: tuple[ResourceModel, ...]
    imported_kwh: Any
    money: Any
    balance: Any
    constraints: list[Any]
    needs: tuple[Requirement, ...]
    limits: tuple[Requirement, ...]
    integers: int

    def solve(self, *, time_limit_s: float) -> Solved:
        """Reach the home's goal; for self-consumption the least import first, then the least cost."""
        held = [*self.constraints, *(one.short <= 0 for one in (*self.needs, *self.limits))]
        if self.problem.goal == "cost":
            return solve_program(self.money, held, time_limit_s=time_limit_s)
        first = solve_program(self.imported_kwh, held, time_limit_s=time_limit_s)
        if not first.found:
            return first
        held.append(self.imported_kwh <= first.objective + LITTLE_KWH)
        second = solve_program(self.money, held, time_limit_s=time_limit_s)
        if (
            not second.found
        ):  # leaves the variables without values, so that the first answer is asked for again
            return solve_program(self.imported_kwh, held, time_limit_s=time_limit_s)
        return Solved(second.status, first.objective, first.bound, first.seconds + second.seconds)

    def power_kw(self) -> dict[str, Floats]:
        """Of the solution, by resource."""
        return {model.name: np.asarray(model.power_kw.value, dtype=np.float64) + 0.0 for model in self.models}

    def detail(self, name: str) -> dict[str, Floats]:
        """One of the further expressions of the solution, by resource that has it."""
        return {
            model.name: np.asarray(model.details[name].value, dtype=np.float64) + 0.0
            for model in self.models
            if name in model.details
        }

    def price_per_kwh(self) -> Floats | None:
        """(T,) the price of one kWh more; None where there are switches."""
        if self.integers or self.problem.goal != "cost" or self.balance.dual_value is None:
            return None
        # cvxpy's multiplier of an equality is minus the change of the objective by the right-hand side.
        price = -np.asarray(self.balance.dual_value, dtype=np.float64) / self.problem.horizon.step_h
        return price + 0.0

    def both_ways(self) -> frozenset[str]:
        """The stores that charge and discharge at once in the solution."""
        return frozenset(
            model.name
            for model in self.models
            if model.both_ways
            and float(np.minimum(*(way.value for way in model.both_ways)).max()) > AT_ONCE_KW
        )


def build_program(
    problem: HomeProblem, *, exclusive: Collection[str] = (), relax: bool = False
) -> HomeProgram:
    """Write the program.

    Parameters
    ----------
    exclusive
        Stores, by name, that get switches against charging and discharging at once.
    relax
        Let all switches take values between: a lower bound.
    """
    cp = modeling()
    step_h, prices = problem.horizon.step_h, problem.prices
    models = tuple(
        resource.model(exclusive=resource.name in exclusive, relax=relax) for resource in problem.resources
    )
    most = np.maximum(0.0, sum(model.most_kw for model in models))
    least = np.maximum(0.0, -sum(model.least_kw for model in models))
    imported = cp.Variable(problem.horizon.steps, bounds=[np.zeros_like(most), most])
    exported = cp.Variable(problem.horizon.steps, bounds=[np.zeros_like(least), least])
    balance = imported - exported == sum(model.power_kw for model in models)
    constraints = [balance, *(one for model in models for one in model.constraints)]
    integers = sum(model.integers for model in models)
    paid = step_h * (prices.buy_per_kwh @ imported - prices.sell_per_kwh @ exported)
    money = paid + sum(model.cost for model in models)
    both = np.flatnonzero(prices.sell_per_kwh > prices.buy_per_kwh)
    if both.size:
        importing = switch(both.size, relax=relax)
        constraints += [
            imported[both] <= cp.multiply(most[both], importing),
            exported[both] <= cp.multiply(least[both], 1 - importing),
        ]
        integers += 0 if relax else both.size
    if prices.peak_steps.any():
        peak = cp.Variable()
        constraints += [peak >= prices.demand_already_kw, peak >= imported[np.flatnonzero(prices.peak_steps)]]
        money = money + prices.demand_per_kw * (peak - prices.demand_already_kw)
    return HomeProgram(
        problem=problem,
        models=models,
        imported_kwh=step_h * cp.sum(imported),
        money=money,
        balance=balance,
        constraints=constraints,
        needs=tuple(need for model in models for need in model.requirements),
        limits=_limits(problem, imported=imported, exported=exported),
        integers=integers,
    )


def _limits(problem: HomeProblem, *, imported: Any, exported: Any) -> tuple[Requirement, ...]:
    limits = []
    for way, flow, limit in (
        ("import", imported, problem.import_limit_kw),
        ("export", exported, problem.export_limit_kw),
    ):
        if limit is not None:
            limits.append(Requirement(flow - limit, _over(problem, way=way, limit_kw=limit)))
    return tuple(limits)


def _over(problem: HomeProblem, *, way: str, limit_kw: float) -> Any:
    def sentence(step: int, over: float) -> str:
        when = problem.horizon.label(step)
        return f"the {way} limit of {limit_kw:g} kW cannot be kept from {when}: at least {limit_kw + over:.3g} kW"

    return sentence
