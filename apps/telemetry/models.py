"""Time-series tables. Rows come in by COPY and go out by SQL; these classes name the columns.

The tables are made by SQL in the migration: day partitions, or hypertables where TimescaleDB is installed.
"""

from django.db import models


class Canonical(models.Model):
    """The canonical quantities of a home (vpp.protocols.link.messages.COLUMNS), [kW], [kWh], [0-1], [V], [Hz]."""

    site_id = models.IntegerField()
    at = models.DateTimeField()
    grid_kw = models.FloatField(null=True)
    import_kwh = models.FloatField(null=True)
    export_kwh = models.FloatField(null=True)
    load_kw = models.FloatField(null=True)
    pv_kw = models.FloatField(null=True)
    battery_kw = models.FloatField(null=True)
    battery_soc = models.FloatField(null=True)
    ev_kw = models.FloatField(null=True)
    ev_soc = models.FloatField(null=True)
    heat_kw = models.FloatField(null=True)
    voltage_v = models.FloatField(null=True)
    frequency_hz = models.FloatField(null=True)

    class Meta:
        abstract = True


class Snapshot(Canonical):
    """A site at an instant."""

    pk = models.CompositePrimaryKey("site_id", "at")

    class Meta:
        managed = False
        db_table = "telemetry_snapshot"


class LatestSnapshot(Canonical):
    """The newest snapshot of each site."""

    site_id = models.IntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "telemetry_latest"


class QuarterRollup(Canonical):
    """Means of a quarter-hour that begins at `at`; registers are those at its end."""

    pk = models.CompositePrimaryKey("site_id", "at")
    samples = models.IntegerField()

    class Meta:
        managed = False
        db_table = "telemetry_quarter"


class DayRollup(Canonical):
    """The same over a UTC day."""

    pk = models.CompositePrimaryKey("site_id", "at")
    samples = models.IntegerField()

    class Meta:
        managed = False
        db_table = "telemetry_day"


class Series(models.Model):
    """A further quantity of a resource; its values stand in telemetry_point."""

    site_id = models.IntegerField()
    resource = models.CharField(max_length=64)
    quantity = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site_id", "resource", "quantity"], name="series_once")
        ]


class Quarantined(models.Model):
    """What a hub sent and we could not accept, with the reason; nothing is dropped silently."""

    site_id = models.IntegerField()
    sent_at = models.BigIntegerField(help_text="the instant the hub stated, in ms since the epoch")
    reason = models.CharField(max_length=40)
    content = models.JSONField()
    received_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["site_id", "-id"], name="quarantined_recent")]


class Gap(models.Model):
    """Rows that a hub measured and had to give up before they could be sent."""

    site_id = models.IntegerField()
    starts_at = models.DateTimeField(help_text="the instant of the first of them")
    ends_at = models.DateTimeField(help_text="the instant of the last of them")
    rows = models.BigIntegerField()
    reason = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site_id", "starts_at", "ends_at"], name="telemetry_gap_once")
        ]
