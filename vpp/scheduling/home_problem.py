"""The question of a home's own optimum, checked, and its answer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vpp.errors import VppError
from vpp.resources.horizon import Floats, Horizon
from vpp.resources.store import Store
from vpp.scheduling.battery_problem import ScheduleError
from vpp.scheduling.prices import Prices
from vpp.scheduling.respond import Planned

Goal = Literal["cost", "self_consumption"]
HomeMethod = Literal["slope_trick", "lp", "milp", "rule"]


class InfeasibleHomeError(ScheduleError):
    """Needs and limits of a home that cannot be met together; names the home, the resource and the constraint."""

    code = "infeasible_home"


class NoPlanInTimeError(VppError):
    """Neither the solver within its time nor the simple rule found a plan; more time may help."""

    code = "no_plan_in_time"
    permanent = False


@dataclass(frozen=True, slots=True)
class HomeProblem:
    """Resources behind one meter.

    Attributes
    ----------
    name
        What to call the home in an error.
    resources
        Each with a name of its own, all over one horizon. Reserves, ready-by needs and windows are theirs.
    prices
        At the meter.
    import_limit_kw, export_limit_kw
        At the grid connection point [kW], >= 0; None means no limit.
    goal
        `cost`, or `self_consumption`: least energy imported, and least cost among such plans.
    time_limit_s
        For the solver [s], >= 0.

    Raises
    ------
    ScheduleError
        For no resources, names used twice, horizons or prices that do not fit, negative limits or NaN.
    """

    name: str
    resources: tuple[Planned, ...]
    prices: Prices
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None
    goal: Goal = "cost"
    time_limit_s: float = 5.0

    def __post_init__(self) -> None:
        names = [resource.name for resource in self.resources]
        if not names:
            raise ScheduleError(f"{self.name} has no resources")
        if len(set(names)) < len(names):
            raise ScheduleError(f"{self.name} has two resources of one name: {', '.join(sorted(names))}")
        lengths = {(resource.horizon.steps, resource.horizon.step_h) for resource in self.resources}
        if len(lengths) > 1:
            raise ScheduleError(f"the resources of {self.name} have different horizons")
        if len(self.prices.buy_per_kwh) != self.horizon.steps:
            raise ScheduleError(
                f"{len(self.prices.buy_per_kwh)} prices do not fit the {self.horizon.steps} steps of {self.name}"
            )
        for field in ("import_limit_kw", "export_limit_kw", "time_limit_s"):
            value = getattr(self, field)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ScheduleError(f"{field} of {self.name} is {value}, must be finite and at least 0")
        if self.goal not in ("cost", "self_consumption"):
            raise ScheduleError(f"goal of {self.name} is {self.goal!r}, must be cost or self_consumption")

    @property
    def horizon(self) -> Horizon:
        """Of all its resources."""
        return self.resources[0].horizon


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs, by part [currency]; income is taken off."""

    import_cost: float
    export_income: float
    demand: float
    wear: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.import_cost - self.export_income + self.demand + self.wear


@dataclass(frozen=True, slots=True, eq=False)
class HomePlan:
    """What a home does.

    Attributes
    ----------
    power_kw
        By resource, (T,) [kW], load convention.
    stored_kwh
        By resource that stores, (T,) at the end of each step [kWh].
    meter_kw
        (T,) the sum of the powers: import is positive [kW].
    cost
        By part [currency].
    objective, lower_bound
        What the goal asks to be small, of this plan, and a value no plan can go below [currency; kWh imported for
        self_consumption].
    exact
        Whether the two are the same to 1e-6.
    method
        `slope_trick` and `lp` are exact; `milp` as far as `exact` says; `rule` is the simple plan there is when the
        solver found none in its time.
    price_per_kwh
        (T,) what one kWh more of load in a step would cost [currency/kWh]; None where switches are involved.
    explanation
        Sentences.
    """

    power_kw: Mapping[str, Floats]
    stored_kwh: Mapping[str, Floats]
    meter_kw: Floats
    cost: Cost
    objective: float
    lower_bound: float
    exact: bool
    method: HomeMethod
    price_per_kwh: Floats | None
    explanation: tuple[str, ...]

    @property
    def gap(self) -> float:
        """How far the objective may be above the best, relative to it [1]; infinite where nothing is proven."""
        if not math.isfinite(self.lower_bound):
            return math.inf
        return max(0.0, self.objective - self.lower_bound) / max(1e-9, abs(self.objective))


def cost_of(problem: HomeProblem, meter_kw: Floats, *, discharged_kw: Mapping[str, Floats]) -> Cost:
    """What powers at the meter (T,) and discharging by resource (T,) [kW] cost."""
    step_h, prices = problem.horizon.step_h, problem.prices
    imported, exported = np.maximum(meter_kw, 0.0), np.maximum(-meter_kw, 0.0)
    wear = sum(
        resource.wear_per_kwh * float(discharged_kw[resource.name].sum())
        for resource in problem.resources
        if isinstance(resource, Store) and resource.name in discharged_kw
    )
    return Cost(
        import_cost=float(prices.buy_per_kwh @ imported) * step_h,
        export_income=float(prices.sell_per_kwh @ exported) * step_h,
        demand=prices.demand_cost(imported),
        wear=wear * step_h,
    )
