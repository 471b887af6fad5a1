"""What was delivered of what was traded."""

from django.db import models

from apps.markets.models.market import Participant
from apps.markets.models.trading import ClearingRun


class DeliveryBatch(models.Model):
    """The imbalances of one run's interval, settled together."""

    run = models.OneToOneField(ClearingRun, on_delete=models.PROTECT, related_name="deliveries")
    created_at = models.DateTimeField()
    short_price_micro = models.BigIntegerField()
    long_price_micro = models.BigIntegerField()


class Delivery(models.Model):
    """A participant's position against its meters; energies are signed, drawn is positive."""

    class Status(models.TextChoices):
        MEASURED = "measured"
        MISSING = "missing"
        EXCUSED = "excused"

    batch = models.ForeignKey(DeliveryBatch, on_delete=models.CASCADE, related_name="lines")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="deliveries")
    traded_wh = models.BigIntegerField()
    position_wh = models.BigIntegerField(help_text="traded, and what flows at the outside tariff anyway")
    metered_wh = models.BigIntegerField(null=True)
    imbalance_wh = models.BigIntegerField(default=0)
    pay_nano = models.BigIntegerField(default=0)
    status = models.CharField(max_length=8, choices=Status)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "participant"], name="delivery_once")]
