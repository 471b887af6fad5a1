"""A utility's server tells the 3.x VEN of changes: by our callback, and through a real broker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.openadr.models import MessageEntry, SubscriptionObject, VenConnection3
from apps.openadr.notify import mqtt, outbox
from apps.openadr.ven2b.secrets import decrypt
from apps.openadr.ven3.connections import callback_url
from apps.programs.models import GridSignal, Program
from tests import factories
from tests.apps.openadr.test_openadr_topics import broker_on, free_port
from tests.openadr2b import soon
from tests.openadr3_ven import Server, Utility3, VenThread3, legacy_of, until

pytestmark = pytest.mark.django_db(transaction=True)
# Nothing that happens within a test's time comes from a poll.
SELDOM_S = 3600


@pytest.fixture(autouse=True)
def _addresses(settings: Any, live_server: Any) -> None:
    settings.SITE_URL = live_server.url
    settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = True


def is_calm() -> bool:
    return VenConnection3.objects.exclude(last_answer_at=None).exists()


def deliver() -> None:
    """Do what a worker does for the utility."""
    for subscription_id in outbox.subscriptions_due(now=soon(1)):
        outbox.subscription_deliver(subscription_id=subscription_id, now=soon(1))


def signals(program: Program) -> list[GridSignal]:
    return list(GridSignal.objects.filter(program=program))


class TestWebhook:
    @pytest.mark.parametrize("version", ["3.1.0", "3.0.1"])
    def test_change_is_seen_without_a_poll(
        self, utility: Utility3, program: Program, ven: VenThread3, version: str
    ) -> None:
        server = Server(legacy_of(utility.url))
        try:
            url = server.url if version == "3.0.1" else utility.url
            made = utility.connect(
                program=program, url=url, version=version, transport="webhook", poll_s=SELDOM_S
            )
            until(is_calm)
            held = SubscriptionObject.objects.get(organization=utility.organization)
            wish = held.content["objectOperations"][0]
            assert (wish["objects"], wish["operations"]) == (
                ["EVENT", "PROGRAM"],
                ["CREATE", "UPDATE", "DELETE"],
            )
            assert wish["callbackUrl"] == callback_url(made)
            event = utility.event()
            deliver()
            until(lambda: signals(program))
            utility.delete(event)
            deliver()
            until(lambda: signals(program)[0].state == "canceled")
            made.refresh_from_db()
            assert (made.subscription_id, made.last_error) == (held.pk, "")
        finally:
            server.stop()

    def test_subscription_is_found_again_and_ends_with_the_wish_for_it(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        made = utility.connect(program=program, transport="webhook")
        until(lambda: VenConnection3.objects.exclude(subscription_id="").exists())
        VenConnection3.objects.update(subscription_id="")  # killed before it was noted
        until(lambda: VenConnection3.objects.exclude(subscription_id="").exists())
        held = SubscriptionObject.objects.get(organization=utility.organization)
        assert VenConnection3.objects.get().subscription_id == held.pk
        VenConnection3.objects.filter(pk=made.pk).update(transport="poll")
        until(lambda: not SubscriptionObject.objects.exists())

    def test_broken_subscription_is_made_anew(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program, transport="webhook")
        until(SubscriptionObject.objects.exists)
        first = SubscriptionObject.objects.get().pk
        SubscriptionObject.objects.update(broken_at=factories.NOW)
        VenConnection3.objects.update(woken_at=factories.NOW)
        until(lambda: SubscriptionObject.objects.exclude(pk=first).exists())

    def test_refused_subscription_falls_back_to_polls(
        self, utility: Utility3, program: Program, ven: VenThread3, settings: Any
    ) -> None:
        settings.OPENADR_ALLOW_PRIVATE_CALLBACKS = False  # the utility calls no address of a private network
        utility.connect(program=program, transport="webhook")
        until(lambda: VenConnection3.objects.filter(last_error__contains="polling instead").exists())
        utility.event()
        until(lambda: signals(program))

    def test_token_of_the_callback_is_in_no_message(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        made = utility.connect(program=program, transport="webhook")
        until(is_calm)
        bodies = list(
            MessageEntry.objects.filter(kind__contains="subscriptions").values_list("body", flat=True)
        )
        token = decrypt(made.callback_token_encrypted)
        assert (len(bodies) >= 2, [body for body in bodies if token in body]) == (True, [])


class TestCallback:
    @pytest.fixture
    def path(self, utility: Utility3, program: Program) -> str:
        made = utility.connect(program=program)
        self.token = decrypt(made.callback_token_encrypted)
        return f"/openadr3/callbacks/{made.callback_key}"

    def post(self, path: str, token: str) -> int:
        body = '{"objectType": "EVENT"}'
        answer = Client().post(
            path, body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
        )
        status: int = answer.status_code
        return status

    def test_word_is_repeated(self, path: str) -> None:
        answer = Client().get(f"{path}?echo=a-word")
        assert (answer.status_code, answer.content) == (200, b"a-word")
        assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (
            "text/plain; charset=utf-8",
            "nosniff",
        )

    @pytest.mark.parametrize("query", ["", "?echo=", "?echo=" + "x" * 257, "?echo=%00", "?echo=%C3%A9"])
    def test_what_is_no_word_is_not(self, path: str, query: str) -> None:
        assert Client().get(path + query).status_code == 400

    def test_call_with_the_token_wakes(self, path: str) -> None:
        assert self.post(path, self.token) == 200
        assert VenConnection3.objects.get().woken_at is not None

    @pytest.mark.parametrize("token", ["", "wrong", "é"])
    def test_call_without_it_does_not(self, path: str, token: str) -> None:
        assert self.post(path, token) == 401
        assert VenConnection3.objects.get().woken_at is None

    def test_unknown_and_disabled_callbacks_are_not_there(self, path: str) -> None:
        assert self.post("/openadr3/callbacks/nobody", "x") == 404
        assert Client().get("/openadr3/callbacks/nobody?echo=a").status_code == 404
        VenConnection3.objects.update(enabled=False)
        assert (self.post(path, self.token), Client().get(f"{path}?echo=a").status_code) == (404, 404)

    def test_other_methods_are_refused(self, path: str) -> None:
        assert [getattr(Client(), name)(path).status_code for name in ("put", "delete", "patch")] == [405] * 3


class TestMqtt:
    @pytest.fixture
    def broker(self, tmp_path: Path, settings: Any) -> Iterator[int]:
        with broker_on(tmp_path, free_port()) as port:
            settings.OPENADR_MQTT_URL = f"mqtt://127.0.0.1:{port}"
            yield port

    def test_change_is_seen_without_a_poll(
        self, broker: int, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program, transport="mqtt", poll_s=SELDOM_S)
        until(is_calm)
        event = utility.event()
        mqtt.topics_publish()
        until(lambda: signals(program))
        utility.delete(event)
        mqtt.topics_publish()
        until(lambda: signals(program)[0].state == "canceled")

    def test_lost_broker_is_made_up_for_by_polls(
        self, tmp_path: Path, settings: Any, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        port = free_port()
        settings.OPENADR_MQTT_URL = f"mqtt://127.0.0.1:{port}"
        with broker_on(tmp_path, port):
            utility.connect(program=program, transport="mqtt")
            until(is_calm)
        event = utility.event()
        until(lambda: signals(program))
        with broker_on(tmp_path, port):
            utility.delete(event)
            until(lambda: signals(program)[0].state == "canceled")

    def test_vtn_without_a_broker_is_polled(
        self, utility: Utility3, program: Program, ven: VenThread3
    ) -> None:
        utility.connect(program=program, transport="mqtt")
        until(lambda: VenConnection3.objects.filter(last_error__contains="offers no MQTT").exists())
        utility.event()
        until(lambda: signals(program))
