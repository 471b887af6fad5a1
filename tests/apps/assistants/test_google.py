"""Google Home: what it sees of a home, and what it may do there."""

import pytest

from apps.accounts.models import AuditEntry
from apps.sites.models import AppGrant, PreferenceRevision
from tests import factories
from tests.apps.assistants.world import REQUEST, World, check, execute, google, written
from tests.apps.ores_api.doors import personal_token

HOUR_MS = 3_600_000


def test_sync_names_home_battery_and_sun(world: World) -> None:
    answer = check(google(world.token, "SYNC"), "google", "sync")
    assert (answer["requestId"], answer["payload"]["agentUserId"]) == (REQUEST, str(world.owner.pk))
    found = {one["id"]: (one["type"], one["name"]["name"]) for one in answer["payload"]["devices"]}
    pk = world.site.pk
    assert found == {
        f"home-{pk}": ("action.devices.types.SWITCH", "Rose Street"),
        f"battery-{pk}": ("action.devices.types.CHARGER", "Rose Street battery"),
        f"sun-{pk}": ("action.devices.types.SWITCH", "Rose Street solar"),
    }


def test_a_token_that_may_only_look_is_offered_no_control(world: World) -> None:
    token = personal_token(world.owner, scope="ores_read")
    devices = check(google(token, "SYNC"), "google", "sync")["payload"]["devices"]
    attributes = [one["attributes"] for one in devices]
    assert [
        attributes[0]["queryOnlyModes"], attributes[1]["queryOnlyEnergyStorage"], attributes[2]["queryOnlyModes"]
    ] == [True, True, True]  # fmt: skip


def test_query_tells_what_is_measured(world: World) -> None:
    keys = [f"{kind}-{world.site.pk}" for kind in ("home", "battery", "sun")]
    answer = check(google(world.token, "QUERY", devices=[{"id": key} for key in keys]), "google", "query")
    home, battery, sun = (answer["payload"]["devices"][key] for key in keys)
    assert home["currentModeSettings"] == {"mode": "self_consumption", "reserve": "10"}
    assert battery["capacityRemaining"] == [{"rawValue": 62, "unit": "PERCENTAGE"}]
    assert (battery["descriptiveCapacityRemaining"], battery["isCharging"]) == ("MEDIUM", True)
    assert (sun["on"], sun["currentModeSettings"]) == (True, {"production": "2_to_5_kw"})


def test_a_home_that_is_silent_is_offline(world: World) -> None:
    old = factories.NOW - 2 * factories.QUARTER
    factories.set_latest(sites=[world.site], at=old, battery_soc=0.5, battery_kw=0.0, pv_kw=0.0)
    key = f"battery-{world.site.pk}"
    answer = check(google(world.token, "QUERY", devices=[{"id": key}]), "google", "query")
    assert answer["payload"]["devices"] == {key: {"online": False, "status": "OFFLINE"}}


def test_charge_is_the_owners_wish_for_an_hour(world: World) -> None:
    key = f"battery-{world.site.pk}"
    assert execute(world.token, key, "Charge", charge=True) == {"status": "PENDING"}
    assert execute(world.token, key, "Charge", charge=False) == {"status": "PENDING"}
    first, second = world.wishes()
    assert (first.device_id, first.action, first.kw) == ("battery", "charge", 4.0)
    assert first.ends_at - first.starts_at == HOUR_MS
    assert (second.action, second.kw) == ("release", None)
    entries = AuditEntry.objects.filter(action="ores_control")
    assert [one.actor for one in entries] == [world.owner.email] * 2


def test_modes_are_revisions_of_the_preferences(world: World) -> None:
    done = execute(
        world.token,
        f"home-{world.site.pk}",
        "SetModes",
        updateModeSettings={"mode": "backup", "reserve": "60"},
    )
    assert (done["status"], done["states"]["currentModeSettings"]) == (
        "SUCCESS",
        {"mode": "backup", "reserve": "60"},
    )
    world.site.refresh_from_db()
    assert (world.site.mode, world.site.reserve_soc) == ("backup", 0.6)
    assert {one.source for one in PreferenceRevision.objects.all()} == {"app"}


@pytest.mark.parametrize(
    ("kind", "command", "params", "code"),
    [
        ("home", "SetModes", {"updateModeSettings": {"mode": "backup", "reserve": "101"}}, "valueOutOfRange"),
        ("home", "SetModes", {"updateModeSettings": {"mode": "party"}}, "valueOutOfRange"),
        ("home", "SetModes", {"updateModeSettings": {"color": "red"}}, "protocolError"),
        ("home", "SetModes", {"updateModeSettings": 5}, "protocolError"),
        ("home", "Charge", {"charge": True}, "functionNotSupported"),
        ("battery", "Charge", {"charge": "yes"}, "protocolError"),
        ("battery", "OnOff", {"on": True}, "functionNotSupported"),
        ("sun", "SetModes", {"updateModeSettings": {"mode": "backup"}}, "functionNotSupported"),
        ("cellar", "OnOff", {"on": True}, "deviceNotFound"),
    ],
)
def test_what_cannot_be_is_refused_whole(
    world: World, kind: str, command: str, params: dict[str, object], code: str
) -> None:
    done = execute(world.token, f"{kind}-{world.site.pk}", command, **params)
    assert (done, written()) == ({"status": "ERROR", "errorCode": code}, (0, 0, 0))


def test_a_home_without_a_hub_is_offline_for_wishes(world: World) -> None:
    bare = World(hub=False)
    done = execute(bare.token, f"battery-{bare.site.pk}", "Charge", charge=True)
    assert (done, written()) == ({"status": "ERROR", "errorCode": "deviceOffline"}, (0, 0, 0))


def test_disconnecting_ends_the_grant_and_the_token(world: World) -> None:
    assert google(world.token, "DISCONNECT") == {}
    assert (AppGrant.objects.count(), AuditEntry.objects.filter(action="app_revoke").count()) == (0, 1)
    refused = google(world.token, "SYNC", status=401)
    assert check(refused, "google", "refused")["payload"]["errorCode"] == "authFailure"


@pytest.mark.parametrize(
    "body",
    ["[]", "5", "{", "{}", '{"requestId": 5}', '{"requestId": "r", "inputs": []}', '{"requestId": "r", "inputs": [{}]}',
     '{"requestId": "r", "inputs": [{"intent": "action.devices.EXECUTE", "payload": {"commands": [{}]}}]}',
     '{"requestId": "r", "inputs": [{"intent": "action.devices.QUERY", "payload": []}]}'],
)  # fmt: skip
def test_what_is_no_request_is_a_protocol_error(world: World, body: str) -> None:
    answer = factories.Api(world.token).post("/assistants/google", body)
    assert answer.status_code == 400
    assert check(answer.json(), "google", "refused")["payload"]["errorCode"] == "protocolError"


def test_an_intent_that_nobody_knows_is_not_supported(world: World) -> None:
    answer = check(google(world.token, "DANCE"), "google", "refused")
    assert answer == {"requestId": REQUEST, "payload": {"errorCode": "notSupported"}}
