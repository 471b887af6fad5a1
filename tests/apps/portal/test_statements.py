"""A household's statements: who may keep them, who may object."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.settlement.models import Dispute, Statement
from tests.apps.portal.world import World, add_signal, settle, words

As = Callable[[User | None], Client]


@pytest.fixture
def statement(world: World, now: datetime) -> Statement:
    signal = add_signal(world, starts_at=now - timedelta(days=1), state="settled")
    return settle(signal, world.sites[:1])[0]


@pytest.fixture
def path(world: World, statement: Statement) -> str:
    return f"/sites/{world.sites[0].pk}/statements/{statement.pk}/"


@pytest.mark.parametrize(
    ("who", "status"),
    [("owner", 200), ("member", 200), ("operator", 200), ("viewer", 200), ("stranger", 404)],
)
def test_who_sees_a_home_keeps_its_statements(
    world: World, as_: As, path: str, who: str, status: int
) -> None:
    client = as_(getattr(world, who))
    answers = [client.get(f"{path}statement.{form}") for form in ("pdf", "csv")]
    assert [answer.status_code for answer in answers] == [status] * 2
    if status == 200:
        assert [answer["Content-Type"] for answer in answers] == [
            "application/pdf",
            "text/csv; charset=utf-8",
        ]
        assert answers[0].content.startswith(b"%PDF-")
        assert client.get(f"{path}statement.exe").status_code == 404


def test_anonymous_is_sent_to_sign_in(as_: As, path: str) -> None:
    client = as_(None)
    assert client.get(f"{path}statement.pdf").status_code == 302
    assert client.post(f"{path}object", {"reason": "x"}).status_code == 302
    assert Dispute.objects.count() == 0


def test_another_homes_statement_is_not_found(world: World, as_: As, statement: Statement) -> None:
    path = f"/sites/{world.sites[1].pk}/statements/{statement.pk}/"
    client = as_(world.operator)
    assert client.get(f"{path}statement.pdf").status_code == 404
    assert client.post(f"{path}object", {"reason": "x"}).status_code == 404


def test_owner_objects_once_and_reads_the_state(world: World, as_: As, path: str) -> None:
    client = as_(world.owner)
    assert "Object to this statement" in words(client.get(path).content.decode())
    sent = client.post(f"{path}object", {"reason": "<b>wrong</b>"})
    assert (sent.status_code, sent["Location"]) == (302, path)
    html = client.get(path).content.decode()
    assert "&lt;b&gt;wrong&lt;/b&gt;" in html
    assert "open" in words(html)
    assert "Object to this statement" not in words(html)
    client.post(f"{path}object", {"reason": "again"})
    assert [(one.reason, one.opened_by) for one in Dispute.objects.all()] == [("<b>wrong</b>", world.owner)]
    assert "Nothing was changed: an objection" in words(client.get(path).content.decode())


@pytest.mark.parametrize(
    ("who", "status"), [("member", 302), ("operator", 302), ("viewer", 302), ("stranger", 404)]
)
def test_nobody_else_objects(world: World, as_: As, path: str, who: str, status: int) -> None:
    client = as_(getattr(world, who))
    assert client.post(f"{path}object", {"reason": "x"}).status_code == status
    assert Dispute.objects.count() == 0
    if status == 302:
        assert "Object to this statement" not in words(client.get(path).content.decode())


def test_replaced_statement_takes_no_objection(
    world: World, as_: As, statement: Statement, path: str
) -> None:
    settle(statement.run.signal, world.sites[:1], version=2, amount="1.50")
    client = as_(world.owner)
    assert "Object to this statement" not in words(client.get(path).content.decode())
    client.post(f"{path}object", {"reason": "x"})
    assert Dispute.objects.count() == 0
