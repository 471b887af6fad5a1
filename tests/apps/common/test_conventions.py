"""What every path of /api/v1 does: pages, keys, revisions, budgets, names of requests, problems."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.db import connection, connections, transaction
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.common.idempotency import KEPT, idempotent_requests_forget
from apps.common.models import IdempotentRequest
from apps.common.rest import versions
from apps.common.rest.versions import Deprecation
from apps.sites.models import GridArea, Site
from tests import factories
from tests.factories import NOW


@pytest.fixture(autouse=True)
def _calm(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    factories.forget_counts()


def headers_of(organization: Any) -> dict[str, str]:
    credential = factories.make_credential(organization=organization, role="aggregator")
    return {"Authorization": f"Bearer {factories.token_of(credential)}"}


class Caller:
    def __init__(self, organization: Any = None) -> None:
        self.organization = organization or factories.make_organization()
        self.headers = headers_of(self.organization)
        self.client = Client()

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1/{path}", headers={**self.headers, **headers})

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        call = getattr(self.client, method)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(
            f"/api/v1/{path}", body, content_type="application/json", headers={**self.headers, **sent}
        )


@pytest.mark.django_db
class TestPages:
    def test_a_row_that_comes_in_meanwhile_moves_no_other(self) -> None:
        caller = Caller()
        for index in range(5):
            caller.send("post", "sites", {"name": f"Home {index}"})
        first = caller.get("sites?limit=2").json()
        caller.send("post", "sites", {"name": "Home late"})
        names = [one["name"] for one in first["results"]]
        following = first["next"]
        while following:
            page = caller.client.get(following, headers=caller.headers).json()
            names += [one["name"] for one in page["results"]]
            following = page["next"]
        assert names == ["Home 0", "Home 1", "Home 2", "Home 3", "Home 4", "Home late"]

    def test_signals_newest_first_in_a_total_order(self) -> None:
        caller = Caller()
        program = factories.make_program(organization=caller.organization)
        made = [
            str(factories.make_signal(program=program, starts_at=NOW + timedelta(hours=hours)).pk)
            for hours in (2, 2, 2, 5, 3)
        ]
        found, path = [], "signals?limit=1"
        while path:
            page = caller.get(path).json()
            found += [one["id"] for one in page["results"]]
            path = page["next"].split("/api/v1/")[1] if page["next"] else ""
        assert found == [made[3], made[4], *sorted(made[:3])]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=0", "limit_invalid"),
            ("limit=201", "limit_invalid"),
            ("limit=x", "limit_invalid"),
            ("cursor=%21", "cursor_invalid"),
            ("cursor=WyJhIl0", "cursor_invalid"),
            ("cursor=WzEsMl0", "cursor_invalid"),
            ("colour=red", "parameter_unknown"),
            ("name=a&name=b", "parameter_repeated"),
            ("grid_area=x", "invalid"),
        ],
    )
    def test_what_cannot_be_understood_is_refused(self, query: str, code: str) -> None:
        answer = Caller().get(f"sites?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    def test_filters_choose(self) -> None:
        caller = Caller()
        caller.send("post", "sites", {"name": "Rose Street 1", "external_ref": "C-1"})
        caller.send("post", "sites", {"name": "Lily Street 1"})
        names = [one["name"] for one in caller.get("sites?name=rose").json()["results"]]
        assert names == ["Rose Street 1"]
        assert [one["name"] for one in caller.get("sites?external_ref=C-1").json()["results"]] == names


@pytest.mark.django_db
class TestKeys:
    def test_a_write_with_a_key_is_done_once(self) -> None:
        caller = Caller()
        first, second = (
            caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k") for _ in range(2)
        )
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert first["ETag"] == second["ETag"]
        assert ("Idempotent-Replayed" in first, second["Idempotent-Replayed"]) == (False, "true")
        assert Site.objects.count() == 1
        assert AuditEntry.objects.filter(action="site_create").count() == 1

    def test_the_same_key_for_something_else_is_refused(self) -> None:
        caller = Caller()
        caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k")
        other = caller.send("post", "sites", {"name": "Another"}, Idempotency_Key="k")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert Site.objects.count() == 1

    def test_refusals_are_answers_too(self) -> None:
        caller = Caller()
        wrong = [caller.send("post", "sites", {"name": ""}, Idempotency_Key="k") for _ in range(2)]
        assert [one.status_code for one in wrong] == [400, 400]
        assert wrong[1]["Idempotent-Replayed"] == "true"
        assert wrong[1]["Content-Type"] == "application/problem+json"

    def test_keys_belong_to_a_credential(self) -> None:
        caller = Caller()
        other = Caller(caller.organization)
        caller.send("post", "sites", {"name": "One"}, Idempotency_Key="k")
        assert other.send("post", "sites", {"name": "Two"}, Idempotency_Key="k").status_code == 201

    def test_answers_that_may_hold_secrets_are_not_readable(self) -> None:
        caller = Caller()
        body = {"name": "export", "role": "aggregator"}
        made = caller.send("post", "api-clients", body, Idempotency_Key="k").json()
        row = IdempotentRequest.objects.get()
        assert made["client_secret"].encode() not in bytes(row.body)
        again = caller.send("post", "api-clients", body, Idempotency_Key="k").json()
        assert again == made

    def test_a_key_is_free_again_after_a_day(self) -> None:
        caller = Caller()
        caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k")
        late = datetime.now(UTC) + KEPT
        assert idempotent_requests_forget(now=late - timedelta(minutes=1)) == 0
        assert idempotent_requests_forget(now=late + timedelta(minutes=1)) == 1

    @pytest.mark.parametrize("key", ["", "x" * 201])
    def test_a_key_that_cannot_be_is_refused(self, key: str) -> None:
        answer = Caller().send("post", "sites", {"name": "Home"}, Idempotency_Key=key)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
        assert not Site.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_repetition_while_the_first_is_answered_is_told_to_wait() -> None:
    caller = Caller()
    caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k")
    IdempotentRequest.objects.update(status=None)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                list(IdempotentRequest.objects.select_for_update())
                held.set()
                assert free.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        answer = caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k")
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_busy")
        assert answer["Retry-After"] == "1"
    finally:
        free.set()
        thread.join()
    assert Site.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_key_do_it_once() -> None:
    caller = Caller()

    def ask(_: int) -> int:
        try:
            return int(caller.send("post", "sites", {"name": "Home"}, Idempotency_Key="k").status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(ask, range(16)))
    assert set(found) <= {201, 409}
    assert 201 in found
    assert Site.objects.count() == 1


@pytest.mark.django_db
class TestRevisions:
    def test_a_change_of_something_changed_since_is_refused(self) -> None:
        caller = Caller()
        made = caller.send("post", "sites", {"name": "Home"})
        path, tag = f"sites/{made.json()['id']}", made["ETag"]
        assert caller.get(path)["ETag"] == tag
        changed = caller.send("patch", path, {"reserve_soc": 0.5}, If_Match=tag)
        assert (changed.status_code, changed.json()["reserve_soc"]) == (200, 0.5)
        late = caller.send("patch", path, {"reserve_soc": 0.9}, If_Match=tag)
        assert (late.status_code, late.json()["code"]) == (412, "revision_mismatch")
        assert Site.objects.get().reserve_soc == 0.5
        assert caller.send("delete", path, If_Match=tag).status_code == 412
        assert caller.send("delete", path, If_Match=changed["ETag"]).status_code == 204
        assert not Site.objects.exists()

    def test_what_the_caller_holds_already_is_not_sent_again(self) -> None:
        caller = Caller()
        area = caller.send("post", "grid-areas", {"name": "Feeder 7"})
        path = f"grid-areas/{area.json()['id']}"
        answer = caller.get(path, **{"If-None-Match": area["ETag"]})
        assert (answer.status_code, answer.content) == (304, b"")
        GridArea.objects.update(name="Feeder 8")
        assert caller.get(path, **{"If-None-Match": area["ETag"]}).status_code == 200


@pytest.mark.django_db
class TestBudgets:
    def test_all_credentials_of_a_tenant_share_one(self, settings: Any, monkeypatch: Any) -> None:
        monkeypatch.setitem(settings.THROTTLE_RATES, "tenant", "5/hour")
        one = Caller()
        other, stranger = Caller(one.organization), Caller()
        left = [
            caller.get("organization")["X-RateLimit-Remaining"] for caller in (one, other, one, other, one)
        ]
        assert left == ["4", "3", "2", "1", "0"]
        refused = other.get("organization")
        assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
        assert 1 <= int(refused["Retry-After"]) <= 721
        assert refused["X-RateLimit-Limit"] == "5"
        assert stranger.get("organization").status_code == 200

    def test_a_tenant_may_have_a_limit_of_its_own(self) -> None:
        caller = Caller()
        caller.organization.requests_per_minute = 2
        caller.organization.save()
        limits = [caller.get("organization")["X-RateLimit-Limit"] for _ in range(2)]
        assert limits == ["2", "2"]
        assert caller.get("organization").json()["code"] == "throttled"


@pytest.mark.django_db(transaction=True)
def test_no_more_pass_at_once_than_the_budget_has(settings: Any, monkeypatch: Any, live_server: Any) -> None:
    monkeypatch.setitem(settings.THROTTLE_RATES, "tenant", "20/day")
    organization = factories.make_organization()
    held = [headers_of(organization) for _ in range(3)]

    def ask(number: int) -> int:
        asked = Request(f"{live_server.url}/api/v1/organization", headers=held[number % 3])
        try:
            with urlopen(asked, timeout=60) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(ask, range(60)))
    assert (found.count(200), found.count(429)) == (20, 40)


@pytest.mark.django_db
class TestAnswers:
    def test_a_request_has_a_name(self) -> None:
        caller = Caller()
        named = caller.get("sites/0", **{"X-Request-ID": "job-17.retry_2"})
        assert (named["X-Request-ID"], named.json()["request_id"]) == ("job-17.retry_2", "job-17.retry_2")
        made_up = caller.get("sites", **{"X-Request-ID": "bad name\r"})
        assert len(made_up["X-Request-ID"]) == 32

    def test_a_problem_says_which_fields_are_wrong(self) -> None:
        answer = Caller().send("post", "sites", {"name": "", "reserve_soc": 2, "color": "red"})
        assert answer["Content-Type"] == "application/problem+json"
        body = answer.json()
        assert (body["status"], body["code"]) == (400, "invalid")
        assert [(one["field"], one["code"]) for one in body["errors"]] == [("color", "field_unknown")]
        wrong = Caller().send("post", "sites", {"name": "", "reserve_soc": 2}).json()["errors"]
        assert [(one["field"], one["code"]) for one in wrong] == [
            ("name", "blank"),
            ("reserve_soc", "max_value"),
        ]

    def test_what_leaves_says_when(self, monkeypatch: pytest.MonkeyPatch) -> None:
        leaving = Deprecation(
            datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC), "https://example.org/new"
        )
        monkeypatch.setattr("apps.common.rest.views.DEPRECATED", {"api/v1/organization": leaving})
        caller = Caller()
        answer = caller.get("organization")
        assert (answer["Deprecation"], answer["Sunset"]) == ("@1767225600", "Wed, 01 Jul 2026 00:00:00 GMT")
        assert answer["Link"] == '<https://example.org/new>; rel="deprecation"'
        assert "Sunset" not in caller.get("members")
        assert dict(versions.DEPRECATED) == {}
