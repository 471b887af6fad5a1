"""Operators' pages about credentials, VENs and the log of messages."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client

from apps.accounts.models import ApiClient, AuditEntry
from apps.openadr.messages import message_note
from apps.openadr.models import Ven2b
from apps.openadr.pages import message_views
from apps.openadr.vtn2b.vens import ven_create as ven2b_create
from tests import factories
from tests.apps.openadr.test_pages import at, compose, make_ven
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_secret_is_shown_once_and_rotating_makes_another(fleet: factories.Fleet, operator: Client) -> None:
    path = at(fleet, "credentials/")
    made = operator.post(path, {"name": "City Power", "role": "utility"}).content.decode()
    client = ApiClient.objects.get()
    secret = re.search(r'id="client-secret">([^<]+)<', made)
    assert secret is not None
    assert secret[1] not in operator.get(path).content.decode()
    rotated = operator.post(at(fleet, f"credentials/{client.pk}/rotate")).content.decode()
    another = re.search(r'id="client-secret">([^<]+)<', rotated)
    assert another is not None
    assert another[1] != secret[1]
    operator.post(at(fleet, f"credentials/{client.pk}/revoke"))
    assert operator.post(at(fleet, f"credentials/{client.pk}/rotate")).status_code == 409
    actions = list(
        AuditEntry.objects.filter(action__startswith="api_client")
        .order_by("pk")
        .values_list("action", flat=True)
    )
    assert actions == ["api_client_create", "api_client_rotate", "api_client_revoke"]
    for wrong in ({"name": "", "role": "ven"}, {"name": "a", "role": "king"}):
        assert operator.post(path, wrong).status_code == 400
    assert ApiClient.objects.count() == 1


def test_targets_decide_what_a_ven_sees(fleet: factories.Fleet, operator: Client) -> None:
    ven = make_ven(fleet, targets=[])
    older = ven2b_create(organization=fleet.organization, vtn_id="v", name="Old", now=NOW)
    event = compose(fleet, targets=["north"])
    paths = [at(fleet, f"vens/{ven.pk}/"), at(fleet, f"vens/2.0b/{older.pk}/")]
    assert [event.pk in operator.get(path).content.decode() for path in paths] == [False, False]
    assert [operator.post(path, {"targets": "north\r\nsouth\r\nnorth"}).status_code for path in paths] == [
        302,
        302,
    ]
    assert [event.pk in operator.get(path).content.decode() for path in paths] == [True, True]
    ven.refresh_from_db()
    older.refresh_from_db()
    assert (ven.targets, ven.grants, older.targets) == (
        ["north", "south"],
        ["north", "south"],
        ["north", "south"],
    )
    assert [operator.post(path, {"targets": "x" * 129}).status_code for path in paths] == [400, 400]


def test_2b_ven_is_let_in_once(fleet: factories.Fleet, operator: Client) -> None:
    sent = {"name": "School", "vtn_id": "", "fingerprint": "aa:bb", "targets": "north"}
    answers = [operator.post(at(fleet, "vens/new-2.0b/"), sent).status_code for _ in range(2)]
    ven = Ven2b.objects.get()
    assert (answers, ven.vtn_id, ven.fingerprint, ven.targets) == ([302, 409], "ores-vtn", "AA:BB", ["north"])
    assert operator.post(at(fleet, "vens/new-2.0b/"), {**sent, "name": "x\x00"}).status_code == 400


def test_a_search_looks_at_some_messages_at_a_time(
    fleet: factories.Fleet, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_views, "LOOKED_AT", 10)
    for organization in (fleet.organization, factories.make_organization()):
        for number in range(25):
            message_note(
                organization=organization, protocol="3.1", direction="received", peer="p", kind=f"POST /x/{number}",
                status=200, body="needle" if number in {3, 17} else "hay", now=NOW + timedelta(minutes=number),
            )  # fmt: skip

    def page(query: str) -> tuple[list[int], str]:
        html = operator.get(at(fleet, f"messages/?{query}")).content.decode()
        further = re.search(r'href="\?([^"]*)">Look further back', html)
        return [int(one) for one in re.findall(r"</span> POST /x/(\d+)", html)], unescape(
            further[1]
        ) if further else ""

    found, further = page("q=needle")
    assert found == [17]
    found, further = page(further)
    assert found == []  # and says that it has not looked at all of them
    assert page(further) == ([3], "")
    assert page("") == (list(range(24, -1, -1)), "")


def test_log_is_searched_and_paged_by_id(fleet: factories.Fleet, operator: Client) -> None:
    for number in range(120):
        message_note(
            organization=fleet.organization, protocol="2.0b" if number % 2 else "3.1", direction="received",
            peer="City Power" if number else "Village Power", kind=f"POST /x/{number}", status=400 if number == 7 else 200,
            body=f"<a>{number}</a>", now=NOW + timedelta(seconds=number),
        )  # fmt: skip

    def kinds(query: str) -> list[int]:
        html = operator.get(at(fleet, f"messages/?{query}")).content.decode()
        return [int(one) for one in re.findall(r"</span> POST /x/(\d+)", html)]

    assert kinds("") == list(range(119, 69, -1))
    html = operator.get(at(fleet, "messages/")).content.decode()
    older = re.search(r'href="\?(before=\d+)">Older', html)
    assert older is not None
    assert kinds(older[1]) == list(range(69, 19, -1))
    assert kinds("q=village") == [0]
    assert kinds("q=POST+/x/119") == kinds("q=%3Ca%3E119") == [119]
    assert kinds("protocol=3.1&status=good&q=x/1&direction=received")[0] == 118
    assert (kinds("status=refused"), kinds("direction=sent"), kinds("q=100%25")) == ([7], [], [])
    assert kinds("before=" + "9" * 40) == kinds("before=x") == kinds("q=%00") == list(range(119, 69, -1))
