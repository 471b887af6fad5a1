"""What an operator sees of payouts, and records."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.settlement.models import Payout
from apps.settlement.payouts import (
    Owed,
    owed_by_organization,
    payout_record,
    payouts_of_organization,
)
from apps.sites.selectors import sites_of_organization

NEWEST = 100


@dataclasses.dataclass(frozen=True)
class PayoutsPage:
    """What is owed now, and what was paid last."""

    owed: list[Owed]
    paid: list[Payout]


def payouts_page(*, organization: Organization) -> PayoutsPage:
    """Return the tenant's page."""
    owed = [one for one in owed_by_organization(organization=organization) if one.amount > 0]
    return PayoutsPage(owed, list(payouts_of_organization(organization=organization)[:NEWEST]))


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
