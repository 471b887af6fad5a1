"""The fleet's allocation by column generation: `shed_program`'s problem for portfolios it is too slow for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch import shed_kernel
from vpp.dispatch.battery_fleet import split_homes
from vpp.dispatch.coordinate import Effort, Mix, coordinate
from vpp.dispatch.coupling import Coupling, Floats, Limit, couple
from vpp.dispatch.master import Response
from vpp.dispatch.problem import AllocationProblem, Cuts
from vpp.dispatch.shed_kernel import ShedPart, ShedTotals
from vpp.dispatch.shed_program import fair_share_kw
from vpp.scheduling.battery_oracle import Spread

BLOCKS: Final = 32
SAMPLE: Final = 500  # homes whose prices the rest begins with
SAMPLED_FROM: Final = 4  # times as many homes, below which all are asked at once
# Fair shares make answers change gradually with prices, so that no ties need breaking; but the last tenth of a gap
# then takes as many rounds as all before it.
USUAL: Final = Effort(gap=5e-4, grain=0.0)
TARGET: Final = "the target"


@dataclass(frozen=True)
class ShedBlocks:
    """Blocks of homes that answer to prices: block b is `starts[b]:starts[b + 1]` of the homes of `part`."""

    part: ShedPart
    starts: NDArray[np.intp]
    spread: Spread = map

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh of shed costs more in each block, (B, T) [currency/kWh]."""
        count = len(self.starts) - 1
        response = Response(np.empty(count), np.empty(prices.shape), np.empty(count))
        solver = compiled_totals()

        def answer(block: int) -> None:
            totals = solver(self._of(block), -prices[block])
            response.cost[block] = totals.cost
            response.usage_kw[block] = totals.shed
            response.bound[block] = totals.bound

        for _ in self.spread(answer, range(count)):
            pass
        return response

    def cuts_kw(self, asked: Sequence[Floats], *, weights: Floats) -> Floats:
        """(N, T, 3) what battery, EV and heat pump give [kW], from the mix of the answers to K prices (B, T)."""
        cuts = np.zeros((*self.part.idle.shape, 3))
        solver = compiled_cuts()

        def follow(block: int) -> None:
            rows = slice(self.starts[block], self.starts[block + 1])
            for number in np.flatnonzero(weights[:, block] > 0).tolist():
                cuts[rows] += weights[number, block] * solver(self._of(block), -asked[number][block])

        for _ in self.spread(follow, range(len(self.starts) - 1)):
            pass
        return cuts

    def some(self, first: int, last: int) -> "ShedBlocks":
        """The blocks from `first` up to `last`, with their homes only: what one shard answers for."""
        starts = self.starts[first : last + 1]
        part = self._rows(slice(starts[0], starts[-1]))
        return ShedBlocks(part, starts - starts[0], self.spread)

    def _of(self, block: int) -> ShedPart:
        return self._rows(slice(self.starts[block], self.starts[block + 1]))

    def _rows(self, rows: slice) -> ShedPart:
        return self.part._replace(**{name: getattr(self.part, name)[rows] for name in shed_kernel.PER_HOME})


class Workers(Protocol):
    """Whoever answers for the blocks: they themselves, or shards elsewhere."""

    def respond(self, prices: Floats) -> Response:
        """As `ShedBlocks.respond`."""
        ...

    def cuts_kw(self, asked: Sequence[Floats], *, weights: Floats) -> Floats:
        """As `ShedBlocks.cuts_kw`."""
        ...


class ShedFleet:
    """The oracle of an allocation's homes, in blocks; what limits sum is the shed [kW].

    Parameters
    ----------
    problem
        N homes over T intervals.
    blocks, spread
        How many blocks, and how to work through them.
    employ
        Who answers for the blocks; None for this process.
    """

    def __init__(
        self,
        problem: AllocationProblem,
        *,
        blocks: int = BLOCKS,
        spread: Spread = map,
        employ: Callable[[ShedBlocks], Workers] | None = None,
    ) -> None:
        homes = len(problem.envelope.names)
        zones = np.zeros(homes, np.intp) if problem.zone_of_home is None else problem.zone_of_home
        self.blocks = split_homes(zones, blocks=blocks)
        own = ShedBlocks(_ordered(problem, self.blocks.homes), self.blocks.starts, spread)
        self._workers: Workers = own if employ is None else employ(own)

    @property
    def zone_of_block(self) -> NDArray[np.intp]:
        """(B,) the zone each block is in."""
        return self.blocks.zone_of_block

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh of shed costs more in each block, (B, T) [currency/kWh]."""
        return self._workers.respond(prices)

    def cuts_kw(self, mix: Mix) -> Floats:
        """(N, T, 3) what battery, EV and heat pump of each home give [kW], as the blocks' mixes say."""
        ordered = self._workers.cuts_kw(mix.asked, weights=mix.weights)
        cuts = np.empty_like(ordered)
        cuts[self.blocks.homes] = ordered
        return cuts


