"""Reads of published prices, as they were known at an instant."""

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.accounts.models import Organization
from apps.flexibility.models import PublishedPrice

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER: Final = timedelta(minutes=15)
# One price for a whole day, the longest of the year included.
LONGEST: Final = timedelta(hours=25)
LONGEST_PERIOD: Final = timedelta(days=62)


@dataclasses.dataclass(frozen=True)
class KnownPrice:
    """A price in the part of its period in which no newer one was known."""

    starts_at: datetime
    ends_at: datetime
    price_per_kwh: Decimal
    export_price_per_kwh: Decimal | None
    currency: str
    published_at: datetime


def prices_known(
    *, organization: Organization, starts_at: datetime, ends_at: datetime, as_of: datetime
) -> list[KnownPrice]:
    """Return what was known at `as_of` of the prices of a period of whole quarter-hours, in order."""
    found = prices_by_quarter(organization=organization, starts_at=starts_at, ends_at=ends_at, as_of=as_of)
    pieces = []
    for row, places in itertools.groupby(enumerate(found), key=lambda one: one[1]):
        if row is not None:
            held = [place for place, _ in places]
            pieces.append(
                KnownPrice(
                    starts_at + held[0] * QUARTER,
                    starts_at + (held[-1] + 1) * QUARTER,
                    row.price_per_kwh,
                    row.export_price_per_kwh,
                    row.currency,
                    row.published_at,
                )
            )
    return pieces


def prices_by_quarter(
    *, organization: Organization, starts_at: datetime, ends_at: datetime, as_of: datetime
) -> list[PublishedPrice | None]:
    """Return the price of each quarter-hour of a period, the newest published at or before `as_of`."""
    found: list[PublishedPrice | None] = [None] * ((ends_at - starts_at) // QUARTER)
    rows = PublishedPrice.objects.filter(
        organization=organization,
        starts_at__gt=starts_at - LONGEST,
        starts_at__lt=ends_at,
        ends_at__gt=starts_at,
        published_at__lte=as_of,
    )
    for row in rows.order_by("published_at", "pk"):
        first = max((row.starts_at - starts_at) // QUARTER, 0)
        after = min((row.ends_at - starts_at) // QUARTER, len(found))
        found[first:after] = [row] * (after - first)
    return found


def whole_quarters(starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
    """Widen a period to whole quarter-hours."""
    return starts_at - (starts_at - EPOCH) % QUARTER, ends_at + (EPOCH - ends_at) % QUARTER
