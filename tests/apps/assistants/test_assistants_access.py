"""Who may speak to a home through an assistant: refused ones change nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.services import api_client_revoke
from apps.sites.models import AppGrant, Role, SiteMember
from tests import factories
from tests.apps.assistants.world import World, written
from tests.apps.ores_api.doors import personal_token
from tests.oauth_apps import make_app

Maker = Callable[[World], str]


def sent(world: World, token: str) -> list[tuple[str, Any]]:
    """One order by each door."""
    key = f"battery-{world.site.pk}"
    asked = {"command": "action.devices.commands.Charge", "params": {"charge": True}}
    command = {"devices": [{"id": key}], "execution": [asked]}
    google = {
        "requestId": "r",
        "inputs": [{"intent": "action.devices.EXECUTE", "payload": {"commands": [command]}}],
    }
    header = {
        "namespace": "Alexa.ToggleController", "name": "TurnOn", "instance": "Battery.Charging", "messageId": "m",
        "payloadVersion": "3",
    }  # fmt: skip
    scope = {"type": "BearerToken", "token": token}
    alexa = {"directive": {"header": header, "payload": {}, "endpoint": {"scope": scope, "endpointId": key}}}
    shortcut = {"ask": "charge", "site_id": world.site.pk}
    return [("/assistants/google", google), ("/assistants/alexa", alexa), ("/assistants/shortcut", shortcut)]


def nobody(_world: World) -> str:
    return ""


def unknown(_world: World) -> str:
    return "made-up"


def stranger(_world: World) -> str:
    other = factories.make_site(organization=factories.make_organization())
    return personal_token(factories.make_owner(site=other))


def looker(world: World) -> str:
    return personal_token(world.owner, scope="ores_read")


def control_only(world: World) -> str:
    return personal_token(world.owner, scope="ores_control")


def member(world: World) -> str:
    user = factories.make_user()
    SiteMember.objects.create(site=world.site, user=user, role=Role.MEMBER)
    return personal_token(user)


def operator(world: World) -> str:
    return personal_token(factories.make_operator(organization=world.site.organization))


def of_another_home(world: World) -> str:
    AppGrant.objects.all().delete()
    return world.token


def gone(world: World) -> str:
    SiteMember.objects.all().delete()
    return world.token


def inactive(world: World) -> str:
    world.owner.is_active = False
    world.owner.save()
    return world.token


def revoked(world: World) -> str:
    client = make_app(organization=world.site.organization).client
    token = personal_token(world.owner, client=client)
    api_client_revoke(client=client, actor="operator", now=factories.NOW)
    return token


def partner(world: World) -> str:
    return factories.token_of(
        factories.make_credential(organization=world.site.organization, role="aggregator")
    )


@pytest.mark.parametrize(
    "made",
    [
        nobody,
        unknown,
        stranger,
        looker,
        control_only,
        member,
        operator,
        of_another_home,
        gone,
        inactive,
        revoked,
        partner,
    ],
)
def test_who_may_not_changes_nothing(world: World, made: Maker) -> None:
    token = made(world)
    for path, body in sent(world, token):
        answer = factories.Api(token).post(path, body)
        text = answer.content.decode()
        told = answer.status_code if path != "/assistants/google" or answer.status_code != 200 else 200
        assert told in {200, 401, 403, 404}, (path, text)
        assert (told != 200) or '"status":"ERROR"' in text, (path, text)
        assert "Rose Street" not in text
    assert written() == (0, 0, 0)


def test_the_owner_may(world: World) -> None:
    for path, body in sent(world, world.token):
        assert factories.Api(world.token).post(path, body).status_code == 200
    assert [one.action for one in world.wishes()] == ["charge"] * 3


def test_a_session_is_no_token(world: World) -> None:
    browser = Client()
    browser.force_login(world.owner)
    for path, body in sent(world, ""):
        assert browser.post(path, body, content_type="application/json").status_code == 401
    assert written() == (0, 0, 0)


@pytest.mark.parametrize("door", ["google", "alexa", "shortcut"])
def test_doors_take_small_json_by_post_only(world: World, door: str) -> None:
    api = factories.Api(world.token)
    path = f"/assistants/{door}"
    scope = {"type": "BearerToken", "token": world.token}
    body = {"directive": {"payload": {"scope": scope}}}
    large = {**body, "more": "x" * 70_000}
    assert [api.send(method, path, body).status_code for method in ("GET", "PUT", "DELETE")] == [405] * 3
    assert api.post(path, large).status_code == 413
    answer = api._client.post(path, {"a": "b"}, headers=api.headers)
    assert answer.status_code in {401, 415}
    assert written() == (0, 0, 0)


def test_a_person_has_a_budget(world: World, settings: Any) -> None:
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "person": "2/min"}
    from apps.common.throttles import PersonRateThrottle

    held = PersonRateThrottle.THROTTLE_RATES
    PersonRateThrottle.THROTTLE_RATES = settings.THROTTLE_RATES
    try:
        body = sent(world, world.token)[1][1]
        answers = [factories.Api("").post("/assistants/alexa", body) for _ in range(3)]
    finally:
        PersonRateThrottle.THROTTLE_RATES = held
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[2].json()["event"]["payload"]["type"] == "RATE_LIMIT_EXCEEDED"
    assert int(answers[2].headers["Retry-After"]) >= 1
