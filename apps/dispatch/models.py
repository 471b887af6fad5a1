"""The fleet's decisions, each home's part in them, and what was seen to happen."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.programs.models import GridSignal
from apps.sites.models import Site


class Plan(models.Model):
    """One revision of the fleet's answer to a grid signal; never edited, only followed by the next."""

    class Status(models.TextChoices):
        OPTIMAL = "optimal"
        PARTIAL = "partial"
        EMPTY = "empty"

    signal = models.ForeignKey(GridSignal, on_delete=models.CASCADE, related_name="plans")
    revision = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=Status)
    created_at = models.DateTimeField()
    starts_at = models.DateTimeField(help_text="first interval this revision decides")
    interval_s = models.PositiveIntegerField()
    target_kw = ArrayField(models.FloatField())
    planned_kw = ArrayField(models.FloatField())
    shortfall_kw = ArrayField(models.FloatField())
    price_per_kwh = ArrayField(
        models.FloatField(), help_text="dual of the target: what one more kWh would cost"
    )
    limit_prices = models.JSONField(default=dict, help_text="duals of grid areas' limits by name, per kWh")
    objective = models.FloatField(
        null=True, help_text="the plan's cost by the weights, where a solver decided"
    )
    gap = models.FloatField(null=True, help_text="proven relative distance from the least cost")
    explanation = ArrayField(models.CharField(max_length=300))
    inputs = models.JSONField(help_text="what was known, so that the decision can be replayed")
    steers = ArrayField(
        models.UUIDField(), default=list, blank=True, help_text="the steered signals planned together, if any"
    )
    fleet = models.JSONField(
        default=dict, blank=True, help_text="what a steered plan's homes do together, for pages"
    )
    solver = models.CharField(max_length=40)
    seconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "revision"], name="plan_revision")]

    @property
    def is_steered(self) -> bool:
        """Whether it plans batteries by prices, limits or a charge state, not a shed."""
        return bool(self.steers)


class Schedule(models.Model):
    """One home's part of a plan.

    A home that has fallen silent keeps following its last schedule, so it stands in the next plan as well,
    but the plan does not count on it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="schedules")
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    shed_kw = ArrayField(models.FloatField())
    site_kw = ArrayField(models.FloatField())
    battery_kw = ArrayField(
        models.FloatField(),
        default=list,
        blank=True,
        help_text="what a shed counts on from the battery, charging positive; of a steered plan it is all of the shed",
    )
    resources = models.JSONField(default=dict)
    counted = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "site"], name="schedule_once")]


class Tracker(models.Model):
    """What tracking remembers of a running signal from look to look (vpp.dispatch.tracking)."""

    signal = models.OneToOneField(GridSignal, on_delete=models.CASCADE, primary_key=True)
    planned_with = ArrayField(models.CharField(max_length=20))
    short_looks = models.PositiveIntegerField(default=0)
    looks_since_plan = models.PositiveIntegerField(default=0)
    learned_at = models.DateTimeField(
        null=True, help_text="when the homes' responsiveness was learned from it"
    )


class TrackingPoint(models.Model):
    """Target, plan and delivery of the fleet at one minute of a running signal."""

    signal = models.ForeignKey(GridSignal, on_delete=models.CASCADE, related_name="tracking")
    at = models.DateTimeField()
    target_kw = models.FloatField()
    planned_kw = models.FloatField()
    delivered_kw = models.FloatField()
    sites_delivering = models.PositiveIntegerField()
    sites_silent = models.PositiveIntegerField()
    expected_kwh = models.FloatField(null=True, help_text="delivered at the signal's end, as expected then")
    expected_low_kwh = models.FloatField(null=True, help_text="with the next: nine times in ten between them")
    expected_high_kwh = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "at"], name="tracking_once")]


class SiteResponsiveness(models.Model):
    """How a home answered past signals, as sums that forget (vpp.dispatch.responsiveness)."""

    site = models.OneToOneField(Site, on_delete=models.CASCADE, primary_key=True)
    events = models.FloatField()
    responses = models.FloatField()
    factor_sum = models.FloatField()
    square_sum = models.FloatField()
    delay_sum_s = models.FloatField()
    learned_at = models.DateTimeField()
