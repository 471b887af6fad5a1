"""Conditions that operators must know of: open until they end, and what was said of them."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.sites.models import GridArea, Site


class IncidentKind(models.TextChoices):
    HUB_OFFLINE = "hub_offline", "Hub offline"
    DATA_QUARANTINED = "data_quarantined", "Measurements set aside"
    CLOCK_WRONG = "clock_wrong", "Clock wrong"
    EVENT_SHORT = "event_short", "Event short of its target"
    PLAN_INFEASIBLE = "plan_infeasible", "No feasible plan"
    CONNECTION_FAILING = "connection_failing", "Utility connection failing"
    UPDATE_FAILED = "update_failed", "Update failed"
    SETTLEMENT_LATE = "settlement_late", "Settlement failing"
    MARKET_PAUSED = "market_paused", "Market paused"
    AREA_OVER_LIMIT = "area_over_limit", "Grid area over its limit"
    WEBHOOK_DISABLED = "webhook_disabled", "Webhook disabled"


class Severity(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class AlertRule(models.Model):
    """What an organization wants differently from the defaults (apps.alerts.rules) for one kind of condition."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=24, choices=IncidentKind)
    enabled = models.BooleanField(default=True)
    severity = models.CharField(max_length=8, choices=Severity)
    threshold = models.FloatField(help_text="what counts, in the kind's unit")
    after_s = models.PositiveIntegerField(help_text="how long a condition lasts before it is an incident")
    most_single = models.PositiveIntegerField(
        help_text="more than this many in one grid area are one incident"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "kind"], name="alert_rule_once"),
            models.CheckConstraint(condition=Q(threshold__gte=0), name="alert_rule_threshold"),
        ]


class Incident(models.Model):
    """A condition that holds, or held; of one key only one is open at a time."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=24, choices=IncidentKind)
    key = models.CharField(max_length=80, help_text="which condition of its kind: hub:<id>, area:<id>, …")
    severity = models.CharField(max_length=8, choices=Severity)
    title = models.CharField(max_length=200)
    detail = models.CharField(max_length=500, blank=True)
    count = models.PositiveIntegerField(default=1, help_text="how many things it stands for")
    site = models.ForeignKey(Site, null=True, on_delete=models.SET_NULL, related_name="+")
    grid_area = models.ForeignKey(GridArea, null=True, on_delete=models.SET_NULL, related_name="+")
    opened_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=254, blank=True)
    snoozed_until = models.DateTimeField(null=True)
    reopened = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "key"],
                condition=Q(cleared_at=None),
                name="incident_open_once",
            ),
            models.CheckConstraint(
                condition=Q(cleared_at=None) | Q(cleared_at__gte=models.F("opened_at")), name="incident_order"
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
                name="incident_acknowledged_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-opened_at", "-id"],
                condition=Q(cleared_at=None),
                name="incident_open",
            ),
            models.Index(fields=["organization", "-opened_at", "-id"], name="incident_history"),
            models.Index(fields=["organization", "kind", "key", "-cleared_at"], name="incident_again"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.cleared_at is None


class IncidentNote(models.Model):
    """One step of an incident's life and who took it; only ever added."""

    class Act(models.TextChoices):
        OPENED = "opened", "opened"
        WORSE = "severity", "severity changed"
        CLEARED = "cleared", "cleared by itself"
        REOPENED = "reopened", "came back"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        UNACKNOWLEDGED = "unacknowledged", "acknowledgement taken back"
        SNOOZED = "snoozed", "snoozed"
        WOKEN = "woken", "snooze ended"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notes")
    act = models.CharField(max_length=16, choices=Act)
    actor = models.CharField(max_length=254, blank=True, help_text="empty: the platform")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
