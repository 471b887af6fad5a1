import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.dispatch.tracking import (
    Delivery,
    Reason,
    RedispatchRule,
    TrackingError,
    TrackingState,
    deliver_now,
    needs_redispatch,
    performance_ratio,
)

HOMES = ("a", "b", "c")
ALL = frozenset(HOMES)


def look(**changes: Any) -> Delivery:
    readings = {
        "baseline_kw": [3.0, 3.0, 3.0],
        "grid_kw": [1.0, -1.0, 3.5],
        "age_s": [5.0, 60.0, 180.0],
        **changes,
    }
    return deliver_now(HOMES, **readings)


def test_delivered_is_baseline_minus_the_meter() -> None:
    delivery = look()
    assert delivery.delivered_kw.tolist() == [2.0, 4.0, -0.5]
    assert delivery.total_kw == 5.5
    assert delivery.available.tolist() == [True, True, True]
    assert delivery.silent == ()


@pytest.mark.parametrize(
    "gone",
    [{"age_s": [5.0, 181.0, 5.0]}, {"age_s": [5.0, math.nan, 5.0]}, {"grid_kw": [1.0, math.nan, 3.5]}],
)
def test_a_silent_home_delivers_nothing(gone: dict[str, list[float]]) -> None:
    delivery = look(**gone)
    assert delivery.delivered_kw.tolist() == [2.0, 0.0, -0.5]
    assert delivery.available.tolist() == [True, False, True]
    assert delivery.silent == ("b",)


def test_an_opted_out_home_is_heard_but_not_counted() -> None:
    delivery = look(opted_out=[False, True, False], baseline_kw=[3.0, 3.0, math.nan])
    assert (delivery.available.tolist(), delivery.silent, delivery.total_kw) == (
        [True, False, False],
        (),
        2.0,
    )


@pytest.mark.parametrize("wrong", [{"grid_kw": [1.0]}, {"opted_out": [True]}, {"age_s": 5.0}])
def test_readings_that_do_not_fit_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrackingError):
        look(**wrong)


def reasons(
    totals: list[float], *, target_kw: float = 10.0, rule: RedispatchRule | None = None
) -> list[Reason | None]:
    state, found = TrackingState(planned_with=ALL), []
    for total in totals:
        delivery = Delivery(HOMES, np.array([total, 0.0, 0.0]), np.ones(3, dtype=np.bool_), ())
        state, reason = needs_redispatch(state, delivery, target_kw=target_kw, rule=rule)
        found.append(reason)
    return found


NO_REST = RedispatchRule(rest=0)


def test_a_shortfall_must_last() -> None:
    assert reasons([8.0, 8.0, 8.0], rule=NO_REST) == [None, None, "shortfall"]
    assert reasons([8.0, 8.0, 9.6, 8.0, 8.0], rule=NO_REST) == [None] * 5
    assert reasons([8.0, 9.4, 8.0, 9.4, 8.0], rule=NO_REST) == [None, None, None, None, "shortfall"]


def test_the_threshold_is_a_kilowatt_or_five_percent() -> None:
    assert reasons([9.0] * 5, rule=NO_REST) == [None] * 5
    assert reasons([95.1] * 5, target_kw=100.0, rule=NO_REST) == [None] * 5
    assert reasons([94.9] * 3, target_kw=100.0, rule=NO_REST)[2] == "shortfall"


def test_hubs_get_time_to_follow_a_new_plan() -> None:
    assert reasons([0.0] * 10) == [None] * 4 + ["shortfall"] + [None] * 4 + ["shortfall"]


def test_homes_lost_and_returned_are_reasons_at_once() -> None:
    state = TrackingState(planned_with=ALL)
    state, reason = needs_redispatch(state, look(age_s=[5.0, 999.0, 5.0]), target_kw=2.0)
    assert (reason, state) == ("homes_lost", TrackingState(planned_with=frozenset("ac")))
    state, reason = needs_redispatch(state, look(age_s=[5.0, 999.0, 5.0]), target_kw=1.0)
    assert (reason, state.looks_since_plan) == (None, 1)
    state, reason = needs_redispatch(state, look(), target_kw=1.0)
    assert (reason, state.planned_with) == ("homes_returned", ALL)


def test_nothing_asked_is_never_a_reason() -> None:
    state = TrackingState(planned_with=ALL)
    assert needs_redispatch(state, look(age_s=[5.0, 999.0, 5.0]), target_kw=0.0)[1] is None


@pytest.mark.parametrize("target_kw", [-1.0, math.nan, math.inf])
def test_a_target_without_sense_is_refused(target_kw: float) -> None:
    with pytest.raises(TrackingError):
        needs_redispatch(TrackingState(planned_with=ALL), look(), target_kw=target_kw)


def test_a_rule_without_sense_is_refused() -> None:
    with pytest.raises(TrackingError):
        RedispatchRule(patience=0)


def test_performance_is_delivered_over_planned() -> None:
    assert performance_ratio([8.0, math.nan, 10.0], [10.0, 10.0, 10.0]) == 0.9
    assert performance_ratio([], []) == 1.0
    assert performance_ratio([50.0], [10.0]) == 1.2
    with pytest.raises(TrackingError):
        performance_ratio([1.0], [])


@given(st.lists(st.floats(-5, 15), max_size=30))
def test_reasons_are_never_closer_than_rest_and_patience(totals: list[float]) -> None:
    at = [index for index, reason in enumerate(reasons(totals)) if reason]
    assert all(later - earlier >= 5 for earlier, later in zip([-1, *at], at, strict=False))
