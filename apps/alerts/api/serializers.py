"""Webhooks as they are sent and shown."""

from typing import Any

from rest_framework import serializers

from apps.alerts.models import EventKind, WebhookDelivery
from apps.common.rest.queries import Query, Strict

KINDS = [kind for kind in EventKind.choices if kind[0] != EventKind.PING]


class WebhookSetSerializer(Strict):
    url = serializers.CharField(max_length=500, help_text="https, at a public address")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS), min_length=1, max_length=len(KINDS)
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False)


class WebhookChangeSerializer(WebhookSetSerializer):
    """What is left out stays."""

    url = serializers.CharField(max_length=500, required=False)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=KINDS), min_length=1, max_length=len(KINDS), required=False
    )


class WebhookSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=KINDS))
    description = serializers.CharField(allow_blank=True)
    enabled = serializers.SerializerMethodField()
    disabled_at = serializers.DateTimeField(allow_null=True)
    disabled_reason = serializers.CharField(allow_blank=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="until then calls are signed with both secrets"
    )
    created_at = serializers.DateTimeField()

    def get_enabled(self, webhook: Any) -> bool:
        return webhook.disabled_at is None


class WebhookMadeSerializer(serializers.Serializer[Any]):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField()
    webhook = WebhookSerializer()


class WebhookDeliverySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    event_id = serializers.UUIDField(help_text="what a receiver knows an event by")
    kind = serializers.ChoiceField(choices=EventKind.choices, source="event.kind")
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices)
    attempts = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True, help_text="of the last answer")
    error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.SerializerMethodField()

    def get_next_attempt_at(self, delivery: Any) -> str | None:
        return delivery.next_attempt_at.isoformat() if delivery.state == "waiting" else None

    def get_fields(self) -> dict[str, Any]:
        """Add what has the name of a property of every serializer."""
        return {**super().get_fields(), "data": serializers.DictField(source="event.data")}


class DeliveryQuery(Query):
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)
    kind = serializers.ChoiceField(choices=EventKind.choices, required=False)
