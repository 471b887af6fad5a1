"""What each home can give in the intervals of a grid signal, as known at one instant."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.accounts.models import Organization
from apps.sites.models import Site


class SiteFlexibility(models.Model):
    """One home's baseline and the most it could shed per interval [kW], with the state it came from.

    `signal_id` is a plain reference: signals live in programs, above this app.
    """

    signal_id = models.UUIDField()
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    computed_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    interval_s = models.PositiveIntegerField()
    baseline_kw = ArrayField(models.FloatField())
    max_shed_kw = ArrayField(models.FloatField())
    energy_kwh = models.FloatField(help_text="shed energy the storage can carry above its reserve")
    baseline_method = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True, help_text="why this home cannot be counted on, if so")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal_id", "site"], name="flexibility_once")]


class PortfolioSnapshot(models.Model):
    """What every home of an organization can give, as arrays, so that the portfolio's question costs one row."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True)
    computed_at = models.DateTimeField()
    homes = models.PositiveIntegerField()
    arrays = models.BinaryField(
        help_text="one value a home and column, as apps.flexibility.packing packs them"
    )
    profiles = models.BinaryField(help_text="what homes drew by hour of day, likewise")
    reach = models.JSONField(default=dict, help_text="mean and variance of the share in reach")
