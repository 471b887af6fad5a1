"""Checks from the cloud's side: asked by name, sent to those who know them, answered once."""

import uuid
from datetime import timedelta

import pytest

from apps.accounts.models import AuditEntry
from apps.hubs.diagnoses import (
    KEPT_A_HUB,
    diagnosed_hub_ids,
    diagnoses_expire,
    diagnoses_take,
    diagnosis_answered,
    diagnosis_ask,
)
from apps.hubs.errors import CheckUnknownError, HubTooOldError
from apps.hubs.models import Diagnosis, Hub
from apps.hubs.outgoing import outgoing_hub_ids, outgoing_take
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.messages import Check, CheckResult

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub() -> Hub:
    site = factories.make_site(organization=factories.make_organization())
    held = factories.hub_of(factories.make_hub(site=site))
    held.features = ["diagnostics"]
    held.save()
    return held


def ask(hub: Hub, name: str = "disk") -> Diagnosis:
    return diagnosis_ask(hub=hub, name=name, actor="olga", now=NOW)


def answer(hub_id: str, held: Diagnosis, text: str = "fine", *, refused: bool = False) -> bool:
    result = CheckResult(0, str(held.pk), 0, text, refused=refused)
    kept = diagnosis_answered(hub_id=hub_id, result=result, now=NOW)
    held.refresh_from_db()
    return kept


def test_asked_sent_once_resent_on_return_and_answered_once(hub: Hub) -> None:
    held = ask(hub)
    assert diagnosed_hub_ids(now=NOW) == [str(hub.pk)] == outgoing_hub_ids(now=NOW)
    assert outgoing_take(hub_ids=[str(hub.pk)], now=NOW) == [(str(hub.pk), Check(str(held.pk), "disk"))]
    assert outgoing_take(hub_ids=[str(hub.pk)], now=NOW) == []
    assert len(outgoing_take(hub_ids=[str(hub.pk)], now=NOW, resend=True)) == 1
    assert answer(str(hub.pk), held, "first")
    assert answer(str(hub.pk), held, "second")
    assert (held.state, held.answer, held.answered_at) == ("answered", "first", NOW)
    assert outgoing_take(hub_ids=[str(hub.pk)], now=NOW, resend=True) == []
    assert AuditEntry.objects.get(action="diagnosis_ask").detail == {"check": "disk"}


def test_unknown_names_and_old_agents_are_refused_before_anything_is_sent(hub: Hub) -> None:
    with pytest.raises(CheckUnknownError, match="there is no check 'shell'; known are logs, config"):
        ask(hub, "shell")
    hub.features = ["limits"]
    hub.save()
    with pytest.raises(HubTooOldError):
        ask(hub)
    assert Diagnosis.objects.count() == 0


def test_another_hub_cannot_answer(hub: Hub) -> None:
    held = ask(hub)
    other = factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
    assert not answer(other.hub_id, held)
    assert held.state == "queued"
    nobody = CheckResult(0, str(uuid.uuid4()), 0, "x")
    assert not diagnosis_answered(hub_id=str(hub.pk), result=nobody, now=NOW)
    assert not diagnosis_answered(hub_id=str(hub.pk), result=CheckResult(0, "x", 0), now=NOW)


def test_a_hubs_refusal_is_kept_with_its_reason(hub: Hub) -> None:
    held = ask(hub)
    answer(str(hub.pk), held, "more than 20 checks a minute", refused=True)
    assert (held.state, held.answer) == ("refused", "more than 20 checks a minute")


def test_what_nobody_answers_expires_and_old_answers_go(hub: Hub) -> None:
    held = ask(hub)
    assert diagnoses_expire(now=NOW + timedelta(minutes=29)) == 0
    assert diagnoses_expire(now=NOW + timedelta(minutes=30)) == 1
    assert diagnoses_take(hub_ids=[str(hub.pk)], now=NOW + timedelta(hours=1), resend=True) == []
    assert answer(str(hub.pk), held)
    assert held.state == "answered"
    for minute in range(KEPT_A_HUB + 2):
        diagnosis_ask(hub=hub, name="disk", actor="olga", now=NOW + timedelta(minutes=minute + 1))
    assert Diagnosis.objects.filter(hub=hub).count() == KEPT_A_HUB
    assert not Diagnosis.objects.filter(pk=held.pk).exists()
