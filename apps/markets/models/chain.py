"""What of a market is settled on a chain: who takes part by which address, deposits, paid trades, certificates.

Nothing here goes on chain as it is: orders, trades and homes go as salted hashes, and the salt can be deleted.
"""

from django.db import models

from apps.markets.models.ledger import LogEntry, Transfer
from apps.markets.models.market import Participant
from apps.markets.models.trading import ClearingRun, Order


class ChainParty(models.Model):
    """The address a participant pays and is paid by, and the salt that hides its orders and its home."""

    participant = models.OneToOneField(Participant, on_delete=models.CASCADE, related_name="chain_party")
    address = models.CharField(max_length=42)
    salt = models.BinaryField(help_text="encrypted")
    since = models.DateTimeField()


class ChainEscrow(models.Model):
    """A bid whose owner deposits on the chain."""

    class State(models.TextChoices):
        OPEN = "open"
        SEALED = "sealed"
        CLOSED = "closed"

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="escrow")
    order_hash = models.BinaryField(max_length=32)
    address = models.CharField(max_length=42)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    reason = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)


class ChainDeposit(models.Model):
    """A deposit made before its bid: it is for the one bid that will come with this key, and counts as its funds."""

    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="chain_deposits")
    idempotency_key = models.CharField(max_length=64)
    price_micro = models.BigIntegerField()
    quantity_wh = models.BigIntegerField()
    order_hash = models.BinaryField(max_length=32)
    address = models.CharField(max_length=42)
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, help_text="when the worker last looked")
    held_nano = models.BigIntegerField(default=0, help_text="what the chain held then for this price")
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "idempotency_key"], name="chain_deposit_once"),
            models.CheckConstraint(
                condition=models.Q(price_micro__gt=0, quantity_wh__gt=0), name="chain_deposit_positive"
            ),
        ]

    @property
    def cost_nano(self) -> int:
        """What the bid costs at most, without fees."""
        return self.price_micro * self.quantity_wh


class OnChain(models.Model):
    """A sealed leaf that the contract acts on."""

    class State(models.TextChoices):
        SEALED = "sealed"
        DONE = "done"
        REFUSED = "refused"

    entry = models.ForeignKey(LogEntry, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(help_text="of its leaf in the entry")
    state = models.CharField(max_length=8, choices=State, default=State.SEALED)
    reason = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class ChainTrade(OnChain):
    """What a bid's escrow pays an offer's owner, or the operator; once it has, the platform's books take it back."""

    run = models.ForeignKey(ClearingRun, on_delete=models.PROTECT, related_name="chain_trades")
    bid = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="chain_bought")
    offer = models.ForeignKey(
        Order,
        null=True,
        on_delete=models.PROTECT,
        related_name="chain_sold",
        help_text="none: to the operator",
    )
    trade_hash = models.BinaryField(max_length=32)
    order_hash = models.BinaryField(max_length=32)
    buyer = models.CharField(max_length=42)
    seller = models.CharField(max_length=42)
    energy_wh = models.BigIntegerField()
    pay_nano = models.BigIntegerField()
    units = models.DecimalField(max_digits=78, decimal_places=0, help_text="of the chain's coin, smallest")
    transfer = models.OneToOneField(Transfer, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "bid", "offer"], name="chain_trade_once"),
            models.UniqueConstraint(
                fields=["run", "bid"], condition=models.Q(offer=None), name="chain_rest_once"
            ),
        ]


class ChainCredit(OnChain):
    """The green energy a home sold and delivered in one period, certified on the chain."""

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="chain_credits")
    starts_at = models.DateTimeField()
    site_hash = models.BinaryField(max_length=32)
    owner = models.CharField(max_length=42)
    source = models.PositiveSmallIntegerField()
    energy_wh = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["participant", "starts_at"], name="chain_credit_once")]
