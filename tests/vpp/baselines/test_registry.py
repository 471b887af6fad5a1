"""What holds for every method."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.vpp.baselines.cases import random_event
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError
from vpp.baselines.names import PROGRAM_METHODS, TITLES
from vpp.baselines.registry import METHODS, Method, candidate_days, method_named

every_method = st.sampled_from(list(METHODS.values()))
OTHER_DAYS = {("aemo_business_days", "weekend"), ("aemo_non_business_days", "weekday")}
seeds = st.integers(0, 10**6)


def test_the_names() -> None:
    assert list(METHODS) == list(TITLES)
    assert set(METHODS) - set(PROGRAM_METHODS) == {
        "weather_matching",
        "weather_matching_weekend_3_of_5",
        "ercot_regression",
    }
    assert all(method_named(name).name == name for name in METHODS)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BaselineError, match="caiso_10_of_10"):
        method_named("ten_of_ten")


def test_each_method_has_its_days() -> None:
    saturday = date(2026, 1, 24)
    pjm = candidate_days(method_named("pjm_high_4_of_5"), saturday, excluded=[date(2026, 1, 10)])
    assert [f"{day:%m-%d}" for day in pjm] == ["01-17", "01-03", "12-27", "12-20", "12-13"]
    assert len(candidate_days(method_named("japan_high_4_of_5"), saturday)) == 8
    assert candidate_days(method_named("meter_before_after"), saturday) == ()


@given(every_method, seeds, st.permutations(range(4)))
def test_permuting_sites_permutes_results(method: Method, seed: int, order: list[int]) -> None:
    data = random_event(seed)
    there = method.calculate(data)
    here = method.calculate(
        replace(
            data,
            history_kw=data.history_kw[order],
            event_day_kw=data.event_day_kw[order],
            history_max_c=None if data.history_max_c is None else data.history_max_c[order],
            event_day_max_c=None if data.event_day_max_c is None else data.event_day_max_c[order],
        )
    )
    assert np.array_equal(here.baseline_kw, there.baseline_kw[order], equal_nan=True)
    assert np.array_equal(here.adjustment, there.adjustment[order])
    assert here.reason == tuple(there.reason[site] for site in order)


@given(every_method, st.floats(0.01, 1000), st.sampled_from(["weekday", "weekend"]))
def test_a_constant_load_is_its_own_baseline(method: Method, load: float, day_type: str) -> None:
    data = EventData(
        np.full((2, 12, 24), load),
        np.full((2, 24), load),
        event_starts=12,
        event_ends=16,
        day_type="weekday" if day_type == "weekday" else "weekend",
        history_max_c=np.tile(np.linspace(15.0, 30.0, 12), (2, 1)),
        event_day_max_c=np.array([14.0, 22.0]),
    )
    assume((method.name, day_type) not in OTHER_DAYS)
    result = method.calculate(data)
    assert result.baseline_kw == pytest.approx(np.full((2, 4), load))
    assert (result.ok.tolist(), result.reason) == ([True, True], ("", ""))


@given(every_method, seeds, st.floats(-100, 100) | st.just(np.nan))
def test_what_was_delivered_never_matters(method: Method, seed: int, delivered: float) -> None:
    data = random_event(seed)
    today = data.event_day_kw.copy()
    today[:, data.event_starts : data.event_ends] = delivered
    one, other = method.calculate(data), method.calculate(replace(data, event_day_kw=today))
    assert np.array_equal(one.baseline_kw, other.baseline_kw, equal_nan=True)
    assert one.reason == other.reason


@given(every_method, seeds, st.floats(-100, 100))
def test_before_the_event_nothing_after_it_matters(method: Method, seed: int, later: float) -> None:
    data = random_event(seed)
    if method.whole_day or not method.final_needs_after:
        return  # what it compares besides is not measured yet, and missing
    today = data.event_day_kw.copy()
    today[:, data.event_ends :] = later
    one, other = method.before_event(data), method.before_event(replace(data, event_day_kw=today))
    assert np.array_equal(one.baseline_kw, other.baseline_kw, equal_nan=True)


@given(every_method, seeds)
def test_a_site_has_a_baseline_or_a_reason(method: Method, seed: int) -> None:
    result = method.calculate(random_event(seed, missing=0.1))
    assert np.isnan(result.baseline_kw).all(axis=1).tolist() == (~result.ok).tolist()
    assert not np.isnan(result.baseline_kw[result.ok]).any()
    for good, why in zip(result.ok, result.reason, strict=True):
        assert why == "" or why.startswith("not_adjusted") if good else why != ""


@given(every_method)
def test_no_sites_and_no_days(method: Method) -> None:
    assert method.calculate(EventData(np.empty((0, 3, 12)), np.empty((0, 12)), 6, 8)).baseline_kw.shape == (
        0,
        2,
    )
    unmeasured = EventData(np.empty((1, 0, 12)), np.full((1, 12), np.nan), 6, 8)
    assert method.calculate(unmeasured).ok.tolist() == [False]
