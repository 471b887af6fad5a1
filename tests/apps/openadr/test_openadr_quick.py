"""Polls as plain ASGI: the same answers as the ordinary view's, and everything else goes on to Django."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from oauth2_provider.models import AccessToken

from apps.accounts.models import ApiClient, Organization
from apps.common.redis import client as redis_client
from apps.hubs.link.server import conninfo
from apps.openadr.api import budget, quick
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def ven(organization: Organization) -> Api:
    """A VEN among events for it, for others and for all."""
    utility = factories.make_utility(organization=organization)
    ven = factories.make_ven(organization=organization, targets=["b", "a"])
    program = utility.post("/programs", {"programName": "P"}).json()["id"]
    for targets in (["a"], [], ["c", "b", "a"], ["c"]):
        period = {"start": (NOW + timedelta(hours=1)).isoformat(), "duration": "PT1H"}
        body = {"programID": program, "targets": targets, "intervalPeriod": period, "eventName": "ünï"}
        assert utility.post("/events", body).status_code == 201
    return ven


def scope_of(token: str, *, query: str = "", method: str = "GET", host: str = "localhost:8000") -> Any:
    headers = [(b"host", host.encode()), (b"authorization", f"Bearer {token}".encode())]
    return {"method": method, "path": quick.PATH, "query_string": query.encode(), "headers": headers}


def asked(*scopes: Any, information: str = "") -> list[bytes | None]:
    """Return the bodies of what the door answered, None for what it left to others."""

    async def run() -> list[bytes | None]:
        door = quick.PollDoor(information or conninfo())
        try:
            return [await one(door, scope) for scope in scopes]
        finally:
            await door.close()

    async def one(door: quick.PollDoor, scope: Any) -> bytes | None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        if not await door.answer(scope, send):
            assert sent == []
            return None
        start, body = sent
        assert (start["status"], dict(start["headers"])[b"content-type"]) == (200, b"application/json")
        assert dict(start["headers"])[b"content-length"] == str(len(body["body"])).encode()
        found: bytes = body["body"]
        return found

    return asyncio.run(run())


def token_of(api: Api) -> str:
    return api.headers["Authorization"].removeprefix("Bearer ")


@pytest.mark.parametrize("query", ["", "active=true", "skip=1&limit=1", "limit=0", "programID=nowhere"])
def test_it_answers_as_the_web_does(ven: Api, query: str) -> None:
    ordinary = ven.get("/events", **dict(part.split("=") for part in query.split("&") if part))
    (answer,) = asked(scope_of(token_of(ven), query=query))
    assert answer == ordinary.content
    assert len(ordinary.json()) == 3 or query


def test_what_is_unusual_or_wrong_is_left_to_the_web(organization: Organization, ven: Api) -> None:
    token, utility = token_of(ven), factories.make_utility(organization=organization)
    late = AccessToken.objects.create(
        application=ApiClient.objects.get(client_id=ven.client_id), token="late", scope="read_targets",
        expires=datetime.now(UTC) - timedelta(seconds=1),
    )  # fmt: skip
    anonymous = scope_of(token)
    anonymous["headers"] = anonymous["headers"][:1]
    left = [
        scope_of(token, method="POST"), scope_of(token, host="evil.example"), scope_of(token, query="targets=a"),
        scope_of(token, query="limit=51"), scope_of(token, query="active=perhaps"), scope_of(token, query="ä"),
        scope_of(token, query="skip=%ff"), scope_of(token_of(utility)), scope_of(late.token), scope_of("\xff"), anonymous,
    ]  # fmt: skip
    assert asked(*left) == [None] * len(left)


def test_budget_is_one_for_both_ways_and_for_all_processes(
    ven: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_RATES, "ven", "4/min")
    monkeypatch.setattr(budget, "this_minute", lambda: 7)
    redis_client().delete(budget.key_of(ApiClient.objects.get(client_id=ven.client_id).pk, 7))
    scope = scope_of(token_of(ven))
    first, second = asked(scope, scope, scope), asked(scope, scope)
    assert [one is not None for one in (*first, *second)] == [True, True, True, True, False]


def test_budget_is_told_in_lots(ven: Api, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.THROTTLE_RATES, "ven", "100/min")
    monkeypatch.setattr(budget, "this_minute", lambda: 8)
    key = budget.key_of(ApiClient.objects.get(client_id=ven.client_id).pk, 8)
    redis_client().delete(key)
    asked(*[scope_of(token_of(ven))] * 5)
    assert redis_client().get(key) == b"4"


def test_poll_goes_the_ordinary_way_where_the_database_is_away(ven: Api) -> None:
    assert asked(scope_of(token_of(ven)), information="host=/nonexistent dbname=none") == [None]
