"""Hubs, their keys and owners, and what they were told to do."""

import uuid

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.sites.models import Site


class Hub(models.Model):
    """The edge agent's machine, or the cloud in its place. Belongs to nobody until its claim code is entered."""

    class Kind(models.TextChoices):
        MACHINE = "machine"
        VIRTUAL = "virtual"  # the cloud is the home's energy manager: apps.hubs.virtual

    class State(models.TextChoices):
        UNCLAIMED = "unclaimed"
        ACTIVE = "active"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.CASCADE)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE, related_name="hubs")
    state = models.CharField(max_length=16, choices=State, default=State.UNCLAIMED)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.MACHINE)
    public_key = models.BinaryField(max_length=32, unique=True, null=True, blank=True)
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
            models.CheckConstraint(
                condition=Q(kind="machine", public_key__isnull=False)
                | Q(kind="virtual", public_key__isnull=True),
                name="hub_machine_has_key",
            ),
        ]

    @property
    def is_connected(self) -> bool:
        if self.connected_at is None:
            return False
        return self.disconnected_at is None or self.disconnected_at < self.connected_at


class S2Credential(models.Model):
    """What one resource manager of a home without a hub shows at `/s2/`; the token itself is not kept."""

    class Role(models.TextChoices):
        SAID = "", "as it says itself"
        GRID = "grid", "the meter at the grid connection"
        PV = "pv", "solar power"
        BATTERY = "battery", "battery"
        EV = "ev", "car charger"
        HEAT = "heat", "heat pump or boiler"
        LOAD = "load", "other appliance"

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="s2_credentials")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=Role, default=Role.SAID, blank=True)
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token")
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["hub"], name="s2_credential_live", condition=Q(revoked_at=None))]


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


class Release(models.Model):
    """A version of the hubs' agent that is signed for in the repository."""

    version = models.CharField(max_length=20, unique=True)
    hardware = models.JSONField(default=list)
    ring = models.FloatField(default=100, help_text="signed for the first so many per cent of hubs")
    length = models.PositiveIntegerField()
    notes = models.CharField(max_length=500, blank=True)
    published_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)


class Campaign(models.Model):
    """An organization's way to a release, ring by ring."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"
        DONE = "done"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="campaigns")
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    state_reason = models.CharField(max_length=300, blank=True)
    ring = models.PositiveSmallIntegerField(default=0)
    ring_started_at = models.DateTimeField()
    test_hubs = models.JSONField(default=list, help_text="hubs that belong to the first ring in any case")
    soak_minutes = models.PositiveIntegerField(default=60)
    healthy_pct = models.PositiveSmallIntegerField(default=80)
    failed_pct = models.PositiveSmallIntegerField(default=5)
    started_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(state__in=["running", "paused"]),
                name="campaign_open_once",
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.RUNNING, self.State.PAUSED}


class HubUpdate(models.Model):
    """How far a hub got with a campaign."""

    class State(models.TextChoices):
        WAITING = "waiting"  # the hub has not asked yet
        OFFERED = "offered"
        DOWNLOADED = "downloaded"
        TRIAL = "trial"
        HEALTHY = "healthy"
        FAILED = "failed"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="updates")
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="updates")
    ring = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    from_version = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "hub"], name="hub_update_once")]
        indexes = [models.Index(fields=["campaign", "ring", "state"], name="hub_update_progress")]


class Diagnosis(models.Model):
    """A named check that a hub was asked for, and its answer."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        ANSWERED = "answered"
        REFUSED = "refused"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="diagnoses")
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    answer = models.TextField(blank=True)
    truncated = models.BooleanField(default=False)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["hub", "state"], name="diagnosis_waiting", condition=Q(state__in=["queued", "sent"])
            )
        ]


class DeviceReport(models.Model):
    """What a hub said last of its devices (the twin), and of its looking for others."""

    hub = models.OneToOneField(Hub, on_delete=models.CASCADE, primary_key=True, related_name="device_report")
    devices = models.JSONField(default=list, help_text="vpp.protocols.link DeviceState, each")
    reported_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    flaws = models.JSONField(default=dict, help_text="why a way of looking failed, by its name")
    look_id = models.UUIDField(null=True, blank=True, help_text="a look that is asked for")
    look_sent = models.BooleanField(default=False)


class DeviceProposal(models.Model):
    """A device that a hub found at a site, and what the owner wants of it."""

    class State(models.TextChoices):
        PROPOSED = "proposed"
        ACCEPTED = "accepted"
        JOINED = "joined"
        FAILED = "failed"
        DISMISSED = "dismissed"
        REMOVING = "removing"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="device_proposals")
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="device_proposals")
    ref = models.CharField(max_length=100, help_text="the hub's name for it")
    kind = models.CharField(max_length=100)
    address = models.CharField(max_length=100)
    serial = models.CharField(max_length=100, blank=True)
    part = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100, blank=True)
    maker = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    hint = models.CharField(max_length=300, blank=True, help_text="why it cannot be added by a click")
    state = models.CharField(max_length=16, choices=State, default=State.PROPOSED)
    state_reason = models.CharField(max_length=300, blank=True)
    key = models.CharField(max_length=100, blank=True, help_text="the device's key at the hub")
    order_id = models.UUIDField(null=True, blank=True)
    order_sent = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "kind", "address", "serial", "part"], name="device_proposal_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["hub", "order_sent"],
                name="device_order_waiting",
                condition=Q(state__in=["accepted", "removing"]),
            )
        ]


class DevicePairing(models.Model):
    """A code with which a device pairs with a hub, asked for by the owner; kept sealed, and only while it holds."""

    class State(models.TextChoices):
        ASKED = "asked"
        SHOWN = "shown"
        PAIRED = "paired"
        FAILED = "failed"
        EXPIRED = "expired"

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="device_pairings")
    order_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.ASKED)
    sealed_code = models.TextField(blank=True)
    node = models.CharField(
        max_length=100, blank=True, help_text="the device that paired, as it calls itself"
    )
    reason = models.CharField(max_length=300, blank=True)
    sent = models.BooleanField(default=False)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(
        help_text="until when an answer is waited for, then until when the code holds"
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hub"], condition=Q(state__in=["asked", "shown"]), name="device_pairing_open_once"
            ),
            models.CheckConstraint(
                condition=Q(state="shown") | Q(sealed_code=""), name="device_pairing_code_while_shown"
            ),
        ]
        indexes = [models.Index(fields=["hub", "-id"], name="device_pairing_newest")]


class HubDecision(models.Model):
    """What a home's hub decided for a resource from an instant on, and why; power in load convention."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="hub_decisions")
    at = models.DateTimeField()
    resource = models.CharField(max_length=100)
    controller = models.CharField(max_length=100)
    reason = models.CharField(max_length=300, blank=True)
    low_kw = models.FloatField(null=True)
    high_kw = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "resource", "at"], name="hub_decision_once"),
        ]
        indexes = [models.Index(fields=["site", "-at"], name="hub_decision_newest")]


class DeviceFault(models.Model):
    """Something that was wrong with a device of a home, as its hub said, from an instant to another."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="device_faults")
    key = models.CharField(max_length=100, help_text="the device's key at the hub")
    name = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "key"], condition=Q(ended_at=None), name="device_fault_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("started_at")),
                name="device_fault_order",
            ),
        ]
        indexes = [models.Index(fields=["site", "-started_at"], name="device_fault_newest")]
