"""What an operator sees of payouts, and records."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.common.keyset import KeysetPage, keyset_page
from apps.settlement.models import Payout
from apps.settlement.payouts import (
    Owed,
    owed_to_sites,
    payout_record,
    payouts_of_organization,
    sites_owed,
)
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization

NEWEST = 100
HOMES_SHOWN = 50


@dataclasses.dataclass(frozen=True)
class PayoutsPage:
    """What is owed now, by pages of homes, and what was paid last."""

    owed: list[Owed]
    page: KeysetPage[Site]
    paid: list[Payout]


def payouts_page(*, organization: Organization, cursor: str) -> PayoutsPage:
    """Return a page of the tenant's homes that are owed something."""
    sites = sites_owed(organization=organization)
    page = keyset_page(sites, order="pk", cursor=cursor, size=HOMES_SHOWN)
    owed = [one for one in owed_to_sites(site_ids=[one.pk for one in page.rows]) if one.amount > 0]
    return PayoutsPage(owed, page, list(payouts_of_organization(organization=organization)[:NEWEST]))


def record(
    *, user: User, organization: Organization, sent: Mapping[str, str], now: datetime
) -> Payout | None:
    """Record that a home of the tenant was paid all it is owed; None for a home of somebody else."""
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator records payments")
    number = sent.get("site", "")
    sites = sites_of_organization(organization=organization)
    site = sites.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 12 else None
    if site is None:
        return None
    return payout_record(
        site=site, currency=sent.get("currency", ""), reference=sent.get("reference", ""), actor=user.email,
        paid_at=now, now=now,
    )  # fmt: skip
