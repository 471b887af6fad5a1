"""What every REST door keeps: answers to requests that may be repeated, and long work with its progress."""

import uuid

from django.db import models
from django.db.models import Q


class IdempotentRequest(models.Model):
    """A write that came with an Idempotency-Key, and its answer once there is one."""

    client = models.CharField(max_length=80, help_text="whose key it is")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path, query and body")
    status = models.PositiveSmallIntegerField(null=True, help_text="none until the request is answered")
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"", help_text="encrypted: an answer may show a secret once")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="idempotent_request_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_request_age")]


class Job(models.Model):
    """Work that takes longer than a request: asked for by a client, done by a worker, read by its number."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    stage = models.CharField(max_length=120, blank=True, help_text="what is being worked on, in words")
    progress_pct = models.PositiveSmallIntegerField(default=0)
    arguments = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    code = models.CharField(max_length=60, blank=True, help_text="of the failure")
    error = models.CharField(max_length=500, blank=True)
    asked_by = models.CharField(max_length=160)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "-created_at", "id"], name="job_recent")]
        constraints = [
            models.CheckConstraint(condition=Q(progress_pct__lte=100), name="job_progress"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], finished_at=None)
                | Q(state__in=["done", "failed"], finished_at__isnull=False),
                name="job_finished",
            ),
        ]
