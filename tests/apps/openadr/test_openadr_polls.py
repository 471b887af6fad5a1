"""The short way of a VEN's poll gives what the ordinary view gives, and leaves all else to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken

from apps.accounts.models import ApiClient, Organization
from apps.openadr.api import poll
from apps.openadr.polls import Poll, events_text
from tests import factories
from tests.factories import NOW, Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.fixture
def organization() -> Organization:
    return factories.make_organization()


@pytest.fixture
def ven(organization: Organization) -> Api:
    """A VEN among events for it, for others and for all, some of them over or deleted."""
    utility = factories.make_utility(organization=organization)
    ven = factories.make_ven(organization=organization, targets=["b", "a"])
    program, other = (
        utility.post("/programs", {"programName": name}).json()["id"] for name in ("first", "second")
    )
    for index, targets in enumerate((["a"], [], ["c", "b", "ö", "a"], ["c"], ["b"], ["a"], None)):
        start = NOW + timedelta(hours=index - 2)
        body = {
            "programID": other if index == 4 else program,
            "eventName": "ünï 'quoted' %s",
            "intervalPeriod": {"start": start.isoformat(), "duration": "PT1H"},
            "intervals": [{"id": 0, "payloads": [{"type": "X_MIXED", "values": [1.0, 2, "x", True]}]}],
        }
        answer = utility.post("/events", {**body, **({} if targets is None else {"targets": targets})})
        assert answer.status_code == (201), answer.content
        if index == 5:
            utility.delete(f"/events/{answer.json()['id']}")
    ven.program = other  # type: ignore[attr-defined]
    return ven


def ordinary(api: Api, monkeypatch: pytest.MonkeyPatch, **query: Any) -> Any:
    with monkeypatch.context() as patched:
        patched.setattr(poll, "events_text", lambda **asked: None)
        answer = api.get("/events", **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


QUERIES = [
    {},
    {"active": "true"},
    {"active": "false"},
    {"skip": 1},
    {"limit": 2},
    {"skip": 1, "limit": 1},
    {"limit": 0},
]


@pytest.mark.parametrize("query", [*QUERIES, {"programID": "its own"}, {"programID": "nowhere"}])
def test_both_ways_answer_the_same(ven: Api, monkeypatch: pytest.MonkeyPatch, query: dict[str, Any]) -> None:
    if query.get("programID") == "its own":
        query = {"programID": ven.program}  # type: ignore[attr-defined]
    expected = ordinary(ven, monkeypatch, **query)
    with CaptureQueriesContext(connection) as queries:
        answer = ven.get("/events", **query)
    assert (len(queries), answer.headers["Content-Type"]) == (1, "application/json")
    assert answer.json() == expected
    assert len(expected) == 5 or query


def test_ven_without_a_ven_sees_what_is_for_all(organization: Organization, ven: Api) -> None:
    bare = factories.make_ven(organization=organization)
    assert [one.get("targets") for one in bare.get("/events").json()] == [[], None]


def test_tokens_that_are_not_good_are_refused(organization: Organization, ven: Api) -> None:
    def text(**changes: Any) -> Any:
        token = AccessToken.objects.create(
            application=ApiClient.objects.get(client_id=ven.client_id), token=f"t{factories.number()}",
            **{"scope": "read_targets", "expires": datetime.now(UTC) + timedelta(hours=1), **changes},
        )  # fmt: skip
        asked = Poll(None, active=False, skip=0, limit=50)
        return events_text(token=token.token, poll=asked, machine_now=datetime.now(UTC), now=NOW)

    assert text() is not None
    assert text(expires=datetime.now(UTC) - timedelta(seconds=1)) is None
    assert text(scope="read_ven_objects") is None
    assert text(resource=["https://elsewhere.example"]) is None
    assert Api("invented", base="/openadr3/3.1.0").get("/events").status_code == 401


def test_one_ven_cannot_use_up_the_budget_of_others(
    organization: Organization, ven: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_RATES, "ven", "3/min")
    other = factories.make_ven(organization=organization)
    answers = [ven.get("/events").status_code for _ in range(12)]
    assert answers[:3] == [200, 200, 200]
    assert answers[-1] == 429
    assert other.get("/events").status_code == 200
