"""The people of a home as its pages show them, and what their owner may do about it."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import AuditEntry, User
from apps.accounts.selectors import audit_about
from apps.common.errors import DomainError
from apps.portal.people_words import ACTIONS, PAGES
from apps.sites.households import looks_of_site, members_of_site
from apps.sites.invitations import invitations_pending
from apps.sites.models import AccessEntry, Invitation, Role, Site, SiteMember
from apps.telemetry.months import MonthEnergy, months_of_site

MOST_LINES: Final = 30
ROLES: Final[dict[str, tuple[str | Promise, str | Promise]]] = {
    Role.OWNER: (gettext_lazy("Owner"), gettext_lazy("decides everything, people and consents too")),
    Role.MEMBER: (gettext_lazy("Member"), gettext_lazy("sees everything, sets comfort and quiet hours")),
    Role.VIEWER: (gettext_lazy("Viewer"), gettext_lazy("sees everything, changes nothing")),
    Role.INSTALLER: (gettext_lazy("Installer"), gettext_lazy("devices and hub only, for a limited time")),
    Role.LANDLORD: (gettext_lazy("Landlord"), gettext_lazy("energy of whole months only, nothing of today")),
    "operator": (gettext_lazy("Operator"), gettext_lazy("works for the company that runs your program")),
}


class DateUnreadableError(DomainError):
    code = "date_unreadable"


@dataclasses.dataclass(frozen=True)
class PersonRow:
    """Somebody with a right at the home."""

    member: SiteMember
    role: str | Promise
    means: str | Promise
    is_me: bool


@dataclasses.dataclass(frozen=True)
class InvitationRow:
    """An invitation that waits, or has expired without an answer."""

    invitation: Invitation
    role: str | Promise
    is_over: bool


@dataclasses.dataclass(frozen=True)
class LookRow:
    """That somebody from outside looked."""

    entry: AccessEntry
    role: str | Promise
    page: str | Promise


@dataclasses.dataclass(frozen=True)
class DoneRow:
    """What somebody did."""

    entry: AuditEntry
    what: str | Promise
    about: str


@dataclasses.dataclass(frozen=True)
class PeoplePage:
    """Everything the page shows; looks and deeds are for owners."""

    people: list[PersonRow]
    invitations: list[InvitationRow]
    looks: list[LookRow]
    done: list[DoneRow]
    roles: list[tuple[str, str | Promise, str | Promise]]
    first_day: date
    last_day: date


def people_page(*, site: Site, user: User, is_owner: bool, machine_now: datetime) -> PeoplePage:
    """Return who belongs to a home; for its owner also who was invited, looked in, and did what."""
    people = [
        PersonRow(one, *ROLES[one.role], is_me=one.user_id == user.pk) for one in members_of_site(site=site)
    ]
    today = machine_now.astimezone(ZoneInfo(site.time_zone)).date()
    invitations = invitations_pending(site=site) if is_owner else []
    return PeoplePage(
        people=people,
        invitations=[
            InvitationRow(one, ROLES[one.role][0], is_over=one.expires_at <= machine_now)
            for one in invitations
        ],
        looks=[_look(one) for one in looks_of_site(site=site, limit=MOST_LINES)] if is_owner else [],
        done=_done(site) if is_owner else [],
        roles=[(role, *ROLES[role]) for role in Role.values],
        first_day=today + timedelta(days=1),
        last_day=today + timedelta(days=365),
    )


def until(text: str, *, site: Site) -> datetime | None:
    """Return the end of the local day that a form names; None for an empty field."""
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
        local = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(site.time_zone))
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DateUnreadableError(_("this is not a date")) from error


def totals(*, site: Site, now: datetime) -> list[MonthEnergy]:
    """Return the last twelve months that are over: from none of them can be told who is at home today."""
    local = now.astimezone(ZoneInfo(site.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    ends = local.replace(day=1)
    starts = ends.replace(year=ends.year - 1)
    return months_of_site(
        site_id=site.pk,
        time_zone=site.time_zone,
        starts_at=starts.astimezone(UTC),
        ends_at=ends.astimezone(UTC),
    )


def _look(entry: AccessEntry) -> LookRow:
    return LookRow(entry, ROLES[entry.role][0], PAGES.get(entry.page, entry.page.replace("_", " ")))


def _done(site: Site) -> list[DoneRow]:
    found = audit_about(organization=site.organization, subject=f"site {site.pk}")[:MOST_LINES]
    return [
        DoneRow(one, ACTIONS.get(one.action, one.action.replace("_", " ")), str(one.detail.get("person", "")))
        for one in found
    ]
