"""Whether a home takes part in events: what it is out of, what that costs, and how its owner changes it."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.portal.rights import check_owner
from apps.programs.errors import PeriodInvalidError
from apps.programs.models import OptOutPeriod
from apps.programs.opt_out_periods import opt_out_period_create, opt_out_period_end
from apps.programs.selectors import opt_out_periods_of_site
from apps.programs.services import opt_out_withdraw
from apps.settlement.selectors import statements_of_site
from apps.sites.models import Site

LATELY = timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class TakingPart:
    """The times a home is out for, the one that holds for all events, and what events earned it lately."""

    periods: list[OptOutPeriod]
    out_of_all: OptOutPeriod | None
    out_now: OptOutPeriod | None
    earned: list[tuple[str, Decimal]]
    earned_count: int
    from_suggested: str
    to_suggested: str


def taking_part(*, site: Site, now: datetime) -> TakingPart:
    """Return how a home stands to events."""
    periods = opt_out_periods_of_site(site=site)
    lately = list(statements_of_site(site=site).filter(run__signal__starts_at__gte=now - LATELY))
    earned: dict[str, Decimal] = {}
    for statement in lately:
        currency = statement.run.currency
        earned[currency] = earned.get(currency, Decimal(0)) + statement.amount
    tomorrow = (now.astimezone(ZoneInfo(site.time_zone)) + timedelta(days=1)).replace(hour=0, minute=0)
    return TakingPart(
        periods=[one for one in periods if one.ends_at is not None],
        out_of_all=next((one for one in periods if one.ends_at is None), None),
        out_now=next((one for one in periods if one.starts_at <= now), None),
        earned=sorted(earned.items()),
        earned_count=len(lately),
        from_suggested=f"{tomorrow:%Y-%m-%dT%H:%M}",
        to_suggested=f"{tomorrow + timedelta(days=7):%Y-%m-%dT%H:%M}",
    )


def leave_for_time(
    *, user: User, site: Site, starts: str, ends: str, reason: str, now: datetime
) -> OptOutPeriod:
    """Take the owner's home out of all events of a local time."""
    check_owner(user=user, site=site)
    zone = ZoneInfo(site.time_zone)
    period = (_local(starts, zone), _local(ends, zone))
    return opt_out_period_create(
        site=site, starts_at=period[0], ends_at=period[1], user=user, actor=user.email, now=now, reason=reason
    )


def leave_all(*, user: User, site: Site, now: datetime) -> OptOutPeriod:
    """Take the owner's home out of all events until it is taken back."""
    check_owner(user=user, site=site)
    return opt_out_period_create(site=site, starts_at=now, ends_at=None, user=user, actor=user.email, now=now)


def come_back(*, user: User, site: Site, period_id: int, now: datetime) -> OptOutPeriod:
    """Take a time out back."""
    check_owner(user=user, site=site)
    return opt_out_period_end(site=site, period_id=period_id, actor=user.email, now=now)


def opt_in(*, user: User, site: Site, signal_id: UUID, now: datetime) -> bool:
    """Let the owner's home take part in an event after all."""
    check_owner(user=user, site=site)
    return opt_out_withdraw(signal_id=signal_id, site=site, actor=user.email, now=now)


def _local(text: str, zone: ZoneInfo) -> datetime:
    try:
        said = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise PeriodInvalidError(_("say from when to when, with date and time")) from error
    try:
        return (said if said.tzinfo else said.replace(tzinfo=zone)).astimezone(ZoneInfo("UTC"))
    except OverflowError as error:
        raise PeriodInvalidError(_("say from when to when, with date and time")) from error
