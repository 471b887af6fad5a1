"""The platform as a VEN of utilities' 2.0b servers: connections, their events, the reports they ask for."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models

from apps.accounts.models import Organization
from apps.programs.models import GridSignal, Program


class VenConnection2b(models.Model):
    """One utility's VTN, and what it knows us by; secrets are kept encrypted (apps.openadr.ven2b.secrets)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="connections_2b")
    name = models.CharField(max_length=128, help_text="our venName")
    url = models.CharField(
        max_length=400, help_text="up to and without the service, e.g. https://…/OpenADR2/Simple/2.0b"
    )
    certificate_pem = models.TextField(blank=True)
    key_pem_encrypted = models.TextField(blank=True)
    ca_pem = models.TextField(blank=True, help_text="whom we trust to be the VTN; empty: the machine's list")
    check_hostname = models.BooleanField(default=True)
    signs = models.BooleanField(default=False, help_text="sign messages with the certificate's key")
    vtn_fingerprint = models.CharField(
        max_length=64, blank=True, help_text="then the VTN's messages must be signed by this certificate"
    )
    poll_s = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="overrides what the VTN asks for"
    )
    level_kw = ArrayField(
        models.FloatField(validators=[MinValueValidator(0)]), default=list, blank=True, size=3,
        help_text="what SIMPLE levels 1, 2, 3 ask the program to shed",
    )  # fmt: skip
    enabled = models.BooleanField(default=True)
    public_only = models.BooleanField(
        default=False,
        help_text="made by a tenant's operator: leads to the Internet, never to neighbors of ours",
    )
    ven_id = models.CharField(max_length=128, blank=True)
    vtn_id = models.CharField(max_length=128, blank=True)
    registration_id = models.CharField(max_length=128, blank=True)
    reports_offered = models.BooleanField(default=False, help_text="under the present registration")
    asked_poll_s = models.FloatField(null=True, blank=True, help_text="what the VTN asks for")
    last_answer_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "url", "name"], name="ven_connection2b_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.url}"


class VenEvent2b(models.Model):
    """A utility's event as it was last seen, and what we answered."""

    connection = models.ForeignKey(VenConnection2b, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=256)
    modification_number = models.PositiveIntegerField()
    status = models.CharField(max_length=16)
    signal = models.OneToOneField(
        GridSignal, null=True, blank=True, on_delete=models.SET_NULL, related_name="openadr_2b"
    )
    opt_type = models.CharField(max_length=8)
    response_code = models.PositiveSmallIntegerField(default=200)
    reason = models.CharField(max_length=300, blank=True, help_text="why we said no")
    response_required = models.BooleanField(default=True)
    answered_opt = models.CharField(max_length=8, blank=True, help_text="the opt that the VTN has from us")
    request_id = models.CharField(max_length=256, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="none: without end")
    received_at = models.DateTimeField()
    content = models.JSONField(null=True, help_text="the event as vpp.protocols.openadr2b has it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "event_id"], name="ven_event2b_once")]


class VenReport2b(models.Model):
    """A report that a utility asked for."""

    connection = models.ForeignKey(VenConnection2b, on_delete=models.CASCADE, related_name="reports")
    request_id = models.CharField(max_length=256)
    specifier_id = models.CharField(max_length=64)
    r_ids = ArrayField(models.CharField(max_length=64))
    granularity_s = models.PositiveIntegerField()
    back_s = models.PositiveIntegerField()
    reported_until = models.DateTimeField()
    done = models.BooleanField(default=False, help_text="asked for once, or canceled")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "request_id"], name="ven_report2b_once")]
