import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.dispatch.outlook import Outlook, Performance, outlook, performance_so_far
from vpp.dispatch.responsiveness import Responsiveness, estimate, nothing_known
from vpp.dispatch.tracking import TrackingError

SURE = Performance(1.0, 0.0)


def homes(
    count: int, *, factor: float = 1.0, deviation: float = 0.0, probability: float = 1.0
) -> Responsiveness:
    return Responsiveness(*(np.full(count, value) for value in (factor, deviation, probability, 60.0)))


def look(**changes: Any) -> Outlook:
    known: dict[str, Any] = {
        "delivered_kwh": 5.0,
        "planned_kwh": [1.0, 3.0],
        "responsiveness": homes(2),
        "performance": SURE,
        **changes,
    }
    return outlook(**known)


def test_without_any_doubt_the_rest_is_as_planned() -> None:
    assert look() == Outlook(9.0, 9.0, 9.0, 0.9)


def test_errors_of_homes_are_independent() -> None:
    found = look(responsiveness=homes(2, deviation=0.1))
    assert found.high_kwh - 9.0 == pytest.approx(1.6448536 * 0.1 * math.sqrt(10))
    assert 9.0 - found.low_kwh == pytest.approx(found.high_kwh - 9.0)


def test_error_of_the_performance_hits_all_together() -> None:
    found = look(performance=Performance(0.9, 0.05), probability=0.8)
    assert found.expected_kwh == pytest.approx(5.0 + 0.9 * 4.0)
    assert found.high_kwh - found.expected_kwh == pytest.approx(1.2815516 * 0.05 * 4.0)


def test_what_is_delivered_cannot_be_taken_back() -> None:
    assert look(performance=Performance(0.1, 1.0)).low_kwh == 5.0


def test_over_is_over() -> None:
    assert look(planned_kwh=[0.0, 0.0], performance=Performance(0.5, 0.5)) == Outlook(5.0, 5.0, 5.0, 0.9)


def test_performance_is_pulled_to_what_was_expected() -> None:
    found = performance_so_far([8.0, math.nan, 8.0, 8.0], [10.0, 10.0, 10.0, 10.0], expected=1.0)
    assert found.ratio == pytest.approx(0.9)
    assert found.deviation == pytest.approx(math.sqrt((3 * 0.01 + 3 * 0.01) / 6))
    unseen = performance_so_far([], [], expected=0.9)
    assert (unseen.ratio, unseen.deviation) == pytest.approx((0.9, 0.1))
    assert performance_so_far([5.0], [0.0], expected=0.9).ratio == 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"delivered_kwh": math.nan},
        {"planned_kwh": [1.0]},
        {"planned_kwh": [1.0, -1.0]},
        {"planned_kwh": [1.0, math.inf]},
        {"probability": 1.0},
    ],
)
def test_question_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrackingError):
        look(**wrong)


def test_performance_without_sense_is_refused() -> None:
    with pytest.raises(TrackingError):
        performance_so_far([1.0], [1.0, 2.0], expected=1.0)
    with pytest.raises(TrackingError):
        performance_so_far([], [], expected=math.nan)


def test_nine_of_ten_events_end_within_the_interval() -> None:
    """Fleets as the prior takes them, with a common error from event to event."""
    chance = np.random.default_rng(11)
    inside = 0
    for _ in range(400):
        known = estimate(nothing_known(30))
        planned = chance.uniform(0.5, 4.0, 30)
        common = chance.normal(1.0, 0.1)
        factor = (
            common * chance.normal(known.factor, known.deviation) * (chance.random(30) < known.probability)
        )
        mean = float(known.expected.mean())
        found = outlook(
            delivered_kwh=0.0,
            planned_kwh=planned,
            responsiveness=known,
            performance=performance_so_far([], [], expected=mean),
        )
        inside += found.low_kwh <= float(planned @ factor) <= found.high_kwh
    assert 0.86 <= inside / 400 <= 0.95


@settings(deadline=None, max_examples=100)
@given(
    st.floats(-10, 10),
    st.lists(st.floats(0, 5), min_size=1, max_size=8),
    st.floats(0, 1.5),
    st.floats(0, 1),
    st.floats(0.01, 0.99),
)
def test_bounds_hold_the_expectation(
    delivered: float, planned: list[float], ratio: float, spread: float, probability: float
) -> None:
    found = outlook(
        delivered_kwh=delivered,
        planned_kwh=planned,
        responsiveness=homes(len(planned), deviation=0.2, probability=0.9),
        performance=Performance(ratio, spread),
        probability=probability,
    )
    assert delivered <= found.low_kwh <= found.expected_kwh + 1e-12
    assert found.expected_kwh <= found.high_kwh
