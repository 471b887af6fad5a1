"""Programs, who takes part, and grid signals: what any utility protocol is turned into."""

import uuid
from datetime import datetime
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


def level_shares() -> list[float]:
    """Return what levels 1, 2 and 3 ask for where a program says nothing else."""
    return [0.25, 0.5, 1.0]


def known_baseline_method(name: str) -> None:
    """Refuse a method that no program can be measured by."""
    if name not in PROGRAM_METHODS:
        raise ValidationError(f"no baseline method {name!r}; there are {', '.join(PROGRAM_METHODS)}")


LEAST_PRIORITY = 2**31
SHED_KINDS = frozenset({"shed", "setpoint", "level"})
LIMIT_KINDS = frozenset({"import_limit", "export_limit"})
STEERED_KINDS = frozenset({"price", "export_price", "ghg", "charge_state", "import_limit", "export_limit"})


class Program(models.Model):
    """An offer to households: what is asked of them and how it is paid."""

    class CapacityScope(models.TextChoices):
        FLEET = "fleet", "all homes together"
        HOME = "home", "each home"

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
    level_shares = ArrayField(
        models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1)]),
        size=3,
        default=level_shares,
        help_text="share of what the homes can give that levels 1, 2 and 3 of a SIMPLE signal ask for",
    )
    capacity_scope = models.CharField(
        max_length=8,
        choices=CapacityScope,
        default=CapacityScope.FLEET,
        help_text="whose import and export a utility's capacity limit holds for",
    )
    carbon_price = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        default=Decimal("0.1000"),
        validators=[MinValueValidator(0)],
        help_text="what a kilogram of greenhouse gas counts for in plans",
    )
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(
        null=True, blank=True, help_text="since when none of its homes is asked for anything"
    )

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


class EnrollmentJob(models.Model):
    """Many homes that join or leave a program in the background, in the order of `site_ids`."""

    class Kind(models.TextChoices):
        ENROLL = "enroll"
        LEAVE = "leave"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"

    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="enrollment_jobs")
    kind = models.CharField(max_length=8, choices=Kind)
    site_ids = ArrayField(models.IntegerField(), help_text="as they were when it was asked for")
    chosen = models.CharField(max_length=500, blank=True, help_text="the filter that chose them")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    done = models.PositiveIntegerField(default=0, help_text="how many of them were looked at")
    changed = models.PositiveIntegerField(default=0, help_text="how many really joined or left")
    requested_by = models.CharField(max_length=160)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["program"],
                condition=Q(state__in=["waiting", "running"]),
                name="enrollment_job_one_at_a_time",
            )
        ]

    @property
    def total(self) -> int:
        return len(self.site_ids)

    @property
    def is_open(self) -> bool:
        return self.state != self.State.DONE


class GridSignal(models.Model):
    """A utility's wish, free of protocol; `vpp.translate.grid_signal` says what each kind means.

    `values` are what was asked for, in the kind's unit; `target_kw` is the shed against the baseline that follows: the
    values themselves for a shed, worked out by the plan for setpoints and levels, 0 for all other kinds.
    """

    class Kind(models.TextChoices):
        SHED = "shed"
        SETPOINT = "setpoint"
        LEVEL = "level"
        PRICE = "price"
        EXPORT_PRICE = "export_price", "export price"
        GHG = "ghg", "greenhouse gas"
        CHARGE_STATE = "charge_state", "charge state"
        IMPORT_LIMIT = "import_limit", "import limit"
        EXPORT_LIMIT = "export_limit", "export limit"
        DEVICE = "device"
        NOTICE = "notice"

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
    values = ArrayField(models.FloatField(null=True), default=list, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    priority = models.PositiveIntegerField(
        null=True, blank=True, help_text="0 is the most important; none is the least"
    )
    targets = ArrayField(models.CharField(max_length=128), default=list, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="signal_period"),
            models.UniqueConstraint(fields=["organization", "source"], name="signal_source"),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="signal_due")]

    def __str__(self) -> str:
        return self.name or str(self.id)

    @property
    def is_shed(self) -> bool:
        """Whether homes are asked to draw less than their baseline, measured and paid."""
        return self.kind in SHED_KINDS

    @property
    def is_steered(self) -> bool:
        """Whether homes' batteries are planned by prices, limits or a charge state, and nothing is paid for it."""
        return self.kind in STEERED_KINDS

    @property
    def is_binding(self) -> bool:
        """Whether it limits each home's connection, which a household cannot say no to."""
        return self.kind in LIMIT_KINDS and self.program.capacity_scope == Program.CapacityScope.HOME

    @property
    def rank(self) -> tuple[int, datetime]:
        """Which of two signals goes first: the smaller one."""
        return (LEAST_PRIORITY if self.priority is None else self.priority, self.received_at)


class OptOutPeriod(models.Model):
    """A household's no to whatever touches a time; without an end until it is taken back."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="opt_out_periods")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="when it was over or taken back")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")), name="opt_out_period_order"
            ),
            models.UniqueConstraint(
                fields=["site"], condition=Q(ends_at=None, ended_at=None), name="opt_out_of_all_once"
            ),
        ]
        indexes = [
            models.Index(fields=["site", "starts_at"], name="opt_out_period_open", condition=Q(ended_at=None))
        ]


class OptOut(models.Model):
    """A household's no to one signal; counts from `at` on."""

    signal = models.ForeignKey(GridSignal, on_delete=models.CASCADE, related_name="opt_outs")
    site = models.ForeignKey(Site, on_delete=models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    period = models.ForeignKey(
        OptOutPeriod, null=True, blank=True, on_delete=models.SET_NULL, related_name="opt_outs",
        help_text="the period it follows from",
    )  # fmt: skip

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
