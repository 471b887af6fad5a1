"""Milliseconds to share a power among 100,000 devices by time to go, beside plain bisection over the same devices.

And what one look of tracking costs for as many homes: a correction of the intervals to come, and learning from an event.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from vpp.dispatch.correction import Running, correct
from vpp.dispatch.responsiveness import estimate, learn, nothing_known
from vpp.flexibility.time_to_go import share_by_time_to_go

Floats = NDArray[np.float64]
STEP_H = 1 / 60
ROUNDS = 60
REFEREED = 400
INTERVALS = 8


def measure(options: list[str]) -> dict[str, Any]:
    """Time steps at several shares of what the fleet can do; the slowest share's best of five counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks tracking")
    parser.add_argument("--devices", type=int, default=100_000)
    devices = parser.parse_args(options).devices
    power, energy = stores(devices, seed=0)
    most = float(np.minimum(power, energy / STEP_H).sum())
    targets = [share * most for share in (0.05, 0.3, 0.6, 0.95)]
    ours = [_best(partial(_share, target, power, energy=energy)) for target in targets]
    theirs = [_best(partial(bisect, target, power, energy=energy)) for target in targets]
    errors = [abs(float(_share(target, power, energy=energy).sum()) - target) / target for target in targets]
    return {
        "devices": devices,
        "step_ms": round(max(ours) * 1000, 2),
        "relative_sum_error": float(f"{max(errors):.1e}"),
        "reference": f"bisection in numpy, {ROUNDS} rounds",
        "reference_ms": round(max(theirs) * 1000, 2),
        "ratio": round(max(theirs) / max(ours), 1),
        "referee": f"HiGHS over the rest of an event, {REFEREED} devices: undelivered energy [kWh] by policy and by plan",
        "undelivered_kwh": referee(),
        **correction(devices),
    }


def stores(devices: int, *, seed: int) -> tuple[Floats, Floats]:
    """Return greatest discharges [kW] and energies [kWh] of batteries."""
    chance = np.random.default_rng(seed)
    return chance.uniform(3.0, 6.0, devices), chance.uniform(0.0, 12.0, devices)


def _share(target: float, power: Floats, *, energy: Floats) -> Floats:
    return share_by_time_to_go(target, power_kw=power, energy_kwh=energy, step_h=STEP_H).power_kw


def bisect(target: float, power: Floats, *, energy: Floats) -> Floats:
    """Return the same by halving the bracket of the level."""
    lasting = energy / power
    low, high = 0.0, float(lasting.max())
    given = power
    for _ in range(ROUNDS):
        level = (low + high) / 2
        given = power * np.clip((lasting - level) / STEP_H, 0.0, 1.0)
        low, high = (level, high) if given.sum() > target else (low, level)
    return given


def correction(homes: int) -> dict[str, Any]:
    """Time a correction of `INTERVALS` intervals when 5 % of what is planned are missing, and learning from an hour."""
    power, energy = stores(homes, seed=2)
    chance = np.random.default_rng(3)
    planned = np.repeat(0.4 * power[:, None], INTERVALS, axis=1)
    hours = np.full(INTERVALS, 0.25)
    running = Running(
        shed_kw=planned,
        least_kw=np.zeros_like(planned),
        most_kw=np.repeat(power[:, None], INTERVALS, axis=1),
        spare_kwh=energy,
        response=chance.uniform(0.6, 1.0, homes),
        hours=hours,
    )
    missing = 0.05 * planned.sum(axis=0)
    found = correct(running, missing)
    asked = np.repeat(0.4 * power[:, None], 60, axis=1)
    delivered = asked * chance.uniform(0.5, 1.1, asked.shape)
    memory = nothing_known(homes)
    return {
        "correction_ms": round(_best(partial(correct, running, missing)) * 1000, 1),
        "correction_intervals": INTERVALS,
        "correction_homes_changed": int(found.changed.sum()),
        "correction_uncovered_kw": float(f"{np.abs(found.uncovered_kw).max():.1e}"),
        "learning_ms": round(
            _best(lambda: estimate(learn(memory, asked_kw=asked, delivered_kw=delivered, step_s=60.0)))
            * 1000,
            1,
        ),
    }


def referee() -> list[float]:
    """Return what stays undelivered of an event that is as large as can be delivered: by the policy, and at best."""
    power, energy = stores(REFEREED, seed=1)
    shape = np.array([0.5, 1.0, 0.8, 1.0, 0.6, 0.9, 0.3, 0.7])
    request = shape * 0.8 * float(np.minimum(power, energy / 2.0).sum())
    left, undelivered = energy.copy(), 0.0
    for target in request:
        shared = share_by_time_to_go(float(target), power_kw=power, energy_kwh=left, step_h=0.25)
        left = np.maximum(left - shared.power_kw * 0.25, 0.0)
        undelivered += max(0.0, shared.shortfall_kw) * 0.25
    return [round(undelivered, 6), round(_at_best(request, power, energy=energy), 6)]


def _at_best(request: Floats, power: Floats, *, energy: Floats) -> float:
    from scipy import sparse

    count, steps = len(power), len(request)
    by_store = sparse.kron(sparse.identity(count), np.full((1, steps), 0.25))
    by_step = sparse.kron(np.ones((1, count)), sparse.identity(steps))
    answer = linprog(
        -np.ones(count * steps),
        A_ub=sparse.vstack([by_store, by_step]).tocsc(),
        b_ub=np.concatenate([energy, request]),
        bounds=np.column_stack([np.zeros(count * steps), np.repeat(power, steps)]),
        method="highs",
    )
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return float(request.sum() + answer.fun) * 0.25


def _best(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
