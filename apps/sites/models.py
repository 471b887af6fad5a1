"""Sites, their resources, and the people who live there."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization


class GridArea(models.Model):
    """A part of the grid whose sites share a transformer or feeder; `parent` is the one that feeds it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    import_limit_kw = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])
    export_limit_kw = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0)])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="grid_area_name"),
            models.CheckConstraint(
                condition=(Q(import_limit_kw=None) | Q(import_limit_kw__gte=0))
                & (Q(export_limit_kw=None) | Q(export_limit_kw__gte=0)),
                name="grid_area_limits",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """A home with its grid connection point."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    grid_area = models.ForeignKey(GridArea, null=True, blank=True, on_delete=models.SET_NULL)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="Europe/Berlin")
    import_limit_kw = models.FloatField(default=17.0, validators=[MinValueValidator(0)])
    export_limit_kw = models.FloatField(default=10.0, validators=[MinValueValidator(0)])
    reserve_soc = models.FloatField(default=0.1, validators=[MinValueValidator(0), MaxValueValidator(1)])
    latitude_deg = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    longitude_deg = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="site_name"),
            models.CheckConstraint(
                condition=Q(latitude_deg__isnull=True, longitude_deg__isnull=True)
                | Q(
                    latitude_deg__isnull=False,
                    longitude_deg__isnull=False,
                    latitude_deg__range=(-90, 90),
                    longitude_deg__range=(-180, 180),
                ),
                name="site_place",
            ),
            models.CheckConstraint(
                condition=Q(import_limit_kw__gte=0, export_limit_kw__gte=0), name="site_limits"
            ),
            models.CheckConstraint(condition=Q(reserve_soc__gte=0, reserve_soc__lte=1), name="site_reserve"),
        ]

    def __str__(self) -> str:
        return self.name


class SiteMember(models.Model):
    """A person of the household."""

    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="site_members")
    role = models.CharField(max_length=16, choices=Role, default=Role.OWNER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "user"], name="site_member_once")]


class Resource(models.Model):
    """One controllable or metered DER, as its hub describes it."""

    class Kind(models.TextChoices):
        BATTERY = "battery"
        PV = "pv"
        EV_CHARGER = "ev_charger"
        HEAT_PUMP = "heat_pump"
        LOAD = "load"

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="resources")
    key = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=120, blank=True)
    parameters = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="resource_key")]
