"""Programs, who takes part, and grid signals: what any utility protocol is turned into."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import Organization
from apps.sites.models import Site
from vpp.baselines.names import DEFAULT_METHOD, PROGRAM_METHODS


def known_baseline_method(name: str) -> None:
    """Refuse a method that no program can be measured by."""
    if name not in PROGRAM_METHODS:
        raise ValidationError(f"no baseline method {name!r}; there are {', '.join(PROGRAM_METHODS)}")


class Program(models.Model):
    """An offer to households: what is asked of them and how it is paid."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=128)
    energy_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        default=Decimal("0.5000"),
        validators=[MinValueValidator(0)],
        help_text="per delivered kWh",
    )
    event_payment = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        default=Decimal("0.00"),
        validators=[MinValueValidator(0)],
        help_text="per home and event",
    )
    currency = models.CharField(max_length=3, default="EUR")
    payment_rules = models.JSONField(
        default=dict, blank=True, help_text="what is paid beyond the prices: docs/reference/settlement.md"
    )
    baseline_method = models.CharField(
        max_length=64, default=DEFAULT_METHOD, validators=[known_baseline_method]
    )
    holidays = ArrayField(
        models.DateField(),
        default=list,
        blank=True,
        size=400,
        help_text="local dates that baselines take for weekend",
    )
    reserve_kw = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0)],
        help_text="what events leave the fleet able to shed, for an hour",
    )
    most_events = models.PositiveIntegerField(
        null=True, blank=True, help_text="events a home may be asked for within `most_events_days`"
    )
    most_events_days = models.PositiveIntegerField(default=30, validators=[MinValueValidator(1)])
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="program_name"),
            models.CheckConstraint(
                condition=Q(energy_price__gte=0, event_payment__gte=0), name="program_prices"
            ),
            models.CheckConstraint(
                condition=Q(reserve_kw__gte=0, most_events_days__gte=1), name="program_dispatch_rules"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Enrollment(models.Model):
    """A home's part in a program, over a half-open period."""

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="enrollments")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="enrollments")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["program", "site"], condition=Q(ends_at=None), name="enrollment_open_once"
            ),
        ]


class GridSignal(models.Model):
    """A utility's wish, free of protocol: shed `target_kw` per interval against the baseline."""

    class Kind(models.TextChoices):
        SHED = "shed"

    class State(models.TextChoices):
        ACCEPTED = "accepted"
        PLANNED = "planned"
        ACTIVE = "active"
        ENDED = "ended"
        SETTLED = "settled"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.SHED)
    name = models.CharField(max_length=128, blank=True)
    source = models.CharField(max_length=160, help_text="where it came from, e.g. openadr3:<event id>")
    revision = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=16, choices=State, default=State.ACCEPTED)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    interval_s = models.PositiveIntegerField()
    target_kw = ArrayField(models.FloatField(validators=[MinValueValidator(0)]))
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="signal_period"),
            models.UniqueConstraint(fields=["organization", "source"], name="signal_source"),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="signal_due")]

    def __str__(self) -> str:
        return self.name or str(self.id)


class OptOut(models.Model):
    """A household's no to one signal; counts from `at` on."""

    signal = models.ForeignKey(GridSignal, on_delete=models.CASCADE, related_name="opt_outs")
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signal", "site"], name="opt_out_once")]


class BaselineReport(models.Model):
    """Which baseline method fits a program's homes, worked out in the background from past days without events."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    class DayType(models.TextChoices):
        WEEKDAY = "weekday"
        WEEKEND = "weekend", "weekend or holiday"

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="baseline_reports")
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    starts = models.TimeField(help_text="local time at which events begin")
    minutes = models.PositiveIntegerField(validators=[MinValueValidator(15), MaxValueValidator(720)])
    day_type = models.CharField(max_length=8, choices=DayType, default=DayType.WEEKDAY)
    placebo_days = models.PositiveIntegerField(
        default=10, validators=[MinValueValidator(2), MaxValueValidator(30)]
    )
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress_pct = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["program"],
                condition=Q(state__in=["waiting", "running"]),
                name="baseline_report_one_at_a_time",
            )
        ]
