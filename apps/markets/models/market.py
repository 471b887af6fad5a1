"""Markets and who takes part in them.

Prices are whole millionths of the currency per kWh (`_micro`), money whole billionths (`_nano`), energy whole Wh.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization
from apps.programs.models import Program
from apps.sites.models import GridArea, Site


class Market(models.Model):
    """Where energy of one grid area is traded, by one mechanism and in intervals of one length."""

    class State(models.TextChoices):
        OPEN = "open"
        PAUSED = "paused"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="markets")
    grid_area = models.ForeignKey(GridArea, on_delete=models.PROTECT, related_name="markets")
    name = models.CharField(max_length=120)
    mechanism = models.CharField(max_length=32, default="uniform_price")
    currency = models.CharField(max_length=3, default="EUR")
    interval_s = models.PositiveIntegerField(default=900)
    gate_closure_s = models.PositiveIntegerField(
        default=900, help_text="how long before delivery begins no order is taken any more"
    )
    opens_s = models.PositiveIntegerField(
        default=172_800, help_text="how long before delivery orders are taken"
    )
    least_price_micro = models.BigIntegerField(default=0)
    most_price_micro = models.BigIntegerField(default=1_000_000)
    most_order_wh = models.BigIntegerField(default=100_000)
    buyer_fee_micro = models.BigIntegerField(default=0, help_text="per kWh bought")
    seller_fee_micro = models.BigIntegerField(default=0, help_text="per kWh sold")
    short_price_micro = models.BigIntegerField(
        default=400_000, help_text="paid by whoever takes more, or gives less, than the position, per kWh"
    )
    long_price_micro = models.BigIntegerField(
        default=50_000, help_text="paid to whoever takes less, or gives more, than the position, per kWh"
    )
    import_tariff_micro = models.BigIntegerField(
        default=300_000, help_text="what a kWh costs outside the market, for savings"
    )
    export_tariff_micro = models.BigIntegerField(default=80_000, help_text="what a kWh earns outside it")
    carbon_g_per_kwh = models.PositiveIntegerField(
        null=True, blank=True, help_text="of a kWh from outside the market or of no stated origin"
    )
    carbon_source = models.CharField(max_length=200, blank=True, help_text="where that figure is from")
    reserve_up_wh = models.BigIntegerField(
        default=0, help_text="upward reserve an interval needs, bought with energy"
    )
    reserve_down_wh = models.BigIntegerField(default=0, help_text="downward reserve, likewise")
    nominal_v = models.FloatField(
        default=400.0, help_text="between phases, of the feeder that is cleared within"
    )
    loss_permille = models.PositiveSmallIntegerField(
        default=0,
        help_text="of what flows through an area's line, where losses are cleared and the line says none",
    )
    sacrifice_permille = models.PositiveSmallIntegerField(
        default=50, help_text="of the welfare, given up at most to serve low-income homes first"
    )
    lifeline_wh = models.BigIntegerField(
        default=0,
        help_text="what each low-income home buys first in an interval, at the lifeline's price; 0 for none",
    )
    lifeline_price_micro = models.BigIntegerField(default=0, help_text="of a kWh of it")
    lifeline_levy_permille = models.PositiveSmallIntegerField(
        default=200, help_text="of the others' gains, at most, to pay for it"
    )
    session_intervals = models.PositiveSmallIntegerField(
        default=1, help_text="how many intervals one gate clears together, for blocks over several"
    )
    on_chain = models.BooleanField(default=False, help_text="trades of those with an address are paid there")
    eligible_kinds = ArrayField(models.CharField(max_length=16), default=list, help_text="none: every kind")
    terms_version = models.PositiveIntegerField(default=1)
    terms = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    state_reason = models.CharField(max_length=200, blank=True)
    price_program = models.ForeignKey(
        Program, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="whose subscribers are told the cleared prices",
    )  # fmt: skip
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="market_name"),
            models.CheckConstraint(
                condition=Q(least_price_micro__lte=F("most_price_micro")), name="market_price_bounds"
            ),
            models.CheckConstraint(
                condition=Q(
                    interval_s__gt=0, most_order_wh__gt=0, buyer_fee_micro__gte=0, seller_fee_micro__gte=0
                ),
                name="market_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Participant(models.Model):
    """Somebody who trades in a market: a home, or an aggregator for several."""

    class Kind(models.TextChoices):
        CONSUMER = "consumer"
        PRODUCER = "producer"
        PROSUMER = "prosumer"
        AGGREGATOR = "aggregator"

    class State(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="participants")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PROSUMER)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    terms_version = models.PositiveIntegerField(default=0, help_text="accepted last; 0 for none")
    position_limit_wh = models.BigIntegerField(
        default=50_000, help_text="most energy in orders of one interval"
    )
    credit_limit_nano = models.BigIntegerField(default=0, help_text="how far below zero its account may go")
    priority = models.PositiveSmallIntegerField(default=1, help_text="class at equal prices, smallest first")
    low_income = models.BooleanField(default=False)
    automatic = models.BooleanField(default=False, help_text="the platform makes its bids and offers")
    buy_limit_micro = models.BigIntegerField(default=300_000, help_text="most the household pays per kWh")
    sell_limit_micro = models.BigIntegerField(default=80_000, help_text="least it takes per kWh")
    storage_value_micro = models.BigIntegerField(
        default=200_000,
        help_text="least it takes for a kWh from its battery, and what one there is worth to it",
    )
    prefers_green = models.BooleanField(default=False)
    prefers_neighbors = models.BooleanField(default=False)
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "name"], name="participant_name"),
            models.CheckConstraint(
                condition=Q(position_limit_wh__gte=0, credit_limit_nano__gte=0), name="participant_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ParticipantSite(models.Model):
    """A home that a participant trades for; in one market a home is traded for once."""

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="homes")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="market_parts")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "site"], name="market_site_once")]


class TermsAcceptance(models.Model):
    """Who accepted which version of a market's terms; only ever added."""

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="acceptances")
    version = models.PositiveIntegerField()
    accepted_by = models.CharField(max_length=160)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    terms_hash = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["participant", "version"], name="terms_accepted_once")]
