"""The cheapest plan of many home batteries under shared limits, with its certificate and prices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.battery_fleet import BLOCKS, BatteryFleet
from vpp.dispatch.coordinate import Certificate, Effort, Mix, coordinate
from vpp.dispatch.coupling import Coupling, CouplingError, Floats, Limit, couple
from vpp.scheduling.battery_oracle import Spread, powers_of
from vpp.scheduling.battery_problem import BatteryPowers, BatteryProblem

# Prices are learned from samples of at most and at least so many homes a zone, each a part of the next larger one.
LARGEST_SAMPLE: Final = 1500
SMALLEST_SAMPLE: Final = 100
SAMPLED: Final = 6
SAMPLE_BLOCKS: Final = 20
GRAIN: Final = 0.004


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What each battery does, and what the limits cost.

    `homes` holds arrays over N homes; `prices` (M, T) are the limits' duals [currency/kWh]: what the cost would fall by
    if one more kWh were let through at that step (negative for a lower bound); `sums_kw` (M, T) is what each limit
    sums [kW], `below_kw` and `above_kw` by how much it is missed.
    """

    homes: BatteryPowers
    prices: Floats
    sums_kw: Floats
    below_kw: Floats
    above_kw: Floats
    certificate: Certificate
    explanation: tuple[str, ...]


def plan_batteries(
    problem: BatteryProblem,
    limits: Sequence[Limit],
    *,
    zone_of_home: NDArray[np.intp] | None = None,
    effort: Effort | None = None,
    warm: Floats | None = None,
    blocks: int = BLOCKS,
    spread: Spread = map,
) -> FleetPlan:
    """Plan every home so that their sum keeps the limits at the least cost.

    Parameters
    ----------
    problem
        N homes over T steps, with the limits of their own connection points.
    limits
        What couples them.
    zone_of_home
        (N,) number of each home's zone; None where all limits mean all homes.
    effort
        Gap and time; its grain is set from the prices where it is the default.
    warm
        Prices (M, T) of the last run; without them a sample of the homes is solved first, where there are many.
    blocks, spread
        As in `BatteryFleet`.

    Raises
    ------
    CouplingError
        For limits or zones that do not fit the homes.
    InfeasibleScheduleError
        Naming homes whose battery cannot keep its own bounds, or is too weak for a limit of the connection point.
    """
    effort = effort or Effort(grain=max(1e-6, GRAIN * float(np.abs(problem.buy_per_kwh).mean())))
    zones = _checked_zones(problem, zone_of_home)
    steps = problem.net_kw.shape[1]
    coupling = couple(limits, zones=int(zones.max()) + 1, steps=steps, step_h=problem.step_h)
    fleet = BatteryFleet(problem, zone_of_home=zones, blocks=blocks, spread=spread)
    if warm is not None and warm.shape != coupling.shape:
        raise CouplingError(f"prices of shape {warm.shape} do not fit limits of {coupling.shape}")
    if warm is None and limits:
        warm = learned_prices(problem, coupling, zones=zones, effort=effort)
    mix = coordinate(fleet, coupling, effort=effort, warm=warm)
    homes = powers_of(problem, fleet.stored_kwh(mix.asked, weights=mix.weights))
    return _result(coupling, mix, homes=homes, zones=zones)


def _result(coupling: Coupling, mix: Mix, *, homes: BatteryPowers, zones: NDArray[np.intp]) -> FleetPlan:
    """The plan with what is true of it: a mix of stored energies may cost less than the mix of the costs."""
    zone_kw = np.zeros((coupling.member.shape[1], homes.grid_kw.shape[1]))
    np.add.at(zone_kw, zones, homes.grid_kw)
    below, above = coupling.violation_kw(zone_kw)
    certificate = replace(
        mix.certificate,
        primal=min(mix.certificate.primal, float(homes.cost.sum()) + coupling.penalty(zone_kw)),
        violation_kw=float(np.maximum(below, above).max(initial=0.0)),
    )
    return FleetPlan(
        homes=homes,
        prices=mix.prices,
        sums_kw=coupling.sums(zone_kw),
        below_kw=below,
        above_kw=above,
        certificate=certificate,
        explanation=explain_limits(coupling, prices=mix.prices, below_kw=below, above_kw=above),
    )


