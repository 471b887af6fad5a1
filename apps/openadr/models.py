"""OpenADR 3.1 objects as they were sent, with what the platform made of them."""

import uuid

from django.db import models

from apps.accounts.models import ApiClient, Organization
from apps.programs.models import GridSignal, Program


def object_id() -> str:
    """Return a fresh id of the form that OpenADR allows."""
    return uuid.uuid4().hex


class WireObject(models.Model):
    """What all objects share; `content` is the client's JSON, server-set fields stand apart."""

    id = models.CharField(primary_key=True, max_length=128, default=object_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    client = models.ForeignKey(ApiClient, null=True, on_delete=models.SET_NULL)
    content = models.JSONField()
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["created_at", "id"]


class ProgramObject(WireObject):
    program = models.OneToOneField(Program, on_delete=models.CASCADE, related_name="openadr")


class EventObject(WireObject):
    program_object = models.ForeignKey(ProgramObject, on_delete=models.CASCADE, related_name="events")
    signal = models.OneToOneField(GridSignal, on_delete=models.CASCADE, related_name="openadr")


class ReportObject(WireObject):
    event = models.ForeignKey(EventObject, on_delete=models.CASCADE, related_name="reports")
    client_name = models.CharField(max_length=128)
