"""Why a home gives what it gives: one home per reason, by hand."""

import numpy as np
import pytest

from vpp.dispatch.allocate import allocate
from vpp.dispatch.problem import AllocationError, AllocationProblem
from vpp.dispatch.reasons import (
    EXPORT,
    HEAT,
    NOT_NEEDED,
    NOTHING,
    PART,
    POWER,
    RESERVE,
    UNKNOWN,
    home_reasons,
)
from vpp.flexibility.envelope import ShedEnvelope

# name, battery kW, battery kWh, heat kW, heat kWh, head-room kW; then what it does: discharge, heat cut; why.
HOMES = [
    ("reserve", 4.0, 2.0, 0.0, 0.0, 9.0, 1.0, 0.0, RESERVE),
    ("heat", 0.0, 0.0, 2.0, 1.0, 9.0, 0.0, 0.5, HEAT),
    ("export", 4.0, 9.0, 0.0, 0.0, 1.5, 1.5, 0.0, EXPORT),
    ("power", 4.0, 9.0, 0.0, 0.0, 9.0, 4.0, 0.0, POWER),
    ("part", 4.0, 9.0, 0.0, 0.0, 9.0, 1.0, 0.0, PART),
    ("not needed", 4.0, 9.0, 0.0, 0.0, 9.0, 0.0, 0.0, NOT_NEEDED),
    ("nothing", 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, NOTHING),
    ("unknown", 4.0, float("nan"), 0.0, 0.0, 9.0, 0.0, 0.0, UNKNOWN),
]
HOURS = 2


def envelope() -> ShedEnvelope:
    """Two hours, each home drawing 1 kW either way."""

    def grid(column: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([[float(home[column])] * HOURS for home in HOMES])

    flat = np.ones((len(HOMES), HOURS))
    return ShedEnvelope(
        names=tuple(home[0] for home in HOMES),
        interval_s=3600,
        baseline_kw=flat,
        idle_net_kw=flat,
        battery_kw=grid(1),
        battery_kwh=grid(2)[:, 0],
        ev_kw=0 * flat,
        heat_kw=grid(3),
        heat_kwh=grid(4)[:, 0],
        headroom_kw=grid(5),
    )


def test_each_home_has_its_reason() -> None:
    discharge = np.array([[home[6]] * HOURS for home in HOMES])
    heat = np.array([[home[7]] * HOURS for home in HOMES])
    found = home_reasons(
        envelope(),
        active=((discharge + heat) > 0).any(axis=1),
        ev_cut_kw=0 * heat,
        heat_cut_kw=heat,
        shed_kw=discharge + heat,
    )
    assert found == [home[8] for home in HOMES]


def test_reasons_of_a_plan_that_takes_all_there_is() -> None:
    homes = envelope()
    plan = allocate(AllocationProblem(target_kw=np.full(HOURS, 99.0), envelope=homes))
    found = home_reasons(
        homes,
        active=plan.active,
        ev_cut_kw=plan.ev_cut_kw,
        heat_cut_kw=plan.heat_cut_kw,
        shed_kw=plan.shed_kw,
    )
    assert found == [RESERVE, HEAT, EXPORT, POWER, POWER, POWER, NOTHING, UNKNOWN]


def test_parts_that_do_not_fit() -> None:
    homes = envelope()
    right, wrong = np.zeros((len(HOMES), HOURS)), np.zeros((len(HOMES), 3))
    active = np.zeros(len(HOMES), np.bool_)
    with pytest.raises(AllocationError, match="do not fit an envelope"):
        home_reasons(homes, active=active, ev_cut_kw=right, heat_cut_kw=wrong, shed_kw=right)
    with pytest.raises(AllocationError, match="8 homes do not fit"):
        home_reasons(homes, active=active[1:], ev_cut_kw=right, heat_cut_kw=right, shed_kw=right)
