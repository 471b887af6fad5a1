"""The people of a home: who they are, what they may do, and who looked in from outside."""

import dataclasses
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.accounts.models import Membership, User
from apps.accounts.services import audit
from apps.common.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from apps.sites.models import AccessEntry, Role, Site, SiteMember
from apps.sites.rights import OPERATORS, OUTSIDERS, RIGHTS, Right

LONGEST_ACCESS = timedelta(days=366)


class LastOwnerError(ConflictError):
    code = "last_owner"


class RoleInvalidError(DomainError):
    code = "role_invalid"


class NotOwnerError(ForbiddenError):
    code = "owner_only"


@dataclasses.dataclass(frozen=True)
class Standing:
    """What a person is at a home (`operator` for one who works for its organization) and may do there."""

    site: Site
    role: str
    rights: frozenset[Right]
    expires_at: datetime | None = None


def in_force() -> Q:
    """Which memberships hold now: by the database's clock, as for sessions, never by a simulated one."""
    return Q(expires_at=None) | Q(expires_at__gt=Now())


def standing_of(*, user: User, site_id: int) -> Standing | None:
    """Return what a person may do at a home; None where they may nothing."""
    found = SiteMember.objects.filter(in_force(), user=user, site_id=site_id, site__closed_at=None)
    member = found.select_related("site__organization").first()
    if member is not None:
        return Standing(member.site, member.role, RIGHTS[member.role], member.expires_at)
    works = Membership.objects.filter(user=user).values("organization")
    site = Site.objects.filter(pk=site_id, organization__in=works, closed_at=None).first()
    return None if site is None else Standing(site, "operator", OPERATORS)


def standings_of_person(*, user: User) -> list[Standing]:
    """Return every home that a person belongs to or was let into, in order."""
    found = SiteMember.objects.filter(in_force(), user=user, site__closed_at=None)
    rows = found.select_related("site__organization").order_by("site_id")
    return [Standing(one.site, one.role, RIGHTS[one.role], one.expires_at) for one in rows]


def members_of_site(*, site: Site) -> list[SiteMember]:
    """Return the home's people whose access has not ended, owners first."""
    found = list(SiteMember.objects.filter(in_force(), site=site).select_related("user").order_by("pk"))
    order = list(RIGHTS)
    return sorted(found, key=lambda one: order.index(one.role))


def looks_of_site(*, site: Site, limit: int) -> list[AccessEntry]:
    """Return who looked in from outside, the latest first."""
    return list(AccessEntry.objects.filter(site=site).order_by("-last_at", "-pk")[:limit])


def look_note(*, standing: Standing, user: User, page: str, now: datetime) -> None:
    """Note that somebody from outside looked at a page; who lives there is not watched."""
    if standing.role not in OUTSIDERS and standing.role != "operator":
        return
    entry, is_new = AccessEntry.objects.get_or_create(
        site=standing.site,
        who=user.email[:160],
        page=page[:64],
        on_date=now.astimezone(ZoneInfo(standing.site.time_zone)).date(),
        defaults={"role": standing.role, "last_at": now},
    )
    if not is_new:
        AccessEntry.objects.filter(pk=entry.pk).update(last_at=now, looks=F("looks") + 1)


@transaction.atomic
def member_change(
    *, site: Site, by: User, member_id: int, role: str, expires_at: datetime | None, machine_now: datetime,
    now: datetime,
) -> SiteMember:  # fmt: skip
    """Give a person of the home another role, or another end of their access."""
    member = _locked(site, by, member_id=member_id)
    check_access(role=role, expires_at=expires_at, machine_now=machine_now)
    if member.role == Role.OWNER and role != Role.OWNER:
        _check_not_last(site)
    before = member.role
    member.role, member.expires_at = role, expires_at
    member.save(update_fields=["role", "expires_at"])
    _audit(site, by, action="member_change", now=now, person=member.user.email, before=before, role=role)
    return member


@transaction.atomic
def member_remove(*, site: Site, by: User, member_id: int, now: datetime) -> SiteMember:
    """Take a person's access to the home back, at once."""
    member = _locked(site, by, member_id=member_id)
    return _delete(member, by, action="member_remove", now=now)


@transaction.atomic
def member_leave(*, site: Site, user: User, now: datetime) -> SiteMember:
    """Leave a home; its last owner cannot."""
    _lock(site)
    member = SiteMember.objects.filter(site=site, user=user).first()
    if member is None:
        raise NotFoundError("you do not belong to this home")
    return _delete(member, user, action="member_leave", now=now)


def check_access(*, role: str, expires_at: datetime | None, machine_now: datetime) -> None:
    """Refuse a role that does not exist, and an end that does not fit it."""
    if role not in RIGHTS:
        raise RoleInvalidError("there is no such role")
    if role == Role.OWNER and expires_at is not None:
        raise RoleInvalidError("an owner is one until somebody changes it")
    if role == Role.INSTALLER and expires_at is None:
        raise RoleInvalidError("say until when an installer may come in")
    if expires_at is not None and not machine_now < expires_at <= machine_now + LONGEST_ACCESS:
        raise RoleInvalidError("access ends after now, and within a year")


def check_owner(*, site: Site, user: User) -> None:
    """Refuse anybody who does not decide for the home."""
    if not SiteMember.objects.filter(in_force(), site=site, user=user, role=Role.OWNER).exists():
        raise NotOwnerError("only an owner of this home decides this")


def _locked(site: Site, by: User, *, member_id: int) -> SiteMember:
    _lock(site)
    check_owner(site=site, user=by)
    found = SiteMember.objects.select_related("user").filter(site=site, pk=member_id).first()
    if found is None:
        raise NotFoundError("nobody of this home")
    return found


def _lock(site: Site) -> None:
    """Two owners who leave at the same time would leave nobody."""
    Site.objects.select_for_update().get(pk=site.pk)


def _check_not_last(site: Site) -> None:
    if SiteMember.objects.filter(site=site, role=Role.OWNER).count() < 2:
        raise LastOwnerError("a home has an owner; make somebody else one first")


def _delete(member: SiteMember, by: User, *, action: str, now: datetime) -> SiteMember:
    if member.role == Role.OWNER:
        _check_not_last(member.site)
    _audit(member.site, by, action=action, now=now, person=member.user.email, role=member.role)
    SiteMember.objects.filter(pk=member.pk).delete()
    return member


def _audit(site: Site, by: User, *, action: str, now: datetime, **detail: str) -> None:
    audit(
        organization=site.organization, actor=by.email, action=action, subject=f"site {site.pk}", now=now, **detail
    )  # fmt: skip
