"""Which makers' assistants are told of changes, and what each has been told."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.sites.models import Site


class Maker(models.TextChoices):
    GOOGLE = "google", "Google Home"
    ALEXA = "alexa", "Alexa"


class AssistantLink(models.Model):
    """A person's assistant that is told of changes by itself; gone when they let it see nothing any more."""

    maker = models.CharField(max_length=8, choices=Maker)
    told_at = models.DateTimeField(null=True, help_text="when the maker last took what it was told")
    error = models.CharField(max_length=200, blank=True, help_text="why the last attempt failed")
    failing_since = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, help_text="empty: at once")
    linked_at = models.DateTimeField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client = models.ForeignKey("accounts.ApiClient", on_delete=models.CASCADE, related_name="+")
    may_control = models.BooleanField(default=False)
    shapes = models.JSONField(default=dict, help_text="what its devices are called and offer, as it was told")
    devices_wait = models.BooleanField(default=False, help_text="other devices than it was told of")
    access_token_encrypted = models.TextField(blank=True)
    refresh_token_encrypted = models.TextField(blank=True)
    access_token_until = models.DateTimeField(null=True, help_text="by the machine's clock")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "maker"], name="assistant_link_once")]


class ThingReport(models.Model):
    """What an assistant was told of one thing, and whether something newer waits; the newest wins."""

    link = models.ForeignKey(AssistantLink, on_delete=models.CASCADE, related_name="reports")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=40)
    told = models.JSONField(default=dict)
    told_at = models.DateTimeField(null=True)
    waits_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "key"], name="thing_report_once")]
        indexes = [
            models.Index(fields=["link"], condition=Q(waits_since__isnull=False), name="thing_report_waiting")
        ]
