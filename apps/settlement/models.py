"""What was delivered and what is paid for it. Corrections are new runs, never edits."""

from django.db import models

from apps.programs.models import GridSignal
from apps.sites.models import Site


class SettlementRun(models.Model):
    """One computation of a signal's payments from stored inputs."""

    signal = models.ForeignKey(GridSignal, on_delete=models.PROTECT, related_name="settlement_runs")
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField()
    rule = models.JSONField()
    input_hash = models.CharField(max_length=64)
    delivered_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "version"], name="settlement_version")]


class Statement(models.Model):
    """One home's earnings from one signal."""

    run = models.ForeignKey(SettlementRun, on_delete=models.CASCADE, related_name="statements")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="statements")
    delivered_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "site"], name="statement_once")]


class StatementLine(models.Model):
    """One interval of a statement."""

    class MeterStatus(models.TextChoices):
        MEASURED = "measured"
        MISSING = "missing"

    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="lines")
    starts_at = models.DateTimeField()
    baseline_kwh = models.FloatField()
    metered_kwh = models.FloatField(null=True)
    delivered_kwh = models.FloatField()
    status = models.CharField(max_length=16, choices=MeterStatus)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["statement", "starts_at"], name="statement_line_once")]
