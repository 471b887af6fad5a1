"""Optimize over all that a fleet can do together, exactly, by columns that its devices answer to prices with."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError
from vpp.flexibility.support import Oracle

Floats = NDArray[np.float64]
Status = Literal["optimal", "stopped"]
MOST_GROUPS: Final = 64
SMOOTHING: Final = 0.5


class AggregateError(VppError):
    """A question about an aggregate that makes no sense, or devices that do not answer it."""

    code = "invalid_aggregate_problem"


@dataclass(frozen=True, slots=True)
class AggregateProblem:
    """Minimize `sum_t price_t * P_t * step_h + peak_price * max_t (base_t + P_t)` over the aggregate's power P.

    Attributes
    ----------
    step_h
        Length of an interval [h].
    price_per_kwh
        (T,) [currency/kWh].
    base_kw
        (T,) what is drawn beside the devices [kW].
    peak_price_per_kw
        [currency/kW], >= 0, on the highest import; 0 for none. Prices of 0 and a peak price of 1 minimize the peak.

    Raises
    ------
    AggregateError
        For shapes that do not fit, NaN, infinity, a negative peak price.
    """

    step_h: float
    price_per_kwh: Floats
    base_kw: Floats
    peak_price_per_kw: float = 0.0

    def __post_init__(self) -> None:
        shape = np.shape(self.price_per_kwh)
        if len(shape) != 1 or 0 in shape or np.shape(self.base_kw) != shape:
            raise AggregateError(f"prices of shape {shape} and base {np.shape(self.base_kw)} do not fit")
        for name in ("price_per_kwh", "base_kw", "step_h", "peak_price_per_kw"):
            if not np.isfinite(getattr(self, name)).all():
                raise AggregateError(f"{name} is not a finite number")
        if self.step_h <= 0 or self.peak_price_per_kw < 0:
            raise AggregateError("step_h must be more than 0 and peak_price_per_kw at least 0")

    def cost(self, power_kw: Floats) -> float:
        """What a power (T,) [kW] of the aggregate costs [currency]."""
        energy = float(self.price_per_kwh @ power_kw) * self.step_h
        return energy + self.peak_price_per_kw * float((self.base_kw + power_kw).max())


@dataclass(frozen=True, slots=True)
class AggregateResult:
    """The best power of an aggregate and how the devices make it.

    Attributes
    ----------
    power_kw
        (T,) [kW], exactly what `disaggregate` hands out.
    objective, lower_bound
        Cost of it, and what no power can go below [currency]; `status` is "optimal" where they meet to the tolerance.
    prices
        (K, T) [currency/kW] the devices were asked with: asking again gives their columns.
    weights
        (K, R) convex weights of the columns for each of R groups: each column of it sums to 1.
    group_of
        (N,) the group of each device.
    """

    power_kw: Floats
    objective: float
    lower_bound: float
    status: Status
    prices: Floats
    weights: Floats
    group_of: NDArray[np.int64]


class _Columns(NamedTuple):
    """What the groups answered: prices (K, T), powers (K, R, T) [kW]."""

    prices: list[Floats]
    powers: list[Floats]


class _Master(NamedTuple):
    """The best mixture of the columns so far: weights (K, R), the peak's prices (T,), its cost."""

    weights: Floats
    peak_prices: Floats
    objective: float


def solve_over_aggregate(
    problem: AggregateProblem,
    oracle: Oracle,
    *,
    tolerance: float = 1e-7,
    most_rounds: int = 500,
    groups: int = 1,
) -> AggregateResult:
    """The optimum over the Minkowski sum of all devices, with weights that hand it out exactly.

    Without a peak price one answer of the devices is the optimum. With it, column generation (Dantzig and Wolfe
    1960): a small linear program mixes the answers so far and prices each interval's share in the peak, devices answer
    to those prices, until no answer improves it. Devices may be put into groups that are mixed apart; prices are
    pulled half-way to the best bound's (Wentges 1997). Every round gives a proven lower bound.

    Parameters
    ----------
    oracle
        For prices (T,) the cheapest profile (N, T) [kW] of each device; any convex devices will do.
    tolerance
        Gap between objective and lower bound, relative to the greater of 1 and the objective.
    most_rounds
        After so many the best so far is returned as "stopped".
    groups
        Number of groups, at most 64. More of them need fewer rounds and make each dearer: worth it where the devices
        take long to answer.

    Raises
    ------
    AggregateError
        For an oracle that answers with anything but (N, T) finite numbers.
    """
    energy_prices = problem.price_per_kwh * problem.step_h
    first = energy_prices + problem.peak_price_per_kw / len(energy_prices)
    answer = _ask(oracle, first)
    count = max(1, min(len(answer), groups, MOST_GROUPS))
    group_of = np.arange(len(answer), dtype=np.int64) % count
    columns = _Columns([first], [_by_group(answer, group_of)])
    if problem.peak_price_per_kw == 0:
        power = answer.sum(axis=0)
        cost = problem.cost(power)
        return AggregateResult(
            power, cost, cost, "optimal", first[None], np.ones((1, count)), group_of
        )  # fmt: skip
    return _generate(problem, oracle, columns=columns, group_of=group_of, limits=(tolerance, most_rounds))


