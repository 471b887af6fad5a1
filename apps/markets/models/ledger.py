"""Double-entry accounts, and the log that seals what happened."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.markets.models.delivery import DeliveryBatch
from apps.markets.models.market import Market, Participant
from apps.markets.models.trading import ClearingRun


class Account(models.Model):
    """Money [1e-9 of the currency] and energy [Wh] of one purpose; the sums of its postings are kept beside it."""

    class Kind(models.TextChoices):
        PARTICIPANT = "participant"
        BANK = "bank"
        MARKET = "market"
        FEES = "fees"
        IMBALANCE = "imbalance"
        CONGESTION = "congestion"
        RESERVE = "reserve"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="accounts")
    participant = models.OneToOneField(
        Participant, null=True, on_delete=models.PROTECT, related_name="account"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    balance_nano = models.BigIntegerField(default=0)
    balance_wh = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["market", "kind"], condition=Q(participant=None), name="account_of_market"
            ),
            models.CheckConstraint(
                condition=Q(participant=None) & ~Q(kind="participant")
                | Q(participant__isnull=False, kind="participant"),
                name="account_owner",
            ),
        ]


class Transfer(models.Model):
    """One move between accounts; its postings sum to zero, in money and in energy."""

    class Kind(models.TextChoices):
        DEPOSIT = "deposit"
        TRADE = "trade"
        IMBALANCE = "imbalance"
        CHAIN = "chain"
        REVERSAL = "reversal"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="transfers")
    kind = models.CharField(max_length=16, choices=Kind)
    run = models.ForeignKey(ClearingRun, null=True, on_delete=models.PROTECT, related_name="transfers")
    batch = models.ForeignKey(DeliveryBatch, null=True, on_delete=models.PROTECT, related_name="transfers")
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    at = models.DateTimeField()
    description = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "kind"], condition=Q(kind="trade"), name="transfer_of_run_once"
            )
        ]


class Posting(models.Model):
    """What a transfer puts on an account (positive) or takes off it; never changed, never deleted."""

    class Line(models.TextChoices):
        DEPOSIT = "deposit"
        ENERGY = "energy"
        FEE = "fee"
        RESERVE = "reserve"
        IMBALANCE = "imbalance"
        CHAIN = "chain"

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="postings")
    line = models.CharField(max_length=16, choices=Line)
    amount_nano = models.BigIntegerField()
    energy_wh = models.BigIntegerField(default=0)


class LogEntry(models.Model):
    """One sealed batch: Merkle root of its leaves, chained to the entry before, signed."""

    class Kind(models.TextChoices):
        CLEARING = "clearing"
        CANCELLATION = "cancellation"
        DELIVERY = "delivery"
        SHARING = "sharing"
        CHAIN_TRADES = "chain_trades"
        CHAIN_CREDITS = "chain_credits"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    index = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    run = models.ForeignKey(ClearingRun, null=True, on_delete=models.PROTECT, related_name="log_entries")
    at = models.DateTimeField()
    body = models.BinaryField(help_text="canonical JSON, with the hash of the entry before")
    entry_hash = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)
    public_key = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "index"], name="log_index")]


class LogTree(models.Model):
    """The hashes of an entry's Merkle tree as `vpp.ledger.stored` packs them: a proof reads a few."""

    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, related_name="tree", primary_key=True)
    nodes = models.BinaryField()


class LogLeaf(models.Model):
    """What one participant can prove of a sealed batch; the salt keeps others from guessing it."""

    entry = models.ForeignKey(LogEntry, on_delete=models.PROTECT, related_name="leaves")
    position = models.PositiveIntegerField()
    participant = models.ForeignKey(
        Participant, null=True, on_delete=models.PROTECT, related_name="+", help_text="none: of a home"
    )
    content = models.BinaryField(help_text="canonical JSON with its salt, or words for a contract")
    leaf_hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "position"], name="leaf_position")]
        indexes = [
            models.Index(fields=["participant"], name="leaf_mine"),
            models.Index(fields=["entry", "participant"], name="leaf_mine_of_entry"),
        ]
