"""What operators see and do of communities that share."""

import dataclasses
from datetime import date, datetime

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.markets.errors import SharingInvalidError
from apps.markets.models import SharingCommunity, SharingCredit, SharingMember, SharingRun
from apps.markets.sharing import day_settle
from apps.markets.sharing_selectors import (
    communities_of_organization,
    credits_of_run,
    members_of_community,
    runs_of_community,
)

DAYS = 31


@dataclasses.dataclass(frozen=True)
class CommunityView:
    """A community's page: its last days, and one of them by home."""

    community: SharingCommunity
    members: list[SharingMember]
    runs: list[SharingRun]
    run: SharingRun | None
    lines: list[SharingCredit]


def communities(*, organization: Organization) -> list[SharingCommunity]:
    """Return the tenant's communities."""
    return list(communities_of_organization(organization=organization))


def community_of(*, organization: Organization, community_id: int) -> SharingCommunity | None:
    """Return one of them."""
    return communities_of_organization(organization=organization).filter(pk=community_id).first()


def community_view(*, community: SharingCommunity, day: date | None) -> CommunityView:
    """Put a community's page together, with one day or the latest."""
    runs = runs_of_community(community=community)
    run = runs.filter(date=day).first() if day else runs.first()
    lines = list(credits_of_run(run=run)) if run else []
    return CommunityView(
        community, list(members_of_community(community=community)), list(runs[:DAYS]), run, lines
    )


def settle(*, user: User, community: SharingCommunity, day: date | None, now: datetime) -> SharingRun | None:
    """Settle a day now."""
    if not is_operator(user=user, organization=community.organization):
        raise OperatorOnlyError("only an operator decides this")
    if day is None:
        raise SharingInvalidError("choose a day")
    made = day_settle(community=community, day=day, now=now)
    audit(
        organization=community.organization, actor=user.email, action="sharing_settle",
        subject=f"sharing community {community.pk}", now=now, date=day.isoformat(),
    )  # fmt: skip
    return made
