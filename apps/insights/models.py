"""Findings and suggestions for homes, as of the last night, what households decided on them, and what has to be kept."""

from django.db import models

from apps.sites.models import Site


class Insight(models.Model):
    """One thing that was noticed of a home; it keeps its place from night to night."""

    class State(models.TextChoices):
        OPEN = "open"
        SNOOZED = "snoozed"
        DISMISSED = "dismissed"
        DONE = "done"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="insights")
    key = models.CharField(max_length=120, help_text="kind and resource: what it is about")
    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=120, blank=True, help_text="what the household calls a single device")
    severity = models.CharField(max_length=16, default="info")
    confidence = models.FloatField()
    evidence = models.JSONField(default=dict, help_text="numbers by name with unit suffix")
    series = models.JSONField(default=dict, help_text="what is drawn: unit, and [instant, value] by label")
    amount_per_week = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="the last night that found it")
    gone_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="insight_once"),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="insight_confidence"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="snoozed") | models.Q(snoozed_until__isnull=False),
                name="insight_snoozed_until",
            ),
        ]

    @property
    def resource(self) -> str:
        return self.key.partition(":")[2]


class BatteryWeek(models.Model):
    """What went into a home's battery, and came out, for its whole state of charge; empty where a week has no window."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="battery_weeks")
    on_date = models.DateField(help_text="the Monday it begins on, by UTC")
    charge_kwh = models.FloatField(null=True, blank=True, help_text="median energy per full charge")
    discharge_kwh = models.FloatField(null=True, blank=True, help_text="median energy per full discharge")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "on_date"], name="battery_week_once")]

    @property
    def is_known(self) -> bool:
        return self.charge_kwh is not None or self.discharge_kwh is not None
