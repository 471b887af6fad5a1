"""Feasibility of discharge-only events and their sharing out, against linear programs."""

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vpp.flexibility.energy_power import EventError, event_feasibility, sustained_power
from vpp.flexibility.time_to_go import (
    SharingError,
    share_by_headroom,
    share_by_time_to_go,
    share_closest_to_plan,
)

SEEDS = st.integers(0, 10**6)


def drawn(seed: int) -> dict[str, Any]:
    """An event and stores of about its size, some without power or energy."""
    chance = np.random.default_rng(seed)
    stores, steps = int(chance.integers(1, 7)), int(chance.integers(1, 7))
    power = chance.uniform(0, 5, stores) * (chance.random(stores) > 0.1)
    energy = chance.uniform(0, 4, stores) * (chance.random(stores) > 0.1)
    request = chance.uniform(0, power.sum() * chance.uniform(0.1, 1.2), steps)
    return {"request_kw": request, "power_kw": power, "energy_kwh": energy, "step_h": 0.5}


def undelivered_kwh(request_kw: Any, *, power_kw: Any, energy_kwh: Any, step_h: float) -> float:
    """The least energy that stays undelivered, as a linear program."""
    stores, steps = len(power_kw), len(request_kw)
    by_store = np.kron(np.eye(stores), np.ones(steps)) * step_h
    by_step = np.kron(np.ones(stores), np.eye(steps))
    answer = linprog(
        -np.ones(stores * steps),
        A_ub=np.vstack([by_store, by_step]),
        b_ub=np.concatenate([energy_kwh, request_kw]),
        bounds=[(0.0, power) for power in np.repeat(power_kw, steps)],
        method="highs",
    )
    return float((request_kw.sum() + answer.fun) * step_h)


class TestFeasibility:
    @settings(max_examples=300, deadline=None)
    @given(SEEDS)
    def test_shortfall_is_that_of_the_linear_program(self, seed: int) -> None:
        event = drawn(seed)
        found = event_feasibility(**event)
        exact = undelivered_kwh(**event)
        assert found.feasible == (exact <= 1e-8)
        assert found.shortfall_kwh == pytest.approx(exact, abs=1e-7)

    def test_what_is_missing_is_named(self) -> None:
        found = event_feasibility([1.0, 6.0], power_kw=[5.0], energy_kwh=[9.0], step_h=1.0)
        assert (found.feasible, found.shortfall_kwh, found.level_kw, found.intervals) == (
            False,
            1.0,
            5.0,
            (1,),
        )
        assert found.sentence == (
            "1.0 kWh stay undelivered: above 5.0 kW the request needs 1.0 kWh and the fleet holds 0.0 kWh"
        )

    def test_no_store_can_deliver_nothing_only(self) -> None:
        assert event_feasibility([0.0], power_kw=[], energy_kwh=[], step_h=1.0).feasible
        assert event_feasibility([2.0], power_kw=[], energy_kwh=[], step_h=1.0).shortfall_kwh == 2.0

    @settings(max_examples=100, deadline=None)
    @given(SEEDS)
    def test_sustained_power_is_feasible_and_more_is_not(self, seed: int) -> None:
        event = drawn(seed)
        steps = len(event.pop("request_kw"))
        powers = {name: event[name] for name in ("power_kw", "energy_kwh")}
        most = sustained_power(**powers, duration_h=0.5 * steps)
        assert event_feasibility(np.full(steps, most), **event).feasible
        assert not event_feasibility(np.full(steps, most * 1.01 + 0.01), **event).feasible

    @pytest.mark.parametrize(
        "changed",
        [{"request_kw": [np.nan]}, {"power_kw": [-1.0]}, {"energy_kwh": [1.0, 2.0]}, {"step_h": 0.0},
         {"request_kw": [[1.0]]}],
    )  # fmt: skip
    def test_bad_input_is_refused(self, changed: dict[str, Any]) -> None:
        event: dict[str, Any] = {"request_kw": [1.0], "power_kw": [1.0], "energy_kwh": [1.0], "step_h": 1.0}
        event |= changed
        with pytest.raises(EventError):
            event_feasibility(event.pop("request_kw"), **event)


