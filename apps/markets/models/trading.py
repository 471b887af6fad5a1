"""Orders, and what clearing made of them."""

from django.db import models
from django.db.models import Q

from apps.markets.models.market import Market, Participant


class Order(models.Model):
    """A bid or an offer for one interval; the number is its place in time."""

    class Side(models.IntegerChoices):
        BID = 1
        OFFER = -1

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
