"""Seconds to schedule the batteries of many homes, each by itself or under a shared limit, beside named referees."""

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from tests.benchmarks.event import planned_event
from tests.benchmarks.street import mixed, refereed_street, street_among
from vpp.dispatch.battery_plan import plan_batteries
from vpp.dispatch.battery_program import solve_as_one
from vpp.dispatch.coupling import Limit, at_most, couple
from vpp.scheduling.battery_oracle import Path, Spread, solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, BatteryResult

STEPS = 96
REFEREED = 1000
REFEREE_HOMES = 1000
NUMPY_SAMPLE = 1000
Floats = NDArray[np.float64]


def measure(options: list[str]) -> dict[str, Any]:
    """Plan uncoupled homes and an event of as many, or with `--coupled` homes under a shared limit, on both cores."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks dispatch")
    parser.add_argument("--homes", type=int, default=10_000)
    parser.add_argument("--coupled", choices=("cap", "event"))
    parser.add_argument(
        "--referee", action="store_true", help="solve as one program as well, at most 1,000 homes"
    )
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="of the homes some have a car or a heat pump beside their battery",
    )
    asked = parser.parse_args(options)
    if asked.mixed:
        return _mixed(asked.homes, kind=asked.coupled or "cap", referee=asked.referee)
    if asked.coupled:
        return _coupled(asked.homes, kind=asked.coupled, referee=asked.referee)
    return _uncoupled(asked.homes) | planned_event(asked.homes)


def _coupled(homes: int, *, kind: str, referee: bool) -> dict[str, Any]:
    """Time the coordination; the referee is one program of the same homes in cvxpy, solved by Clarabel."""
    plan_batteries(random_homes(40, seed=1, steps=8), _limits(kind, homes=40, steps=8))  # compiles
    problem, limits = random_homes(homes, seed=0), _limits(kind, homes=homes)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = time.perf_counter()
        plan = plan_batteries(problem, limits, spread=pool.map)
        seconds = time.perf_counter() - started
    found: dict[str, Any] = {
        "homes": homes,
        "steps": STEPS,
        "coupled": kind,
        "seconds": round(seconds, 3),
        "gap": float(f"{plan.certificate.gap:.1e}"),
        "violation_kw": float(f"{plan.certificate.violation_kw:.1e}"),
        "rounds": plan.certificate.rounds,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    if referee:
        found |= _refereed(min(homes, REFEREE_HOMES), kind=kind)
    return found


def _mixed(homes: int, *, kind: str, referee: bool) -> dict[str, Any]:
    """Time the coordination of batteries beside homes of other kinds; compiles first."""
    plan_batteries(random_homes(40, seed=1, steps=8), _limits(kind, homes=40, steps=8))
    street = street_among(homes)
    batteries = random_homes(homes - len(street), seed=0)
    found = {"steps": STEPS, "coupled": kind} | mixed(street, batteries, _limits(kind, homes=homes))
    return found | (refereed_street() if referee else {})


def _refereed(homes: int, *, kind: str) -> dict[str, Any]:
    problem, limits = random_homes(homes, seed=0), _limits(kind, homes=homes)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = time.perf_counter()
        plan = plan_batteries(problem, limits, spread=pool.map)
        ours_s = time.perf_counter() - started
    started = time.perf_counter()
    coupling = couple(limits, zones=1, steps=STEPS, step_h=problem.step_h)
    theirs = solve_as_one(problem, coupling, zone_of_home=np.zeros(homes, np.intp))
    theirs_s = time.perf_counter() - started
    error = (plan.certificate.primal - theirs.objective) / abs(theirs.objective)
    return {
        "referee": "one program in cvxpy, solved by Clarabel",
        "referee_homes": homes,
        "referee_seconds": round(theirs_s, 2),
        "seconds_at_referee_homes": round(ours_s, 3),
        "referee_ratio": round(theirs_s / ours_s, 1),
        "relative_objective_error": float(f"{error:.1e}"),
        "dual_below_referee": bool(plan.certificate.dual <= theirs.objective * (1 + 1e-7)),
    }


def _limits(kind: str, *, homes: int, steps: int = STEPS) -> list[Limit]:
    """A flat cap at two fifths of the free peak; or a looser one with next to nothing from 17 to 20 o'clock."""
    hours = np.arange(steps) * 24 / steps
    most = np.full(steps, 0.9) if kind == "cap" else np.where((hours >= 17) & (hours < 20), 0.2, 1.2)
    return [at_most(kind, most * homes)]


