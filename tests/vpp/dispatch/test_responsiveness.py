from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.dispatch.responsiveness import (
    Memory,
    Prior,
    ResponsivenessError,
    estimate,
    learn,
    nothing_known,
)

NAN = float("nan")


def memory_of(*events: tuple[list[list[float]], list[list[float]]], **options: Any) -> Memory:
    memory = nothing_known(len(events[0][0]))
    for asked, delivered in events:
        memory = learn(memory, asked_kw=asked, delivered_kw=delivered, step_s=60.0, **options)
    return memory


def test_event_is_remembered_by_factor_and_delay() -> None:
    """Asked for 2 kW from the second minute, it gives half at once and 1.8 two minutes later."""
    memory = memory_of(([[0, 2, 2, 2, 2]], [[0.5, 0.2, 0.4, 1.8, 1.8]]))
    assert (memory.events.tolist(), memory.responses.tolist()) == ([1.0], [1.0])
    assert memory.factor_sum == pytest.approx([0.9])
    assert memory.square_sum == pytest.approx([0.81])
    assert memory.delay_sum_s.tolist() == [120.0]


def test_home_that_gives_next_to_nothing_has_not_responded() -> None:
    memory = memory_of(([[2, 2, 2]], [[0.1, -0.5, 0.2]]))
    assert (memory.events.tolist(), memory.responses.tolist(), memory.factor_sum.tolist()) == (
        [1.0],
        [0.0],
        [0.0],
    )


def test_home_not_asked_or_not_measured_is_left_as_it_is() -> None:
    first = memory_of(([[2.0], [2.0]], [[2.0], [2.0]]))
    after = learn(first, asked_kw=[[0.0], [2.0]], delivered_kw=[[1.0], [NAN]], step_s=60.0)
    assert all((getattr(after, name) == getattr(first, name)).all() for name in Memory.__slots__)


def test_older_events_count_less() -> None:
    event = ([[2.0]], [[2.0]])
    memory = memory_of(event, event, event, forgetting=0.5)
    assert memory.events.tolist() == [1.75]
    assert memory_of(event, event, forgetting=1.0).events.tolist() == [2.0]


def test_nothing_known_is_the_prior() -> None:
    found = estimate(nothing_known(2))
    prior = Prior()
    assert found.factor == pytest.approx([prior.factor] * 2)
    assert found.probability == pytest.approx([prior.probability] * 2)
    assert found.delay_s == pytest.approx([prior.delay_s] * 2)
    assert found.deviation == pytest.approx([np.hypot(prior.between, prior.within)] * 2)
    assert found.expected == pytest.approx([0.95**2] * 2)
    respond, factor, spread = 0.95, 0.95, found.deviation[0]
    assert found.variance[0] == pytest.approx(respond * (spread**2 + factor**2) - (respond * factor) ** 2)


def test_no_homes_are_no_difficulty() -> None:
    assert estimate(nothing_known(0)).factor.shape == (0,)


def test_more_events_pull_less() -> None:
    """A home at 0.5 beside nine at 1.0."""
    asked = np.full((10, 5), 2.0)
    delivered = asked.copy()
    delivered[0] = 1.0
    memory, seen = nothing_known(10), []
    for _ in range(12):
        memory = learn(memory, asked_kw=asked, delivered_kw=delivered, step_s=60.0, forgetting=1.0)
        seen.append(float(estimate(memory).factor[0]))
    assert all(later < earlier for earlier, later in pairwise(seen))
    assert 0.5 < seen[-1] < 0.55 < seen[0] < 0.95


def test_factors_of_a_simulated_fleet_are_found_again() -> None:
    """Shrunk factors are closer to the truth than the homes' own means."""
    chance = np.random.default_rng(3)
    truth = chance.normal(0.85, 0.12, 4000)
    memory, own = nothing_known(4000), np.zeros(4000)
    for _ in range(3):
        shown = truth + chance.normal(0, 0.2, 4000)
        own += np.clip(shown, 0, 2) / 3
        memory = learn(
            memory, asked_kw=np.ones((4000, 1)), delivered_kw=shown[:, None], step_s=60.0, forgetting=1.0
        )
    found = estimate(memory)
    assert np.mean((found.factor - truth) ** 2) < 0.75 * np.mean((own - truth) ** 2)
    assert float(found.factor.mean()) == pytest.approx(0.85, abs=0.01)
    again = truth + chance.normal(0, 0.2, 4000)
    inside = np.abs(again - found.factor) <= 1.645 * found.deviation
    assert 0.88 <= inside.mean() <= 0.92


def test_probability_and_delay_of_a_home_that_often_fails() -> None:
    asked = np.full((5, 4), 1.0)
    delivered = asked.copy()
    delivered[0] = 0.0
    delivered[1, :2] = 0.0
    memory = nothing_known(5)
    for _ in range(8):
        memory = learn(memory, asked_kw=asked, delivered_kw=delivered, step_s=60.0, forgetting=1.0)
    found = estimate(memory)
    assert found.probability[0] < 0.35 < 0.9 < found.probability[2]
    assert found.delay_s[1] > 80 > 30 > found.delay_s[2]


@pytest.mark.parametrize(
    ("asked", "delivered", "options"),
    [
        ([[1.0]], [[1.0, 2.0]], {}),
        ([[1.0], [1.0]], [[1.0], [1.0]], {}),
        ([[-1.0]], [[1.0]], {}),
        ([[NAN]], [[1.0]], {}),
        ([[1.0]], [[np.inf]], {}),
        ([[1.0]], [[1.0]], {"step_s": 0.0}),
        ([[1.0]], [[1.0]], {"forgetting": 1.1}),
    ],
)
def test_history_without_sense_is_refused(asked: Any, delivered: Any, options: dict[str, float]) -> None:
    with pytest.raises(ResponsivenessError):
        learn(nothing_known(1), asked_kw=asked, delivered_kw=delivered, **{"step_s": 60.0, **options})


@pytest.mark.parametrize("wrong", [{"factor": NAN}, {"within": 0.0}, {"probability": 1.2}, {"delay_s": -1.0}])
def test_prior_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ResponsivenessError):
        Prior(**wrong)


def test_memory_without_sense_is_refused() -> None:
    for wrong in ({"events": np.zeros(2)}, {"factor_sum": np.array([NAN])}, {"responses": np.ones(1)}):
        with pytest.raises(ResponsivenessError):
            replace(nothing_known(1), **wrong)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 6))
def test_estimates_are_always_sensible(seed: int, homes: int, events: int) -> None:
    chance = np.random.default_rng(seed)
    memory = nothing_known(homes)
    for _ in range(events):
        asked = chance.choice([0.0, 1.0, 3.0], (homes, 5))
        delivered = chance.choice([NAN, -50.0, 0.0, 1.0, 3.0, 1e6], (homes, 5))
        memory = learn(
            memory, asked_kw=asked, delivered_kw=delivered, step_s=60.0, forgetting=float(chance.uniform())
        )
    found = estimate(memory)
    for values in (found.factor, found.deviation, found.probability, found.delay_s):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert (found.probability <= 1).all()
    assert (found.factor <= 2.0).all()
    assert (found.variance >= 0).all()
