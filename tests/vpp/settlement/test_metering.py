import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.intervals import Grid, to_ms
from vpp.settlement.errors import SettlementError
from vpp.settlement.metering import MeteredIntervals, interval_energies

START = datetime(2026, 1, 15, 17, tzinfo=UTC)
GRID = Grid(START, 900, 2)
ZERO = to_ms(START)


def metered(readings: list[tuple[float, float, float]], **options: Any) -> MeteredIntervals:
    """Readings as (minutes after the start, import register, export register)."""
    return interval_energies(
        at_ms=[ZERO + round(minute * 60_000) for minute, _, _ in readings],
        import_kwh=[drawn for _, drawn, _ in readings],
        export_kwh=[fed for _, _, fed in readings],
        grid=GRID,
        **options,
    )


def test_registers_at_the_boundaries_give_the_energies() -> None:
    result = metered([(0, 100.0, 50.0), (15, 100.5, 50.0), (30, 100.75, 51.0)])
    assert result.import_kwh.tolist() == [0.5, 0.25]
    assert result.export_kwh.tolist() == [0.0, 1.0]
    assert result.net_kwh.tolist() == [0.5, -0.75]
    assert result.fault == ("", "")


def test_a_boundary_between_two_close_readings_is_interpolated() -> None:
    result = metered([(-1, 9.9, 0.0), (1, 10.1, 0.0), (14, 11.0, 0.0), (17, 11.3, 0.0), (30, 12.0, 0.0)])
    assert result.import_kwh == pytest.approx([1.1, 0.9])


def test_readings_missing_inside_of_an_interval_lose_nothing() -> None:
    assert metered([(0, 0.0, 0.0), (15, 1.0, 0.0), (30, 3.0, 0.0)]).import_kwh.tolist() == [1.0, 2.0]


def test_a_long_gap_over_a_boundary_is_missing_on_both_sides() -> None:
    readings = [(0, 0.0, 0.0), (12, 1.0, 0.0), (17.5, 2.0, 0.0), (30, 3.0, 0.0)]
    result = metered(readings)
    assert result.fault == ("missing", "missing")
    assert np.isnan(result.net_kwh).all()
    assert metered(readings, max_gap_s=330).fault == ("", "")


@pytest.mark.parametrize(
    ("readings", "fault"),
    [
        ([], ("missing", "missing")),
        ([(15, 1.0, 0.0)], ("missing", "missing")),
        ([(0, 0.0, 0.0), (15, 1.0, 0.0)], ("", "missing")),
        ([(1, 0.0, 0.0), (15, 1.0, 0.0), (30, 2.0, 0.0)], ("missing", "")),
        ([(0, 0.0, 0.0), (15, math.nan, 0.0), (30, 2.0, 0.0)], ("missing", "missing")),
    ],
)
def test_what_is_not_measured_is_missing(
    readings: list[tuple[float, float, float]], fault: tuple[str, ...]
) -> None:
    assert metered(readings).fault == fault


def test_a_reset_register_is_not_settled() -> None:
    result = metered([(0, 100.0, 5.0), (7, 100.2, 5.0), (8, 0.0, 5.0), (15, 0.1, 5.0), (30, 0.4, 5.0)])
    assert result.fault == ("reset", "")
    assert np.isnan(result.import_kwh[0])
    assert np.isnan(result.export_kwh[0])
    assert result.import_kwh[1] == pytest.approx(0.3)


def test_a_jump_is_not_settled_and_touches_both_intervals_it_spans() -> None:
    result = metered([(0, 0.0, 0.0), (14, 0.1, 0.0), (16, 0.1, 9.0), (30, 0.2, 9.0)], max_kw=50.0)
    assert result.fault == ("jump", "jump")


def test_order_and_doubles_do_not_matter() -> None:
    readings = [(0.0, 0.0, 0.0), (15.0, 1.0, 0.0), (30.0, 3.0, 0.0)]
    result = metered([readings[2], (15.0, 0.9, 0.0), *readings[:2], readings[2]])
    assert result.import_kwh.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "wrong", [{"import_kwh": [1.0]}, {"export_kwh": [math.inf, 0.0]}, {"max_gap_s": -1.0}, {"max_kw": 0.0}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    request = {"at_ms": [0, 1], "import_kwh": [0.0, 0.0], "export_kwh": [0.0, 0.0], "grid": GRID, **wrong}
    with pytest.raises(SettlementError):
        interval_energies(**request)


@given(st.lists(st.floats(0, 0.5), min_size=31, max_size=31), st.integers(0, 59))
def test_the_intervals_sum_to_the_registers(minutes: list[float], offset_s: int) -> None:
    register = np.cumsum([0.0, *minutes])
    at = [ZERO + (minute * 60 - offset_s) * 1000 for minute in range(32)]
    result = interval_energies(at_ms=at, import_kwh=register, export_kwh=register * 2, grid=GRID)
    first, last = np.interp([ZERO, ZERO + 1_800_000], at, register)
    assert result.fault == ("", "")
    assert result.import_kwh.sum() == pytest.approx(last - first, abs=1e-9)
    assert result.net_kwh == pytest.approx(-result.import_kwh)
    assert (result.import_kwh >= -1e-12).all()
