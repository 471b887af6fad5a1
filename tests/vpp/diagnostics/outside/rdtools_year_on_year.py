"""Let rdtools estimate the degradation of plants made from numbers, and write down what it says.

rdtools needs more than this project installs, so it runs in an environment of its own, outside of the repository:

    python -m venv <folder> && <folder>/bin/pip install rdtools==3.2.1
    <folder>/bin/python tests/vpp/diagnostics/outside/rdtools_year_on_year.py

The test `test_degradation_outside.py` makes the same plants and compares.
"""

import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np

SEED = 20_260_101
RATES_PCT = (-0.7, -2.0, 0.0, -1.2)
DAYS = 4 * 365
CONFIDENCE_PCT = 95.0


def plants() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Return (N, D) daily performance [1] with a season and noise; some days are missing."""
    chance = np.random.default_rng(SEED)
    day = np.arange(DAYS)
    season = 1 + 0.05 * np.cos(2 * np.pi * day / 365)
    decline = 1 + np.array(RATES_PCT)[:, None] / 100 * day / 365
    index = 0.85 * season * decline * (1 + chance.normal(0, 0.03, (len(RATES_PCT), DAYS)))
    index[chance.random(index.shape) < 0.05] = np.nan
    return np.asarray(index)


def main() -> int:
    """Write the rates and intervals beside this file."""
    import pandas  # type: ignore[import-untyped]
    import rdtools  # type: ignore[import-not-found]

    np.random.seed(SEED)  # rdtools draws from the global generator
    dates = pandas.date_range("2021-01-01", periods=DAYS, freq="D")
    results = []
    for rate_pct, index in zip(RATES_PCT, plants(), strict=True):
        daily = pandas.Series(index, dates).dropna()
        found, interval, info = rdtools.degradation_year_on_year(daily, confidence_level=CONFIDENCE_PCT)
        results.append(
            {
                "true_pct": rate_pct,
                "rate_pct": float(found),
                "low_pct": float(interval[0]),
                "high_pct": float(interval[1]),
                "pairs": len(info["YoY_values"]),
            }
        )
    versions = {name: importlib.metadata.version(name) for name in ("rdtools", "numpy", "pandas")}
    written = {"seed": SEED, "confidence_pct": CONFIDENCE_PCT, "versions": versions, "results": results}
    Path(__file__).with_suffix(".json").write_text(json.dumps(written, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
