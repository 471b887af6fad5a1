"""Hubs, their keys and owners, and what they were told to do."""

import uuid

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.sites.models import Site


class Hub(models.Model):
    """The edge agent's machine. Belongs to nobody until its claim code is entered."""

    class State(models.TextChoices):
        UNCLAIMED = "unclaimed"
        ACTIVE = "active"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.CASCADE)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="hubs")
    state = models.CharField(max_length=16, choices=State, default=State.UNCLAIMED)
    public_key = models.BinaryField(max_length=32, unique=True)
    claim_digest = models.CharField(max_length=64, blank=True)
    claim_expires_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=1, help_text="tokens of an older generation are refused")
    model = models.CharField(max_length=80, blank=True)
    serial = models.CharField(max_length=80, blank=True)
    agent_version = models.CharField(max_length=40, blank=True)
    features = models.JSONField(default=list, help_text="what the agent said it knows in its last hello")
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site"], condition=Q(state="active"), name="hub_active_once_per_site"
            ),
            models.UniqueConstraint(
                fields=["claim_digest"],
                condition=Q(state="unclaimed") & ~Q(claim_digest=""),
                name="hub_claim_digest",
            ),
            models.CheckConstraint(
                condition=Q(state="unclaimed") | Q(site__isnull=False, organization__isnull=False),
                name="hub_claimed_has_site",
            ),
        ]

    @property
    def is_connected(self) -> bool:
        if self.connected_at is None:
            return False
        return self.disconnected_at is None or self.disconnected_at < self.connected_at


class Instruction(models.Model):
    """One revision of an order to a hub, and how far it got."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        ACKNOWLEDGED = "acknowledged"
        APPLIED = "applied"
        VERIFIED = "verified"
        REJECTED = "rejected"
        EXPIRED = "expired"

    instruction_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="instructions")
    subject = models.CharField(max_length=160, blank=True, help_text="what the order is about")
    schedule = models.JSONField(null=True, help_text="vpp.protocols.link Schedule; null revokes")
    droop = models.JSONField(null=True, help_text="vpp.protocols.link Droop, in place of a schedule")
    limits = models.JSONField(
        null=True, help_text="vpp.protocols.link CapacityLimits, in place of a schedule"
    )
    device = models.JSONField(null=True, help_text="vpp.protocols.link DevicePayload, in place of a schedule")
    priority = models.PositiveIntegerField(default=100, help_text="0 is the most important")
    reason = models.CharField(max_length=200, blank=True)
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    state_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instruction_id", "revision"], name="instruction_revision")
        ]
        indexes = [
            models.Index(
                fields=["hub", "state"], name="instruction_waiting", condition=Q(state__in=["queued", "sent"])
            )
        ]
