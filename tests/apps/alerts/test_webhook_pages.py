"""Operators' pages of webhooks: made, tried, changed, rotated, sent again, deleted; viewers look, strangers see nothing."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.alerts.models import Webhook, WebhookDelivery
from apps.alerts.webhook_outbox import webhook_deliver
from tests import factories
from tests.apps.alerts.conftest import Receiver
from tests.apps.alerts.signatures import is_signed
from tests.apps.portal.world import World, words

As = Callable[[User | None], Client]
SECRET = re.compile(r"whsec_[\w-]+")


def page(world: World, rest: str = "") -> str:
    return f"/console/{world.organization.pk}/webhooks/{rest}"


@pytest.fixture
def made(world: World, as_: As, receiver: Receiver) -> tuple[Webhook, str]:
    sent = {"url": receiver.url, "kinds": ["hub.online", "hub.offline"], "description": "control room"}
    answer = as_(world.operator).post(page(world), sent)
    assert answer.status_code == 200
    return Webhook.objects.get(), SECRET.findall(answer.content.decode())[0]


def test_a_webhook_is_made_and_tried_and_its_calls_are_shown(
    world: World, as_: As, receiver: Receiver, made: tuple[Webhook, str], now: datetime
) -> None:
    webhook, secret = made
    client, here = as_(world.operator), page(world, f"{webhook.pk}/")
    assert webhook.kinds == ["hub.offline", "hub.online"]
    for path in (page(world), here):
        assert secret not in client.get(path).content.decode()
    assert "control room" in words(client.get(page(world)).content.decode())
    assert client.post(here, {"do": "test"}).status_code == 302
    receiver.status = 503
    webhook_deliver(webhook_id=webhook.pk, now=now)
    shown = words(client.get(here).content.decode())
    assert "ping" in shown and "503" in shown and "waiting" in shown
    receiver.status = 204
    webhook_deliver(webhook_id=webhook.pk, now=now + timedelta(minutes=1))
    delivery = WebhookDelivery.objects.get()
    assert client.post(here, {"do": "again", "delivery": str(delivery.pk)}).status_code == 302
    webhook_deliver(webhook_id=webhook.pk, now=now + timedelta(minutes=2))
    assert [json.loads(call.body)["kind"] for call in receiver.calls] == ["ping"] * 3
    assert all(is_signed(call, secret) for call in receiver.calls)
    assert client.post(here, {"do": "again", "delivery": "0"}).status_code == 404


def test_a_webhook_is_changed_rotated_disabled_and_deleted(
    world: World, as_: As, receiver: Receiver, made: tuple[Webhook, str]
) -> None:
    webhook, secret = made
    client, here = as_(world.operator), page(world, f"{webhook.pk}/")
    sent = {"do": "save", "url": receiver.url, "kinds": ["incident.opened"], "description": "on call"}
    assert client.post(here, sent).status_code == 302
    webhook.refresh_from_db()
    assert (webhook.kinds, webhook.description) == (["incident.opened"], "on call")
    assert client.post(here, {**sent, "kinds": []}).status_code == 400
    rotated = client.post(here, {"do": "rotate"})
    assert (rotated.status_code, SECRET.findall(rotated.content.decode()) != [secret]) == (200, True)
    for do, disabled in (("disable", True), ("enable", False)):
        assert client.post(here, {"do": do}).status_code == 302
        webhook.refresh_from_db()
        assert (webhook.disabled_at is not None) is disabled
    assert client.get(here + "delete").status_code == 200
    assert client.post(here + "delete").status_code == 302
    assert (Webhook.objects.count(), client.get(here).status_code) == (0, 404)
    actions = AuditEntry.objects.filter(actor=world.operator.email).order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "webhook_create", "webhook_set", "webhook_rotate", "webhook_set", "webhook_set", "webhook_delete",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        {"url": "http://example.org/", "kinds": ["hub.online"]}, {"url": "https://10.0.0.1/", "kinds": ["hub.online"]},
        {"url": "https://example.org/"}, {"url": "https://example.org/", "kinds": ["ping"]},
        {"url": "https://example.org/", "kinds": ["hub.online"], "description": "x" * 201},
        {"url": "https://example.org/\x00", "kinds": ["hub.online"]},
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_refused(world: World, as_: As, sent: dict[str, object]) -> None:
    answer = as_(world.operator).post(page(world), sent)
    assert (answer.status_code, Webhook.objects.count()) == (400, 0)
    assert "Nothing was made" in answer.content.decode()


def test_viewers_look_and_strangers_see_nothing(
    world: World, as_: As, receiver: Receiver, made: tuple[Webhook, str]
) -> None:
    webhook, _ = made
    here = page(world, f"{webhook.pk}/")
    viewer = as_(factories.make_operator(organization=world.organization, role="viewer"))
    before = Webhook.objects.values().get()
    assert (viewer.get(page(world)).status_code, viewer.get(here).status_code) == (200, 200)
    assert '<button class="secondary" name="do"' not in viewer.get(here).content.decode()
    forms = [(page(world), {"url": receiver.url, "kinds": ["hub.online"]}), (here + "delete", {})]
    forms += [(here, {"do": do}) for do in ("rotate", "test", "disable", "save")]
    assert [viewer.post(path, sent).status_code for path, sent in forms] == [403] * 6
    stranger = as_(factories.make_operator(organization=factories.make_organization()))
    assert [stranger.post(path, sent).status_code for path, sent in forms] == [404] * 6
    assert [stranger.get(path).status_code for path in (page(world), here)] == [404, 404]
    assert (Webhook.objects.values().get(), WebhookDelivery.objects.count()) == (before, 0)
