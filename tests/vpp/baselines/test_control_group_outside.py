"""Our control groups beside the ones opendsm wrote down for the same homes."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.vpp.baselines.outside.opendsm_control_group import (
    CONTROLS,
    EVENT,
    HOMES,
    INTERVALS,
    POOL,
    SEED,
    homes,
)
from vpp.baselines.control_group import ControlPool, matched_control_group
from vpp.baselines.data import EventData

WRITTEN = json.loads((Path(__file__).parent / "outside" / "opendsm_control_group.json").read_text())


def test_the_record_is_of_these_homes() -> None:
    assert (WRITTEN["seed"], WRITTEN["versions"]["opendsm"]) == (SEED, "1.2.7")
    assert len(WRITTEN["results"]) == HOMES
    # Groups differ from home to home: more than one part of the pool is chosen from.
    assert len({place for row in WRITTEN["results"] for place in row["controls"]}) > POOL / 4


def test_controls_and_baselines_agree() -> None:
    called, others, today = homes()
    data = EventData(called, np.zeros((HOMES, INTERVALS)), EVENT.start, EVENT.stop)
    found = matched_control_group(data, ControlPool(others, today[0]), controls=CONTROLS)
    assert np.sort(found.controls, axis=1).tolist() == [row["controls"] for row in WRITTEN["results"]]
    theirs = [row["baseline_kw"] for row in WRITTEN["results"]]
    assert found.result.baseline_kw == pytest.approx(np.array(theirs), abs=1e-9)
