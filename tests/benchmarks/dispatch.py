"""Seconds to schedule the batteries of many homes at given prices, beside numpy and HiGHS on a sample of them."""

import argparse
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from vpp.scheduling.battery_oracle import Path, solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, BatteryResult

STEPS = 96
REFEREED = 200
NUMPY_SAMPLE = 1000
Floats = NDArray[np.float64]


def measure(options: list[str]) -> dict[str, Any]:
    """Compile, then time each path on its homes; the compiled one three times, of which the best counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks dispatch")
    parser.add_argument("--homes", type=int, default=10_000)
    homes = parser.parse_args(options).homes
    compile_s, _ = _timed(random_homes(2, seed=1), path="compiled")
    problem = random_homes(homes, seed=0)
    runs = [_timed(problem, path="compiled")[0] for _ in range(3)]
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
        "referee_homes": REFEREED,
        "referee_seconds": round(referee_seconds, 3),
        "referee_ratio": round(referee_seconds / oracle_seconds),
        "relative_objective_error": float(f"{_relative(ours.objective, theirs):.1e}"),
        "violation_kwh": float(f"{violation_kwh(refereed, ours):.1e}"),
        "rss_mb": round(rss_mb, 1),
    }


def _timed(problem: BatteryProblem, *, path: Path) -> tuple[float, BatteryResult]:
    started = time.perf_counter()
    result = solve_batteries(problem, path=path)
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
