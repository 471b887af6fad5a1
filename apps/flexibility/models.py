"""What each home can give in the intervals of a grid signal, as known at one instant."""

from typing import Any

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


class DayCapacity(models.Model):
    """What an organization's homes could do in each quarter-hour of a day, by grid area: found with the snapshot, and kept."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True)
    computed_at = models.DateTimeField()
    starts_at = models.DateTimeField(help_text="of the first quarter-hour")
    areas = models.JSONField(help_text="by area (0: none) homes, and less and more load by quarter-hour [kW]")
    held = models.JSONField(help_text="what all homes could hold all day [kW], and what is known of them")


class RealField(models.FloatField):  # type: ignore[type-arg]  # not generic when it runs
    """Four bytes instead of eight: a forecast is not known to seven digits."""

    def db_type(self, connection: Any) -> str:
        return "real"


class ForecastRun(models.Model):
    """What was expected of an organization's homes or prices, as known when issued; never changed afterwards."""

    class Quantity(models.TextChoices):
        LOAD = "load"
        PV = "pv"
        NET = "net"
        PRICE = "price"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    quantity = models.CharField(max_length=8, choices=Quantity)
    issued_at = models.DateTimeField(help_text="nothing that ended later was known")
    starts_at = models.DateTimeField()
    step_s = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    levels = ArrayField(models.FloatField(), help_text="of the quantiles")
    currency = models.CharField(max_length=3, blank=True, default="", help_text="of a price per kWh")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "quantity", "issued_at"], name="forecast_issued_once"
            )
        ]


class ForecastValues(models.Model):
    """One home's part of a run, or the whole portfolio's where `site` is empty [kW], load convention.

    Prices have one row, without a site and homes, in the run's currency per kWh.
    """

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="values")
    site = models.ForeignKey(Site, null=True, on_delete=models.CASCADE)
    method = models.CharField(max_length=64)
    mean_kw = ArrayField(
        RealField(null=True), help_text="one value an interval, empty where nothing is known"
    )
    quantiles_kw = ArrayField(ArrayField(RealField(null=True)), help_text="one row a level")
    homes = models.PositiveIntegerField(default=1, help_text="how many are in the sum")
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "site"], name="forecast_site_once"),
            models.UniqueConstraint(
                fields=["run"], condition=models.Q(site=None), name="forecast_portfolio_once"
            ),
        ]


class ForecastCalibration(models.Model):
    """How far homes' quantiles have to move, worked out once a day; apps.flexibility.calibrations reads it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    quantity = models.CharField(max_length=8, choices=ForecastRun.Quantity)
    starts_at = models.DateTimeField(help_text="of the forecasts that it was worked out for")
    homes = models.PositiveIntegerField(help_text="how many the sum's residuals are of")
    arrays = models.BinaryField(help_text="as apps.flexibility.packing packs them")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "quantity"], name="forecast_calibration_once")
        ]


class PublishedPrice(models.Model):
    """What a kWh costs in a period, made known at `published_at`; never changed, the newest one counts."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    price_per_kwh = models.DecimalField(
        max_digits=11, decimal_places=6, help_text="of what is drawn, may be negative"
    )
    export_price_per_kwh = models.DecimalField(
        max_digits=11, decimal_places=6, null=True, help_text="for what is fed in, likewise"
    )
    currency = models.CharField(max_length=3)
    published_at = models.DateTimeField(help_text="by the platform's clock: nobody knew it here before")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "starts_at", "published_at"], name="price_published_once"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="price_ends_after_start"
            ),
        ]
