"""Let opendsm match homes with controls and correct by them, and write down what it says.

opendsm needs other versions than this project installs, so it runs in an environment of its own, outside of the
repository:

    python -m venv <folder> && <folder>/bin/pip install opendsm==1.2.7 'multimethod<2'
    <folder>/bin/python tests/vpp/baselines/outside/opendsm_control_group.py

With multimethod 2 its import fails in pandera. The test `test_control_group_outside.py` makes the same homes and compares.
"""

import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np

SEED = 20_260_102
HOMES, POOL, DAYS, INTERVALS = 12, 80, 10, 24
EVENT = slice(17, 20)
CONTROLS = 6


def homes() -> "tuple[np.ndarray[tuple[int, int, int], np.dtype[np.float64]], ...]":
    """Return (S, D, N) past power of called homes [kW], (C, D, N) of others, and (1, C, N) of these on the day."""
    chance = np.random.default_rng(SEED)
    hour = np.arange(INTERVALS)
    size = chance.uniform(0.3, 3.0, (HOMES + POOL, 1, 1))
    peak = chance.uniform(7, 20, (HOMES + POOL, 1, 1))
    usual = size * (1 + 2 * np.exp(-(((hour - peak) / 3) ** 2)))
    past = usual + chance.normal(0, 0.2, (HOMES + POOL, DAYS, INTERVALS))
    # A hot day: everybody draws more, the larger homes more so.
    today = usual[HOMES:, 0] * 1.2 + chance.normal(0, 0.2, (POOL, INTERVALS))
    return past[:HOMES], past[HOMES:], today[None]


def main() -> int:
    """Write the controls and the corrected models beside this file."""
    import pandas  # type: ignore[import-untyped]
    from opendsm.comparison_groups.individual_meter_matching import (  # type: ignore[import-not-found]
        distance_calc_selection,
    )
    from opendsm.comparison_groups.individual_meter_matching import (
        settings as matching_settings,
    )
    from opendsm.comparison_groups.savings import (  # type: ignore[import-not-found]
        model_correction,
    )
    from opendsm.comparison_groups.savings import settings as savings_settings

    called, others, today = homes()
    own, theirs = called.mean(axis=1), others.mean(axis=1)
    matching = distance_calc_selection.DistanceMatching(
        matching_settings.Settings(n_matches_per_treatment=CONTROLS, allow_duplicate_matches=True)
    )
    pairs = matching.get_comparison_group(pandas.DataFrame(own), pandas.DataFrame(theirs))
    # Neither outliers nor caps: the plain difference in differences of the group's mean.
    correction = savings_settings.CGCorrectionSettings(
        algorithm="ordinary_difference_in_differences", correction_cap={"enabled": False}
    )
    results = []
    for home in range(HOMES):
        group = np.sort(pairs.loc[pairs["treatment"] == home, "id"].to_numpy())
        corrected = [
            model_correction.model_correction(
                oTr=0.0, mTr=own[home, at], oCGr=today[0, group, at], mCGr=theirs[group, at],
                oTr_unc=None, mTr_unc=None, oCGr_unc=None, mCGr_unc=None, CGr_corr=None,
                CG_label=np.zeros(len(group), dtype=int), T_weight=np.ones(1), settings=correction,
            )[0]
            for at in range(EVENT.start, EVENT.stop)
        ]  # fmt: skip
        results.append({"controls": group.tolist(), "baseline_kw": [float(kw) for kw in corrected]})
    names = ("opendsm", "multimethod", "numpy", "scipy", "pandas")
    record = {
        "versions": {name: importlib.metadata.version(name) for name in names},
        "seed": SEED,
        "results": results,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
