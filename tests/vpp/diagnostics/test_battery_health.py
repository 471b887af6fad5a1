import numpy as np
import pytest

from tests.vpp.diagnostics.faulty_fleet import STEP_H, battery_fleet
from vpp.diagnostics.battery_health import (
    battery_fade_findings,
    battery_health,
    capacity_windows,
    weekly_medians,
)
from vpp.diagnostics.battery_resistance import resistance, resistance_findings
from vpp.diagnostics.checks import DiagnosticsError
from vpp.diagnostics.forecast_failure import end_of_life_findings, time_to_threshold
from vpp.diagnostics.trend import Trend, robust_trend

FADE = np.array([0.02, 0.10, 0.0])


def test_windows_by_hand() -> None:
    """10 kWh: charged by 8 kWh with a rest on the way, then discharged by 7, then by too little."""
    soc = [[0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 0.2, 0.1, 0.3]]
    power = [[0.0, 0.01, 4.0, 0.02, 4.0, 0.0, -7.0, 0.0, 2.0]]
    found = capacity_windows(power, soc, step_h=1.0)
    assert found.battery.tolist() == [0, 0]
    assert found.ends.tolist() == [4, 6]
    assert found.per_full_kwh == pytest.approx([10.0, 10.0])
    assert found.charging.tolist() == [1, 0]


def test_missing_values_end_a_window_and_rows_do_not_run_together() -> None:
    soc = [[0.1, 0.5, 0.9], [0.1, 0.5, 0.9]]
    power = [[0.0, 4.0, 4.0], [0.0, 4.0, 4.0]]
    assert capacity_windows(power, soc, step_h=1.0).battery.tolist() == [0, 1]
    power[0][1] = np.nan
    assert capacity_windows(power, soc, step_h=1.0).battery.tolist() == [1]
    soc[1][0] = np.nan  # where it started is unknown
    assert capacity_windows(power, soc, step_h=1.0).battery.tolist() == []
    assert len(capacity_windows(np.empty((2, 0)), np.empty((2, 0)), step_h=1.0).battery) == 0


def test_what_was_before_the_first_interval_is_unknown() -> None:
    found = capacity_windows([[4.0, 4.0, -8.0]], [[0.5, 0.9, 0.1]], step_h=1.0)
    assert (found.charging.tolist(), found.ends.tolist()) == ([0], [2])


def test_a_state_of_charge_that_runs_against_the_energy_counts_for_nothing() -> None:
    assert len(capacity_windows([[0.0, 4.0]], [[0.9, 0.1]], step_h=1.0).battery) == 0


def test_capacity_losses_and_fade_are_recovered() -> None:
    fleet = battery_fleet(0, fade=FADE)
    found = battery_health(fleet.power_kw, fleet.soc, step_h=STEP_H)
    assert found.fade_pct == pytest.approx(100 * FADE, abs=0.5)
    assert (found.fade_low_pct < found.fade_pct).all()
    assert (found.fade_pct < found.fade_high_pct).all()
    assert found.trend.value_at(0.0) == pytest.approx(fleet.capacity_kwh, rel=0.015)
    assert found.round_trip == pytest.approx(np.full(3, 0.95**2), abs=0.02)
    assert found.capacity_kwh.shape == (3, 105)


def test_a_battery_never_charged_far_has_no_health() -> None:
    fleet = battery_fleet(0, fade=FADE, years=0.5)
    found = battery_health(fleet.power_kw, fleet.soc / 2, step_h=STEP_H)
    assert np.isnan(found.fade_pct).all()
    assert battery_fade_findings(found, ["a", "b", "c"]) == []


def test_one_direction_alone_still_tells() -> None:
    fleet = battery_fleet(1, fade=FADE)
    power = np.where(fleet.power_kw < -0.1, np.nan, fleet.power_kw)
    found = battery_health(power, fleet.soc, step_h=STEP_H)
    assert found.fade_pct == pytest.approx(100 * FADE, abs=0.6)
    assert np.isnan(found.round_trip).all()


def test_fade_findings() -> None:
    fleet = battery_fleet(2, fade=FADE)
    (finding,) = battery_fade_findings(
        battery_health(fleet.power_kw, fleet.soc, step_h=STEP_H), ["a", "b", "c"]
    )
    assert (finding.resource, finding.severity) == ("b", "warning")
    assert finding.confidence > 0.99
    assert finding.evidence["weeks"] == 105


def test_weekly_medians_by_hand() -> None:
    found = weekly_medians(
        np.array([3.0, 1.0, 2.0, 4.0, 9.0]),
        row=np.array([0, 0, 0, 1, 1]),
        week=np.array([0, 0, 0, 1, 1]),
        shape=(2, 2),
    )
    assert np.array_equal(found, [[2.0, np.nan], [np.nan, 6.5]], equal_nan=True)


