"""Partners' webhooks: what they want to hear of, what happened, and each call."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization


class EventKind(models.TextChoices):
    SIGNAL_CREATED = "signal.created"
    SIGNAL_CHANGED = "signal.changed"
    SIGNAL_ENDED = "signal.ended"
    SITE_CREATED = "site.created"
    HUB_ONLINE = "hub.online"
    HUB_OFFLINE = "hub.offline"
    SETTLEMENT_APPROVED = "settlement.approved"
    MARKET_CLEARED = "market.run.cleared"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLEARED = "incident.cleared"
    PING = "ping"


class Webhook(models.Model):
    """One address of an aggregator that is called when something happens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    kinds = ArrayField(models.CharField(max_length=32, choices=EventKind))
    secret_encrypted = models.TextField()
    old_secret_encrypted = models.TextField(blank=True)
    old_secret_until = models.DateTimeField(null=True, help_text="until then both secrets sign")
    created_at = models.DateTimeField()
    failing_since = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization"], condition=Q(disabled_at=None), name="webhook_enabled")
        ]


class WebhookEvent(models.Model):
    """Something that happened, as it is told; one row however many are told."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=32, choices=EventKind)
    key = models.CharField(max_length=120, help_text="the same thing is told once")
    data = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "kind", "key"], name="webhook_event_once")
        ]


class WebhookDelivery(models.Model):
    """One event for one webhook."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        DEAD = "dead"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhook_delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "id"], condition=Q(state="waiting"), name="webhook_delivery_waiting"
            ),
            models.Index(fields=["webhook", "-id"], name="webhook_delivery_log"),
        ]
