"""Our year-on-year rate beside the one rdtools wrote down for the same numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vpp.diagnostics.outside.rdtools_year_on_year import RATES_PCT, SEED, plants
from vpp.diagnostics.degradation import year_on_year

WRITTEN = json.loads((Path(__file__).parent / "outside" / "rdtools_year_on_year.json").read_text())


def test_the_record_is_of_these_plants() -> None:
    assert (WRITTEN["seed"], WRITTEN["versions"]["rdtools"]) == (SEED, "3.2.1")
    assert [row["true_pct"] for row in WRITTEN["results"]] == list(RATES_PCT)


def test_rates_and_intervals_agree() -> None:
    """Rates within 0.05 %/year: rdtools pairs a day whose partner is missing with one up to 8 days away, we do not."""
    found = year_on_year(plants(), confidence=WRITTEN["confidence_pct"] / 100, block_days=1)
    theirs = {
        key: np.array([row[key] for row in WRITTEN["results"]]) for key in ("rate_pct", "low_pct", "high_pct")
    }
    assert found.rate_pct == pytest.approx(theirs["rate_pct"], abs=0.05)
    # Widths of single-day bootstraps, ours of about 6 % fewer pairs.
    width = found.high_pct - found.low_pct
    assert width == pytest.approx(theirs["high_pct"] - theirs["low_pct"], rel=0.25)
