"""What each control type's resource manager said is kept, looked up by time, revoked, and refused where it makes no sense."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from tests.vpp.protocols.s2.samples import (
    ACTUATOR,
    CONSTRAINTS,
    CONTAINER,
    ENERGY,
    NOW,
    OFF,
    ON,
    PROFILE,
    SAMPLES,
    TIMER,
    span,
    uid,
)
from tests.vpp.protocols.s2.sessions import cem_in, say
from vpp.protocols.s2.codec import read
from vpp.protocols.s2.ddbc import DemandDriven
from vpp.protocols.s2.frbc import FillRate
from vpp.protocols.s2.held import Power
from vpp.protocols.s2.modes import S2ContentError, block, transition_cost
from vpp.protocols.s2.ombc import OperationModes
from vpp.protocols.s2.pebc import PowerEnvelopes
from vpp.protocols.s2.ppbc import PowerProfiles
from vpp.protocols.s2.times import after

HOUR = timedelta(hours=1)


def message(kind: str, **changes: Any) -> Any:
    return read({**SAMPLES[kind], **changes})


def changed(kind: str, *path: str | int, value: Any) -> Any:
    document = copy.deepcopy(SAMPLES[kind])
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return read(document)


def test_constraints_hold_from_when_to_when_they_say() -> None:
    held = PowerEnvelopes()
    held.take(message("PEBC.PowerConstraints", valid_until="2026-06-01T13:00:00Z"))
    later = "2026-06-01T14:00:00Z"
    held.take(message("PEBC.PowerConstraints", valid_from=later, id=uid(50)))
    found = [held.constraints(NOW + hours * HOUR) for hours in (-1, 0, 1, 2)]
    assert [str(one.id) if one else None for one in found] == [None, CONSTRAINTS, None, uid(50)]
    held.take(message("PEBC.EnergyConstraint"))
    assert [held.energy(NOW + hours * HOUR) is not None for hours in (-1, 0, 5, 6)] == [
        False,
        True,
        True,
        False,
    ]
    assert [held.revoke("PEBC.EnergyConstraint", ENERGY), held.revoke("PEBC.EnergyConstraint", ENERGY)] == [
        True,
        False,
    ]
    assert held.revoke("PEBC.PowerConstraints", CONSTRAINTS)
    assert held.constraints(NOW) is None


def test_profiles_and_their_status_are_kept_and_revoked_together() -> None:
    held = PowerProfiles()
    held.take(message("PPBC.PowerProfileDefinition"))
    held.take(message("PPBC.PowerProfileStatus"))
    assert held.state(PROFILE, CONTAINER).value == "EXECUTING"
    held.take(message("PPBC.PowerProfileDefinition"))
    assert held.state(PROFILE, CONTAINER).value == "NOT_SCHEDULED"
    assert held.revoke("PPBC.PowerProfileDefinition", PROFILE)
    assert held.profiles == {}
    with pytest.raises(S2ContentError):
        held.take(message("PPBC.PowerProfileStatus"))


def test_a_transition_needs_its_timers_to_end() -> None:
    held = OperationModes()
    held.take(message("OMBC.SystemDescription"))
    held.take(message("OMBC.Status"))
    system = held.system(NOW)
    assert system is not None
    # The transition itself started the timer: ten minutes from noon.
    assert held.facts.timers == {TIMER: NOW + timedelta(minutes=10)}
    assert (
        block(system, held.facts, to=OFF, now=NOW + timedelta(minutes=9))
        == "a timer blocks it until 12:10:00"
    )
    assert block(system, held.facts, to=OFF, now=NOW + timedelta(minutes=10)) is None
    assert block(system, held.facts, to=ON, now=NOW) is None
    assert block(system, held.facts, to=uid(70), now=NOW) == "it is not described"
    held.take(message("OMBC.TimerStatus"))
    assert (
        block(system, held.facts, to=OFF, now=NOW + timedelta(minutes=10))
        == "a timer blocks it until 18:00:00"
    )


def test_a_transition_costs_and_lasts_as_described() -> None:
    held = OperationModes()
    held.take(message("OMBC.SystemDescription"))
    held.take(message("OMBC.Status", active_operation_mode_id=OFF, previous_operation_mode_id=None))
    system = held.system(NOW)
    assert system is not None
    assert transition_cost(system, held.facts, to=ON) == (0.2, 2.0)
    assert transition_cost(system, held.facts, to=OFF) == (0.0, 0.0)


def test_what_is_for_abnormal_conditions_or_has_no_transition_is_blocked() -> None:
    held = OperationModes()
    held.take(changed("OMBC.SystemDescription", "operation_modes", 1, "abnormal_condition_only", value=True))
    held.take(message("OMBC.Status", active_operation_mode_id=OFF, previous_operation_mode_id=None))
    system = held.system(NOW)
    assert system is not None
    assert block(system, held.facts, to=ON, now=NOW) == "it is for abnormal conditions only"
    assert block(system, held.facts, to=ON, now=NOW, abnormal=True) is None
    held.take(message("OMBC.SystemDescription", transitions=[], message_id=uid(71)))
    system = held.system(NOW)
    assert system is not None
    assert block(system, held.facts, to=ON, now=NOW) == "there is no transition from the active mode"
    assert held.revoke("OMBC.SystemDescription", uid(71))


def test_a_store_tells_level_leakage_usage_and_targets() -> None:
    held = FillRate()
    for kind in SAMPLES:
        if kind.startswith("FRBC.") and kind != "FRBC.Instruction":
            held.take(message(kind))
    assert (held.level, held.facts(ACTUATOR).mode) == (50.0, ON)
    assert (held.leakage_rate(20.0, NOW), held.leakage_rate(80.0, NOW)) == (0.0, 0.001)
    assert held.used(NOW, NOW + 2 * HOUR) == pytest.approx(3600 * 0.003)
    assert held.used(NOW + HOUR / 2, NOW + HOUR) == pytest.approx(1800 * 0.001)
    [(starts_at, ends_at, wanted)] = held.target_spans()
    assert (starts_at, ends_at) == (NOW + 6 * HOUR, NOW + 7 * HOUR)
    assert (wanted.start_of_range, wanted.end_of_range) == (80.0, 100.0)


def test_a_new_description_forgets_what_it_does_not_know() -> None:
    held = FillRate()
    held.take(message("FRBC.SystemDescription"))
    held.take(message("FRBC.ActuatorStatus"))
    other = {**SAMPLES["FRBC.SystemDescription"]["actuators"][0], "id": uid(80)}
    held.take(message("FRBC.SystemDescription", actuators=[other]))
    assert list(held.actuators) == [uid(80)]
    with pytest.raises(S2ContentError):
        held.take(message("FRBC.ActuatorStatus"))


@pytest.mark.parametrize(
    ("holder", "given"),
    [
        (OperationModes, changed("OMBC.SystemDescription", "transitions", 0, "to", value=uid(90))),
        (
            OperationModes,
            changed("OMBC.SystemDescription", "transitions", 0, "start_timers", value=[uid(90)]),
        ),
        (OperationModes, changed("OMBC.SystemDescription", "operation_modes", 1, "id", value=OFF)),
        (OperationModes, message("OMBC.Status", operation_mode_factor=1.5)),
        (
            FillRate,
            changed("FRBC.LeakageBehaviour", "elements", 0, "fill_level_range", value=span(0.0, 40.0)),
        ),
        (FillRate, message("FRBC.ActuatorStatus", operation_mode_factor=-0.1)),
        (FillRate, message("OMBC.Status")),
        (DemandDriven, message("DDBC.SystemDescription", present_demand_rate=span(2.0, 1.0))),
        (DemandDriven, message("DDBC.ActuatorStatus", operation_mode_factor=7)),
        (PowerEnvelopes, message("PEBC.EnergyConstraint", valid_until="2026-01-01T00:00:00Z")),
        (PowerEnvelopes, message("PEBC.EnergyConstraint", upper_average_power=-9000.0)),
        (PowerProfiles, message("PPBC.PowerProfileDefinition", end_time="2026-01-01T00:00:00Z")),
    ],
)
def test_what_makes_no_sense_is_refused(holder: Any, given: Any) -> None:
    with pytest.raises(S2ContentError):
        holder().take(given)


def test_what_is_not_described_is_not_kept_without_end() -> None:
    held = FillRate()
    for number in range(32):
        held.take(message("FRBC.ActuatorStatus", actuator_id=uid(500 + number)))
    with pytest.raises(S2ContentError):
        held.take(message("FRBC.ActuatorStatus", actuator_id=uid(600)))


def test_measured_and_forecast_power_of_all_phases() -> None:
    power = Power()
    assert (power.watts(), power.expected_watts(NOW)) == (None, None)
    values = [
        {"commodity_quantity": f"ELECTRIC.POWER.L{phase}", "value": 100.0 * phase} for phase in (1, 2, 3)
    ]
    heat = {"commodity_quantity": "HEAT.THERMAL_POWER", "value": 9000.0}
    power.measured = message("PowerMeasurement", values=[*values, heat])
    power.forecast = message("PowerForecast")
    assert power.watts() == 600.0
    minutes = [power.expected_watts(NOW + timedelta(minutes=one)) for one in (-1, 0, 14, 15, 29, 30)]
    assert minutes == [None, 1500.0, 1500.0, 200.0, 200.0, None]


def test_a_revoked_description_is_gone_and_another_revoke_refused() -> None:
    session = cem_in("FRBC", described=True)
    key = SAMPLES["FRBC.SystemDescription"]["message_id"]
    say(session, "RevokeObject", object_type="FRBC.SystemDescription", object_id=key)
    assert isinstance(session.held, FillRate)
    assert session.held.system(NOW) is None
    session.take_outgoing()
    session.feed(message("RevokeObject", object_type="FRBC.SystemDescription", object_id=key), NOW)
    answer: Any = session.take_outgoing()[0]
    assert answer.status.value == "INVALID_CONTENT"


def test_a_duration_beyond_every_calendar_ends_late() -> None:
    profile = changed(
        "PPBC.PowerProfileDefinition",
        "power_sequences_containers",
        0,
        "power_sequences",
        0,
        "max_pause_before",
        value=10**12,
    )
    pause = profile.power_sequences_containers[0].power_sequences[0].max_pause_before
    assert after(NOW, pause) > NOW + 10_000 * timedelta(days=1)
    assert after(NOW.replace(year=2199), pause).year < 9001
