"""What was sent and the log of messages go after the retention; what still waits stays."""

from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import ApiClient
from apps.openadr.messages import message_note
from apps.openadr.models import MessageEntry, Notification, SubscriptionObject, TopicMessage
from apps.openadr.tasks import delete_old
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
STATES = ("waiting", "sent", "failed")


def test_only_old_and_done_messages_are_deleted(settings: Any) -> None:
    settings.OPENADR_RETENTION_DAYS = 30
    organization = factories.make_organization()
    credential = factories.make_credential(organization=organization)
    subscription = SubscriptionObject.objects.create(
        organization=organization, client=ApiClient.objects.get(client_id=credential.client_id), client_key="u",
        content={}, is_business_logic=True, created_at=NOW, modified_at=NOW,
    )  # fmt: skip
    for days in (29, 31):
        at = NOW - timedelta(days=days)
        for state in STATES:
            Notification.objects.create(
                subscription=subscription, callback_url="https://a.example", body={}, state=state,
                next_attempt_at=at, created_at=at,
            )  # fmt: skip
        TopicMessage.objects.create(organization=organization, topic="t", body={}, created_at=at)
        message_note(
            organization=organization, protocol="3.1", direction="sent", peer="p", kind="k", body="b", now=at
        )
    settings.ORES_CLOCK = factories.clock_at(NOW)
    delete_old()
    old = NOW - timedelta(days=30)
    assert list(Notification.objects.filter(created_at__lt=old).values_list("state", flat=True)) == [
        "waiting"
    ]
    assert [kind.objects.count() for kind in (Notification, TopicMessage, MessageEntry)] == [4, 1, 1]
