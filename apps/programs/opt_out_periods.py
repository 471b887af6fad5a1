"""Writes of opt-out periods: no to all events of a time, or to all until it is taken back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.services import audit
from apps.programs.errors import PeriodInvalidError, PeriodUnknownError, TooManyPeriodsError
from apps.programs.models import GridSignal, OptOut, OptOutPeriod
from apps.programs.opt_out_rows import WHY, is_leavable, periods_touching
from apps.programs.services import RUNNING, opt_out_create, opt_out_withdraw
from apps.sites.models import Site

MOST_OPEN = 20
LONGEST = timedelta(days=730)


@transaction.atomic
def opt_out_period_create(
    *, site: Site, starts_at: datetime, ends_at: datetime | None, user: User | None, actor: str, now: datetime, reason: str = ""
) -> OptOutPeriod:  # fmt: skip
    """A household says no to what touches a time, from now on; `ends_at` None: until it is taken back."""
    Site.objects.select_for_update().get(pk=site.pk)
    starts_at = max(starts_at, now)
    _check(site, starts_at=starts_at, ends_at=ends_at)
    period = OptOutPeriod.objects.create(
        site=site, starts_at=starts_at, ends_at=ends_at, reason=reason[:200], user=user, created_at=now
    )
    for signal in _running(site):
        if is_leavable(signal) and periods_touching(signal).filter(pk=period.pk).exists():
            opt_out_create(
                signal_id=signal.pk, site=site, user=user, actor=actor, reason=WHY, now=now, period=period
            )
    audit(
        organization=site.organization, actor=actor, action="opt_out_period", subject=f"site {site.pk}", now=now,
        starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat() if ends_at else None,
    )  # fmt: skip
    return period


@transaction.atomic
def opt_out_period_end(*, site: Site, period_id: int, actor: str, now: datetime) -> OptOutPeriod:
    """Take a period back: the home takes part again in what is still running."""
    period = (
        OptOutPeriod.objects.select_for_update()
        .filter(pk=period_id, site=site, ended_at=None)
        .select_related("site")
        .first()
    )
    if period is None:
        raise PeriodUnknownError("there is no such time that you are out for")
    _end(period, actor=actor, now=now)
    audit(
        organization=site.organization, actor=actor, action="opt_out_period_end", subject=f"site {site.pk}", now=now,
        starts_at=period.starts_at.isoformat(), ends_at=period.ends_at.isoformat() if period.ends_at else None,
    )  # fmt: skip
    return period


def opt_out_periods_expire(*, now: datetime) -> int:
    """End what is over, so that homes take part again in events that go on."""
    over = OptOutPeriod.objects.filter(ended_at=None, ends_at__lte=now).order_by("pk")
    return sum(_expire(pk, now=now) for pk in list(over.values_list("pk", flat=True)))


@transaction.atomic
def _expire(period_id: int, *, now: datetime) -> int:
    held = OptOutPeriod.objects.select_for_update(of=("self",)).select_related("site")
    period = held.filter(pk=period_id, ended_at=None).first()
    if period is not None:
        _end(period, actor="platform", now=now)
    return period is not None


def _end(period: OptOutPeriod, *, actor: str, now: datetime) -> None:
    period.ended_at = now
    period.save(update_fields=["ended_at"])
    rows = OptOut.objects.filter(
        period=period, signal__state__in=RUNNING, signal__ends_at__gt=now,
        signal__program__in=period.site.enrollments.values("program"),
    )  # fmt: skip
    for row in rows.select_related("signal__program").order_by("signal_id"):
        other = periods_touching(row.signal).filter(site=period.site).first()
        if other is not None and (other.ends_at is None or other.ends_at > now):
            OptOut.objects.filter(pk=row.pk).update(period=other)
        else:
            opt_out_withdraw(signal_id=row.signal_id, site=period.site, actor=actor, now=now)


def _running(site: Site) -> list[GridSignal]:
    found = GridSignal.objects.filter(
        program__enrollments__site=site, program__enrollments__ends_at=None, state__in=RUNNING
    )
    return list(found.select_related("program").order_by("pk").distinct())


def _check(site: Site, *, starts_at: datetime, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at <= starts_at:
        raise PeriodInvalidError("the time ends before it begins, or is over already")
    if ends_at is not None and ends_at - starts_at > LONGEST:
        raise PeriodInvalidError("a time lasts two years at most; you can opt out of all events instead")
    held = OptOutPeriod.objects.filter(site=site, ended_at=None)
    if held.filter(Q(ends_at=None)).exists():
        raise PeriodInvalidError("you are out of all events already")
    if held.count() >= MOST_OPEN:
        raise TooManyPeriodsError(f"there are {MOST_OPEN} such times already; take one back first")
