"""What steered signals ask of a program's batteries together, and the plan that follows: prices, limits, charge states.

No home is paid for it and none is measured against a baseline: the plan makes the bill small under what is asked.
"""

import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.question import LIMIT_PENALTY, area_limits, threads
from apps.dispatch.steering_parts import Parts
from apps.dispatch.steering_wish import Wish
from apps.flexibility.expected import expected_power
from apps.flexibility.rows import Intervals
from apps.flexibility.services import site_states
from apps.programs.models import Program
from apps.sites.models import Site
from vpp.dispatch.battery_plan import FleetPlan, plan_batteries
from vpp.dispatch.coordinate import Effort
from vpp.dispatch.coupling import Limit
from vpp.resources.site import SiteState
from vpp.scheduling.battery_problem import BatteryProblem, InfeasibleScheduleError

Floats = NDArray[np.float64]
SOLVER_LIMIT_S: Final = 20.0
NO_BATTERY: Final = "no battery whose state is known"
OPTED_OUT: Final = "opted out"
TOO_LITTLE: Final = "too little history for a forecast"


@dataclasses.dataclass(frozen=True)
class Steered:
    """The homes of a steered plan and the answer; rows are those of `sites`, `rest_kw` is drawn by the program's others."""

    wish: Wish
    sites: list[Site]
    problem: BatteryProblem | None
    limits: tuple[Limit, ...]
    zones: NDArray[np.intp]
    rest_kw: Floats
    left_out: dict[int, str]
    source: Mapping[str, Any]

    @property
    def question(self) -> "Question | None":
        """What vpp is asked; None where no battery takes part."""
        return None if self.problem is None else Question(self.problem, self.limits, self.zones)

    @property
    def idle_kw(self) -> Floats:
        """(T,) what all would draw with batteries at rest [kW]."""
        own = 0.0 if self.problem is None else self.problem.net_kw.sum(axis=0)
        together: Floats = self.rest_kw + own
        return together


def gather(
    *, program: Program, parts: Parts, sites: Sequence[Site], opted_out: Collection[int], now: datetime
) -> Steered:
    """Put the question: the batteries whose state is known, and what everybody else draws."""
    grid = parts.shared.grid
    intervals = Intervals(grid.starts_at, grid.interval_s, grid.count)
    expected = expected_power(sites=sites, intervals=intervals, excluded_days=(), now=now)
    # To 0.01 W, as it is kept: a replay is asked the very same.
    net_kw = (expected.uncontrolled_kw + expected.ev_kw + expected.heat_kw).round(5)
    states, notes = site_states(sites)
    known = np.asarray(~np.isnan(net_kw).any(axis=1))
    able = np.array(
        [one.battery is not None and one.battery_soc is not None for one in states], dtype=np.bool_
    )
    willing = np.array([site.pk not in opted_out for site in sites], dtype=np.bool_)
    takes_part = known & able & willing
    zones, limits = area_limits(
        organization=program.organization, sites=sites, takes_part=takes_part, idle_kw=net_kw
    )
    rest_kw: Floats = net_kw[known & ~takes_part].sum(axis=0)
    zones, limits = _finer(zones, limits, group_of=parts.group_of)
    if program.capacity_scope == Program.CapacityScope.FLEET:
        others = net_kw * (known & ~takes_part)[:, None]
        limits += _fleet_limits(parts, zones=zones, takes_part=takes_part, others_kw=np.nan_to_num(others))
    rows = np.flatnonzero(takes_part).tolist()
    chosen = [(sites[row], states[row]) for row in rows]
    return Steered(
        wish=parts.shared,
        sites=[site for site, _ in chosen],
        problem=_problem(
            program, chosen, net_kw=net_kw[rows], parts=parts, rows=np.array(rows, dtype=np.intp)
        )
        if rows
        else None,
        limits=tuple(limits),
        zones=zones[rows],
        rest_kw=rest_kw,
        left_out={
            site.pk: notes.get(site.pk, NO_BATTERY if known[row] else TOO_LITTLE)
            if willing[row]
            else OPTED_OUT
            for row, site in enumerate(sites)
            if not takes_part[row]
        },
        source=expected.source,
    )


def _finer(
    zones: NDArray[np.intp], limits: Sequence[Limit], *, group_of: NDArray[np.intp]
) -> tuple[NDArray[np.intp], list[Limit]]:
    """Split zones so that all homes of one are of one group; with a single group they stay as they are."""
    if not group_of.any():
        return zones, list(limits)
    pairs, finer = np.unique(np.stack([zones, group_of], axis=1), axis=0, return_inverse=True)
    inside = [() if one.zones is None else np.flatnonzero(np.isin(pairs[:, 0], one.zones)) for one in limits]
    return finer.reshape(-1).astype(np.intp), [
        limit if limit.zones is None else dataclasses.replace(limit, zones=tuple(map(int, numbers)))
        for limit, numbers in zip(limits, inside, strict=True)
    ]


def _fleet_limits(
    parts: Parts, *, zones: NDArray[np.intp], takes_part: NDArray[np.bool_], others_kw: Floats
) -> list[Limit]:
    """The utility's limits, less what homes that they mean draw without taking part."""
    found = []
    for joint in parts.joint:
        inside = np.isin(parts.group_of, joint.groups)
        if not (inside & takes_part).any():
            continue  # nobody who takes part can do anything about it
        among = None if inside.all() else tuple(np.unique(zones[inside]).tolist())
        rest_kw = others_kw[inside].sum(axis=0)
        open_kw = np.full_like(rest_kw, np.inf)
        for way, least, most in (
            ("import", -open_kw, joint.import_kw - rest_kw),
            ("export", -joint.export_kw - rest_kw, open_kw),
        ):
            if np.isfinite(least).any() or np.isfinite(most).any():
                name, cost = f"the utility's {way} limit{joint.whom}", LIMIT_PENALTY
                found.append(Limit(name, least, most, zones=among, penalty_least=cost, penalty_most=cost))
    return found


