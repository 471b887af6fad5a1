"""What a demand driven resource is told, now that its demand forecast is planned with: all by hand."""

import copy
from typing import Any

import pytest

from tests.vpp.protocols.s2.samples import NOW, OFF, ON, SAMPLES, span, uid, watts
from tests.vpp.protocols.s2.sessions import cem_in, say
from vpp.energy_manager.ability import Ability
from vpp.energy_manager.resource import ability
from vpp.protocols.s2.cem_session import CemSession

BIG = uid(901)
# What the sample says: from OFF to ON in 2 s, and then no way back for 10 minutes.
SLOW_MS = 600_000


def system(*, big_takes_ms: int = 0) -> dict[str, Any]:
    """OFF gives nothing, ON up to 9000 and not off again for 10 minutes, BIG up to 20000 and free to leave."""
    found = copy.deepcopy(SAMPLES["DDBC.SystemDescription"])
    [actuator] = found["actuators"]
    actuator["operation_modes"].append(
        {"Id": BIG, "power_ranges": watts(0.0, 9000.0), "supply_range": [span(0.0, 20_000.0)], "abnormal_condition_only": False}
    )  # fmt: skip
    way = {
        "start_timers": [],
        "blocking_timers": [],
        "transition_duration": big_takes_ms,
        "abnormal_condition_only": False,
    }
    actuator["transitions"] += [
        {**way, "id": uid(902), "from": OFF, "to": BIG},
        {**way, "id": uid(903), "from": BIG, "to": OFF},
    ]
    return found


def forecast(session: CemSession, *steps: tuple[int, float]) -> None:
    elements = [{"duration": minutes * 60_000, "demand_rate_expected": rate} for minutes, rate in steps]
    say(session, "DDBC.AverageDemandRateForecast", elements=elements)


@pytest.fixture
def session() -> CemSession:
    found = cem_in("DDBC")
    say(found, "DDBC.SystemDescription", **{key: one for key, one in system().items() if key != "message_id"})
    say(found, "DDBC.ActuatorStatus", active_operation_mode_id=OFF, operation_mode_factor=0.0)
    return found


def modes(able: Ability) -> list[str]:
    return [one.mode for combo in able.combos for one in combo.options]


def test_without_a_forecast_only_the_present_counts(session: CemSession) -> None:
    assert modes(ability(session, NOW)) == [OFF, ON, BIG]


@pytest.mark.parametrize(
    ("after_min", "rate", "left"),
    [
        # Nothing that comes later than another choice is possible counts.
        (15, 20_000.0, [OFF, ON, BIG]),
        # Once on, ON stays for 10 minutes, and 2 more go by until another source gives: too long for this demand.
        (10, 15_000.0, [OFF, BIG]),
        (10, 9_000.0, [OFF, ON, BIG]),
        # What is off now has to be on before the demand is there.
        (2, 4_000.0, [ON, BIG]),
        (2, 15_000.0, [BIG]),
        # More than anything can give: then the strongest.
        (2, 90_000.0, [BIG]),
        (0, 4_000.0, [ON, BIG]),
    ],
)
def test_modes_that_could_not_meet_what_is_expected_are_not_taken(
    session: CemSession, after_min: int, rate: float, left: list[str]
) -> None:
    forecast(session, *([(after_min, 0.0)] if after_min else []), (60, rate))
    able = ability(session, NOW)
    assert modes(able) == left
    said = f"a demand of {rate:g} is expected at 12:{after_min:02}"
    assert (said in able.reasons) == (left != [OFF, ON, BIG])


def test_a_source_that_starts_slowly_is_started_early() -> None:
    session = cem_in("DDBC")
    described = system(big_takes_ms=SLOW_MS)
    say(
        session,
        "DDBC.SystemDescription",
        **{key: one for key, one in described.items() if key != "message_id"},
    )
    say(session, "DDBC.ActuatorStatus", active_operation_mode_id=OFF, operation_mode_factor=0.0)
    forecast(session, (11, 0.0), (60, 15_000.0))
    assert modes(ability(session, NOW)) == [BIG]


def test_a_forecast_that_is_over_says_nothing(session: CemSession) -> None:
    say(
        session,
        "DDBC.AverageDemandRateForecast",
        start_time="2026-06-01T10:00:00Z",
        elements=[{"duration": 3_600_000, "demand_rate_expected": 15_000.0}],
    )
    assert modes(ability(session, NOW)) == [OFF, ON, BIG]
