"""Collective self-consumption: who shares generation by which key, and what each day's settlement credited."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization
from apps.markets.models.ledger import LogEntry
from apps.sites.models import GridArea, Site


class SharingCommunity(models.Model):
    """Homes of a grid area that share what they feed in, interval by interval."""

    class Key(models.TextChoices):
        STATIC = "static"
        DYNAMIC = "dynamic"
        HYBRID = "hybrid"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    grid_area = models.ForeignKey(GridArea, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    key = models.CharField(max_length=8, choices=Key, default=Key.DYNAMIC)
    interval_s = models.PositiveIntegerField(default=900)
    time_zone = models.CharField(max_length=64, default="Europe/Berlin")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="sharing_name")]

    def __str__(self) -> str:
        return self.name


class SharingMember(models.Model):
    """A home that shares, with its fixed part; a home shares in one community."""

    community = models.ForeignKey(SharingCommunity, on_delete=models.CASCADE, related_name="members")
    site = models.OneToOneField(Site, on_delete=models.CASCADE, related_name="sharing")
    part = models.PositiveIntegerField(default=0, help_text="of a static or hybrid key, in any whole unit")
    joined_at = models.DateTimeField()


class SharingRun(models.Model):
    """One day's settlement; a later version follows where its meter data or its members have changed."""

    community = models.ForeignKey(SharingCommunity, on_delete=models.PROTECT, related_name="runs")
    date = models.DateField(help_text="local, in the community's time zone")
    version = models.PositiveIntegerField()
    key = models.CharField(max_length=8)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()
    generated_wh = models.BigIntegerField()
    drawn_wh = models.BigIntegerField()
    shared_wh = models.BigIntegerField()
    missing = models.PositiveIntegerField(help_text="intervals of homes without usable meter data")
    input_hash = models.CharField(max_length=64)
    entry = models.ForeignKey(LogEntry, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["community", "date", "version"], name="sharing_version"),
            models.CheckConstraint(
                condition=Q(shared_wh__lte=F("generated_wh")) & Q(shared_wh__lte=F("drawn_wh")),
                name="sharing_no_more_than_there_is",
            ),
        ]


class SharingCredit(models.Model):
    """What one home drew, fed in, was credited and gave away in each interval of a run [Wh]; None without meter data."""

    run = models.ForeignKey(SharingRun, on_delete=models.CASCADE, related_name="credits")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    part = models.PositiveIntegerField()
    net_wh = ArrayField(models.BigIntegerField(null=True), help_text="drawn is positive")
    credited_wh = ArrayField(models.BigIntegerField())
    given_wh = ArrayField(models.BigIntegerField())
    drawn_sum_wh = models.BigIntegerField()
    fed_sum_wh = models.BigIntegerField()
    credited_sum_wh = models.BigIntegerField()
    given_sum_wh = models.BigIntegerField()
    position = models.PositiveIntegerField(null=True, help_text="of its leaf in the run's log entry")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "site"], name="sharing_credit_once")]
