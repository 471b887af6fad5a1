"""The feeder that a market is cleared within, and the prices of its nodes."""

from django.db import models
from django.db.models import F, Q

from apps.markets.models.trading import ClearingRun
from apps.sites.models import GridArea


class AreaLine(models.Model):
    """The line that feeds a grid area, and what flows beside the market there; loads are drawn, feeding in is negative."""

    grid_area = models.OneToOneField(GridArea, on_delete=models.CASCADE, related_name="market_line")
    resistance_ohm = models.FloatField(default=0.0)
    reactance_ohm = models.FloatField(default=0.0)
    load_kw = models.FloatField(default=0.0)
    load_kvar = models.FloatField(default=0.0)
    kvar_per_kw = models.FloatField(default=0.0, help_text="reactive power that comes with a traded kW")
    loss_permille = models.PositiveSmallIntegerField(null=True, help_text="of what flows through it")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(resistance_ohm__gte=0, reactance_ohm__gte=0), name="area_line_passive"
            )
        ]


class AreaTie(models.Model):
    """A line between two grid areas beside those that feed them: with it the network is meshed."""

    sender = models.ForeignKey(GridArea, on_delete=models.CASCADE, related_name="+")
    receiver = models.ForeignKey(GridArea, on_delete=models.CASCADE, related_name="+")
    reactance_ohm = models.FloatField()
    limit_kw = models.FloatField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sender", "receiver"], name="area_tie_once"),
            models.CheckConstraint(
                condition=Q(reactance_ohm__gt=0) & ~Q(sender=F("receiver")), name="area_tie_sane"
            ),
        ]


class NodePrice(models.Model):
    """What a grid area came to in a run that was cleared within its feeder's limits."""

    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, related_name="nodes")
    place = models.PositiveIntegerField(help_text="in the feeder, the head first")
    parent_place = models.IntegerField(help_text="of the node before it; -1 for the grid upstream")
    grid_area = models.ForeignKey(GridArea, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=120)
    price_micro = models.BigIntegerField(null=True)
    traded_wh = models.BigIntegerField(help_text="drawn by its trades, fed in is negative")
    flow_kw = models.FloatField(help_text="through its line towards it, with what flows beside the market")
    import_limit_kw = models.FloatField(null=True)
    export_limit_kw = models.FloatField(null=True)
    voltage_pu = models.FloatField()
    line_price_micro = models.BigIntegerField(help_text="worth of one more kWh through its line")
    voltage_binds = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "place"], name="node_of_run")]
