import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.diagnostics.faulty_parts import string_roofs
from vpp.diagnostics.checks import DiagnosticsError, Floats
from vpp.diagnostics.strings import string_findings, string_yields


def level(*kwh: float, days: int = 28) -> Floats:
    return np.tile(np.array(kwh)[:, None], (1, days))


def test_a_loss_beside_the_others_by_hand() -> None:
    """East gave 10 and gives 7.2; west gave 8 and gives 7.2, a tenth less, as the weather had it: 20 % are east's own."""
    found = string_yields(level(7.2, 7.2), level(10.0, 8.0))
    assert found.now_kwh == pytest.approx([201.6, 201.6])
    assert found.before_kwh == pytest.approx([280.0, 224.0])
    assert found.own_loss == pytest.approx([0.28, 0.1])
    assert found.loss == pytest.approx([0.2, -0.25])
    assert found.error == pytest.approx([0.0, 0.0], abs=1e-9)
    (finding,) = string_findings(found, ["east", "west"])
    assert (finding.resource, finding.severity) == ("east", "warning")
    assert finding.confidence == pytest.approx(1.0)
    assert finding.evidence["loss_pct"] == pytest.approx(28.0)
    assert finding.evidence["beside_others_pct"] == pytest.approx(20.0)


def test_of_three_the_others_median_counts() -> None:
    found = string_yields(level(5.0, 10.0, 11.0), level(10.0, 10.0, 10.0))
    assert found.loss == pytest.approx([1 - 0.5 / 1.05, 1 - 1 / 0.8, 1 - 1.1 / 0.75])


def test_a_string_that_was_mended_makes_no_other_one_faulty() -> None:
    found = string_yields(level(10.0, 10.0), level(10.0, 5.0))
    assert found.loss[0] == pytest.approx(0.5)  # beside the other, which gives twice what it gave
    assert string_findings(found, ["east", "west"]) == []


def test_one_string_alone_or_too_few_days_say_nothing() -> None:
    for now, before in (
        (level(1.0), level(2.0)),
        (level(1.0, 2.0, days=13), level(2.0, 2.0, days=13)),
    ):
        found = string_yields(now, before)
        assert np.isnan(found.loss).all()
        assert string_findings(found, ["a", "b"][: len(now)]) == []


def test_days_that_one_string_lacks_do_not_count() -> None:
    now, before = level(5.0, 10.0), level(10.0, 10.0)
    now[0, :7], now[1, :7] = np.nan, 100.0
    assert string_yields(now, before).loss == pytest.approx([0.5, -1.0])


def test_a_string_that_stands_still_has_lost_all() -> None:
    (finding,) = string_findings(string_yields(level(0.0, 10.0), level(10.0, 10.0)), ["east", "west"])
    assert (finding.resource, finding.severity) == ("east", "critical")
    assert finding.evidence["loss_pct"] == pytest.approx(100.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(0.2, 5.0), st.floats(0.2, 5.0))
def test_the_size_of_strings_and_the_sun_of_a_year_do_not_count(
    seed: int, strings: int, weather: float, size: float
) -> None:
    now, before = (part[0] for part in string_roofs(seed, homes=1, strings=strings, lost={0: 0.3}))
    found = string_yields(now, before)
    sizes = np.linspace(1.0, size, strings)[:, None]
    other = string_yields(now * weather * sizes, before * sizes)
    assert other.loss == pytest.approx(found.loss)
    assert other.error == pytest.approx(found.error)


@pytest.mark.parametrize(
    ("now", "before"),
    [([[1.0], [-1.0]], [[1.0], [1.0]]), ([[1.0]], [[1.0, 2.0]]), ([1.0], [1.0]), ([[np.inf]], [[1.0]])],
)
def test_impossible_yields_are_refused(now: list[list[float]], before: list[list[float]]) -> None:
    with pytest.raises(DiagnosticsError):
        string_yields(now, before)


def test_names_must_fit() -> None:
    with pytest.raises(DiagnosticsError):
        string_findings(string_yields(level(1.0, 1.0), level(1.0, 1.0)), ["east"])
