"""Unused potential of the aggregation against HiGHS over all devices, and the portfolio's question over HTTP.

Batteries are drawn as in Oeztuerk et al., Energies 15(7):2501 (2022): 50 homes, capacity 10.5 to 13.5 kWh, charge at
the start 0 to 10.5 kWh, at least half of it at the end, 4 to 6 kW each way, no losses. Loads and prices are synthetic.
Unused potential = (ours - exact) / (without flexibility - exact).
"""

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from tests.benchmarks.platform import services
from vpp.flexibility.aggregate import AggregateProblem, AggregateResult, solve_over_aggregate
from vpp.flexibility.bounds import FlexibilityBounds, battery_bounds
from vpp.flexibility.disaggregate import disaggregate
from vpp.flexibility.support import greedy_oracle, possible

Floats = NDArray[np.float64]
HOMES = 50
ASKED = 7


def measure(options: list[str]) -> dict[str, Any]:
    """Both horizons, then the platform with its homes."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks flexibility")
    parser.add_argument("--homes", type=int, default=100_000)
    homes = parser.parse_args(options).homes
    _warm_up()
    result: dict[str, Any] = {
        "aggregated_homes": HOMES,
        "reference": "HiGHS, one linear program over all homes",
    }
    for steps in (24, 96):
        result |= aggregation(steps)
    return result | rest(homes)


def _warm_up() -> None:
    """Compile before anything is timed."""
    bounds = batteries(2, seed=1)
    greedy_oracle(bounds, path="compiled")(np.ones(2))


def batteries(steps: int, *, seed: int) -> FlexibilityBounds:
    """Return the published distribution of batteries over a day."""
    chance = np.random.default_rng(seed)
    start = chance.uniform(0.0, 10.5, HOMES)
    return battery_bounds(
        step_h=24 / steps,
        steps=steps,
        charge_kw=chance.uniform(4.0, 6.0, HOMES),
        discharge_kw=chance.uniform(4.0, 6.0, HOMES),
        start_kwh=start,
        least_kwh=np.zeros(HOMES),
        most_kwh=chance.uniform(10.5, 13.5, HOMES),
        end_kwh=0.5 * start,
    )


def aggregation(steps: int) -> dict[str, Any]:
    """Return unused potentials and seconds for a horizon."""
    bounds, chance = batteries(steps, seed=0), np.random.default_rng(2)
    hours = np.arange(steps) * 24 / steps
    base = HOMES * (0.6 + 0.5 * np.exp(-(((hours - 19) / 2.5) ** 2)) + chance.gamma(2.0, 0.05, steps))
    prices = 0.25 + 0.1 * np.sin(hours / 24 * 4 * np.pi + 2.0) + chance.uniform(0.0, 0.03, steps)
    found: dict[str, Any] = {}
    for name, problem in {
        "cost": AggregateProblem(24 / steps, prices, base),
        "peak": AggregateProblem(24 / steps, np.zeros(steps), base, 1.0),
    }.items():
        started = time.perf_counter()
        oracle = greedy_oracle(bounds, path="compiled")
        ours = solve_over_aggregate(problem, oracle)
        profiles = disaggregate(ours, oracle)
        seconds = time.perf_counter() - started
        _check(bounds, profiles, result=ours)
        started = time.perf_counter()
        exact = highs(problem, bounds)
        reference = time.perf_counter() - started
        unused = (problem.cost(profiles.sum(axis=0)) - exact) / (problem.cost(np.zeros(steps)) - exact)
        found |= {
            f"unused_potential_{name}_pct_t{steps}": float(f"{100 * unused:.1e}"),
            f"{name}_t{steps}_s": round(seconds, 3),
            f"{name}_t{steps}_highs_s": round(reference, 3),
        }
    return found


def _check(bounds: FlexibilityBounds, profiles: Floats, *, result: AggregateResult) -> None:
    if not possible(bounds, profiles).all() or np.abs(profiles.sum(axis=0) - result.power_kw).max() > 1e-9:
        raise RuntimeError("what was handed out is not possible or does not add up")


def highs(problem: AggregateProblem, bounds: FlexibilityBounds) -> float:
    """Return the exact optimum over all homes [currency], by one linear program."""
    devices, steps = bounds.least_kw.shape
    prefix = sparse.kron(sparse.identity(devices), sparse.csr_matrix(np.tril(np.ones((steps, steps)))))
    sums = sparse.kron(np.ones((1, devices)), sparse.identity(steps))
    none = sparse.csr_matrix((devices * steps, 1))
    rows = sparse.vstack(
        [
            sparse.hstack([prefix, none]),
            sparse.hstack([-prefix, none]),
            sparse.hstack([sums, -np.ones((steps, 1))]),
        ]
    )
    answer = linprog(
        np.append(np.tile(problem.price_per_kwh * problem.step_h, devices), problem.peak_price_per_kw),
        A_ub=rows.tocsc(),
        b_ub=np.concatenate(
            [
                bounds.most_kwh.ravel() / bounds.step_h,
                -bounds.least_kwh.ravel() / bounds.step_h,
                -problem.base_kw,
            ]
        ),
        bounds=np.column_stack(
            [np.append(bounds.least_kw.ravel(), -1e6), np.append(bounds.most_kw.ravel(), 1e6)]
        ),
        method="highs",
    )
    if answer.status != 0:
        raise RuntimeError(answer.message)
    return float(answer.fun)


def rest(homes: int) -> dict[str, Any]:
    """Return milliseconds of the question through Django's test client, and seconds of the refresh behind it."""
    with services():
        import django

        django.setup()
        from django.test.utils import setup_test_environment

        setup_test_environment()  # its client's host is allowed
        from apps.accounts.services import api_client_create, organization_create
        from apps.flexibility.models import PortfolioSnapshot
        from apps.flexibility.snapshots import portfolio_refresh
        from tests.factories import Api, token_of

        now = datetime.now(UTC)
        organization = organization_create(name="Bench", slug="bench")
        program_id = insert_homes(organization.pk, homes=homes, now=now)
        token = token_of(api_client_create(organization=organization, name="bench", role="aggregator"))
        refreshes = [
            _seconds(lambda: portfolio_refresh(organization=organization, now=now)) for _ in range(2)
        ]
        row = PortfolioSnapshot.objects.get()
        api = Api(token)
        window = {
            "from": (now + timedelta(hours=2)).isoformat(),
            "to": (now + timedelta(hours=4)).isoformat(),
        }
        all_ms = [_ask(api, {**window, "kw": str(homes)}, homes=homes) for _ in range(ASKED)]
        program_ms = [_ask(api, {**window, "program": str(program_id)}, homes=homes) for _ in range(ASKED)]
    return {
        "rest_homes": homes,
        "rest_ms": round(statistics.median(all_ms), 1),
        "rest_worst_ms": round(max(all_ms), 1),
        "rest_program_ms": round(statistics.median(program_ms), 1),
        "refresh_s": round(refreshes[1], 2),
        "first_refresh_s": round(refreshes[0], 2),
        "snapshot_mb": round((len(row.arrays) + len(row.profiles)) / 2**20, 1),
    }