class TestTimeToGo:
    @settings(max_examples=300, deadline=None)
    @given(SEEDS)
    def test_delivers_every_event_that_can_be_delivered(self, seed: int) -> None:
        event = drawn(seed)
        feasible = event_feasibility(**event).feasible
        energy = event["energy_kwh"].copy()
        delivered = 0.0
        for target in event["request_kw"]:
            shared = share_by_time_to_go(target, power_kw=event["power_kw"], energy_kwh=energy, step_h=0.5)
            assert (shared.power_kw >= 0).all() and (shared.power_kw <= event["power_kw"]).all()
            assert shared.power_kw.sum() + shared.shortfall_kw == pytest.approx(target, abs=1e-12)
            energy = energy - shared.power_kw * 0.5
            assert energy.min() >= -1e-12
            energy = np.maximum(energy, 0.0)
            delivered += float(shared.power_kw.sum()) * 0.5
        if feasible:
            assert delivered == pytest.approx(event["request_kw"].sum() * 0.5, abs=1e-8)

    def test_those_that_last_longest_give_first(self) -> None:
        shared = share_by_time_to_go(2.0, power_kw=[2.0, 2.0], energy_kwh=[8.0, 2.0], step_h=1.0)
        assert shared.power_kw.tolist() == [2.0, 0.0]
        # 4 h and 1 h to go; 3 kW in this hour: the first gives its 2 kW, the second the rest.
        shared = share_by_time_to_go(3.0, power_kw=[2.0, 2.0], energy_kwh=[8.0, 2.0], step_h=1.0)
        assert (shared.power_kw.tolist(), shared.level, shared.shortfall_kw) == ([2.0, 1.0], 0.5, 0.0)

    def test_more_than_there_is_gives_all_and_says_what_is_missing(self) -> None:
        shared = share_by_time_to_go(9.0, power_kw=[2.0, 2.0], energy_kwh=[8.0, 1.0], step_h=1.0)
        assert (shared.power_kw.tolist(), shared.shortfall_kw) == ([2.0, 1.0], 6.0)

    def test_large_fleet_is_exact_too(self) -> None:
        chance = np.random.default_rng(4)
        power, energy = chance.uniform(0, 6, 20_000), chance.uniform(0, 10, 20_000)
        target = 0.4 * power.sum()
        shared = share_by_time_to_go(target, power_kw=power, energy_kwh=energy, step_h=0.25)
        assert abs(shared.shortfall_kw) <= 1e-12 * target
        assert (shared.power_kw * 0.25 <= energy + 1e-12).all()

    @pytest.mark.parametrize("changed", [{"power_kw": [-1.0]}, {"energy_kwh": [np.nan]}, {"step_h": 0.0},
                                         {"energy_kwh": [1.0, 1.0]}])  # fmt: skip
    def test_bad_input_is_refused(self, changed: dict[str, Any]) -> None:
        good: dict[str, Any] = {"power_kw": [1.0], "energy_kwh": [1.0], "step_h": 1.0}
        with pytest.raises(SharingError):
            share_by_time_to_go(1.0, **(good | changed))
        with pytest.raises(SharingError):
            share_by_time_to_go(float("nan"), power_kw=[1.0], energy_kwh=[1.0], step_h=1.0)


def drawn_plan(seed: int) -> dict[str, Any]:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(1, 9))
    least = chance.uniform(-5, 2, size)
    most = least + chance.uniform(0, 5, size)
    return {"plan_kw": chance.uniform(least, most), "least_kw": least, "most_kw": most}


class TestPlans:
    @settings(max_examples=60, deadline=None)
    @given(SEEDS)
    def test_closest_to_plan_is_what_a_solver_finds(self, seed: int) -> None:
        cp: Any = importlib.import_module("cvxpy")
        plan, chance = drawn_plan(seed), np.random.default_rng(seed)
        weight = chance.uniform(0.5, 3, len(plan["plan_kw"]))
        target = chance.uniform(plan["least_kw"].sum(), plan["most_kw"].sum())
        shared = share_closest_to_plan(target, weight=weight, **plan)
        power = cp.Variable(len(weight))
        cost = cp.sum(cp.multiply(weight, cp.square(power - plan["plan_kw"])))
        limits = [power >= plan["least_kw"], power <= plan["most_kw"], cp.sum(power) == target]
        exact = cp.Problem(cp.Minimize(cost), limits).solve(solver=cp.CLARABEL)
        assert shared.power_kw.sum() == pytest.approx(target, abs=1e-9)
        assert float(weight @ (shared.power_kw - plan["plan_kw"]) ** 2) == pytest.approx(exact, abs=1e-5)

    @settings(max_examples=100, deadline=None)
    @given(SEEDS)
    def test_headroom_keeps_bounds_and_meets_what_can_be_met(self, seed: int) -> None:
        plan = drawn_plan(seed)
        target = float(
            np.random.default_rng(seed).uniform(plan["least_kw"].sum() - 1, plan["most_kw"].sum() + 1)
        )
        shared = share_by_headroom(target, **plan)
        assert (shared.power_kw >= plan["least_kw"]).all() and (shared.power_kw <= plan["most_kw"]).all()
        reachable = min(max(target, plan["least_kw"].sum()), plan["most_kw"].sum())
        assert shared.power_kw.sum() == pytest.approx(reachable, abs=1e-9)

    def test_headroom_is_shared_in_proportion(self) -> None:
        shared = share_by_headroom(5.0, plan_kw=[1.0, 1.0], least_kw=[0.0, 0.0], most_kw=[2.0, 6.0])
        assert (shared.power_kw.tolist(), shared.level) == ([1.5, 3.5], 0.5)

    @pytest.mark.parametrize("target", [-9.0, 9.0])
    def test_what_cannot_be_met_is_said(self, target: float) -> None:
        shared = share_closest_to_plan(target, plan_kw=[0.0, 1.0], least_kw=[-1.0, 0.0], most_kw=[1.0, 2.0])
        assert shared.power_kw.sum() == pytest.approx(3.0 if target > 0 else -1.0, abs=1e-12)
        assert shared.shortfall_kw == target - shared.power_kw.sum()

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"least_kw": [3.0]}, "least_kw is above most_kw"),
            ({"weight": 0.0}, "weight"),
            ({"plan_kw": [np.nan]}, "plan_kw"),
        ],
    )
    def test_bad_plan_is_refused(self, changed: dict[str, Any], message: str) -> None:
        with pytest.raises(SharingError, match=message):
            share_closest_to_plan(1.0, **({"plan_kw": [1.0], "least_kw": [0.0], "most_kw": [2.0]} | changed))

    def test_plan_outside_of_its_bounds_has_no_headroom(self) -> None:
        with pytest.raises(SharingError, match="not within"):
            share_by_headroom(1.0, plan_kw=[3.0], least_kw=[0.0], most_kw=[2.0])
