import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpp.resources.battery import Battery
from vpp.resources.bounds import ResourceError
from vpp.resources.ev import Ev
from vpp.resources.heat_pump import HeatPump
from vpp.resources.pv import Pv
from vpp.resources.site import SiteState

BATTERY: dict[str, Any] = {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 4.0}


def test_a_battery_gives_what_lies_above_its_reserve_after_losses() -> None:
    battery = Battery(**BATTERY, discharge_efficiency=0.9, charge_efficiency=0.8, reserve_soc=0.2)
    assert battery.deliverable_kwh(0.7) == pytest.approx(4.5)
    assert battery.deliverable_kwh(0.1) == 0.0
    assert battery.absorbable_kwh(0.6) == pytest.approx(5.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity_kwh": 0.0},
        {"capacity_kwh": -1.0},
        {"capacity_kwh": math.nan},
        {"charge_kw": math.inf},
        {"discharge_kw": -0.1},
        {"discharge_efficiency": 0.0},
        {"charge_efficiency": 1.01},
        {"reserve_soc": 1.5},
        {"capacity_kwh": True},
        {"capacity_kwh": "10"},
    ],
)
def test_an_impossible_battery_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ResourceError) as caught:
        Battery(**{**BATTERY, **wrong})
    assert caught.value.code == "invalid_resource"
    assert next(iter(wrong)) in caught.value.detail


@pytest.mark.parametrize("soc", [-0.01, 1.01, math.nan])
def test_an_impossible_state_of_charge_is_refused(soc: float) -> None:
    with pytest.raises(ResourceError):
        Battery(**BATTERY).deliverable_kwh(soc)
    with pytest.raises(ResourceError):
        SiteState("home", battery=Battery(**BATTERY), battery_soc=soc)


def test_reversed_bounds_are_refused() -> None:
    with pytest.raises(ResourceError):
        Ev(max_kw=3.7, min_kw=11.0)
    with pytest.raises(ResourceError):
        HeatPump(max_kw=1.0, deferrable_kwh=2.0, min_kw=1.5)
    with pytest.raises(ResourceError):
        Pv(peak_kw=-1.0)


def test_an_uninterruptible_charger_keeps_its_least_power() -> None:
    assert Ev(max_kw=11.0, min_kw=4.1).floor_kw == 0.0
    assert Ev(max_kw=11.0, min_kw=4.1, interruptible=False).floor_kw == 4.1


def test_a_battery_of_unknown_state_gives_nothing() -> None:
    assert SiteState("home", battery=Battery(**BATTERY)).deliverable_kwh == 0.0
    assert SiteState("home", battery=Battery(**BATTERY), battery_soc=1.0).deliverable_kwh == pytest.approx(
        8.55
    )
    assert SiteState("home").deliverable_kwh == 0.0


@pytest.mark.parametrize("wrong", [{"battery_soc": 0.5}, {"pv_kw": -1.0}, {"export_limit_kw": math.nan}])
def test_an_impossible_home_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ResourceError):
        SiteState("home", **wrong)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 1))
def test_a_battery_never_gives_more_than_it_holds(soc: float, reserve: float, efficiency: float) -> None:
    battery = Battery(**BATTERY, reserve_soc=reserve, discharge_efficiency=efficiency)
    assert 0.0 <= battery.deliverable_kwh(soc) <= soc * 10.0 + 1e-12
