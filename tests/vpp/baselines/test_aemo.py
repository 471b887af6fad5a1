from dataclasses import replace

import numpy as np
import pytest

from tests.vpp.baselines.cases import HAND, event_of
from vpp.baselines.accuracy import accuracy
from vpp.baselines.aemo_wdr import (
    aemo_all_days,
    aemo_business_days,
    aemo_composite,
    aemo_eligible,
    aemo_non_business_days,
)
from vpp.baselines.days import BaselineError


def test_days_of_each_variant_by_hand() -> None:
    """10 of 10 of the published vector is 11.0; the 4 latest are 10, 12, 11, 13."""
    weekday, weekend = event_of(HAND), event_of(HAND, day_type="weekend")
    assert aemo_all_days(weekday).baseline_kw.tolist() == [[11.0]]
    assert aemo_all_days(weekend).baseline_kw.tolist() == [[11.0]]
    assert aemo_business_days(weekday).baseline_kw.tolist() == [[11.0]]
    assert aemo_non_business_days(weekend).baseline_kw.tolist() == [[11.5]]
    assert aemo_composite(weekday).baseline_kw.tolist() == [[11.0]]
    assert aemo_composite(weekend).baseline_kw.tolist() == [[11.5]]


def test_a_variant_has_no_baseline_on_other_days() -> None:
    for found in (
        aemo_business_days(event_of(HAND, day_type="weekend")),
        aemo_non_business_days(event_of(HAND)),
    ):
        assert found.ok.tolist() == [False]
        assert found.reason[0].startswith("other_day_type")
        assert np.isnan(found.baseline_kw).all()
        assert found.days_used.tolist() == [0]


def test_correction_is_held_within_twenty_percent() -> None:
    found = aemo_business_days(event_of(HAND, today_kw=7.8))
    assert found.baseline_kw == pytest.approx(np.array([[13.2]]))


def test_eligible_by_both_thresholds() -> None:
    """Errors of 0, +5 % always, +-19 %, +-21 %; and a site of which nothing is known."""
    actual = np.full((5, 1, 4), 10.0)
    relative = (
        np.array([[0, 0, 0, 0], [5, 5, 5, 5], [19, -19, 19, -19], [21, -21, 21, -21], [0, 0, 0, 0]]) / 100
    )
    actual[4] = np.nan
    found = accuracy(np.nan_to_num(actual) * (1 + relative[:, None, :]), actual)
    assert aemo_eligible(found).tolist() == [True, False, True, False, False]
    assert aemo_eligible(found, greatest_bias=0.06, greatest_rrmse=0.1).tolist() == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert aemo_eligible(replace(found, bias=-found.bias)).tolist() == [True, False, True, False, False]


@pytest.mark.parametrize("threshold", [-0.1, np.nan])
def test_thresholds_that_cannot_be_are_refused(threshold: float) -> None:
    found = accuracy(np.ones((1, 1, 1)), np.ones((1, 1, 1)))
    with pytest.raises(BaselineError):
        aemo_eligible(found, greatest_rrmse=threshold)