def _generate(
    problem: AggregateProblem,
    oracle: Oracle,
    *,
    columns: _Columns,
    group_of: NDArray[np.int64],
    limits: tuple[float, int],
) -> AggregateResult:
    tolerance, most_rounds = limits
    energy_prices = problem.price_per_kwh * problem.step_h
    best = columns.prices[0] - energy_prices
    bound = _bound(problem, best, power=columns.powers[0])
    master = _mix(problem, columns)
    status: Status = "stopped"
    smoothing = SMOOTHING
    for _ in range(most_rounds):
        if master.objective - bound <= tolerance * max(1.0, abs(master.objective)):
            status = "optimal"
            break
        asked = smoothing * best + (1.0 - smoothing) * master.peak_prices
        powers = _by_group(_ask(oracle, energy_prices + asked), group_of)
        columns.prices.append(energy_prices + asked)
        columns.powers.append(powers)
        found = _bound(problem, asked, power=powers)
        before = master.objective
        master = _mix(problem, columns)
        # An answer that helped neither way: the next prices are the master's own, which always do.
        smoothing = 0.0 if found <= bound and master.objective >= before else SMOOTHING
        if found > bound:
            best, bound = asked, found
    used = master.weights.max(axis=1) > 0
    power = np.einsum("kr,krt->t", master.weights, np.stack(columns.powers))
    return AggregateResult(
        power_kw=power,
        objective=problem.cost(power),
        lower_bound=bound,
        status=status,
        prices=np.stack(columns.prices)[used],
        weights=master.weights[used],
        group_of=group_of,
    )


def _ask(oracle: Oracle, prices: Floats) -> Floats:
    answer = np.asarray(oracle(prices), dtype=np.float64)
    if answer.ndim != 2 or len(answer) == 0 or answer.shape[1:] != prices.shape:
        raise AggregateError(f"devices answered with shape {answer.shape} to {len(prices)} prices")
    if not np.isfinite(answer).all():
        raise AggregateError("a device answered with what is not a finite number")
    return answer


def _by_group(profiles: Floats, group_of: NDArray[np.int64]) -> Floats:
    """Sums (R, T) of the profiles (N, T)."""
    sums = np.zeros((int(group_of.max()) + 1, profiles.shape[1]))
    np.add.at(sums, group_of, profiles)
    return sums


def _bound(problem: AggregateProblem, peak_prices: Floats, *, power: Floats) -> float:
    """The Lagrangian bound of an answer `power` (R, T) to peak prices that sum to the peak's price."""
    prices = problem.price_per_kwh * problem.step_h + peak_prices
    return float(peak_prices @ problem.base_kw + prices @ power.sum(axis=0))


def _mix(problem: AggregateProblem, columns: _Columns) -> _Master:
    """The cheapest mixture of the columns: a weight for each and group, and the peak, by HiGHS."""
    from scipy import sparse
    from scipy.optimize import linprog

    powers = np.stack(columns.powers)
    count, groups, steps = powers.shape
    costs = powers @ (problem.price_per_kwh * problem.step_h)
    rows = np.hstack([powers.reshape(count * groups, steps).T, -np.ones((steps, 1))])
    one_each = sparse.hstack(
        [sparse.kron(np.ones((1, count)), sparse.identity(groups)), np.zeros((groups, 1))]
    )
    bounds = [(0.0, None)] * (count * groups) + [(None, None)]
    answer = linprog(
        np.append(costs.ravel(), problem.peak_price_per_kw),
        A_ub=rows, b_ub=-problem.base_kw, A_eq=one_each.tocsc(), b_eq=np.ones(groups), bounds=bounds, method="highs",
    )  # fmt: skip
    if answer.status != 0:
        raise AggregateError(f"the mixture of {count} answers has no optimum: {answer.message}")
    weights = np.maximum(answer.x[:-1].reshape(count, groups), 0.0)
    peak_prices = np.maximum(-answer.ineqlin.marginals, 0.0)
    peak_prices *= problem.peak_price_per_kw / peak_prices.sum()
    return _Master(weights / weights.sum(axis=0), peak_prices, float(answer.fun))
