"""Partners' webhooks: made by the API, called signed and in order, tried again, given up, and nobody else's."""

import json
import re
import types
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from apps.accounts.models import AuditEntry
from apps.alerts.models import EventKind, Incident, Webhook, WebhookDelivery, WebhookEvent
from apps.alerts.retention import old_delete
from apps.alerts.watch import sites_announce, webhooks_watch
from apps.alerts.webhook_events import Told, event_publish, events_publish
from apps.alerts.webhook_outbox import MOST_ATTEMPTS, body_of, webhook_deliver, webhooks_due
from tests import factories
from tests.apps.alerts.conftest import Receiver
from tests.apps.alerts.signatures import is_signed
from tests.apps.portal.world import World
from tests.factories import Api

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "webhooks.md"


@pytest.fixture
def api(world: World) -> Api:
    return factories.make_aggregator(organization=world.organization, name="aggregator")


def make(api: Api, receiver: Receiver, *kinds: str) -> tuple[Webhook, str]:
    answer = api.post("/webhooks", {"url": receiver.url, "kinds": list(kinds or ["hub.online"])})
    assert answer.status_code == 201, answer.content
    return Webhook.objects.get(pk=answer.json()["webhook"]["id"]), answer.json()["secret"]


def publish(world: World, *keys: str, now: datetime, kind: EventKind = EventKind.HUB_ONLINE) -> int:
    told = [Told(key, {"hub_id": key}) for key in keys]
    return events_publish(organization_id=world.organization.pk, kind=kind, told=told, now=now)


