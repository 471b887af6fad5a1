"""What operators see and do of communities that share."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from django.db.models import QuerySet

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.markets.errors import SharingInvalidError
from apps.markets.models import SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.markets.sharing import (
    INTERVALS_S,
    community_create,
    day_settle,
    key_set,
    member_remove,
    member_set,
    members_add,
)
from apps.markets.sharing_selectors import (
    communities_of_organization,
    credits_of_run,
    homes_to_share,
    members_of_community,
    runs_of_community,
)
from apps.sites.models import Site
from apps.sites.selectors import grid_areas_of_organization

DAYS: Final = 31
SHOWN: Final = 50
KEYS: Final = {
    "dynamic": "dynamic: by what each draws in the interval",
    "static": "static: by fixed parts; what a home does not draw is lost to it",
    "hybrid": "hybrid: by fixed parts, what is left by draw",
}


@dataclasses.dataclass(frozen=True)
class FoundForm:
    """What a community can be founded with: areas, keys, interval lengths."""

    areas: list[tuple[int, str]]
    keys: Mapping[str, str]
    minutes: list[int]


@dataclasses.dataclass(frozen=True)
class CommunityView:
    """A community's page: its last days and one of them by home; who shares and who could, as far as they are shown."""

    community: SharingCommunity
    runs: list[SharingRun]
    run: SharingRun | None
    lines: list[SharingCredit]
    find: str
    homes: int
    members: list[SharingMember]
    to_share: int
    could_share: list[Site]
    keys: Mapping[str, str]


def communities(*, organization: Organization) -> list[SharingCommunity]:
    """Return the tenant's communities."""
    return list(communities_of_organization(organization=organization))


def found_form(*, organization: Organization) -> FoundForm:
    """Return what to choose from."""
    areas = grid_areas_of_organization(organization=organization).order_by("name")
    return FoundForm(list(areas.values_list("pk", "name")), KEYS, [one // 60 for one in INTERVALS_S])


def found(
    *, user: User, organization: Organization, sent: Mapping[str, str], zone: str, now: datetime
) -> SharingCommunity:
    """Found a community with days of `zone`, as a form asks."""
    _must_operate(user, organization)
    areas = grid_areas_of_organization(organization=organization)
    area = areas.filter(pk=_number(sent.get("area", ""), "choose a grid area")).first()
    if area is None:
        raise SharingInvalidError("choose a grid area")
    return community_create(
        organization=organization, grid_area=area, name=sent.get("name", "").replace("\x00", ""),
        key=sent.get("key", ""), interval_s=_number(sent.get("minutes", ""), "choose an interval") * 60,
        time_zone=zone, actor=user.email, now=now,
    )  # fmt: skip


def community_of(*, organization: Organization, community_id: int) -> SharingCommunity | None:
    """Return one of them."""
    return communities_of_organization(organization=organization).filter(pk=community_id).first()


def community_view(*, community: SharingCommunity, day: date | None, find: str = "") -> CommunityView:
    """Put a community's page together, with one day or the latest, and the homes whose names have `find` in them."""
    runs = runs_of_community(community=community)
    run = runs.filter(date=day).first() if day else runs.first()
    members, could = members_of_community(community=community), homes_to_share(community=community)
    find = find.replace("\x00", "").strip()[:120]
    return CommunityView(
        community=community,
        runs=list(runs[:DAYS]),
        run=run,
        lines=list(credits_of_run(run=run)) if run else [],
        find=find,
        homes=members.count(),
        members=list(members.filter(site__name__icontains=find).order_by("site__name", "pk")[:SHOWN]),
        to_share=could.count(),
        could_share=list(could.filter(name__icontains=find)[:SHOWN]) if find else list(could[:5]),
        keys=KEYS,
    )


def change(*, user: User, community: SharingCommunity, sent: Mapping[str, str], now: datetime) -> str:
    """Change who shares and by which key, or settle a day, as a form asks; return what was done."""
    _must_operate(user, community.organization)
    do, actor = sent.get("do", ""), user.email
    if do == "settle":
        made = _settle(user, community, day=day_of(sent.get("date", "")), now=now)
        return "Settled." if made else "Nothing has changed since the last settlement."
    if do == "key":
        key_set(community=community, key=sent.get("key", ""), actor=actor, now=now)
        return "Shared by this key from the next settlement on."
    if do == "add_all":
        count = members_add(community=community, part=_part(sent), actor=actor, now=now)
        return f"{count} home{'' if count == 1 else 's'} more share{'s' if count == 1 else ''}."
    site = _site(community, sent.get("site", ""))
    if do == "set":
        member_set(community=community, site=site, part=_part(sent), actor=actor, now=now)
        return f"{site.name} shares."
    if do == "remove":
        member_remove(community=community, site_id=site.pk, actor=actor, now=now)
        return f"{site.name} shares no more. What was settled stays; add it again to undo this."
    raise SharingInvalidError("no such act")


def day_of(text: str) -> date | None:
    """Read a day as a form sends it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _settle(user: User, community: SharingCommunity, *, day: date | None, now: datetime) -> SharingRun | None:
    if day is None:
        raise SharingInvalidError("choose a day")
    made = day_settle(community=community, day=day, now=now)
    audit(
        organization=community.organization, actor=user.email, action="sharing_settle",
        subject=f"sharing community {community.pk}", now=now, date=day.isoformat(),
    )  # fmt: skip
    return made


def _site(community: SharingCommunity, number: str) -> Site:
    homes: QuerySet[Site] = Site.objects.filter(organization_id=community.organization_id)
    site = homes.filter(pk=_number(number, "no such home")).first()
    if site is None:
        raise SharingInvalidError("no such home")
    return site


def _part(sent: Mapping[str, str]) -> int:
    return _number(sent.get("part", "") or "0", "a part is a whole number")


def _number(text: str, said: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise SharingInvalidError(said)
    return int(text)


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator decides this")
