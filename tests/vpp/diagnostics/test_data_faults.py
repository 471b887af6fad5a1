import numpy as np
import pytest

from vpp.diagnostics.checks import DiagnosticsError
from vpp.diagnostics.clipping import clipping, clipping_findings
from vpp.diagnostics.finding import Finding
from vpp.diagnostics.following import following_findings, setpoint_following
from vpp.diagnostics.runs import Stretches
from vpp.diagnostics.stale import (
    late_telemetry,
    missing_data,
    negative_generation,
    night_generation,
    stretch_findings,
    stuck_values,
)
from vpp.diagnostics.thresholds import Thresholds
from vpp.intervals import Grid, from_ms

SHORT = Thresholds(stuck_intervals=3, missing_intervals=2, night_intervals=2, following_intervals=2)
NAN = float("nan")


def spans(found: Stretches) -> list[tuple[int, int, int]]:
    return list(zip(found.row.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True))


def grid(count: int) -> Grid:
    return Grid(from_ms(0), 900, count)


def test_stuck_values_by_hand() -> None:
    values = np.array([[1, 2, 2, 2, 3, 3, 0, 0, 0, 0], [2, 2, NAN, 2, 2, 5, 5, 5, 5, 5]])
    assert spans(stuck_values(values, thresholds=SHORT)) == [(0, 1, 4), (1, 5, 10)]
    ignored = np.arange(10) >= 5
    assert spans(stuck_values(values, ignore=ignored, thresholds=SHORT)) == [(0, 1, 4)]


def test_missing_data_by_hand() -> None:
    values = [[1, NAN, 2, NAN, NAN], [NAN, NAN, NAN, 1, 2]]
    found = missing_data(values, thresholds=SHORT)
    assert spans(found) == [(0, 3, 5), (1, 0, 3)]
    ongoing, over = stretch_findings("missing_data", found, values=values, resources=["a", "b"], grid=grid(5))
    assert (ongoing.since, ongoing.severity, ongoing.evidence["hours"]) == (
        from_ms(3 * 900_000),
        "warning",
        0.5,
    )
    assert (over.since, over.severity, over.evidence["ongoing"]) == (from_ms(0), "info", 0.0)


def test_generation_at_night_and_below_zero() -> None:
    generation = [[0.2, 0.2, 1.0, 0.04], [0.0, 0.2, -0.2, -0.2]]
    night = np.array([True, True, False, True])
    assert spans(night_generation(generation, night, thresholds=SHORT)) == [(0, 0, 2)]
    found = negative_generation(generation, thresholds=SHORT)
    assert spans(found) == [(1, 2, 4)]
    (finding,) = stretch_findings(
        "negative_generation", found, values=generation, resources=["a", "b"], grid=grid(4)
    )
    assert finding.evidence["latest_kw"] == pytest.approx(-0.2)


def test_late_telemetry() -> None:
    latency = np.array([[1, 2, 3], [400, 600, 500], [-900, -800, -1000], [NAN, NAN, NAN], [4000, 4000, NAN]])
    late, ahead, very_late = late_telemetry(latency, list("abcde"))
    assert (late.resource, late.evidence["median_s"], late.severity) == ("b", 500.0, "warning")
    assert (ahead.resource, ahead.action) == ("c", "Set the hub's clock.")
    assert (very_late.resource, very_late.severity) == ("e", "critical")


def bells(top: float) -> np.ndarray:
    """Ten clear days of quarter-hours, each a little different, cut off at `top`."""
    hours = np.arange(96) / 4
    day = np.maximum(0, np.sin((hours - 6) / 12 * np.pi))
    return np.asarray(np.minimum(np.concatenate([day * height for height in np.linspace(0.9, 1.0, 10)]), top))


def test_clipping_is_a_flat_top_day_after_day() -> None:
    found = clipping(np.stack([bells(9.0), bells(0.7)]))
    assert found.level_kw[1] == 0.7
    assert found.clipped[1].sum() == (bells(9.0) >= 0.7 * 0.995).sum()
    assert found.energy_share[0] < 0.02
    (finding,) = clipping_findings(found, ["open", "cut"], grid=grid(960))
    assert (finding.resource, finding.evidence["level_kw"]) == ("cut", 0.7)
    assert finding.evidence["energy_share_pct"] == pytest.approx(
        100 * bells(0.7)[found.clipped[1]].sum() / bells(0.7).sum()
    )


