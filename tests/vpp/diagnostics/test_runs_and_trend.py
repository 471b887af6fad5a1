import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import theilslopes

from vpp.diagnostics.checks import Bools, DiagnosticsError
from vpp.diagnostics.runs import first, inside, mean_inside, run_lengths, stretches
from vpp.diagnostics.trend import robust_trend


def slowly(row: list[bool], least: int) -> list[tuple[int, int]]:
    found, start = [], None
    for at, true in enumerate([*row, False]):
        if true and start is None:
            start = at
        elif not true and start is not None:
            if at - start >= least:
                found.append((start, at))
            start = None
    return found


@settings(max_examples=60, deadline=None)
@given(arrays(np.bool_, (3, 20)), st.integers(1, 6))
def test_stretches_are_those_found_one_by_one(where: Bools, least: int) -> None:
    found = stretches(where, least)
    expected = [(row, *pair) for row in range(3) for pair in slowly(where[row].tolist(), least)]
    assert list(zip(found.row.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True)) == expected
    assert (inside(found, (3, 20)) <= where).all()
    assert inside(found, (3, 20)).sum() == found.lengths.sum()


@settings(max_examples=60, deadline=None)
@given(arrays(np.bool_, (2, 15)), arrays(np.bool_, (2, 15)))
def test_a_skipped_day_neither_counts_nor_breaks(where: Bools, skip: Bools) -> None:
    lengths = run_lengths(where, skip=skip)
    for row in range(2):
        kept = where[row, ~skip[row]]
        assert (
            lengths[row, ~skip[row]].tolist()
            == run_lengths(kept[None], skip=np.zeros((1, len(kept)), bool))[0].tolist()
        )


def test_by_hand() -> None:
    where = np.array([[False, True, True], [False, False, False]])
    assert first(where).tolist() == [1, -1]
    assert first(np.zeros((2, 0), np.bool_)).tolist() == [-1, -1]
    assert run_lengths(where, skip=np.zeros((2, 3), np.bool_)).tolist() == [[0, 1, 2], [0, 0, 0]]
    assert mean_inside(np.array([[9.0, 1.0, 2.0], [0.0, 0.0, 0.0]]), stretches(where, 1)).tolist() == [1.5]


def test_a_trend_is_scipys_and_bends_to_no_wild_point() -> None:
    chance = np.random.default_rng(0)
    at = np.arange(50.0)
    values = 3 - 0.1 * at + chance.normal(0, 0.01, (2, 50))
    values[:, 7] = 1e6
    values[0, 20:25] = np.nan
    found = robust_trend(at, values)
    known = ~np.isnan(values[0])
    expected = theilslopes(values[0, known], at[known])
    assert (found.slope[0], found.low[0], found.high[0]) == (
        expected.slope,
        expected.low_slope,
        expected.high_slope,
    )
    assert found.slope == pytest.approx([-0.1, -0.1], abs=1e-3)
    assert found.value_at(0.0) == pytest.approx([3, 3], abs=0.02)
    assert found.points.tolist() == [45, 50]
    assert found.scatter == pytest.approx([0.01, 0.01], rel=0.3)


def test_too_few_points_are_no_trend() -> None:
    found = robust_trend(np.arange(5.0), np.ones((1, 5)), least_points=6)
    assert np.isnan([found.slope[0], found.low[0], found.value_at(1.0)[0]]).all()
    assert np.isnan(robust_trend(np.ones(5), np.ones((1, 5)), least_points=3).slope).all()
    with pytest.raises(DiagnosticsError):
        robust_trend(np.arange(4.0), np.ones((1, 5)))
    with pytest.raises(DiagnosticsError):
        robust_trend([0.0, np.nan], np.ones((1, 2)))
