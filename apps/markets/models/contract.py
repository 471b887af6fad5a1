"""Energy that two participants have agreed on between themselves."""

from django.db import models
from django.db.models import F, Q

from apps.markets.models.market import Market, Participant


class Contract(models.Model):
    """So much energy in every interval of a half-open period, at its own price; carried out before all other trade."""

    class State(models.TextChoices):
        PROPOSED = "proposed"
        AGREED = "agreed"
        ENDED = "ended"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="contracts")
    buyer = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="contracts_to_buy")
    seller = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="contracts_to_sell")
    price_micro = models.BigIntegerField()
    energy_wh = models.BigIntegerField(help_text="in each interval, at most what both have ordered in it")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(energy_wh__gt=0, starts_at__lt=F("ends_at")) & ~Q(buyer=F("seller")),
                name="contract_sane",
            )
        ]
        indexes = [models.Index(fields=["market", "state", "starts_at"], name="contract_due")]
