"""Alexa: what it sees of a home, and what it may do there."""

from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from tests import factories
from tests.apps.assistants.world import World, alexa, check, states, written
from tests.apps.ores_api.doors import personal_token


def test_discovery_names_what_there_is_and_what_it_can_do(world: World) -> None:
    answer = check(alexa(world.token, "Discovery.Discover"), "alexa", "discovery")
    found = {one["endpointId"]: one for one in answer["event"]["payload"]["endpoints"]}
    names = {key: one["friendlyName"] for key, one in found.items()}
    pk = world.site.pk
    assert names == {
        f"home-{pk}": "Rose Street",
        f"battery-{pk}": "Rose Street battery",
        f"sun-{pk}": "Rose Street solar",
    }
    fixed = {
        one["instance"]: one["properties"]["nonControllable"]
        for endpoint in found.values()
        for one in endpoint["capabilities"]
        if "instance" in one
    }
    assert fixed == {
        "Home.Mode": False, "Battery.Charge": True, "Battery.Reserve": False, "Battery.Charging": False, "Sun.Power": True,
    }  # fmt: skip


def test_a_report_tells_what_is_measured(world: World) -> None:
    pk = world.site.pk
    told: dict[str, Any] = {}
    for kind in ("home", "battery", "sun"):
        report = check(alexa(world.token, "ReportState", f"{kind}-{pk}"), "alexa", "state")
        assert report["event"]["header"]["correlationToken"] == "c-1"
        told |= states(report)
    assert told == {
        "connectivity": {"value": "OK"}, "Home.Mode": "Mode.self_consumption", "Battery.Charge": 62, "Battery.Reserve": 10,
        "Battery.Charging": "OFF", "Sun.Power": 3.5,
    }  # fmt: skip


def test_a_home_that_is_silent_is_unreachable(world: World) -> None:
    old = factories.NOW - 2 * factories.QUARTER
    factories.set_latest(sites=[world.site], at=old, battery_soc=0.5, battery_kw=0.0, pv_kw=0.0)
    report = check(alexa(world.token, "ReportState", f"sun-{world.site.pk}"), "alexa", "state")
    assert states(report) == {"connectivity": {"value": "UNREACHABLE"}}


def test_the_mode_is_set(world: World) -> None:
    key = f"home-{world.site.pk}"
    made = alexa(world.token, "ModeController.SetMode", key, instance="Home.Mode", mode="Mode.time_of_use")
    assert states(check(made, "alexa", "response"))["Home.Mode"] == "Mode.time_of_use"
    world.site.refresh_from_db()
    assert world.site.mode == "time_of_use"
    assert AuditEntry.objects.get(action="assistant_settings").actor == world.owner.email


def test_the_reserve_is_set_and_moved_to_its_end_at_most(world: World) -> None:
    key, told = f"battery-{world.site.pk}", []
    for name, sent in (
        ("SetRangeValue", {"rangeValue": 40}),
        ("AdjustRangeValue", {"rangeValueDelta": 15, "rangeValueDeltaDefault": False}),
        ("AdjustRangeValue", {"rangeValueDelta": -90, "rangeValueDeltaDefault": False}),
    ):
        made = alexa(world.token, f"RangeController.{name}", key, instance="Battery.Reserve", **sent)
        told.append(states(check(made, "alexa", "response"))["Battery.Reserve"])
    assert told == [40, 55, 0]


def test_charging_is_the_owners_wish(world: World) -> None:
    key, told = f"battery-{world.site.pk}", []
    for name in ("TurnOn", "TurnOff"):
        made = alexa(world.token, f"ToggleController.{name}", key, instance="Battery.Charging")
        told.append(states(check(made, "alexa", "response"))["Battery.Charging"])
    assert told == ["ON", "OFF"]
    assert [(one.action, one.kw) for one in world.wishes()] == [("charge", 4.0), ("release", None)]