def test_peaks_that_do_not_last_are_not_clipped() -> None:
    assert not clipping(np.tile([1.0, 1.0, 1.0, 0.5], (1, 24))).clipped.any()
    assert clipping(np.tile([1.0, 1.0, 1.0, 1.0, 0.5], (1, 24))).clipped.sum() == 96


def test_a_plant_in_the_dark_is_not_clipped() -> None:
    found = clipping(np.stack([np.zeros(96), np.full(96, NAN)]))
    assert not found.clipped.any()
    assert clipping_findings(found, ["a", "b"], grid=grid(96)) == []
    assert clipping(np.empty((1, 0))).clipped.shape == (1, 0)


def test_following_by_hand() -> None:
    """Rating 10 kW allows 0.5 kW, rating 1 kW the 0.1 kW."""
    power = [[0.0, 0.5, 0.6, 0.6, 0.6], [0.0, 0.11, NAN, 0.11, -0.11]]
    found = setpoint_following(power, np.zeros((2, 5)), rating_kw=[10.0, 1.0], thresholds=SHORT)
    assert spans(found.failed) == [(0, 2, 5), (1, 3, 5)]
    one, other = following_findings(found, ["a", "b"], grid=grid(5))
    assert (one.evidence["failed_pct"], one.severity) == (60.0, "critical")
    assert one.confidence == pytest.approx(0.8)
    assert other.evidence["mean_error_kw"] == pytest.approx(0.0)
    assert other.evidence["failed_pct"] == 50.0  # of the intervals that are known


def test_a_small_device_may_be_off_by_a_hundred_watts() -> None:
    found = setpoint_following(np.full((2, 5), 0.08), np.zeros((2, 5)), rating_kw=[1.0, 0.0])
    assert spans(found.failed) == []


def test_without_a_setpoint_nothing_is_asked() -> None:
    found = setpoint_following(np.ones((1, 5)), np.full((1, 5), NAN), rating_kw=[1.0])
    assert following_findings(found, ["a"], grid=grid(5)) == []


def test_what_does_not_fit_is_refused() -> None:
    good = np.zeros((2, 4))
    with pytest.raises(DiagnosticsError, match="setpoint of shape"):
        setpoint_following(good, good[:, :3], rating_kw=[1.0, 1.0])
    with pytest.raises(DiagnosticsError, match="missing value"):
        setpoint_following(good, good, rating_kw=[1.0, NAN])
    with pytest.raises(DiagnosticsError, match="true or false"):
        night_generation(good, np.zeros(4))
    with pytest.raises(DiagnosticsError, match="does not fit"):
        night_generation(good, np.zeros(3, bool))
    with pytest.raises(DiagnosticsError, match="infinite"):
        missing_data([[np.inf]])
    with pytest.raises(DiagnosticsError, match="no rectangular array"):
        missing_data([[1.0], [1.0, 2.0]])
    with pytest.raises(DiagnosticsError, match="no such finding"):
        stretch_findings("clipping", missing_data(good), values=good, resources=["a", "b"], grid=grid(4))
    for wrong in (grid(3), grid(5)):
        with pytest.raises(DiagnosticsError):
            clipping_findings(clipping(good), ["a", "b"], grid=wrong)
        with pytest.raises(DiagnosticsError):
            following_findings(setpoint_following(good, good, rating_kw=[1, 1]), ["a", "b"], grid=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"peer_z": 0.0},
        {"peer_z": NAN},
        {"fade_pct": -1.0},
        {"peer_days": 2.5},
        {"battery_window_soc": 1.1},
        {"clipping_energy_share": 2.0},
        {"latency_s": "5"},
        {"stuck_intervals": True},
    ],
)
def test_thresholds_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(DiagnosticsError, match=next(iter(wrong))):
        Thresholds(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.1},
        {"confidence": NAN},
        {"since": from_ms(0).replace(tzinfo=None)},
        {"evidence": {"a_kw": NAN}},
    ],
)
def test_findings_that_make_no_sense(wrong: dict[str, object]) -> None:
    right = {
        "kind": "clipping",
        "resource": "a",
        "since": from_ms(0),
        "confidence": 0.5,
        "severity": "info",
        "sentence": "It clips.",
        "evidence": {"a_kw": 1.0},
        "action": "None.",
    }
    Finding(**right)  # type: ignore[arg-type]
    with pytest.raises(DiagnosticsError):
        Finding(**right | wrong)  # type: ignore[arg-type]
