"""A portfolio split over real worker processes: 1, 2 and 4 of them give the same plan, and none at all gives it too."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from django.conf import settings

from apps.common.redis import client
from apps.dispatch.shards import Shards, ShardsGoneError, employ_shards, packed, shard_respond, unpacked
from tests.architecture.tree import ROOT
from tests.vpp.dispatch.test_shed_fleet import check_bounds, drawn
from vpp.dispatch.problem import AllocationProblem, Cuts
from vpp.dispatch.shed_fleet import ShedFleet, solve_shed

ENOUGH_S = 60.0


def problem_of(homes: int) -> AllocationProblem:
    """An event that the homes can meet, without limits of areas."""
    problem = drawn(11, homes=homes, steps=6)
    return replace(problem, target_kw=np.full(6, 0.6 * homes), limits=())


@pytest.fixture
def workers() -> Iterator[Callable[[int], None]]:
    """Celery workers on the queue of shards, as many as asked for last or more; ended by their ids."""
    command = [
        sys.executable, "-m", "celery", "--workdir", str(ROOT), "-A", "ores_cloud", "worker", "--pool", "solo",
        "--queues", "shards", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR",
    ]  # fmt: skip
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ores_cloud.settings.test"}
    started: list[subprocess.Popen[bytes]] = []

    def start(count: int) -> None:
        started.extend(
            subprocess.Popen([*command, "--hostname", f"shard{number}@%h"], env=environment)
            for number in range(len(started), count)
        )

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.wait(timeout=20)


def solved(problem: AllocationProblem, *, shards: int) -> tuple[Cuts, Shards]:
    """The plan by that many shards, and who answered."""
    employed: list[Shards] = []

    def employ(blocks: object) -> Shards:
        made = employ_shards(shards, within_s=ENOUGH_S)(blocks)  # type: ignore[arg-type]
        employed.append(made)
        return made

    return solve_shed(problem, employ=employ), employed[-1]


def test_one_two_and_four_workers_give_the_same_plan(workers: Callable[[int], None]) -> None:
    problem = problem_of(400)
    here = solve_shed(problem)
    for count in (1, 2, 4):
        workers(count)
        cuts, shards = solved(problem, shards=count)
        assert not shards.gone and len(shards.shards) == count
        check_bounds(problem, cuts)
        assert cuts.objective == pytest.approx(here.objective, rel=1e-9)
        assert cuts.discharge_kw == pytest.approx(here.discharge_kw, abs=1e-9)


def test_without_any_worker_the_plan_is_made_here() -> None:
    problem = problem_of(60)
    employed: list[Shards] = []

    def employ(blocks: object) -> Shards:
        employed.append(employ_shards(3, within_s=0.2)(blocks))  # type: ignore[arg-type]
        return employed[-1]

    started = time.monotonic()
    cuts = solve_shed(problem, employ=employ)
    assert employed[0].gone == {0, 1, 2} and time.monotonic() - started < 30
    assert cuts.objective == pytest.approx(solve_shed(problem).objective, rel=1e-9)
    client().delete(f"{settings.REDIS_PREFIX}shards")


def test_a_shard_whose_data_is_gone_says_so() -> None:
    with pytest.raises(ShardsGoneError):
        shard_respond(run="none", shard=0, prices=packed(prices=np.zeros((1, 2))))


def test_arrays_travel_as_they_are() -> None:
    sent = {"a": np.array([[1.5, np.inf]]), "b": np.arange(3)}
    back = unpacked(packed(**sent))
    assert all(
        np.array_equal(back[name], value) and back[name].dtype == value.dtype for name, value in sent.items()
    )


def test_a_worker_computes_what_the_blocks_would() -> None:
    problem = problem_of(60)
    made: list[Shards] = []

    def employ(blocks: object) -> Shards:
        made.append(employ_shards(2)(blocks))  # type: ignore[arg-type]
        return made[-1]

    fleet = ShedFleet(problem, employ=employ)
    first, last = made[0].ranges[1]
    prices = np.full((len(fleet.zone_of_block), 6), -0.1)
    answer = unpacked(shard_respond(run=made[0].run, shard=1, prices=packed(prices=prices[first:last])))
    assert answer["usage_kw"] == pytest.approx(made[0].own.respond(prices).usage_kw[first:last], abs=1e-12)
    assert client().ttl(f"{settings.REDIS_PREFIX}shard:{made[0].run}:0") > 0
