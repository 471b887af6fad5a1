"""What was delivered and what is paid for it. Corrections are new runs, never edits."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models import Organization
from apps.programs.models import GridSignal
from apps.sites.models import Site


class SettlementRun(models.Model):
    """One computation of a signal's payments from stored inputs."""

    class Kind(models.TextChoices):
        INITIAL = "initial"
        TRUE_UP = "true_up"
        FINAL = "final"
        CORRECTION = "correction"

    signal = models.ForeignKey(GridSignal, on_delete=models.PROTECT, related_name="settlement_runs")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.INITIAL)
    previous = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="next")
    created_at = models.DateTimeField()
    rule = models.JSONField()
    input_hash = models.CharField(max_length=64)
    delivered_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    adjustment = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        default=Decimal(0),
        help_text="amount less that of the version before",
    )
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "version"], name="settlement_version")]


class RunReview(models.Model):
    """What people decided about a run: nothing of the run itself changes. Without a row, a run is a draft."""

    class State(models.TextChoices):
        DRAFT = "draft"
        APPROVED = "approved"
        PAID = "paid"

    run = models.OneToOneField(
        SettlementRun, on_delete=models.CASCADE, primary_key=True, related_name="review"
    )
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    started_by = models.CharField(
        max_length=160, blank=True, help_text="who asked for the run; empty: the platform"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="why it was asked for")
    approved_by = models.CharField(max_length=160, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    paid_by = models.CharField(max_length=160, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    reference = models.CharField(max_length=120, blank=True, help_text="of the payment, at the bank")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="draft", approved_at=None, paid_at=None)
                | Q(state="approved", approved_at__isnull=False, paid_at=None) & ~Q(approved_by="")
                | Q(state="paid", approved_at__isnull=False, paid_at__isnull=False)
                & ~Q(approved_by="", paid_by=""),
                name="run_review_states",
            )
        ]


class ReviewRule(models.Model):
    """How an organization approves its runs."""

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="review_rule"
    )
    four_eyes = models.BooleanField(default=False, help_text="who asked for a run does not approve it")


class RunInputs(models.Model):
    """Everything a run was computed from: canonical JSON, compressed; its SHA-256 is the run's `input_hash`."""

    run = models.OneToOneField(SettlementRun, on_delete=models.CASCADE, related_name="inputs")
    content = models.BinaryField()


class Statement(models.Model):
    """One home's earnings from one signal."""

    run = models.ForeignKey(SettlementRun, on_delete=models.CASCADE, related_name="statements")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="statements")
    delivered_kwh = models.DecimalField(max_digits=14, decimal_places=3)
    committed_kwh = models.DecimalField(max_digits=14, decimal_places=3, default=Decimal(0))
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    adjustment = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    parts = models.JSONField(
        default=list, help_text="[kind, amount] of each shown line; they sum to the amount"
    )

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


class Dispute(models.Model):
    """A household's objection to a statement, and the operator's answer."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REJECTED = "rejected"

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="disputes")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    opened_at = models.DateTimeField()
    reason = models.CharField(max_length=1000)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    resolution = models.CharField(max_length=1000, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)
    answer = models.ForeignKey(
        SettlementRun, null=True, on_delete=models.PROTECT, related_name="+", help_text="the run it led to"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement"], condition=Q(state="open"), name="dispute_open_once"
            ),
            models.CheckConstraint(
                condition=Q(state="open", resolved_at=None) | ~Q(state="open") & ~Q(resolution=""),
                name="dispute_answered",
            ),
        ]


class MeterCorrection(models.Model):
    """What an accepted dispute says of one interval of its home: a net energy, or that it is left out."""

    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="corrections")
    starts_at = models.DateTimeField()
    metered_kwh = models.FloatField(null=True, help_text="drawn is positive; none leaves the interval out")
    reason = models.CharField(max_length=160)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dispute", "starts_at"], name="correction_once")]


class Payout(models.Model):
    """Money paid to a household, as the operator recorded it; its lines sum to its amount."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="payouts")
    run = models.ForeignKey(
        SettlementRun,
        null=True,
        on_delete=models.PROTECT,
        related_name="payouts",
        help_text="none: paid by hand",
    )
    paid_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=140, help_text="what the bank's statement says")
    recorded_by = models.CharField(max_length=254)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="payout_positive")]
        indexes = [models.Index(fields=["site", "-paid_at"], name="payout_newest")]


class PayoutLine(models.Model):
    """What a payout pays of one statement: its amount less what had been paid for the event before."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="payout_lines")
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["statement"], name="statement_paid_once")]
