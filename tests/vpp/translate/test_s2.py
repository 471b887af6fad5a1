"""What resources say in S2, read by s2-python's own models."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from s2python.s2_parser import S2Parser

from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.thermal import Building, Tank
from vpp.translate.s2 import describe
from vpp.translate.s2_messages import MOST_ELEMENTS, S2Error, S2Manager

START = datetime(2026, 1, 15, 12, tzinfo=UTC)
HALVES = Horizon(4, 0.5, START)
MANAGER = S2Manager(UUID("6f1d0f3e-9c55-4a8e-8f0e-1d6f6a0f3b11"))
BATTERY = Battery(
    10.0,
    5.0,
    4.0,
    charge_efficiency=0.9,
    discharge_efficiency=0.8,
    leakage_per_h=0.01,
    cycle_cost_per_kwh=0.09,
)
CAR = Ev(7.0, min_kw=1.4, capacity_kwh=40.0, charge_efficiency=0.9)
RESOURCES: dict[str, Any] = {
    "battery": BATTERY.store(HALVES, soc=0.5),
    "car": CAR.store(HALVES, start_kwh=10.0, stays=[Stay(0, 2, 12.0, trip_kwh=3.0)]),
    "building": Building(3.0, 0.2, 3.0).store(
        HALVES, start_c=20.0, outdoor_c=5.0, low_c=19.0, high_c=22.0, cop=[3.0, 3.0, 3.5, 3.5]
    ),
    "tank": Tank(10.0, 2.0).store(HALVES, start_kwh=5.0, demand_kw=[1.0, 1.0, 2.0, 0.0], cop=3.0),
    "washer": Appliance("the washer", HALVES, [2.0, 0.5], earliest=1),
    "dishwasher": Appliance("the dishwasher", HALVES, [2.0, 0.5], interruptible=True),
    "sun": Pv(5.0, curtailable=True).output(HALVES, [1.0, 2.0, 2.0, 0.0]),
    "old sun": Pv(5.0).output(HALVES, 1.0),
    "load": Load("the load", HALVES, np.array([0.4, 0.4, 1.0, 0.4])),
}


def said(resource: Any, kind: str) -> list[dict[str, Any]]:
    return [message for message in describe(resource, MANAGER) if message["message_type"] == kind]


@pytest.mark.parametrize("name", RESOURCES)
def test_every_message_is_one_that_s2_python_reads_and_writes_alike(name: str) -> None:
    for message in describe(RESOURCES[name], MANAGER):
        read = S2Parser.parse_as_any_message(json.dumps(message))
        assert read.to_dict()["message_type"] == message["message_type"]
        assert S2Parser.parse_as_any_message(read.to_json()) == read


@pytest.mark.parametrize(
    ("name", "control", "kinds"),
    [
        (
            "battery",
            "FILL_RATE_BASED_CONTROL",
            [
                "FRBC.SystemDescription",
                "FRBC.StorageStatus",
                "FRBC.FillLevelTargetProfile",
                "FRBC.LeakageBehaviour",
            ],
        ),
        ("washer", "POWER_PROFILE_BASED_CONTROL", ["PPBC.PowerProfileDefinition"]),
        ("sun", "POWER_ENVELOPE_BASED_CONTROL", ["PEBC.PowerConstraints", "PowerForecast"]),
        ("old sun", "NOT_CONTROLABLE", ["PowerForecast"]),
        ("load", "NOT_CONTROLABLE", ["PowerForecast"]),
    ],
)
def test_each_resource_speaks_its_control_type(name: str, control: str, kinds: list[str]) -> None:
    details, *others = describe(RESOURCES[name], MANAGER)
    assert details["available_control_types"] == [control]
    assert [message["message_type"] for message in others] == kinds


def test_a_battery_charges_and_discharges_in_watts_and_watt_hours_a_second() -> None:
    (system,) = said(RESOURCES["battery"], "FRBC.SystemDescription")
    idle, charge, discharge = (mode["elements"][0] for mode in system["actuators"][0]["operation_modes"])
    assert idle["fill_rate"] == {"start_of_range": 0.0, "end_of_range": 0.0}
    assert charge["power_ranges"][0]["end_of_range"] == 5000.0
    assert charge["fill_rate"]["end_of_range"] == pytest.approx(5000 * 0.9 / 3600)
    assert discharge["power_ranges"][0]["start_of_range"] == -4000.0
    assert discharge["fill_rate"]["start_of_range"] == pytest.approx(-5000 / 3600)
    assert discharge["running_costs"]["end_of_range"] == pytest.approx(0.09 * 4 / 3600)
    assert system["storage"]["fill_level_range"] == {"start_of_range": 0.0, "end_of_range": 10_000.0}
    assert said(RESOURCES["battery"], "FRBC.StorageStatus")[0]["present_fill_level"] == 5000.0


def test_a_leak_in_ten_levels_empties_a_full_battery_as_it_does() -> None:
    (leak,) = said(RESOURCES["battery"], "FRBC.LeakageBehaviour")
    assert len(leak["elements"]) == 10
    assert leak["elements"][-1]["leakage_rate"] * 3600 == pytest.approx(9500 * 0.01, rel=0.01)


def test_a_car_that_leaves_is_described_anew_and_its_need_is_the_last_second_before() -> None:
    store = RESOURCES["car"]
    here, away = said(store, "FRBC.SystemDescription")
    assert (here["valid_from"], away["valid_from"]) == (
        "2026-01-15T12:00:00.000+00:00",
        "2026-01-15T13:00:00.000+00:00",
    )
    modes = [
        [mode["diagnostic_label"] for mode in one["actuators"][0]["operation_modes"]] for one in (here, away)
    ]
    assert modes == [["idle", "charge"], ["idle"]]
    charge = here["actuators"][0]["operation_modes"][1]["elements"][0]
    assert charge["power_ranges"][0]["start_of_range"] == 1400.0
    (targets,) = said(store, "FRBC.FillLevelTargetProfile")
    elements = [
        (part["duration"], part["fill_level_range"]["start_of_range"]) for part in targets["elements"]
    ]
    assert elements == [(3_599_000, 0.0), (1000, 12_000.0), (3_600_000, 0.0)]
    (usage,) = said(store, "FRBC.UsageForecast")
    rates = [(part["duration"], part["usage_rate_expected"]) for part in usage["elements"]]
    assert rates == [(3_600_000, 0.0), (1_800_000, pytest.approx(3000 / 1800)), (1_800_000, 0.0)]


def test_a_heat_pump_is_described_anew_when_its_coefficient_changes() -> None:
    first, second = said(RESOURCES["building"], "FRBC.SystemDescription")
    rates = [
        one["actuators"][0]["operation_modes"][1]["elements"][0]["fill_rate"]["end_of_range"]
        for one in (first, second)
    ]
    assert rates[1] / rates[0] == pytest.approx(3.5 / 3.0)


def test_charging_that_cannot_be_resumed_has_no_way_back_to_it() -> None:
    car = Ev(7.0, min_kw=1.4, interruptible=False, capacity_kwh=40.0)
    (system,) = said(car.store(HALVES, start_kwh=1.0, stays=[Stay(0, 4)]), "FRBC.SystemDescription")
    (actuator,) = system["actuators"]
    charge = next(mode["id"] for mode in actuator["operation_modes"] if mode["diagnostic_label"] == "charge")
    assert [transition["from"] for transition in actuator["transitions"]] == [charge]


def test_a_washer_is_one_sequence_and_a_dishwasher_that_pauses_one_for_each_phase() -> None:
    (washer,) = said(RESOURCES["washer"], "PPBC.PowerProfileDefinition")
    assert washer["start_time"] == "2026-01-15T12:30:00.000+00:00"
    assert washer["end_time"] == "2026-01-15T14:00:00.000+00:00"
    (container,) = washer["power_sequences_containers"]
    (sequence,) = container["power_sequences"]
    powers = [element["power_values"][0]["value_expected"] for element in sequence["elements"]]
    assert powers == [2000.0, 500.0]
    (dishwasher,) = said(RESOURCES["dishwasher"], "PPBC.PowerProfileDefinition")
    pauses = [
        one["power_sequences"][0]["max_pause_before"] for one in dishwasher["power_sequences_containers"]
    ]
    assert pauses == [0, 2 * 1_800_000]


def test_solar_power_may_be_limited_down_to_nothing_and_what_is_cut_vanishes() -> None:
    (constraints,) = said(RESOURCES["sun"], "PEBC.PowerConstraints")
    assert constraints["consequence_type"] == "VANISH"
    ranges = {one["limit_type"]: one["range_boundary"] for one in constraints["allowed_limit_ranges"]}
    assert ranges["LOWER_LIMIT"] == {"start_of_range": -2000.0, "end_of_range": 0.0}
    assert ranges["UPPER_LIMIT"] == {"start_of_range": 0.0, "end_of_range": 0.0}
    (forecast,) = said(RESOURCES["sun"], "PowerForecast")
    values = [(part["duration"], part["power_values"][0]["value_expected"]) for part in forecast["elements"]]
    assert values == [(1_800_000, -1000.0), (3_600_000, -2000.0), (1_800_000, 0.0)]


def test_the_same_description_has_the_same_ids_and_no_two_messages_share_one() -> None:
    for resource in RESOURCES.values():
        messages = describe(resource, MANAGER)
        assert messages == describe(resource, MANAGER)
        assert len({message["message_id"] for message in messages}) == len(messages)


def test_a_long_forecast_is_cut_to_what_a_message_may_hold() -> None:
    long = Horizon(400, 0.25, START)
    load = Load("the load", long, np.arange(400.0))
    (forecast,) = said(load, "PowerForecast")
    assert len(forecast["elements"]) == MOST_ELEMENTS
    S2Parser.parse_as_any_message(json.dumps(forecast))


@pytest.mark.parametrize(
    "resource",
    [
        Load("the load", Horizon(4, 0.5), np.ones(4)),
        Appliance("it", Horizon(300, 0.25, START), np.ones(289)),
        replace(RESOURCES["battery"], start_kwh=0.0, least_kwh=np.zeros(4), most_kwh=np.zeros(4)),
    ],
)
def test_what_s2_has_no_words_for_is_refused(resource: Any) -> None:
    with pytest.raises(S2Error):
        describe(resource, MANAGER)
