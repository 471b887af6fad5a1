"""The support function and optimization over the aggregate, against HiGHS."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.vpp.flexibility.fleets import highs_cheapest, random_bounds, random_cars
from vpp.flexibility.aggregate import AggregateError, AggregateProblem, solve_over_aggregate
from vpp.flexibility.bounds import BoundsError
from vpp.flexibility.disaggregate import combine, disaggregate
from vpp.flexibility.ev_groups import cheapest_profiles
from vpp.flexibility.support import (
    Path,
    aggregate_support,
    greedy_oracle,
    greedy_profiles,
    joined_oracle,
    possible,
)

SEEDS = st.integers(0, 10**6)


def prices_for(seed: int, steps: int) -> NDArray[np.float64]:
    """Prices of both signs, some of them equal."""
    return np.asarray(np.round(np.random.default_rng(seed).normal(size=steps), 1))


class TestGreedy:
    @pytest.mark.parametrize("path", ["compiled", "numpy"])
    @settings(max_examples=80, deadline=None)
    @given(seed=SEEDS)
    def test_profiles_are_possible_and_as_cheap_as_highs_finds(self, path: Path, seed: int) -> None:
        bounds = random_bounds(seed)
        prices = prices_for(seed, bounds.least_kw.shape[1])
        profiles = greedy_profiles(bounds, prices, path=path)
        assert possible(bounds, profiles).all()
        assert (profiles @ prices).sum() == pytest.approx(highs_cheapest(bounds, prices), abs=1e-7)

    @settings(max_examples=40, deadline=None)
    @given(SEEDS)
    def test_support_of_the_aggregate_is_the_sum_and_highs_agrees(self, seed: int) -> None:
        bounds = random_bounds(seed, devices=5)
        direction = prices_for(seed, bounds.least_kw.shape[1])
        found = aggregate_support(bounds, direction)
        assert found == pytest.approx(-highs_cheapest(bounds, -direction), abs=1e-7)

    def test_fleets_larger_than_a_part_are_put_together_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bounds = random_bounds(7, devices=9)
        prices = prices_for(7, bounds.least_kw.shape[1])
        whole = greedy_profiles(bounds, prices, path="numpy")
        monkeypatch.setattr("vpp.flexibility.support.CELLS", 2 * bounds.least_kw.shape[1])
        assert greedy_profiles(bounds, prices, path="numpy").tolist() == whole.tolist()

    @pytest.mark.parametrize("prices", [[1.0], [np.nan] * 3, [np.inf] * 3])
    def test_bad_prices_are_refused(self, prices: list[float]) -> None:
        bounds = random_bounds(1, most_steps=3)
        assert bounds.least_kw.shape[1] != 1
        with pytest.raises(BoundsError, match="price"):
            greedy_profiles(bounds, prices[: max(1, min(len(prices), bounds.least_kw.shape[1]))])


class TestAggregate:
    @settings(max_examples=40, deadline=None)
    @given(seed=SEEDS, groups=st.sampled_from([1, 2, 4]))
    def test_cost_with_a_price_on_the_peak_is_that_of_highs(self, seed: int, groups: int) -> None:
        bounds = random_bounds(seed, devices=4)
        steps = bounds.least_kw.shape[1]
        base = np.random.default_rng(seed).uniform(0, 5, (steps,))
        problem = AggregateProblem(bounds.step_h, prices_for(seed, steps), base, 1.5)
        found = solve_over_aggregate(problem, greedy_oracle(bounds), groups=groups)
        exact = highs_cheapest(bounds, problem.price_per_kwh * bounds.step_h, base_kw=base, peak_price=1.5)
        assert found.status == "optimal"
        assert found.objective == pytest.approx(exact, abs=1e-6)
        assert found.lower_bound <= found.objective + 1e-9

    @settings(max_examples=40, deadline=None)
    @given(seed=SEEDS, groups=st.sampled_from([1, 3]))
    def test_what_is_handed_out_is_possible_and_adds_up(self, seed: int, groups: int) -> None:
        bounds = random_bounds(seed, devices=5)
        steps = bounds.least_kw.shape[1]
        problem = AggregateProblem(bounds.step_h, np.zeros(steps), prices_for(seed, steps), 1.0)
        found = solve_over_aggregate(problem, greedy_oracle(bounds), groups=groups)
        profiles = disaggregate(found, greedy_oracle(bounds))
        assert possible(bounds, profiles).all()
        assert np.abs(profiles.sum(axis=0) - found.power_kw).max() <= 1e-9
        assert found.weights.sum(axis=0) == pytest.approx(np.ones(found.weights.shape[1]), abs=1e-12)

    def test_without_a_price_on_the_peak_one_answer_is_enough(self) -> None:
        bounds = random_bounds(3)
        steps = bounds.least_kw.shape[1]
        found = solve_over_aggregate(
            AggregateProblem(0.5, prices_for(3, steps), np.zeros(steps)), greedy_oracle(bounds)
        )
        assert (found.status, found.objective, len(found.prices)) == ("optimal", found.lower_bound, 1)

    def test_fleets_of_different_kinds_answer_together(self) -> None:
        cars = random_cars(11, most_steps=6)
        bounds = random_bounds(2, most_steps=8)
        while bounds.least_kw.shape[1] != cars.steps:
            bounds = random_bounds(int(bounds.least_kw.sum() * 1e6) % 10**6, most_steps=8)
        oracle = joined_oracle(greedy_oracle(bounds), lambda prices: cheapest_profiles(cars, prices))
        problem = AggregateProblem(1.0, np.zeros(cars.steps), np.ones(cars.steps), 1.0)
        found = solve_over_aggregate(problem, oracle)
        assert found.status == "optimal"
        assert disaggregate(found, oracle).shape == (3 + 4, cars.steps)

    def test_out_of_rounds_is_said(self) -> None:
        bounds = random_bounds(5, devices=9, most_steps=8)
        steps = bounds.least_kw.shape[1]
        problem = AggregateProblem(0.5, np.zeros(steps), np.linspace(0.0, 9.0, steps), 1.0)
        found = solve_over_aggregate(problem, greedy_oracle(bounds), most_rounds=0)
        assert found.status == "stopped"
        assert found.lower_bound < found.objective


class TestRefusals:
    @pytest.mark.parametrize(
        ("prices", "base", "peak"),
        [
            ([1.0], [1.0, 2.0], 0.0),
            ([np.nan], [0.0], 0.0),
            ([1.0], [np.inf], 0.0),
            ([1.0], [1.0], -1.0),
            ([], [], 0.0),
        ],
    )
    def test_problem_that_makes_no_sense(self, prices: list[float], base: list[float], peak: float) -> None:
        with pytest.raises(AggregateError):
            AggregateProblem(1.0, np.array(prices), np.array(base), peak)

    @pytest.mark.parametrize(
        "answer", [np.zeros((2, 3)), np.zeros(1), np.full((1, 1), np.nan), np.zeros((0, 1))]
    )
    def test_devices_that_do_not_answer(self, answer: NDArray[np.float64]) -> None:
        problem = AggregateProblem(1.0, np.ones(1), np.zeros(1), 1.0)
        with pytest.raises(AggregateError, match="answered"):
            solve_over_aggregate(problem, lambda _: answer)

    def test_another_fleet_is_not_handed_out_to(self) -> None:
        bounds = random_bounds(3)
        steps = bounds.least_kw.shape[1]
        found = solve_over_aggregate(
            AggregateProblem(0.5, np.ones(steps), np.zeros(steps)), greedy_oracle(bounds)
        )
        with pytest.raises(AggregateError, match="instead of"):
            disaggregate(found, lambda prices: np.zeros((1, steps)))

    @pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5], [1.0]])
    def test_weights_that_are_not_convex(self, weights: list[float]) -> None:
        with pytest.raises(AggregateError, match="weights"):
            combine(np.zeros((2, 1, 1)), np.array(weights))

    def test_convex_weights_mix(self) -> None:
        columns = np.array([[[0.0, 4.0]], [[4.0, 0.0]]])
        assert combine(columns, np.array([0.25, 0.75])).tolist() == [[3.0, 1.0]]
