from itertools import starmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.baselines.control_group import (
    NO_CONTROLS,
    ControlPool,
    control_group_accuracy,
    control_group_valid,
    matched_control_group,
)
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError

LEVELS = np.array([1.0, 1.1, 3.0, 3.2, 9.0])


def flat_pool(*, weather_kw: float = 0.0) -> ControlPool:
    """Homes that draw their level at any time, and `weather_kw` more on the event day."""
    return ControlPool(
        np.tile(LEVELS[:, None, None], (1, 8, 6)), np.tile(LEVELS[:, None] + weather_kw, (1, 6))
    )


def flat_home(level: float, *, today_kw: float = 0.0) -> EventData:
    return EventData(np.full((1, 8, 6), level), np.full((1, 6), today_kw), 3, 5)


def test_difference_in_differences_by_hand() -> None:
    """3.4 kW: its controls are 3.2 and 3.0; they draw 0.5 kW more today, it used to draw 0.3 kW more than they."""
    found = matched_control_group(flat_home(3.4), flat_pool(weather_kw=0.5), controls=2)
    assert found.controls.tolist() == [[3, 2]]
    assert found.result.baseline_kw == pytest.approx(np.full((1, 2), 3.1 + 0.5 + 0.3))
    assert (found.result.ok.tolist(), found.result.days_used.tolist()) == ([True], [8])


def test_what_the_home_does_on_the_day_never_matters() -> None:
    pool = flat_pool(weather_kw=0.5)
    one, other = (matched_control_group(flat_home(3.4, today_kw=kw), pool) for kw in (0.0, 50.0))
    assert np.array_equal(one.result.baseline_kw, other.result.baseline_kw)


def test_shape_counts_as_well_as_size() -> None:
    """Of two homes with the same energy the one with the same evening is taken."""
    morning, evening = [2.0, 2, 2, 0, 0, 0], [0.0, 0, 0, 2, 2, 2]
    pool = ControlPool(np.tile([[morning], [evening]], (1, 8, 1)), np.array([morning, evening]))
    data = EventData(np.tile([[evening]], (1, 8, 1)), np.zeros((1, 6)), 3, 5)
    assert matched_control_group(data, pool, controls=1).controls.tolist() == [[1]]


def test_who_cannot_be_a_control() -> None:
    pool = flat_pool()
    pool.event_day_kw[3, 4] = np.nan  # nothing measured in the event
    pool.history_kw[2, :4, 0] = np.nan  # four complete days
    found = matched_control_group(flat_home(3.1), pool, controls=1)
    assert found.controls.tolist() == [[1]]


def test_home_with_too_few_days_and_pool_with_too_few_homes() -> None:
    home = flat_home(3.0)
    home.history_kw[0, :4] = np.nan
    found = matched_control_group(home, flat_pool())
    assert (found.result.reason, found.controls.tolist()) == (("too_few_days: 4 of 5",), [[-1] * 4])
    none = matched_control_group(flat_home(3.0), flat_pool(), controls=6)
    assert (none.result.reason, none.result.ok.tolist()) == ((NO_CONTROLS,), [False])
    assert np.isnan(none.result.baseline_kw).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_nearest_controls_as_by_a_loop(seed: int) -> None:
    chance = np.random.default_rng(seed)
    homes, others = chance.gamma(2, 1, (3, 6, 5)), chance.gamma(2, 1, (9, 6, 5))
    data = EventData(homes, np.zeros((3, 5)), 2, 4)
    found = matched_control_group(data, ControlPool(others, chance.gamma(2, 1, (9, 5))), controls=3)
    for home, row in zip(homes, found.controls, strict=True):
        distances = [((home.mean(axis=0) - other.mean(axis=0)) ** 2).sum() for other in others]
        assert row.tolist() == sorted(range(9), key=distances.__getitem__)[:3]


def test_a_group_of_twins_is_valid_and_one_of_strangers_is_not() -> None:
    chance = np.random.default_rng(7)
    weather = 2 + np.sin(np.arange(12))[:, None] + np.arange(6)
    size = chance.uniform(1, 3, 40)
    homes = size[:, None, None] * weather * chance.normal(1, 0.02, (40, 12, 6))
    twins = size[:, None, None] * weather * chance.normal(1, 0.02, (40, 12, 6))
    strangers = chance.gamma(1, 6, (40, 12, 6))
    data = EventData(homes, homes[:, 0], 2, 4)
    good, bad = starmap(
        control_group_accuracy, [(data, ControlPool(one, one[:, 0])) for one in (twins, strangers)]
    )
    assert (control_group_valid(good), control_group_valid(bad)) == (True, False)
    assert good.intervals.tolist() == [12] * 40


def test_unknown_is_not_valid() -> None:
    found = control_group_accuracy(flat_home(1.0), ControlPool(np.full((1, 8, 6), np.nan), np.ones((1, 6))))
    assert not control_group_valid(found)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BaselineError):
        ControlPool(np.ones((2, 3, 4)), np.ones((2, 5)))
    with pytest.raises(BaselineError):
        matched_control_group(flat_home(1.0), ControlPool(np.ones((5, 8, 7)), np.ones((5, 7))))
    with pytest.raises(BaselineError):
        matched_control_group(flat_home(1.0), flat_pool(), controls=0)
    with pytest.raises(BaselineError):
        control_group_accuracy(
            EventData(np.ones((1, 1, 6)), np.ones((1, 6)), 3, 5),
            ControlPool(np.ones((1, 1, 6)), np.ones((1, 6))),
        )