def test_a_webhook_is_called_in_order_signed_and_once(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, secret = make(api, receiver)
    assert (publish(world, "a", "b", now=now), publish(world, "a", "c", now=now)) == (2, 1)
    assert webhook_deliver(webhook_id=webhook.pk, now=now) == 3
    heard = [json.loads(call.body) for call in receiver.calls]
    assert [one["data"]["hub_id"] for one in heard] == ["a", "b", "c"]
    assert all(is_signed(call, secret) for call in receiver.calls)
    assert [call.headers["X-ORES-Event"] for call in receiver.calls] == ["hub.online"] * 3
    assert (webhook_deliver(webhook_id=webhook.pk, now=now), webhooks_due(now=now)) == (0, [])


def test_what_no_webhook_wants_is_not_written_down(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    make(api, receiver, "site.created")
    event_publish(organization_id=world.organization.pk, kind=EventKind.HUB_ONLINE, key="a", data={}, now=now)
    elsewhere = world.stranger.site_members.get().site.organization
    event_publish(organization_id=elsewhere.pk, kind=EventKind.SITE_CREATED, key="a", data={}, now=now)
    assert WebhookEvent.objects.count() == 0


def test_a_failure_holds_up_what_follows_and_is_tried_again(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, _ = make(api, receiver)
    publish(world, "a", "b", now=now)
    receiver.status = 500
    assert webhook_deliver(webhook_id=webhook.pk, now=now) == 0
    first, second = WebhookDelivery.objects.order_by("pk")
    assert (first.state, first.status_code, first.error) == ("waiting", 500, "it answered 500")
    assert timedelta(seconds=2.5) <= first.next_attempt_at - now <= timedelta(seconds=5)
    assert (len(receiver.calls), second.attempts) == (1, 0)
    receiver.status = 204
    assert webhook_deliver(webhook_id=webhook.pk, now=first.next_attempt_at) == 2
    assert len({call.headers["X-ORES-Delivery"] for call in receiver.calls}) == 2


def test_one_event_that_never_gets_through_does_not_stop_the_rest(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, _ = make(api, receiver)
    publish(world, "a", "b", now=now)
    WebhookDelivery.objects.filter(event__key="a").update(attempts=MOST_ATTEMPTS - 1)
    receiver.status = 400
    webhook_deliver(webhook_id=webhook.pk, now=now)
    receiver.status = 200
    assert webhook_deliver(webhook_id=webhook.pk, now=now) == 1
    assert list(WebhookDelivery.objects.order_by("pk").values_list("state", flat=True)) == ["dead", "sent"]


def test_days_of_silence_disable_it_with_an_incident_and_enabling_sends_what_waits(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, _ = make(api, receiver)
    publish(world, "a", now=now)
    receiver.status = 503
    webhook_deliver(webhook_id=webhook.pk, now=now)
    late = now + timedelta(days=3)
    webhook_deliver(webhook_id=webhook.pk, now=late)
    webhook.refresh_from_db()
    assert (webhook.disabled_at, "503" in webhook.disabled_reason) == (late, True)
    webhooks_watch(now=late)
    assert Incident.objects.get().kind == "webhook_disabled"
    refused = api.post(f"/webhooks/{webhook.pk}/test").json()["code"]
    assert (webhooks_due(now=late), refused) == ([], "webhook_disabled")
    receiver.status = 200
    assert api.patch(f"/webhooks/{webhook.pk}", {"enabled": True}).json()["enabled"] is True
    webhooks_watch(now=late)
    assert Incident.objects.get().cleared_at == late
    assert webhook_deliver(webhook_id=webhook.pk, now=late) == 1


def test_after_a_rotation_both_secrets_sign_for_a_day(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, old = make(api, receiver)
    new = api.post(f"/webhooks/{webhook.pk}/rotate").json()["secret"]
    publish(world, "a", now=now)
    webhook_deliver(webhook_id=webhook.pk, now=now)
    publish(world, "b", now=now)
    webhook_deliver(webhook_id=webhook.pk, now=now + timedelta(days=1))
    fits = [(is_signed(call, old), is_signed(call, new)) for call in receiver.calls]
    assert fits == [(True, True), (False, True)]
    webhook.refresh_from_db()
    assert old not in webhook.old_secret_encrypted and new not in webhook.secret_encrypted


def test_a_test_call_the_log_and_sending_again(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    webhook, _ = make(api, receiver)
    assert api.post(f"/webhooks/{webhook.pk}/test").status_code == 202
    webhook_deliver(webhook_id=webhook.pk, now=now)
    log = api.get(f"/webhooks/{webhook.pk}/deliveries").json()
    one = log["results"][0]
    assert (one["kind"], one["state"], one["status_code"], log["next"]) == ("ping", "sent", 200, None)
    again = api.post(f"/webhooks/{webhook.pk}/deliveries/{one['id']}/redeliver")
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    webhook_deliver(webhook_id=webhook.pk, now=now)
    assert len({call.headers["X-ORES-Delivery"] for call in receiver.calls}) == 1
    assert len(receiver.calls) == 2
    actions = AuditEntry.objects.filter(subject=f"webhook {webhook.pk}").order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "webhook_create",
        "webhook_ping",
        "webhook_redeliver",
    ]


def test_the_log_has_pages(world: World, api: Api, receiver: Receiver, now: datetime) -> None:
    webhook, _ = make(api, receiver)
    publish(world, *(str(number) for number in range(60)), now=now)
    first = api.get(f"/webhooks/{webhook.pk}/deliveries").json()
    rest = api.get(first["next"].partition("/api/v1")[2]).json()
    ids = [one["id"] for one in first["results"] + rest["results"]]
    assert (len(first["results"]), len(rest["results"]), rest["next"]) == (50, 10, None)
    assert ids == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://127.0.0.1/x", "kinds": ["hub.online"]}, "webhook_url_refused"),
        ({"url": "http://example.org/x", "kinds": ["hub.online"]}, "webhook_url_refused"),
        ({"url": "https://u:p@example.org/x", "kinds": ["hub.online"]}, "webhook_url_refused"),
        ({"url": "https://example.org/x", "kinds": []}, "invalid"),
        ({"url": "https://example.org/x", "kinds": ["ping"]}, "invalid"),
        ({"url": "https://example.org/x", "kinds": ["everything"]}, "invalid"),
        ({"kinds": ["hub.online"]}, "invalid"),
    ],
)
def test_what_cannot_be_called_is_refused(world: World, api: Api, body: dict[str, Any], code: str) -> None:
    answer = api.post("/webhooks", body)
    assert (answer.status_code, answer.json()["code"], Webhook.objects.count()) == (400, code, 0)


def test_there_are_not_endless_many(world: World, api: Api, receiver: Receiver) -> None:
    for _ in range(20):
        make(api, receiver)
    answer = api.post("/webhooks", {"url": receiver.url, "kinds": ["hub.online"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_webhooks")


def test_a_name_that_comes_to_lead_here_is_not_called(
    world: World, api: Api, receiver: Receiver, now: datetime, settings: LazySettings
) -> None:
    webhook, _ = make(api, receiver)
    publish(world, "a", now=now)
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = False
    assert webhook_deliver(webhook_id=webhook.pk, now=now) == 0
    assert (receiver.calls, WebhookDelivery.objects.get().state) == ([], "waiting")


@pytest.mark.parametrize("who", ["stranger", "utility", "anonymous"])
def test_nobody_else_reaches_a_tenants_webhooks(
    world: World, api: Api, receiver: Receiver, who: str, now: datetime
) -> None:
    webhook, _ = make(api, receiver)
    publish(world, "a", now=now)
    delivery = WebhookDelivery.objects.get()
    elsewhere = world.stranger.site_members.get().site.organization
    other = {
        "stranger": lambda: factories.make_aggregator(organization=elsewhere),
        "utility": lambda: _utility(world),
        "anonymous": _anonymous,
    }[who]()
    before = Webhook.objects.values().get(), WebhookDelivery.objects.values().get()
    paths = [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test"), ("GET", "/deliveries"),
        ("POST", f"/deliveries/{delivery.pk}/redeliver"),
    ]  # fmt: skip
    answers = [other.send(method, f"/webhooks/{webhook.pk}{path}", {}).status_code for method, path in paths]
    wanted = {"stranger": 404, "utility": 403, "anonymous": 401}[who]
    assert answers == [wanted] * len(paths)
    assert (Webhook.objects.values().get(), WebhookDelivery.objects.values().get()) == before
    assert other.get("/webhooks").status_code == (200 if who == "stranger" else wanted)
    if who == "stranger":
        assert other.get("/webhooks").json()["results"] == []


def _utility(world: World) -> Api:
    credential = factories.make_credential(organization=world.organization)
    return Api(factories.token_of(credential), base="/api/v1")


def _anonymous() -> Api:
    found = Api("", base="/api/v1")
    found.headers = {}
    return found


def test_a_webhook_that_is_not_there_is_not_found(api: Api) -> None:
    assert api.get(f"/webhooks/{uuid.uuid4()}").json()["code"] == "webhook_unknown"


def test_new_sites_are_told_once_however_they_came(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    Webhook.objects.filter(pk=make(api, receiver, "site.created")[0].pk).update(created_at=now)
    site = factories.make_site(organization=world.organization, name="Hill 1", now=now + timedelta(minutes=1))
    at = now + timedelta(minutes=2)
    told = (sites_announce(now=at), sites_announce(now=at))
    named = WebhookEvent.objects.get(key=f"site:{site.pk}").data["name"]
    assert (told[1], named) == (0, site.name)


def test_what_is_old_is_deleted(world: World, api: Api, receiver: Receiver, now: datetime) -> None:
    make(api, receiver)
    publish(world, "old", now=now - timedelta(days=31))
    publish(world, "new", now=now)
    old_delete(now=now)
    assert [one.key for one in WebhookEvent.objects.all()] == ["new"]


def test_the_receiver_in_the_documents_takes_what_is_ours_and_nothing_else(
    world: World, api: Api, receiver: Receiver, now: datetime
) -> None:
    code = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert code is not None
    snippet = types.ModuleType("receiver_of_the_documents")
    exec(code.group(1), snippet.__dict__)
    webhook, secret = make(api, receiver)
    publish(world, "a", now=now)
    webhook_deliver(webhook_id=webhook.pk, now=now)
    header, body = receiver.calls[0].headers["X-ORES-Signature"], receiver.calls[0].body
    old = re.sub(r"t=\d+", "t=1700000000", header)
    assert snippet.is_genuine(header, body, secret)
    assert not snippet.is_genuine(header, body + b" ", secret)
    assert not snippet.is_genuine(header, body, secret + "x")
    assert not snippet.is_genuine(old, body, secret)
    assert not snippet.is_genuine("", body, secret)
    assert body == body_of(WebhookDelivery.objects.select_related("event").get())


def test_every_kind_stands_in_the_documents() -> None:
    text = DOCUMENT.read_text()
    assert [kind for kind in EventKind.values if f"`{kind}`" not in text] == []
