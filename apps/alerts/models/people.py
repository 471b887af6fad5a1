"""How people want to be told: by which channels, when not, and where to."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.alerts.models.notifications import Channel, NotificationKind


class NotificationSettings(models.Model):
    """A person's quiet hours (local time of the home that a message is about) and webhook."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    webhook_url = models.CharField(max_length=500, blank=True)
    webhook_secret_encrypted = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_to=None)
                | Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="quiet_hours_both",
            )
        ]


class ChannelChoice(models.Model):
    """Whether a person wants a kind by a channel, where that is not the default (apps.alerts.defaults)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=24, choices=NotificationKind)
    channel = models.CharField(max_length=8, choices=Channel)
    wanted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "channel"], name="channel_choice_once")
        ]


class PushSubscription(models.Model):
    """One browser that takes push messages, as it described itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=100, help_text="the browser's public key, base64url")
    auth = models.CharField(max_length=40, help_text="the secret it shares with us, base64url")
    browser = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()


class KnownBrowser(models.Model):
    """A browser that a person has signed in with before; the cookie's value itself is not kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    first_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="known_browser_once")]