def _problem(
    program: Program,
    homes: Sequence[tuple[Site, SiteState]],
    *,
    net_kw: Floats,
    parts: Parts,
    rows: NDArray[np.intp],
) -> BatteryProblem:
    def column(name: str) -> Floats:
        return np.array([getattr(state.battery, name) for _, state in homes], dtype=np.float64)

    grid = parts.shared.grid
    step_h = grid.interval_s / 3600
    capacity, retention = column("capacity_kwh"), (1.0 - column("leakage_per_h")) ** step_h
    start = np.array([state.battery_soc for _, state in homes], dtype=np.float64) * capacity
    inflow = column("charge_kw") * column("charge_efficiency") * step_h
    reachable = _reachable(start, inflow, capacity=capacity, retention=retention, steps=grid.count)
    least = _least(parts, rows=rows, capacity=capacity, reserve=column("reserve_soc") * capacity)
    home = program.capacity_scope == Program.CapacityScope.HOME
    import_kw = np.array([[site.import_limit_kw] for site, _ in homes])
    export_kw = np.array([[site.export_limit_kw] for site, _ in homes])
    return BatteryProblem(
        net_kw=net_kw,
        buy_per_kwh=parts.by_home("buy", rows=rows),
        sell_per_kwh=parts.by_home("sell", rows=rows),
        step_h=step_h,
        start_kwh=start,
        least_kwh=np.minimum(least, reachable),
        most_kwh=capacity,
        charge_kw=column("charge_kw"),
        discharge_kw=column("discharge_kw"),
        charge_efficiency=column("charge_efficiency"),
        discharge_efficiency=column("discharge_efficiency"),
        wear_per_kwh=column("cycle_cost_per_kwh"),
        retention=retention,
        end_kwh=np.minimum(start, reachable[:, -1]),
        import_kw=np.minimum(parts.by_home("import_kw", rows=rows), import_kw) if home else None,
        export_kw=np.minimum(parts.by_home("export_kw", rows=rows), export_kw) if home else None,
        names=tuple(site.name for site, _ in homes),
    )


def _reachable(start: Floats, inflow: Floats, *, capacity: Floats, retention: Floats, steps: int) -> Floats:
    """(N, T) the most energy that can be held at the end of each step [kWh]: more cannot be asked for."""
    held, rows = start, []
    for _ in range(steps):
        held = np.minimum(capacity, held * retention + inflow)
        rows.append(held)
    return np.stack(rows, axis=1)


def _least(parts: Parts, *, rows: NDArray[np.intp], capacity: Floats, reserve: Floats) -> Floats:
    """(N, T) energy to be held at the end of each step [kWh]: what is asked for holds from its interval's start on."""
    together = parts.kwh_shares(capacity=capacity, rows=rows)
    shares = [
        np.nan_to_num(np.fmax(wish.charge_share, share))
        for wish, share in zip(parts.wishes, together, strict=True)
    ]
    by_the_end = np.stack([np.maximum(share, np.append(share[1:], 0.0)) for share in shares])
    least: Floats = np.maximum(reserve[:, None], capacity[:, None] * by_the_end[parts.group_of[rows]])
    return least


@dataclasses.dataclass(frozen=True)
class Question:
    """What vpp is asked: batteries, what couples them, and each one's zone."""

    problem: BatteryProblem
    limits: tuple[Limit, ...]
    zones: NDArray[np.intp]


def price_of(problem: BatteryProblem) -> Floats:
    """(T,) what a kWh drawn costs [currency/kWh]; the mean over homes where they are told different prices."""
    return problem.buy_per_kwh if problem.buy_per_kwh.ndim == 1 else problem.buy_per_kwh.mean(axis=0)


def solve(question: Question) -> FleetPlan:
    """Plan the batteries within the solver's time, on all cores.

    Where a home cannot keep its own limit, homes are planned without them: the hubs hold them as far as they can.
    """
    problem = question.problem
    try:
        return _solve(question, problem)
    except InfeasibleScheduleError as error:
        if problem.import_kw is None and problem.export_kw is None:
            raise
        found = _solve(question, dataclasses.replace(problem, import_kw=None, export_kw=None))
        said = f"Not every home can keep its limit ({error.detail}); the plan leaves that to the hubs."
        return dataclasses.replace(found, explanation=(said, *found.explanation))


def _solve(question: Question, problem: BatteryProblem) -> FleetPlan:
    end = time.monotonic() + SOLVER_LIMIT_S
    price = float(np.abs(problem.buy_per_kwh).mean())
    effort = Effort(grain=max(1e-6, 0.004 * price), time_left=lambda: end - time.monotonic())
    present = range(int(question.zones.max()) + 1)
    limits = [
        limit
        if limit.zones is None
        else dataclasses.replace(limit, zones=tuple(zone for zone in limit.zones if zone in present))
        for limit in question.limits
    ]
    with threads() as spread:
        return plan_batteries(problem, limits, zone_of_home=question.zones, effort=effort, spread=spread)