def _uncoupled(homes: int) -> dict[str, Any]:
    """Compile, then time each path on its homes; the compiled one three times, of which the best counts."""
    compile_s, _ = _timed(random_homes(2, seed=1), path="compiled")
    problem = random_homes(homes, seed=0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [_timed(problem, path="compiled", spread=pool.map)[0] for _ in range(3)]
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sample = random_homes(min(homes, NUMPY_SAMPLE), seed=2)
    numpy_seconds, by_numpy = _timed(sample, path="numpy")
    numpy_error = _relative(_timed(sample, path="compiled")[1].objective, by_numpy.objective)
    refereed = random_homes(REFEREED, seed=3)
    oracle_seconds, ours = _timed(refereed, path="compiled")
    started = time.perf_counter()
    theirs = highs_objectives(refereed)
    referee_seconds = time.perf_counter() - started
    return {
        "homes": homes,
        "steps": STEPS,
        "seconds": round(min(runs), 3),
        "first_seconds": round(runs[0], 3),
        "compile_s": round(compile_s, 2),
        "numpy_homes": len(sample.net_kw),
        "numpy_seconds": round(numpy_seconds, 3),
        "numpy_relative_error": float(f"{numpy_error:.1e}"),
        "referee": "HiGHS, one linear program a home",
        "referee_homes": REFEREED,
        "referee_seconds": round(referee_seconds, 3),
        "referee_ratio": round(referee_seconds / oracle_seconds),
        "relative_objective_error": float(f"{_relative(ours.objective, theirs):.1e}"),
        "violation_kwh": float(f"{violation_kwh(refereed, ours):.1e}"),
        "rss_mb": round(rss_mb, 1),
    }


def _timed(problem: BatteryProblem, *, path: Path, spread: Spread = map) -> tuple[float, BatteryResult]:
    started = time.perf_counter()
    result = solve_batteries(problem, path=path, spread=spread)
    return time.perf_counter() - started, result


def _relative(one: Floats, other: Floats) -> float:
    return float((np.abs(one - other) / np.maximum(np.abs(other), 1e-3)).max())


def random_homes(homes: int, *, seed: int, steps: int = STEPS) -> BatteryProblem:
    """Return a day of homes with PV, a dynamic tariff of as many prices as steps, and a reserve of a tenth."""
    chance = np.random.default_rng(seed)
    hours = np.arange(steps) * 24 / steps
    sun = np.maximum(0.0, np.sin((hours - 6) / 12 * np.pi)) * chance.uniform(0.6, 1.0, (homes, steps))
    load = 0.3 + chance.gamma(1.5, 0.4, (homes, steps)) + 0.8 * np.exp(-(((hours - 19) / 2) ** 2))
    buy = 0.25 + 0.10 * np.sin(hours / 24 * 4 * np.pi + 2.0) + chance.uniform(0.0, 0.03, steps)
    capacity = chance.uniform(5.0, 15.0, homes)
    return BatteryProblem(
        net_kw=load - sun * chance.uniform(0.0, 8.0, (homes, 1)),
        buy_per_kwh=buy,
        sell_per_kwh=0.4 * buy,
        step_h=24 / steps,
        start_kwh=capacity * chance.uniform(0.1, 1.0, homes),
        least_kwh=0.1 * capacity,
        most_kwh=capacity,
        charge_kw=chance.uniform(2.0, 6.0, homes),
        discharge_kw=chance.uniform(2.0, 6.0, homes),
        charge_efficiency=chance.uniform(0.88, 0.99, homes),
        discharge_efficiency=chance.uniform(0.88, 0.99, homes),
        wear_per_kwh=chance.uniform(0.0, 0.05, homes),
    )


def violation_kwh(problem: BatteryProblem, result: BatteryResult) -> float:
    """The most [kWh] by which stored energy leaves its bounds, or differs from what the powers make of it."""
    fleet = problem.fleet()
    into = result.charge_kw * fleet.charge_efficiency - result.discharge_kw / fleet.discharge_efficiency
    drain = np.broadcast_to(fleet.drain, into.shape)
    now, worst = fleet.start[:, 0], 0.0
    for step in range(into.shape[1]):
        now = fleet.retention[:, 0] * now - drain[:, step] + into[:, step] * problem.step_h
        least, most = (plane[:, step if plane.shape[1] > 1 else 0] for plane in (fleet.least, fleet.most))
        off = np.abs(now - result.stored_kwh[:, step])
        worst = max(worst, float((least - now).max()), float((now - most).max()), float(off.max()))
    return worst


def highs_objectives(problem: BatteryProblem) -> Floats:
    """(N,) optimal cost [currency] of each home, as a linear program of its own, by HiGHS."""
    fleet = problem.fleet()
    homes, steps = fleet.net.shape
    planes = {
        name: np.broadcast_to(plane, (homes, steps)) for name, plane in zip(fleet._fields, fleet, strict=True)
    }
    return np.array(
        [_highs(**{name: plane[home] for name, plane in planes.items()}) for home in range(homes)]
    )


def _highs(**home: Floats) -> float:
    """Cost of one home; variables are charge, discharge, import, export [kWh AC] and stored energy [kWh]."""
    steps = len(home["net"])
    one, none = sparse.identity(steps), sparse.csr_matrix((steps, steps))
    into = sparse.diags(home["charge_efficiency"])
    out_of = sparse.diags(1 / home["discharge_efficiency"])
    follows = one - sparse.diags(home["retention"][1:], offsets=-1)
    rows = sparse.vstack(
        [
            sparse.hstack([-into, out_of, none, none, follows]),
            sparse.hstack([-one, one, one, -one, none]),
        ]
    ).tocsc()
    begin = -home["drain"]
    begin[0] += home["retention"][0] * home["start"][0]
    zero, free = np.zeros(steps), np.full(steps, np.inf)
    answer = linprog(
        np.concatenate([zero, home["wear"], home["buy"], -home["sell"], zero]),
        A_eq=rows,
        b_eq=np.concatenate([begin, home["net"]]),
        bounds=np.column_stack(
            [
                np.concatenate([zero, zero, zero, zero, home["least"]]),
                np.concatenate([home["charge"], home["discharge"], free, free, home["most"]]),
            ]
        ),
        method="highs",
    )
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return float(answer.fun)
