"""Messages to people, and the outbox of each channel."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.sites.models import Site


class NotificationKind(models.TextChoices):
    EVENT_COMING = "event_coming", _("An event is coming")
    EVENT_ENDED = "event_ended", _("An event is over, with what you earned")
    OPTED_OUT = "opted_out", _("You opted out of an event")
    HUB_OFFLINE = "hub_offline", _("Your hub is offline")
    HUB_BACK = "hub_back", _("Your hub is back")
    DEVICE_FAULT = "device_fault", _("A device reports a fault")
    STATEMENT_READY = "statement_ready", _("A statement is ready or was corrected")
    PAYOUT = "payout", _("Money was paid out to you")
    MARKET_SUMMARY = "market_summary", _("What your home traded yesterday")
    TERMS_CHANGED = "terms_changed", _("Terms have changed")
    SECURITY = "security", _("Security: new sign-ins, passwords, new members")
    TEST = "test", _("A test message")


class Channel(models.TextChoices):
    IN_APP = "in_app", _("Here")
    EMAIL = "email", _("E-mail")
    WEB_PUSH = "web_push", _("Push")
    WEBHOOK = "webhook", _("Webhook")


class Notification(models.Model):
    """One message to one person; its words are made when it is shown, in the reader's language."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    site = models.ForeignKey(Site, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=24, choices=NotificationKind)
    key = models.CharField(max_length=120, help_text="the same thing is told once: <what>:<id>:…")
    facts = models.JSONField(default=dict)
    batch = models.UUIDField(help_text="which telling made it")
    in_app = models.BooleanField(default=True, help_text="shown in the person's list")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "key"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], condition=Q(in_app=True), name="notification_list"),
            models.Index(fields=["user"], condition=Q(in_app=True, read_at=None), name="notification_unread"),
        ]


class Delivery(models.Model):
    """A notification on its way by one channel, to one address of it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        DEAD = "dead", _("not delivered")

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(
        max_length=64, blank=True, help_text="which of a channel's addresses: a push subscription's number"
    )
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "channel", "address"], name="alert_delivery_once"
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at=None)),
                name="alert_delivery_sent_at",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="waiting"), name="alert_delivery_waiting"
            )
        ]
