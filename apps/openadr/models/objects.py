"""OpenADR 3.1 objects as they were sent, with what the platform made of them."""

import uuid
from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from apps.accounts.models import ApiClient, Organization
from apps.programs.models import GridSignal, Program


def object_id() -> str:
    """Return a fresh id of the form that OpenADR allows."""
    return uuid.uuid4().hex


def audience(organization_id: int, targets: Iterable[str]) -> list[str]:
    """Return whom an object of these targets is for; of none, everybody of the tenant."""
    return [f"{organization_id}:{target}" for target in targets] or [str(organization_id)]


class WireObject(models.Model):
    """What all objects share; `content` is the client's JSON, server-set fields stand apart."""

    id = models.CharField(primary_key=True, max_length=128, default=object_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    client = models.ForeignKey(ApiClient, null=True, on_delete=models.SET_NULL)
    content = models.JSONField()
    revision = models.PositiveIntegerField(default=0, help_text="counts changes; 2.0b's modification number")
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["created_at", "id"]


class TargetedObject(WireObject):
    """What VENs see by their targets."""

    audience = ArrayField(
        models.TextField(),
        default=list,
        help_text="tenant and target, so that one index finds what a VEN may see; empty once deleted",
    )
    deleted_at = models.DateTimeField(
        null=True, blank=True, help_text="3.1 shows it no more; VENs of 2.0b see events canceled"
    )

    class Meta(WireObject.Meta):
        abstract = True


class ProgramObject(TargetedObject):
    program = models.OneToOneField(Program, on_delete=models.CASCADE, related_name="openadr")

    class Meta(TargetedObject.Meta):
        abstract = False
        indexes = [GinIndex(fields=["audience"], name="openadr_program_audience", fastupdate=False)]


class EventObject(TargetedObject):
    program_object = models.ForeignKey(ProgramObject, on_delete=models.CASCADE, related_name="events")
    signal = models.OneToOneField(
        GridSignal,
        null=True,
        on_delete=models.CASCADE,
        related_name="openadr",
        help_text="none where the platform's own homes are not asked for anything",
    )
    ends_at = models.DateTimeField(null=True, blank=True, help_text="none where it has no end")

    class Meta(TargetedObject.Meta):
        abstract = False
        indexes = [GinIndex(fields=["audience"], name="openadr_event_audience", fastupdate=False)]


class ReportObject(WireObject):
    event = models.ForeignKey(EventObject, on_delete=models.CASCADE, related_name="reports")
    client_key = models.CharField(
        max_length=128, blank=True, db_index=True, help_text="clientID; empty for the platform's own"
    )
    client_name = models.CharField(max_length=128)
    asked_key = models.CharField(
        max_length=64,
        blank=True,
        help_text="which of its event's wishes it fulfils, and when due; else empty",
    )

    class Meta(WireObject.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["event", "asked_key"],
                condition=~models.Q(asked_key=""),
                name="openadr_report_asked_once",
            ),
        ]


class ReportWish(models.Model):
    """How far the reports that an event asks the platform for have been made."""

    event = models.OneToOneField(
        EventObject, on_delete=models.CASCADE, primary_key=True, related_name="report_wish"
    )
    next_at = models.DateTimeField(null=True, db_index=True, help_text="none where no more will come")
    reported_until = models.DateTimeField(null=True, help_text="what was due until then is made")
    refused = models.JSONField(
        default=list, help_text="sentences about what cannot be reported, each said once"
    )