def explain_limits(
    coupling: Coupling, *, prices: Floats, below_kw: Floats, above_kw: Floats, labels: Sequence[str] = ()
) -> tuple[str, ...]:
    """Sentences on what each limit costs at its dearest step, and on what could not be met.

    `labels` (T,) name the steps, e.g. local times; without them they are numbered.
    """
    said: list[str] = []
    for row, name in enumerate(coupling.names):
        step = int(np.abs(prices[row]).argmax())
        if abs(prices[row, step]) > 1e-6:
            where = labels[step] if labels else f"step {step}"
            said.append(f"{name} costs {abs(prices[row, step]):.2f} per kWh at {where}.")
        for missed, word in ((below_kw[row], "below"), (above_kw[row], "above")):
            step = int(missed.argmax())
            if missed[step] > 1e-3:
                where = labels[step] if labels else f"step {step}"
                count = int((missed > 1e-3).sum())
                said.append(
                    f"{name} cannot be kept: {missed[step]:.1f} kW {word} it at {where}, in {count} steps in all."
                )
    return tuple(said)


def _checked_zones(problem: BatteryProblem, zone_of_home: NDArray[np.intp] | None) -> NDArray[np.intp]:
    homes = len(problem.net_kw)
    zones = np.zeros(homes, np.intp) if zone_of_home is None else np.asarray(zone_of_home, np.intp)
    if zones.shape != (homes,) or zones.min(initial=0) < 0:
        raise CouplingError(f"{homes} homes need a zone of 0 or more each")
    return zones


def sample_sizes(homes: int) -> tuple[int, ...]:
    """How many homes of a zone to ask first, the largest sample first; none where all are few."""
    sizes, size = [], min(LARGEST_SAMPLE, homes // SAMPLED)
    while size >= SMALLEST_SAMPLE:
        sizes.append(size)
        size //= SAMPLED
    return tuple(sizes)


def learned_prices(
    problem: BatteryProblem, coupling: Coupling, *, zones: NDArray[np.intp], effort: Effort
) -> Floats | None:
    """Prices (M, T) to begin with, from samples of the homes [currency/kWh]; None where a zone's homes are few."""
    samples = sample_sizes(int(np.bincount(zones, minlength=coupling.member.shape[1]).min()))
    return _learned(problem, coupling, zones=zones, effort=effort, samples=samples) if samples else None


def _learned(
    problem: BatteryProblem,
    coupling: Coupling,
    *,
    zones: NDArray[np.intp],
    effort: Effort,
    samples: tuple[int, ...],
) -> Floats:
    """Prices (M, T) from a few homes of each zone, which in their turn begin with those of still fewer."""
    rows = _drawn(zones, size=samples[0], seed=effort.seed)
    part, scaled = problem.select(rows), _scaled(problem, coupling, zones=zones, rows=rows)
    warm = None
    if samples[1:]:
        warm = _learned(part, scaled, zones=zones[rows], effort=effort, samples=samples[1:])
    fleet = BatteryFleet(part, zone_of_home=zones[rows], blocks=SAMPLE_BLOCKS)
    return coordinate(fleet, scaled, effort=replace(effort, gap=effort.gap / 2), warm=warm).prices


def _drawn(zones: NDArray[np.intp], *, size: int, seed: int) -> NDArray[np.intp]:
    chance = np.random.default_rng(seed)
    chosen = [
        chance.permutation(np.flatnonzero(zones == zone))[:size] for zone in range(int(zones.max()) + 1)
    ]
    rows: NDArray[np.intp] = np.sort(np.concatenate(chosen))
    return rows


def _scaled(
    problem: BatteryProblem, coupling: Coupling, *, zones: NDArray[np.intp], rows: NDArray[np.intp]
) -> Coupling:
    """Limits that leave some of the homes the same room as all have, above what they cannot change."""
    count = coupling.member.shape[1]
    every, few = np.zeros((count, coupling.shape[1])), np.zeros((count, coupling.shape[1]))
    np.add.at(every, zones, problem.net_kw)
    np.add.at(few, zones[rows], problem.net_kw[rows])
    of_all, of_some = (coupling.member @ np.bincount(each, minlength=count) for each in (zones, zones[rows]))
    scale = np.maximum(1e-9, of_some / np.maximum(1, of_all))[:, None]
    moved = coupling.sums(few) - scale * coupling.sums(every)
    return replace(
        coupling, least_kw=moved + scale * coupling.least_kw, most_kw=moved + scale * coupling.most_kw
    )