@pytest.mark.parametrize(
    ("power", "soc", "step_h"),
    [
        ([[1.0]], [[1.1]], 1.0),
        ([[1.0]], [[-0.1]], 1.0),
        ([[1.0, 2.0]], [[0.5]], 1.0),
        ([[np.inf]], [[0.5]], 1.0),
        ([[1.0]], [[0.5]], 0.0),
        ([[1.0]], [[0.5]], np.nan),
        ([1.0], [0.5], 1.0),
    ],
)
def test_impossible_data_is_refused(power: list[list[float]], soc: list[list[float]], step_h: float) -> None:
    with pytest.raises(DiagnosticsError):
        capacity_windows(power, soc, step_h=step_h)


def steps(rise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A pulse of 20 A at noon every day of a year; 50 milliohm and rising."""
    at_s = np.repeat(np.arange(365) * 86400.0, 2) + np.tile([0.0, 5.0], 365)
    current = np.tile([0.0, 20.0], (1, 365))
    ohm = 0.05 * (1 + rise * at_s / at_s[-1])
    return 50 + ohm * current, current, at_s


def test_resistance_and_its_rise() -> None:
    voltage, current, at_s = steps(1.0)
    found = resistance(voltage, current, at_s=at_s)
    assert found.weekly_ohm[0, 0] == pytest.approx(0.05, rel=0.02)
    assert found.rise_pct == pytest.approx([100], abs=2)
    (finding,) = resistance_findings(found, ["cellar"])
    assert (finding.kind, finding.severity, finding.confidence) == ("battery_resistance", "critical", 0.95)
    assert resistance_findings(resistance(*steps(0.1)[:2], at_s=at_s), ["cellar"]) == []


def test_samples_too_far_apart_or_steps_too_small_say_nothing() -> None:
    voltage, current, at_s = steps(1.0)
    assert np.isnan(resistance(voltage, current, at_s=4 * at_s).weekly_ohm).all()
    assert np.isnan(resistance(voltage, current / 10, at_s=at_s).weekly_ohm).all()
    with pytest.raises(DiagnosticsError):
        resistance(voltage, current, at_s=at_s[::-1])
    with pytest.raises(DiagnosticsError):
        resistance(-voltage, current, at_s=at_s)


def test_when_it_will_end_by_hand() -> None:
    line = np.array([1.0])
    trend = Trend(-0.05 * line, -0.06 * line, -0.04 * line, line, 0.95 * line, 0 * line, np.array([100]))
    found = time_to_threshold(trend, [0.7], now=2.0, horizon=5.0)
    assert (found.at[0], found.early[0], found.late[0]) == pytest.approx(
        (6.0, 1 + 0.25 / 0.06, 1 + 0.25 / 0.04)
    )
    # At 7 years the line lies 0.05 below, with a deviation of 0.02 / 3.92 x 6: 1.63 deviations.
    assert found.chance == pytest.approx([0.9488], abs=1e-3)
    (finding,) = end_of_life_findings(found, ["cellar"], now=2.0)
    assert finding.evidence["years"] == pytest.approx(4.0)
    assert "in 4.0 years (3.2 to 5.2)" in finding.sentence


def test_the_levels_own_error_counts_for_the_chance() -> None:
    """At the middle of the data the line lies 0.25 above; the level's error there is 1.2533 x 2 / 10."""
    line = np.array([1.0])
    trend = Trend(-0.05 * line, -0.06 * line, -0.04 * line, line, 0.95 * line, 2 * line, np.array([100]))
    found = time_to_threshold(trend, [0.7], now=0.0, horizon=1.0)
    assert found.chance == pytest.approx([0.1593], abs=1e-3)


def test_what_does_not_fall_never_ends() -> None:
    at = np.arange(20.0)
    trend = robust_trend(
        at, np.stack([np.full(20, 0.9), 0.9 + 0.01 * at, np.full(20, 0.6), np.full(20, np.nan)])
    )
    found = time_to_threshold(trend, np.full(4, 0.7), now=20.0, horizon=5.0)
    assert found.at[:2].tolist() == [np.inf, np.inf]
    assert found.chance[:3] == pytest.approx([0, 0, 1])
    assert np.isnan([found.at[3], found.chance[3]]).all()
    assert [each.resource for each in end_of_life_findings(found, ["a", "b", "c", "d"], now=20.0)] == ["c"]
    with pytest.raises(DiagnosticsError):
        time_to_threshold(trend, np.full(4, 0.7), now=20.0, horizon=0.0)
    with pytest.raises(DiagnosticsError):
        time_to_threshold(trend, np.full(3, 0.7), now=20.0, horizon=1.0)


def test_the_interval_holds_the_true_end_nineteen_times_out_of_twenty() -> None:
    """300 batteries that lose 4 % a year, looked at over two years of weeks: the end is after 7.5 years."""
    chance = np.random.default_rng(7)
    at = np.arange(104) / 52
    values = 1 - 0.04 * at + chance.normal(0, 0.01, (300, 104))
    found = time_to_threshold(robust_trend(at, values), np.full(300, 0.7), now=2.0, horizon=10.0)
    covered = (found.early <= 7.5) & (found.late >= 7.5)
    assert 0.9 <= covered.mean() <= 1.0
    assert np.median(found.at) == pytest.approx(7.5, abs=0.1)
