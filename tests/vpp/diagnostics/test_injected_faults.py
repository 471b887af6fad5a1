"""The detectors on fleets with injected faults. Thresholds were set on seeds from 100; these are others."""

import pytest

from tests.vpp.diagnostics.scored import all_scores
from tests.vpp.diagnostics.scoring import Score, score

# Least precision and recall, greatest delay [d]; None where the data is looked at once.
ASKED = {
    "soiling": (0.9, 0.7, 25.0),
    "failing_string": (0.8, 0.95, 4.0),
    "plant_outage": (0.95, 0.95, 4.0),
    "any_plant_fault": (0.95, 0.9, 5.0),
    "stuck_value": (0.95, 0.95, 0.1),
    "missing_data": (0.9, 0.95, 0.1),
    "night_generation": (0.95, 0.95, 0.1),
    "negative_generation": (0.95, 0.95, 0.1),
    "clipping": (0.9, 0.9, None),
    "setpoint_not_followed": (0.95, 0.95, 0.1),
    "battery_fade": (0.9, 0.95, 182.0),
    "battery_resistance": (0.95, 0.95, None),
    "pv_degradation": (0.9, 0.9, None),
    "string_below_last_year": (0.85, 0.85, None),
    "dear_habit": (0.95, 0.95, None),
    "appliance_run": (0.95, 0.95, None),
}


@pytest.fixture(scope="module")
def found() -> dict[str, Score]:
    return all_scores(range(3))


def test_every_kind_of_fault_is_scored(found: dict[str, Score]) -> None:
    assert sorted(found) == sorted(ASKED)


@pytest.mark.parametrize("kind", ASKED)
def test_precision_recall_and_delay(found: dict[str, Score], kind: str) -> None:
    precision, recall, delay_days = ASKED[kind]
    assert found[kind].precision >= precision
    assert found[kind].recall >= recall
    if delay_days is not None:
        assert 0 <= found[kind].delay_days <= delay_days


def test_a_score_by_hand() -> None:
    assert score({1: 10.0, 2: 20.0, 3: 5.0, 4: 0.0}, {1: 12.0, 2: 26.0, 9: 1.0}) == Score(2 / 3, 0.5, 4.0)
    assert score({}, {}).precision == 1.0
