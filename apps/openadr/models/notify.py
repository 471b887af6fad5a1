"""What is still to be told, written in the transaction of the change it tells of."""

from django.db import models

from apps.accounts.models import Organization
from apps.openadr.models.clients import SubscriptionObject


class Notification(models.Model):
    """One change for one callback of a subscription."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    subscription = models.ForeignKey(
        SubscriptionObject, on_delete=models.CASCADE, related_name="notifications"
    )
    callback_url = models.TextField()
    body = models.JSONField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["subscription", "id"],
                condition=models.Q(state="waiting"),
                name="openadr_notification_waiting",
            )
        ]


class TopicMessage(models.Model):
    """One change for one MQTT topic; deleted once the broker has it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    topic = models.TextField()
    body = models.JSONField()
    created_at = models.DateTimeField()
