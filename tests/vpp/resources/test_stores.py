"""Batteries, cars, buildings and tanks as stores over a horizon: what they ask for, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.bounds import ResourceError
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon, ImpossibleNeedError
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.store import Store
from vpp.resources.thermal import Building, Tank

HOURS = Horizon(4, 1.0)
HALVES = Horizon(4, 0.5)
BATTERY: dict[str, Any] = {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 4.0}
CAR = Ev(2.0, capacity_kwh=40.0, charge_efficiency=1.0)


def store_of(**changed: Any) -> Store:
    fields: dict[str, Any] = {
        "name": "the store",
        "horizon": HOURS,
        "start_kwh": 1.0,
        "least_kwh": np.zeros(4),
        "most_kwh": np.full(4, 5.0),
        "charge_kw": np.ones(4),
        "discharge_kw": np.ones(4),
        "charge_efficiency": np.full(4, 0.9),
        "drain_kwh": np.zeros(4),
    }
    return Store(**(fields | changed))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"least_kwh": np.array([0, 0, math.nan, 0])}, "least_kwh of the store is not a finite number"),
        ({"most_kwh": np.full(4, -1.0)}, "most_kwh of the store is -1"),
        ({"least_kwh": np.full(4, 6.0)}, "least_kwh of the store is above most_kwh"),
        ({"charge_kw": np.ones(3)}, "charge_kw of the store of shape"),
        ({"charge_efficiency": np.full(4, 0.0)}, "charge_efficiency of the store is 0"),
        ({"charge_efficiency": np.full(4, 1.1)}, "must be one number up to 1: it discharges"),
        ({"charge_efficiency": np.array([0.9, 0.8, 0.9, 0.9])}, "must be one number up to 1"),
        ({"discharge_efficiency": 0.0}, "discharge_efficiency of the store"),
        ({"retention": 1.01}, "retention of the store"),
        ({"uninterrupted": True}, "uninterrupted charging of the store needs a min_charge_kw"),
        ({"start_kwh": -1.0}, "start_kwh of the store"),
        ({"wear_per_kwh": math.nan}, "wear_per_kwh of the store"),
        ({"drain_kwh": np.full(4, math.inf)}, "drain_kwh of the store"),
    ],
)
def test_an_impossible_store_is_refused_by_name(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ResourceError, match=said):
        store_of(**changed)


def test_a_battery_leaks_by_the_hour_whatever_the_step() -> None:
    battery = Battery(**BATTERY, leakage_per_h=0.19, cycle_cost_per_kwh=0.02)
    store = battery.store(HALVES, soc=0.5)
    assert store.retention == pytest.approx(0.9)
    idle = store.stored_from(np.zeros(4), np.zeros(4))
    assert idle == pytest.approx([4.5, 4.05, 3.645, 3.2805])
    assert store.wear_per_kwh == 0.02


def test_a_battery_keeps_its_reserve_and_ends_as_it_began() -> None:
    store = Battery(**BATTERY, reserve_soc=0.2).store(HOURS, soc=0.5)
    assert store.least_kwh.tolist() == [2.0, 2.0, 2.0, 5.0]
    hourly = Battery(**BATTERY).store(HOURS, soc=0.5, reserve_soc=[0.1, 0.4, 0.4, 0.1], end_soc=0.0)
    assert hourly.least_kwh.tolist() == [1.0, 4.0, 4.0, 1.0]


def test_a_battery_below_its_reserve_is_not_discharged_and_reaches_it_by_the_end() -> None:
    store = Battery(**BATTERY, reserve_soc=0.5).store(HOURS, soc=0.2)
    assert store.least_kwh.tolist() == [2.0, 2.0, 2.0, 5.0]
    weak = Battery(10.0, 0.5, 4.0, charge_efficiency=1.0, reserve_soc=0.5).store(HOURS, soc=0.2)
    assert weak.least_kwh.tolist() == [2.0, 2.0, 2.0, 4.0]
    weak.refuse_impossible()


@pytest.mark.parametrize(
    "wrong", [{"soc": 1.1}, {"soc": 0.5, "reserve_soc": 1.2}, {"soc": 0.5, "end_soc": math.nan}]
)
def test_an_impossible_share_of_a_battery_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ResourceError):
        Battery(**BATTERY).store(HOURS, **wrong)
    with pytest.raises(ResourceError):
        Battery(**BATTERY, leakage_per_h=1.0)


def test_a_car_charges_only_while_it_is_there_and_the_trip_takes_its_energy() -> None:
    store = CAR.store(HOURS, start_kwh=5.0, stays=[Stay(-3, 1, ready_kwh=6.0, trip_kwh=4.0), Stay(2, 4)])
    assert store.charge_kw.tolist() == [2.0, 0.0, 2.0, 2.0]
    assert store.discharge_kw.tolist() == [0.0] * 4
    assert store.least_kwh.tolist() == [6.0, 0.0, 0.0, 0.0]
    assert store.drain_kwh.tolist() == [0.0, 4.0, 0.0, 0.0]


def test_a_need_after_the_horizon_asks_for_what_cannot_be_charged_later() -> None:
    store = CAR.store(HOURS, start_kwh=5.0, stays=[Stay(2, 6, ready_kwh=11.0)])
    assert store.least_kwh.tolist() == [0.0, 0.0, 0.0, 7.0]
    gone = CAR.store(HOURS, start_kwh=5.0, stays=[Stay(5, 9, ready_kwh=11.0)])
    assert gone.least_kwh.tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("mode", "gives"), [("V1G", [0.0] * 4), ("V1H", [0.0, 1.0, 3.0, 0.0]), ("V2G", [3.0, 3.0, 3.0, 0.0])]
)
def test_the_mode_says_how_much_a_car_gives(mode: Any, gives: list[float]) -> None:
    car = Ev(2.0, mode=mode, capacity_kwh=40.0, discharge_kw=3.0)
    store = car.store(HOURS, start_kwh=5.0, stays=[Stay(0, 3)], house_kw=[-2.0, 1.0, 9.0, 9.0])
    assert store.discharge_kw.tolist() == gives


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Ev(2.0).store(HOURS, start_kwh=5.0, stays=[]), "capacity_kwh of the car is not known"),
        (lambda: CAR.store(HOURS, start_kwh=41.0, stays=[]), "start_kwh of the car"),
        (lambda: CAR.store(HOURS, start_kwh=4.0, stays=[Stay(0, 3), Stay(2, 4)]), "stays of the car overlap"),
        (lambda: CAR.store(HOURS, start_kwh=4.0, stays=[Stay(0, 3, 41.0)]), "ready_kwh of the car is 41"),
        (lambda: Stay(3, 3), "arrives at 3 cannot depart at 3"),
        (lambda: Stay(0, 3, math.nan), "ready_kwh"),
        (lambda: Ev(2.0, mode="V3X"), "mode is 'V3X'"),  # type: ignore[arg-type]
        (
            lambda: Ev(2.0, mode="V1H", capacity_kwh=9.0).store(HOURS, start_kwh=4.0, stays=[]),
            "house_kw is needed",
        ),
    ],
)
def test_a_car_that_makes_no_sense_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ResourceError, match=said):
        make()


@given(
    start=st.floats(10, 30),
    outdoor=st.floats(-20, 40),
    power=st.floats(0, 3),
    cooling=st.booleans(),
)
@settings(deadline=None)
def test_a_building_follows_newtons_law_of_cooling(
    start: float, outdoor: float, power: float, cooling: bool
) -> None:
    building = Building(4.0, 0.2, 3.0, cooling=cooling)
    store = building.store(
        HALVES, start_c=start, outdoor_c=outdoor, low_c=20.0, high_c=24.0, cop=3.0, gains_kw=0.5
    )
    stored = store.stored_from(np.full(4, power), np.zeros(4))
    shown = [store.gauge.offset + store.gauge.scale * kwh for kwh in stored]
    rest = outdoor + (0.5 + (-3.0 if cooling else 3.0) * power) / 0.2
    expected = [rest + (start - rest) * math.exp(-0.2 * 0.5 * step / 4.0) for step in range(1, 5)]
    assert shown == pytest.approx(expected, abs=1e-9)


def test_a_comfort_band_that_cannot_be_reached_is_said_in_degrees() -> None:
    cold = Building(4.0, 0.2, 1.0).store(HOURS, start_c=10.0, outdoor_c=0.0, low_c=20.0, high_c=24.0)
    with pytest.raises(
        ImpossibleNeedError, match=r"the heating cannot be at 20 °C by step 1: at most 9.76 °C"
    ):
        cold.refuse_impossible()
    hot = Building(4.0, 0.2, 1.0).store(HOURS, start_c=23.9, outdoor_c=35.0, low_c=20.0, high_c=24.0)
    with pytest.raises(
        ImpossibleNeedError, match=r"cannot stay within 24 °C until step 1: at least 24.44 °C"
    ):
        hot.refuse_impossible()
    warm = Building(4.0, 0.2, 0.1, cooling=True).store(
        HOURS, start_c=30.0, outdoor_c=30.0, low_c=20.0, high_c=24.0
    )
    with pytest.raises(
        ImpossibleNeedError, match=r"the heating cannot be at 24 °C by step 1: at most 29.98 °C"
    ):
        warm.refuse_impossible()


def test_a_tank_that_runs_dry_is_named() -> None:
    tank = Tank(10.0, 1.0, loss_per_h=0.1)
    store = tank.store(HOURS, start_kwh=5.0, demand_kw=4.0, cop=3.0, end_kwh=1.0)
    assert store.stored_from(np.ones(4), np.zeros(4)) == pytest.approx([3.5, 2.15, 0.935, -0.1585])
    with pytest.raises(
        ImpossibleNeedError, match=r"the heat pump cannot keep 1 kWh of heat by step 4: at most -0.16"
    ):
        store.refuse_impossible()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Building(0.0, 0.1, 1.0),
        lambda: Building(1.0, math.nan, 1.0),
        lambda: Building(1.0, 0.1, 1.0, min_kw=2.0),
        lambda: Building(1.0, 0.1, 1.0).store(HOURS, start_c=20, outdoor_c=0, low_c=22, high_c=21),
        lambda: Building(1.0, 0.1, 1.0).store(HOURS, start_c=20, outdoor_c=0, low_c=20, high_c=21, cop=0),
        lambda: Tank(-1.0, 1.0),
        lambda: Tank(1.0, 1.0, min_kw=2.0),
        lambda: Tank(1.0, 1.0).store(HOURS, start_kwh=2.0, demand_kw=1.0),
        lambda: Tank(1.0, 1.0).store(HOURS, start_kwh=0.5, demand_kw=-1.0),
        lambda: Appliance("it", HOURS, []),
        lambda: Appliance("it", HOURS, [-1.0]),
        lambda: Appliance("it", HOURS, [1.0], earliest=3, latest=2),
        lambda: Appliance("it", HOURS, [1.0], latest=5),
        lambda: Load("it", HOURS, np.array([1.0, math.nan, 0.0, 0.0])),
        lambda: Pv(3.0).output(HOURS, -1.0),
    ],
)
def test_what_cannot_be_is_refused(make: Any) -> None:
    with pytest.raises(ResourceError):
        make()


def test_a_window_too_short_names_the_appliance() -> None:
    with pytest.raises(
        ImpossibleNeedError, match="the washer cannot run between step 1 and step 3: it needs 3 steps"
    ):
        Appliance("the washer", HOURS, [1.0, 1.0, 1.0], earliest=1, latest=3)


def test_solar_output_ends_at_the_inverters_peak() -> None:
    assert Pv(3.0).output(HOURS, [1.0, 4.0, 3.0, 0.0]).available_kw.tolist() == [1.0, 3.0, 3.0, 0.0]


@pytest.mark.parametrize(
    ("resource", "integers", "relaxed"),
    [
        (Battery(**BATTERY).store(HOURS, soc=0.5), 0, "charging and discharging at once"),
        (CAR.store(HOURS, start_kwh=1.0, stays=[Stay(0, 4)]), 0, ""),
        (Ev(2.0, 1.0, capacity_kwh=9.0).store(HOURS, start_kwh=1.0, stays=[Stay(0, 4)]), 4, ""),
        (Appliance("it", HOURS, [1.0, 2.0]), 3, ""),
        (Appliance("it", HOURS, [2.0, 2.0], interruptible=True), 4, ""),
        (Appliance("it", HOURS, [1.0, 2.0], interruptible=True), 8, ""),
        (Load("it", HOURS, np.ones(4)), 0, ""),
        (Pv(3.0, curtailable=True).output(HOURS, 1.0), 0, ""),
    ],
)
def test_a_model_says_what_is_integer_and_what_is_relaxed(resource: Any, integers: int, relaxed: str) -> None:
    model = resource.model()
    assert (model.integers, model.relaxed) == (integers, relaxed)
    loose = resource.model(relax=True)
    assert loose.integers == 0
    assert bool(loose.relaxed) is bool(integers or relaxed)


def test_switches_against_both_ways_leave_nothing_relaxed() -> None:
    model = Battery(**BATTERY).store(HOURS, soc=0.5).model(exclusive=True)
    assert (model.integers, model.relaxed) == (4, "")
