import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.diagnostics.faulty_fleet import performance_index
from vpp.diagnostics.checks import DiagnosticsError
from vpp.diagnostics.degradation import degradation_findings, year_on_year


def test_a_straight_decline_is_read_exactly() -> None:
    """1 to 0.96 in four years; the first year's median lies half a percent under 1."""
    day = np.arange(4 * 365)
    found = year_on_year(np.atleast_2d(1 - 0.01 * day / 365))
    assert found.rate_pct == pytest.approx([-1 / (1 - 0.01 * 182 / 365)], abs=1e-9)
    assert found.low_pct == pytest.approx(found.rate_pct)
    assert found.pairs.tolist() == [3 * 365]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_recovers_the_rate_through_weather_and_seasons(seed: int) -> None:
    """-0.7 % a year, in six years with 1 % of noise that lasts some days and a season of 5 %.

    The error of one plant has a standard deviation of 0.05, so that 19 of 20 lie within 0.1; the fleet's
    middle does on all seeds.
    """
    found = year_on_year(performance_index(seed, np.full(20, -0.7), years=6, noise=0.01), resamples=1)
    assert abs(np.median(found.rate_pct) + 0.7) < 0.1
    assert (np.abs(found.rate_pct + 0.7) < 0.1).mean() >= 0.8


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    found = year_on_year(performance_index(1, np.full(200, -0.7)), resamples=200)
    # The true slopes through the first year's median: -0.7 / (1 - 0.0035).
    covered = (found.low_pct <= -0.7025) & (found.high_pct >= -0.7025)
    assert 0.85 <= covered.mean() <= 1.0


def test_scale_does_not_matter_and_missing_plants_are_nan() -> None:
    index = performance_index(2, np.array([-1.0, -2.0]))
    index[1, 600:] = np.nan
    one, ten = year_on_year(index), year_on_year(10 * index)
    assert one.rate_pct[0] == pytest.approx(ten.rate_pct[0])
    assert one.rate_pct[1] == pytest.approx(ten.rate_pct[1])
    index[1, 400:] = np.nan
    assert np.isnan(year_on_year(index).rate_pct).tolist() == [False, True]
    assert np.isnan(year_on_year(np.zeros((1, 800))).rate_pct).all()


def test_findings_say_how_sure() -> None:
    found = year_on_year(performance_index(3, np.array([-2.5, -0.4])))
    (finding,) = degradation_findings(found, ["roof", "barn"])
    assert (finding.kind, finding.resource, finding.severity) == ("pv_degradation", "roof", "warning")
    assert finding.confidence == 1.0
    assert finding.evidence["low_pct"] < finding.evidence["rate_pct"] < finding.evidence["high_pct"] < -1.5


@pytest.mark.parametrize(
    ("performance", "options"),
    [
        (np.ones((1, 729)), {}),
        (-np.ones((1, 730)), {}),
        (np.full((1, 730), np.inf), {}),
        (np.ones(730), {}),
        (np.ones((1, 730)), {"confidence": 1.0}),
        (np.ones((1, 730)), {"confidence": float("nan")}),
        (np.ones((1, 730)), {"resamples": 0}),
        (np.ones((1, 730)), {"block_days": 0}),
    ],
)
def test_what_makes_no_sense_is_refused(performance: np.ndarray, options: dict[str, float]) -> None:
    with pytest.raises(DiagnosticsError):
        year_on_year(performance, **options)  # type: ignore[arg-type]


def test_names_must_fit() -> None:
    with pytest.raises(DiagnosticsError, match="2 names do not fit 1"):
        degradation_findings(year_on_year(np.ones((1, 730))), ["a", "b"])
