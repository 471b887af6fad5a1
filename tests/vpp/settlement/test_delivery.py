import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.settlement.delivery import delivered_energy
from vpp.settlement.errors import SettlementError


def test_the_hand_vector() -> None:
    # optimization.md 4.2: event 8.0 against 13.2, 14.3 and 12.8 kW.
    result = delivered_energy(
        baseline_kw=[[13.2], [14.3], [12.8]], metered_kwh=[[8.0], [8.0], [8.0]], interval_s=3600
    )
    assert result.delivered_kwh == pytest.approx(np.array([[5.2], [6.3], [4.8]]))


def test_each_interval_is_clipped_by_itself() -> None:
    result = delivered_energy(
        baseline_kw=[[4.0, 4.0, 4.0]], metered_kwh=[[0.5, 2.0, -1.0]], interval_s=900, cap_kwh=[[1.5]]
    )
    assert result.delivered_kwh.tolist() == [[0.5, 0.0, 1.5]]
    assert result.baseline_kwh.tolist() == [[1.0, 1.0, 1.0]]
    assert result.status == ("settled",)


def test_what_is_not_known_is_not_paid_and_said() -> None:
    nan = math.nan
    result = delivered_energy(
        baseline_kw=[[4.0, 4.0], [nan, nan], [4.0, 4.0], [4.0, nan]],
        metered_kwh=[[0.0, nan], [0.0, 0.0], [nan, nan], [nan, 0.0]],
        interval_s=900,
    )
    assert result.delivered_kwh.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert result.known.tolist() == [[True, False], [False, False], [False, False], [False, False]]
    assert result.status == ("partial", "no_baseline", "not_metered", "not_metered")


def test_no_homes() -> None:
    result = delivered_energy(baseline_kw=np.empty((0, 2)), metered_kwh=np.empty((0, 2)), interval_s=900)
    assert (result.delivered_kwh.shape, result.status) == ((0, 2), ())


@pytest.mark.parametrize(
    "wrong",
    [
        {"baseline_kw": [[1.0]]},
        {"baseline_kw": [[1.0, math.inf]]},
        {"interval_s": 0},
        {"cap_kwh": -1.0},
        {"cap_kwh": math.nan},
        {"cap_kwh": [[1.0, 1.0, 1.0]]},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    request = {"baseline_kw": [[1.0, 1.0]], "metered_kwh": [[1.0, 1.0]], "interval_s": 900, **wrong}
    with pytest.raises(SettlementError):
        delivered_energy(**request)


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(0, 10))
def test_delivery_lies_between_nothing_and_the_cap(baseline: float, metered: float, cap: float) -> None:
    result = delivered_energy(baseline_kw=[[baseline]], metered_kwh=[[metered]], interval_s=3600, cap_kwh=cap)
    assert result.delivered_kwh[0, 0] == min(cap, max(0.0, baseline - metered))