def _seconds(run: Any) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _ask(api: Any, query: dict[str, str], *, homes: int) -> float:
    started = time.perf_counter()
    answer = api.get("/api/v1/flexibility", **query)
    milliseconds = (time.perf_counter() - started) * 1000
    if answer.status_code != 200 or answer.json()["homes"]["counted"] != homes:
        raise RuntimeError(answer.content[:500])
    return milliseconds


def insert_homes(organization_id: int, *, homes: int, now: datetime) -> int:
    """Insert homes with a battery each, a car at two of five, a heat pump at three of ten; return their program."""
    from django.db import connection

    from apps.accounts.models import Organization
    from apps.programs.services import program_create
    from apps.sites.models import Site

    organization = Organization.objects.get(pk=organization_id)
    program = program_create(organization=organization, name="All", now=now)
    Site.objects.bulk_create(
        [
            Site(
                organization=organization, name=f"Home {number}", time_zone="Europe/Berlin", import_limit_kw=17,
                export_limit_kw=10, reserve_soc=0.1, created_at=now,
            )
            for number in range(1, homes + 1)
        ],
        batch_size=2000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for share, key, kind, parameters in RESOURCES:
            cursor.execute(
                "INSERT INTO sites_resource (site_id, key, kind, name, parameters) "
                "SELECT id, %s, %s, '', %s::jsonb FROM sites_site WHERE id %% 10 < %s",
                [key, kind, parameters, share],
            )
        cursor.execute(
            "INSERT INTO telemetry_latest (site_id, at, grid_kw, load_kw, pv_kw, battery_kw, battery_soc, ev_kw, heat_kw) "
            "SELECT id, %s, 1, random(), -random(), 0, random(), CASE WHEN id %% 10 < 4 THEN 11 * (random() > 0.8)::int END, "
            "CASE WHEN id %% 10 < 3 THEN 2 * random() END FROM sites_site",
            [now],
        )
        cursor.execute(
            "INSERT INTO programs_enrollment (program_id, site_id, starts_at) SELECT %s, id, %s FROM sites_site",
            [program.pk, now - timedelta(days=1)],
        )
        cursor.execute("ANALYZE")
    return program.pk


RESOURCES = (
    (10, "battery", "battery", '{"capacity_kwh": 10, "charge_kw": 5, "discharge_kw": 5}'),
    (4, "ev", "ev_charger", '{"charge_kw": 11}'),
    (3, "heat", "heat_pump", '{"rated_kw": 3, "tank_kwh": 12}'),
)
