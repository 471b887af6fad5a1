"""The 2.0b server's state: VENs, their opts, reports, and the messages it must not take twice."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.openadr.models.objects import EventObject
from apps.sites.models import Site


class Ven2b(models.Model):
    """A VEN that an operator has let in under one of the VTN's identities."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    vtn_id = models.CharField(max_length=128, help_text="the VTN identity it speaks to")
    ven_id = models.CharField(max_length=128, help_text="allocated before it registers")
    name = models.CharField(max_length=128, help_text="the venName it registers with")
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="of its certificate, as OpenADR prints it: ten pairs of digits"
    )
    common_name = models.CharField(
        max_length=128, blank=True, help_text="of its certificate, where the fingerprint changes"
    )
    targets = ArrayField(models.CharField(max_length=128), default=list, blank=True)
    site = models.ForeignKey(
        Site,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text="the home it speaks for: its opt-outs count there",
    )
    registration_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - null is "not registered"
    registered_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True)
    shown = models.JSONField(default=dict, blank=True, help_text="what it was told: see vtn2b.shown")
    seen_digest = models.CharField(
        max_length=32, blank=True, help_text="the digest of all events at which it knows everything"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["vtn_id", "ven_id"], name="ven2b_id"),
            models.UniqueConstraint(fields=["organization", "vtn_id", "name"], name="ven2b_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.ven_id})"


class Opt2b(models.Model):
    """What a VEN said of an event or of its time; only ever added, the last word counts."""

    ven = models.ForeignKey(Ven2b, on_delete=models.CASCADE, related_name="opts")
    event = models.ForeignKey(
        EventObject, null=True, blank=True, on_delete=models.CASCADE, related_name="opts_2b"
    )
    modification_number = models.PositiveIntegerField(default=0)
    opt_type = models.CharField(max_length=8)
    opt_id = models.CharField(max_length=128, blank=True, help_text="of an oadrCreateOpt")
    reason = models.CharField(max_length=64, blank=True)
    market_context = models.CharField(max_length=256, blank=True)
    schedule = models.JSONField(default=list, blank=True, help_text="stretches [start, seconds]")
    targets = models.JSONField(default=list, blank=True)
    at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["event", "ven"], name="opt2b_event")]
        constraints = [
            models.UniqueConstraint(
                fields=["ven", "opt_id"], condition=~Q(opt_id="") & Q(canceled_at=None), name="opt2b_id"
            )
        ]


class ReportRequest2b(models.Model):
    """A report that a VEN offered and that it was asked for."""

    ven = models.ForeignKey(Ven2b, on_delete=models.CASCADE, related_name="report_requests")
    specifier_id = models.CharField(max_length=128)
    name = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, unique=True)
    points = models.JSONField(help_text="r_id: what it measures, its unit and scale")
    granularity_s = models.PositiveIntegerField()
    back_s = models.PositiveIntegerField()
    requested_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ven", "specifier_id"], name="report_request2b_once")]


class ReportUpdate2b(models.Model):
    """Values that a VEN reported, as [r_id, instant, seconds, value or status, quality]."""

    ven = models.ForeignKey(Ven2b, on_delete=models.CASCADE, related_name="report_updates")
    request = models.ForeignKey(
        ReportRequest2b, null=True, blank=True, on_delete=models.SET_NULL, related_name="updates"
    )
    name = models.CharField(max_length=64, blank=True)
    values = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ven", "-received_at"], name="report_update2b_recent")]


class Nonce2b(models.Model):
    """A signed message that came in: it is not taken again."""

    vtn_id = models.CharField(max_length=128)
    nonce = models.CharField(max_length=128)
    at = models.DateTimeField(help_text="machine time")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vtn_id", "nonce"], name="nonce2b_once")]
        indexes = [models.Index(fields=["at"], name="nonce2b_at")]
