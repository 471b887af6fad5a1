"""Copies of a home's data that were asked for, and deletions that wait."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.sites.models import Site


class DataExport(models.Model):
    """A copy of everything stored on a home, made in the background; its link ends by the machine's clock."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress_pct = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField(null=True, blank=True)
    content = models.BinaryField(default=b"")
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "asked_by"],
                condition=Q(state__in=["waiting", "running"]),
                name="export_one_at_a_time",
            )
        ]


class Deletion(models.Model):
    """That a home is to be deleted, and when; until then it can be taken back."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    asked_by = models.CharField(max_length=160)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="by the machine's clock")
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site"], condition=Q(undone_at=None), name="deletion_open_once")
        ]