@pytest.mark.parametrize(
    ("what", "key", "instance", "sent", "code"),
    [
        ("ModeController.SetMode", "home", "Home.Mode", {"mode": "Mode.party"}, "INVALID_VALUE"),
        ("ModeController.SetMode", "home", "Home.Mode", {"mode": 5}, "INVALID_VALUE"),
        ("ModeController.AdjustMode", "home", "Home.Mode", {"modeDelta": 1}, "INVALID_DIRECTIVE"),
        ("RangeController.SetRangeValue", "battery", "Battery.Reserve", {"rangeValue": 101}, "INVALID_VALUE"),
        ("RangeController.SetRangeValue", "battery", "Battery.Reserve", {"rangeValue": "x"}, "INVALID_VALUE"),
        ("RangeController.SetRangeValue", "battery", "Battery.Reserve", {}, "INVALID_VALUE"),
        (
            "RangeController.SetRangeValue",
            "battery",
            "Battery.Charge",
            {"rangeValue": 5},
            "INVALID_DIRECTIVE",
        ),
        ("ToggleController.TurnOn", "sun", "Battery.Charging", {}, "INVALID_DIRECTIVE"),
        ("PowerController.TurnOn", "battery", "", {}, "INVALID_DIRECTIVE"),
        ("ReportState", "cellar", "", {}, "NO_SUCH_ENDPOINT"),
    ],
)
def test_what_cannot_be_is_refused(
    world: World, what: str, key: str, instance: str, sent: dict[str, Any], code: str
) -> None:
    status = 404 if code == "NO_SUCH_ENDPOINT" else 400
    made = alexa(world.token, what, f"{key}-{world.site.pk}", instance=instance, status=status, **sent)
    assert check(made, "alexa", "refused")["event"]["payload"]["type"] == code
    assert written() == (0, 0, 0)


def test_a_home_without_a_hub_cannot_be_reached(world: World) -> None:
    bare = World(hub=False)
    key = f"battery-{bare.site.pk}"
    made = alexa(bare.token, "ToggleController.TurnOn", key, instance="Battery.Charging", status=409)
    assert check(made, "alexa", "refused")["event"]["payload"]["type"] == "ENDPOINT_UNREACHABLE"
    assert written() == (0, 0, 0)


def test_linking_is_accepted_for_a_good_token_only(world: World) -> None:
    code = {"type": "OAuth2.AuthorizationCode", "code": "x"}
    check(alexa(world.token, "Authorization.AcceptGrant", grant=code), "alexa", "granted")
    check(alexa("nobody's", "Authorization.AcceptGrant", grant=code, status=401), "alexa", "grant_refused")


@pytest.mark.parametrize(
    ("key", "token", "repeated"),
    [("cellar-1", "c-1", True), ("c" * 256, "c-1", True), ("the cellar", "", False), ("Küche", "", False)],
)
def test_only_what_alexa_takes_back_is_repeated(world: World, key: str, token: str, repeated: bool) -> None:
    header = {"namespace": "Alexa", "name": "ReportState", "messageId": "m-1", "correlationToken": token}
    scope = {"type": "BearerToken", "token": world.token}
    sent = {"header": header, "endpoint": {"scope": scope, "endpointId": key}, "payload": {}}
    answer = factories.Api("").post("/assistants/alexa", {"directive": sent})
    assert answer.status_code == 404
    event = check(answer.json(), "alexa", "refused")["event"]
    assert event["payload"]["type"] == "NO_SUCH_ENDPOINT"
    found = (event.get("endpoint"), event["header"].get("correlationToken"))
    assert found == (({"endpointId": key}, token) if repeated else (None, None))


@pytest.mark.parametrize(
    "body",
    ["[]", "{", "{}", '{"directive": 5}', '{"directive": {"endpoint": {"scope": [], "endpointId": 1}}}'],
)
def test_what_is_no_directive_gets_alexas_error(world: World, body: str) -> None:
    answer = factories.Api("").post("/assistants/alexa", body)
    assert answer.status_code in {400, 401}
    check(answer.json(), "alexa", "refused")


def test_a_directive_with_a_good_token_and_nothing_else_is_invalid(world: World) -> None:
    scope = {"scope": {"type": "BearerToken", "token": world.token}}
    answer = factories.Api("").post(
        "/assistants/alexa", {"directive": {"endpoint": scope, "header": [], "payload": {}}}
    )
    assert answer.status_code == 400
    assert check(answer.json(), "alexa", "refused")["event"]["payload"]["type"] == "INVALID_DIRECTIVE"


def test_a_token_that_may_only_look_changes_nothing(world: World) -> None:
    token = personal_token(world.owner, scope="ores_read")
    key = f"home-{world.site.pk}"
    made = alexa(token, "ModeController.SetMode", key, instance="Home.Mode", mode="Mode.backup", status=403)
    assert check(made, "alexa", "refused")["event"]["payload"]["type"] == "INSUFFICIENT_PERMISSIONS"
    assert written() == (0, 0, 0)
