"""Homes with a car or a heat pump beside a battery and a sun, and seconds to coordinate them with others."""

import os
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from vpp.dispatch.coupling import Limit, at_most, couple
from vpp.dispatch.fleet_plan import plan_fleet
from vpp.dispatch.fleet_program import solve_homes_as_one
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.thermal import Tank
from vpp.scheduling.battery_problem import BatteryProblem
from vpp.scheduling.home_problem import HomeProblem
from vpp.scheduling.prices import Prices

CARS: Final = 0.10
HEAT_PUMPS: Final = 0.05
REFEREE_HOMES: Final = 20


def street_of_a_day(homes: int, *, seed: int, heated: int, steps: int = 96) -> list[HomeProblem]:
    """Homes with a sun, a battery and a car, or with a heat pump's tank in the first `heated` of them."""
    chance = np.random.default_rng(seed)
    horizon = Horizon(steps, 24 / steps)
    hours = np.arange(steps) * 24 / steps
    buy = 0.25 + 0.10 * np.sin(hours / 24 * 4 * np.pi + 2.0)
    shape = np.maximum(0.0, np.sin((hours - 6) / 12 * np.pi))
    street = []
    for number in range(homes):
        load = 0.3 + chance.gamma(1.5, 0.4, steps) + 0.8 * np.exp(-(((hours - 19) / 2) ** 2))
        sun = Pv(8.0).output(horizon, shape * float(chance.uniform(0, 8)))
        battery = Battery(float(chance.uniform(5, 15)), 4.0, 4.0).store(horizon, soc=0.5)
        if number < heated:
            tank = Tank(12.0, max_kw=2.5, loss_per_h=0.02)
            other = tank.store(
                horizon, start_kwh=6.0, demand_kw=chance.uniform(0.5, 2.0, steps), cop=3.0 + 0.5 * shape
            )
        else:
            leaves, back = (int(steps * chance.uniform(*part)) for part in ((0.25, 0.35), (0.65, 0.8)))
            stays = [
                Stay(0, leaves, ready_kwh=30.0, trip_kwh=9.0),
                Stay(back, steps + leaves, ready_kwh=30.0),
            ]
            other = Ev(7.0, capacity_kwh=50.0).store(horizon, start_kwh=18.0, stays=stays)
        resources = (Load("the load", horizon, load), sun, battery, other)
        street.append(HomeProblem(f"street {number}", resources, Prices(buy, 0.4 * buy), 17.0, 10.0))
    return street


def street_among(homes: int) -> list[HomeProblem]:
    """The homes with more than a battery among so many: a tenth with a car, a twentieth with a heat pump."""
    heated = round(HEAT_PUMPS * homes)
    return street_of_a_day(round(CARS * homes) + heated, seed=0, heated=heated)


def mixed(
    street: Sequence[HomeProblem], batteries: BatteryProblem, limits: Sequence[Limit]
) -> dict[str, Any]:
    """Time the coordination of the street and the batteries, on both cores."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = time.perf_counter()
        plan = plan_fleet(street, limits, batteries=batteries, spread=pool.map)
        seconds = time.perf_counter() - started
    return {
        "homes": len(street) + len(batteries.net_kw),
        "of_them_not_batteries_alone": len(street),
        "seconds": round(seconds, 3),
        "gap": float(f"{plan.certificate.gap:.1e}"),
        "violation_kw": float(f"{plan.certificate.violation_kw:.1e}"),
        "rounds": plan.certificate.rounds,
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def refereed_street() -> dict[str, Any]:
    """Twenty such homes by themselves under a cap, beside one program of them in cvxpy, solved by HiGHS."""
    street = street_of_a_day(REFEREE_HOMES, seed=0, heated=REFEREE_HOMES // 3)
    limits = [at_most("cap", np.full(street[0].horizon.steps, 1.6 * REFEREE_HOMES))]
    started = time.perf_counter()
    plan = plan_fleet(street, limits)
    ours_s = time.perf_counter() - started
    coupling = couple(limits, zones=1, steps=street[0].horizon.steps, step_h=street[0].horizon.step_h)
    started = time.perf_counter()
    theirs = solve_homes_as_one(
        street, coupling, zone_of_home=np.zeros(REFEREE_HOMES, np.intp), relax=True, time_limit_s=120.0
    )
    theirs_s = time.perf_counter() - started
    error = (plan.certificate.primal - theirs.objective) / abs(theirs.objective)
    return {
        "referee": "one program in cvxpy, solved by HiGHS",
        "referee_homes": REFEREE_HOMES,
        "referee_seconds": round(theirs_s, 2),
        "seconds_at_referee_homes": round(ours_s, 3),
        "referee_ratio": round(theirs_s / ours_s, 1),
        "relative_objective_error": float(f"{error:.1e}"),
        "dual_below_referee": bool(plan.certificate.dual <= theirs.objective * (1 + 1e-7)),
    }
