"""The platform as a VEN of utilities' 3.x servers: connections, their events, what is reported on these."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.accounts.models import Organization
from apps.programs.models import GridSignal, Program

DAY_S = 86_400


class VenConnection3(models.Model):
    """One utility's VTN, and what it knows us by; secrets are kept encrypted (apps.openadr.ven2b.secrets)."""

    class Version(models.TextChoices):
        V301 = "3.0.1", "OpenADR 3.0.1"
        V310 = "3.1.0", "OpenADR 3.1.0"

    class Transport(models.TextChoices):
        POLL = "poll"
        WEBHOOK = "webhook"
        MQTT = "mqtt"

    class TokenAuth(models.TextChoices):
        BODY = "body", "in the form"
        BASIC = "basic", "HTTP Basic"
        NONE = "none", "the VTN asks for no token"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    program = models.ForeignKey(
        Program, null=True, blank=True, on_delete=models.PROTECT, related_name="connections_3",
        help_text="whose homes answer; none: one of the name of each remote program, made when it appears",
    )  # fmt: skip
    remote_program = models.CharField(
        max_length=128, blank=True, help_text="programName at the VTN; empty: all that it shows us"
    )
    name = models.CharField(max_length=128, help_text="our venName")
    url = models.CharField(
        max_length=400, help_text="what all paths begin with, e.g. https://…/openadr3/3.1.0"
    )
    version = models.CharField(max_length=8, choices=Version, default=Version.V310)
    token_url = models.CharField(
        max_length=400, blank=True, help_text="empty: as /auth/server says, else /auth/token"
    )
    token_auth = models.CharField(max_length=8, choices=TokenAuth, default=TokenAuth.BODY)
    client_id = models.CharField(max_length=400, blank=True)
    client_secret_encrypted = models.TextField(blank=True)
    scopes = models.CharField(
        max_length=400, blank=True, help_text="separated by spaces; empty: none is named"
    )
    ca_pem = models.TextField(blank=True, help_text="whom we trust to be the VTN; empty: the machine's list")
    transport = models.CharField(max_length=8, choices=Transport, default=Transport.POLL)
    poll_s = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(1), MaxValueValidator(DAY_S)]
    )
    lost_after_s = models.PositiveIntegerField(
        default=600, validators=[MinValueValidator(1)], help_text="silence that counts as lost communication"
    )
    has_resource_per_home = models.BooleanField(
        default=False, help_text="register each enrolled home; otherwise one resource, the portfolio"
    )
    enabled = models.BooleanField(default=True)
    public_only = models.BooleanField(
        default=False,
        help_text="made by a tenant's operator: leads to the Internet, never to neighbors of ours",
    )
    ven_id = models.CharField(max_length=128, blank=True)
    targets = ArrayField(
        models.CharField(max_length=128), default=list, blank=True, help_text="what the VTN granted our ven"
    )
    resources = models.JSONField(
        default=dict, blank=True, help_text="name: [id, targets], as registered at the VTN"
    )
    subscription_id = models.CharField(max_length=128, blank=True)
    callback_key = models.CharField(max_length=64, unique=True, help_text="the end of the callback's address")
    callback_token_encrypted = models.TextField(help_text="what the VTN says to our callback")
    woken_at = models.DateTimeField(null=True, blank=True, help_text="when the VTN last called")
    last_answer_at = models.DateTimeField(null=True, blank=True, help_text="end of the last good round")
    last_error = models.CharField(max_length=300, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    lost_since = models.DateTimeField(null=True, blank=True, help_text="since when communication is lost")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "url", "name"], name="ven_connection3_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.url}"


class VenEvent3(models.Model):
    """A utility's event as it was last seen, in 3.1's form, and what became of it."""

    connection = models.ForeignKey(VenConnection3, on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(max_length=128)
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="+")
    content = models.JSONField()
    mark = models.TextField(
        help_text="which state of the event it is, see vpp.protocols.openadr3.ven_session"
    )
    revision = models.PositiveIntegerField(default=1, help_text="counts the states seen")
    signal = models.OneToOneField(
        GridSignal, null=True, blank=True, on_delete=models.SET_NULL, related_name="openadr_3"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="why nothing is asked of the homes")
    received_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    reported_until = models.DateTimeField(
        null=True, blank=True, help_text="up to when the reports that it asks for are written down"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "event_id"], name="ven_event3_once")]


class VenReport3(models.Model):
    """A report on a utility's event: written down first, then sent until the VTN has it."""

    event = models.ForeignKey(VenEvent3, on_delete=models.CASCADE, related_name="reports")
    name = models.CharField(max_length=128)
    content = models.JSONField()
    report_id = models.CharField(max_length=128, blank=True, help_text="what the VTN calls it")
    tried = models.BooleanField(
        default=False, help_text="sent at least once; whether it arrived may not be known"
    )
    refusal = models.CharField(
        max_length=300, blank=True, help_text="the VTN does not want it; not sent again"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "name"], name="ven_report3_once")]