def solve_shed(
    problem: AllocationProblem,
    *,
    effort: Effort | None = None,
    spread: Spread = map,
    warm: Floats | None = None,
    employ: Callable[[ShedBlocks], Workers] | None = None,
) -> Cuts:
    """Solve an allocation for any number of homes; every one must be usable, and there must be one.

    Parameters
    ----------
    problem
        Targets, bounds and limits.
    effort
        Gap and time; at the deadline the best plan so far is returned.
    spread
        How to work through the blocks: `map`, or that of a pool of threads.
    warm
        Prices (1 + limits, T) of the last run, as in `Mix`; without them a sample of a large fleet is solved first.
    employ
        Who answers for the blocks, see `ShedFleet`.

    Returns
    -------
    Cuts
        With the dual price of the target, the proven gap, and a sentence for each limit that costs or is missed.
    """
    fleet = ShedFleet(problem, spread=spread, employ=employ)
    coupling = coupling_of(problem, zones=int(fleet.zone_of_block.max()) + 1)
    if warm is None and not problem.limits and len(problem.envelope.names) >= SAMPLED_FROM * SAMPLE:
        warm = _learned(problem)
    mix = coordinate(fleet, coupling, effort=effort or USUAL, warm=warm)
    return cuts_of(problem, mix, cuts_kw=fleet.cuts_kw(mix))


def _learned(problem: AllocationProblem) -> Floats:
    """Prices (1, T) from a sample that is asked for as much beyond what comes anyway as its part of the fleet."""
    homes = len(problem.envelope.names)
    rows = np.zeros(homes, np.bool_)
    rows[np.random.default_rng(0).permutation(homes)[:SAMPLE]] = True
    idle = problem.envelope.idle_shed_kw
    target = idle[rows].sum(axis=0) + SAMPLE / homes * (problem.target_kw - idle.sum(axis=0))
    part = replace(problem.select(rows), target_kw=np.maximum(0.0, target))
    fleet = ShedFleet(part)
    coupling = coupling_of(part, zones=int(fleet.zone_of_block.max()) + 1)
    return coordinate(fleet, coupling, effort=replace(USUAL, gap=2 * USUAL.gap)).prices


def cuts_of(problem: AllocationProblem, mix: Mix, *, cuts_kw: Floats) -> Cuts:
    """The answer in the terms of the problem: each cut held to its bound, prices of the target and of the limits."""
    envelope = problem.envelope
    return Cuts(
        discharge_kw=np.clip(cuts_kw[:, :, 0], 0.0, envelope.battery_kw),
        ev_kw=np.clip(cuts_kw[:, :, 1], 0.0, envelope.ev_kw),
        heat_kw=np.clip(cuts_kw[:, :, 2], 0.0, envelope.heat_kw),
        price_per_kwh=-mix.prices[0] + 0.0,
        objective=mix.certificate.primal,
        solver="columns",
        gap=mix.certificate.gap,
        limit_prices=-mix.prices[1:] + 0.0,
    )


def coupling_of(problem: AllocationProblem, *, zones: int) -> Coupling:
    """The target and the limits as bounds of the summed shed."""
    weights, baseline = problem.weights, problem.envelope.baseline_kw
    rows = [
        Limit(
            TARGET,
            problem.target_kw,
            problem.target_kw,
            penalty_least=weights.shortfall,
            penalty_most=weights.surplus,
        )
    ]
    for limit in problem.limits:
        drawn = baseline[problem.homes_of(limit)].sum(axis=0)
        rows.append(
            Limit(
                limit.name,
                drawn - limit.most_kw,
                drawn - limit.least_kw,
                zones=limit.zones if problem.zone_of_home is not None else None,
                penalty_least=limit.penalty_most,
                penalty_most=limit.penalty_least,
            )
        )
    steps = len(problem.target_kw)
    present = [_present(limit, zones=zones) for limit in rows]
    return couple(present, zones=zones, steps=steps, step_h=problem.envelope.hours)


def _present(limit: Limit, *, zones: int) -> Limit:
    """The limit without zones no home of the portfolio is in."""
    kept = None if limit.zones is None else tuple(zone for zone in limit.zones if zone < zones)
    return replace(limit, zones=kept)


def _ordered(problem: AllocationProblem, order: NDArray[np.intp]) -> ShedPart:
    envelope, weights = problem.envelope, problem.weights

    def cost(weight: float, factors: Floats | None) -> Floats:
        made: Floats = weight * (np.ones(len(order)) if factors is None else factors[order])
        return made

    def rows(values: Floats) -> Floats:
        return np.ascontiguousarray(values[order], dtype=np.float64)

    return ShedPart(
        idle=rows(envelope.idle_shed_kw),
        battery=rows(envelope.battery_kw),
        ev=rows(envelope.ev_kw),
        heat=rows(envelope.heat_kw),
        headroom=rows(envelope.headroom_kw),
        share=rows(fair_share_kw(problem)),
        battery_kwh=rows(envelope.battery_kwh),
        heat_kwh=rows(envelope.heat_kwh),
        ev_cost=cost(weights.ev_discomfort, problem.ev_discomfort),
        heat_cost=cost(weights.heat_discomfort, problem.heat_discomfort),
        cycle=weights.cycle_cost,
        behind=weights.behind,
        fairness=weights.fairness,
        hours=envelope.hours,
    )


@cache
def compiled_totals() -> Callable[[ShedPart, Floats], ShedTotals]:
    """The kernel that keeps sums; as it stands, and slow, where numba is not installed."""
    totals: Callable[[ShedPart, Floats], ShedTotals] = _compiled(shed_kernel.total_shed)
    return totals


@cache
def compiled_cuts() -> Callable[[ShedPart, Floats], Floats]:
    """The kernel that keeps every home's cuts."""
    cuts: Callable[[ShedPart, Floats], Floats] = _compiled(shed_kernel.cut_homes)
    return cuts


def _compiled(function: Any) -> Any:
    if find_spec("numba") is None:
        return function
    from numba import njit
    from numba.extending import register_jitable

    for helper in shed_kernel.HELPERS:
        register_jitable(helper)
    return njit(nogil=True, cache=True)(function)
