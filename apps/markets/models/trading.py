"""Orders, and what clearing made of them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.markets.models.market import Market, Participant


class Order(models.Model):
    """A bid or an offer for one interval; the number is its place in time."""

    class Side(models.IntegerChoices):
        BID = 1
        OFFER = -1

    class Service(models.TextChoices):
        UP = "up"
        DOWN = "down"

    class State(models.TextChoices):
        OPEN = "open"
        CANCELED = "canceled"
        CLEARED = "cleared"
        EXPIRED = "expired"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="orders")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="orders")
    starts_at = models.DateTimeField(help_text="of delivery")
    side = models.SmallIntegerField(choices=Side)
    price_micro = models.BigIntegerField()
    quantity_wh = models.BigIntegerField()
    green = models.BooleanField(default=False, help_text="of an offer: of renewable origin")
    firm = models.BooleanField(
        default=False, help_text="flows whether it trades or not, at the outside tariff"
    )
    service = models.CharField(max_length=4, blank=True, choices=Service, help_text="of an offer of reserve")
    least_permille = models.PositiveSmallIntegerField(
        default=0, help_text="of a block: the least share that may be accepted, if any is"
    )
    parent = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="children",
        help_text="of a linked block: the one of which at least the same share must be accepted",
    )  # fmt: skip
    exclusive_group = models.CharField(
        max_length=32,
        blank=True,
        help_text="of a block: the shares of its owner's blocks of one group are at most 1",
    )
    profile_wh = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text="of a block over several intervals: its energy in each, from the first on",
    )
    automatic = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    state_reason = models.CharField(max_length=200, blank=True)
    placed_at = models.DateTimeField()
    placed_by = models.CharField(max_length=160)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "idempotency_key"], name="order_idempotent"),
            models.CheckConstraint(condition=Q(side__in=[1, -1], quantity_wh__gt=0), name="order_sane"),
        ]
        indexes = [models.Index(fields=["market", "starts_at", "state"], name="order_book")]

    @property
    def is_block(self) -> bool:
        """Whether it is taken from a least share on, or linked, or one of several that exclude each other."""
        return bool(self.least_permille or self.parent_id or self.exclusive_group or self.profile_wh)


class ClearingRun(models.Model):
    """One clearing of a market's interval; computed from the kept inputs alone."""

    class State(models.TextChoices):
        DONE = "done"
        CANCELED = "canceled"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="runs")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.DONE)
    mechanism = models.CharField(max_length=32)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True)
    cancel_reason = models.CharField(max_length=200, blank=True)
    orders_count = models.PositiveIntegerField()
    buy_price_micro = models.BigIntegerField(null=True)
    sell_price_micro = models.BigIntegerField(null=True)
    volume_wh = models.BigIntegerField()
    welfare_nano = models.BigIntegerField()
    account_nano = models.BigIntegerField(help_text="what stays with the market before fees")
    carbon_g_per_kwh = models.FloatField(
        null=True, help_text="of a kWh from outside the market in this interval, where a signal said so"
    )
    carbon_source = models.CharField(max_length=200, blank=True)
    input_hash = models.CharField(max_length=64)
    result_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["market", "starts_at", "version"], name="run_version"),
            models.UniqueConstraint(
                fields=["market", "starts_at"], condition=Q(state="done"), name="run_done_once"
            ),
        ]
        indexes = [models.Index(fields=["state", "ends_at"], name="run_due")]


class RunContent(models.Model):
    """All that a run was computed from and all that came out: canonical JSON, compressed."""

    run = models.OneToOneField(
        ClearingRun, on_delete=models.CASCADE, related_name="content", primary_key=True
    )
    inputs = models.BinaryField()
    result = models.BinaryField()


class Cut(models.Model):
    """What was taken off an order before clearing, and why."""

    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, related_name="cuts")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="cuts")
    cut_wh = models.BigIntegerField()
    reason = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "order"], name="cut_once")]


class Trade(models.Model):
    """An order's part that was matched; with whom, where the mechanism says so."""

    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, related_name="trades")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="trades")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="trades")
    side = models.SmallIntegerField(choices=Order.Side)
    energy_wh = models.BigIntegerField()
    price_micro = models.BigIntegerField(help_text="average, rounded down, where the order met several")
    pay_nano = models.BigIntegerField(help_text="paid is positive, got is negative")
    fee_nano = models.BigIntegerField()
    green_wh = models.BigIntegerField(help_text="of it, of renewable origin")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "order"], name="trade_once"),
            models.CheckConstraint(condition=Q(energy_wh__gt=0), name="trade_energy"),
        ]
        indexes = [models.Index(fields=["participant", "-run"], name="trade_mine")]


class ReserveAward(models.Model):
    """Reserve that was bought together with energy; the operator pays for its being there."""

    run = models.ForeignKey(ClearingRun, on_delete=models.CASCADE, related_name="awards")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="awards")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    service = models.CharField(max_length=4, choices=Order.Service)
    energy_wh = models.BigIntegerField(help_text="if called all interval")
    price_micro = models.BigIntegerField()
    pay_nano = models.BigIntegerField(help_text="got is negative")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "order"], name="award_once")]
