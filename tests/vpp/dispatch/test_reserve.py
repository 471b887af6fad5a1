import math

import numpy as np
import pytest

from tests.vpp.dispatch.test_allocate import envelope
from vpp.dispatch.allocate import allocate
from vpp.dispatch.problem import AllocationError, AllocationProblem
from vpp.dispatch.reserve import hold_back


def test_power_and_energy_are_held_back() -> None:
    # two batteries of 4 kW and 3 kWh; 2 kW for an hour are to stay, so 6 kW and 4 kWh may be used over an hour
    bounds, limit = hold_back(envelope(2, 4, battery_kwh=[3.0, 3.0]), reserve_kw=2.0)
    assert bounds.battery_kwh.tolist() == [2.0, 2.0]
    assert limit.least_kw == pytest.approx(np.full(4, 4.0 - 6.0))
    result = allocate(AllocationProblem(np.full(4, 8.0), bounds, limits=(limit,)))
    assert float((result.shed_kw.sum(axis=0) * 0.25).sum()) == pytest.approx(4.0, abs=1e-5)


def test_a_reserve_worth_more_than_the_shortfall_is_kept_and_named() -> None:
    bounds, limit = hold_back(envelope(2, 1), reserve_kw=2.0, penalty=20.0)
    result = allocate(AllocationProblem(np.array([8.0]), bounds, limits=(limit,), labels=("18:00",)))
    assert result.shortfall_kw == pytest.approx([2.0], abs=1e-5)
    assert "the reserve costs 9.95 per kWh at 18:00." in result.explanation


def test_a_reserve_worth_less_is_spent_and_the_plan_says_so() -> None:
    bounds, limit = hold_back(envelope(2, 1), reserve_kw=2.0)
    result = allocate(AllocationProblem(np.array([8.0]), bounds, limits=(limit,), labels=("18:00",)))
    assert result.shortfall_kw == pytest.approx([0.0], abs=1e-5)
    assert "the reserve is missed by up to 2.0 kW, most at 18:00." in result.explanation


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_a_reserve_that_makes_no_sense_is_refused(value: float) -> None:
    with pytest.raises(AllocationError, match="reserve_kw is"):
        hold_back(envelope(), reserve_kw=value)
