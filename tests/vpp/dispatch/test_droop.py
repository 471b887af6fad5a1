import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.dispatch.droop import DroopCurve, DroopError, next_relief_kw, relief_kw

CURVE = DroopCurve(
    nominal_hz=50.0, dead_band_hz=0.1, slope_kw_per_hz=10.0, most_kw=3.0, recovery_kw_per_s=0.5
)


@pytest.mark.parametrize(
    ("frequency_hz", "expected_kw"),
    [(50.0, 0.0), (49.9, 0.0), (50.1, 0.0), (49.8, 1.0), (50.2, -1.0), (49.0, 3.0), (52.0, -3.0)],
)
def test_power_follows_the_deviation_beyond_the_dead_band(frequency_hz: float, expected_kw: float) -> None:
    assert relief_kw(CURVE, frequency_hz) == pytest.approx(expected_kw, abs=1e-9)


def test_more_is_given_at_once_and_taken_back_slowly() -> None:
    assert next_relief_kw(CURVE, 49.0, previous_kw=1.0, elapsed_s=1.0) == 3.0
    assert next_relief_kw(CURVE, 50.0, previous_kw=3.0, elapsed_s=2.0) == 2.0
    assert next_relief_kw(CURVE, 50.0, previous_kw=-3.0, elapsed_s=2.0) == -2.0
    assert next_relief_kw(CURVE, 50.0, previous_kw=0.5, elapsed_s=60.0) == 0.0


def test_the_other_direction_is_followed_at_once() -> None:
    assert next_relief_kw(CURVE, 51.0, previous_kw=3.0, elapsed_s=1.0) == -3.0
    assert next_relief_kw(CURVE, 49.0, previous_kw=-3.0, elapsed_s=1.0) == 3.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"nominal_hz": 16.7},
        {"dead_band_hz": -0.1},
        {"slope_kw_per_hz": 0.0},
        {"most_kw": -1.0},
        {"recovery_kw_per_s": 0.0},
        {"most_kw": math.nan},
    ],
)
def test_droop_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(DroopError):
        replace(CURVE, **wrong)


def test_frequency_without_sense_is_refused() -> None:
    with pytest.raises(DroopError):
        relief_kw(CURVE, math.nan)
    with pytest.raises(DroopError):
        next_relief_kw(CURVE, 50.0, previous_kw=0.0, elapsed_s=-1.0)


@given(st.floats(45, 55), st.floats(-3, 3), st.floats(0, 100))
def test_relief_is_bounded_and_never_less_than_the_curve(
    frequency_hz: float, previous_kw: float, elapsed_s: float
) -> None:
    wanted = relief_kw(CURVE, frequency_hz)
    given_kw = next_relief_kw(CURVE, frequency_hz, previous_kw=previous_kw, elapsed_s=elapsed_s)
    assert abs(given_kw) <= CURVE.most_kw
    assert abs(given_kw) >= abs(wanted)
    assert given_kw * wanted >= 0
