"""Publish prices: what is known of them from an instant on."""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.errors import ConflictError, DomainError
from apps.flexibility.models import PublishedPrice
from apps.flexibility.price_selectors import EPOCH, LONGEST, LONGEST_PERIOD, QUARTER, prices_by_quarter

FARTHEST: Final = timedelta(days=400)
GREATEST: Final = Decimal(100_000)
DECIMALS: Final = 6
CURRENCY: Final = re.compile("[A-Z]{3}")


class PricesInvalidError(DomainError):
    code = "prices_invalid"


class LaterPricesKnownError(ConflictError):
    code = "later_prices_known"
    permanent = False


@dataclasses.dataclass(frozen=True)
class Price:
    """What a kWh costs, and what one fed in earns, in a half-open period."""

    starts_at: datetime
    ends_at: datetime
    price_per_kwh: Decimal
    export_price_per_kwh: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("starts_at", "ends_at"):
            at: datetime = getattr(self, name)
            if at.tzinfo is None:
                raise PricesInvalidError(
                    f"{at.isoformat()} needs an offset: on the day clocks change it is two"
                )
            # Python subtracts two instants of one zone by their wall clocks, wrong on a day of 23 hours.
            object.__setattr__(self, name, at.astimezone(UTC))
        if (self.starts_at - EPOCH) % QUARTER or (self.ends_at - EPOCH) % QUARTER:
            raise PricesInvalidError(f"{self} does not begin and end on a quarter-hour")
        if not timedelta(0) < self.ends_at - self.starts_at <= LONGEST:
            raise PricesInvalidError(f"{self} is not between a quarter of an hour and 25 hours long")
        for amount in (self.price_per_kwh, self.export_price_per_kwh):
            if amount is not None and not _is_amount(amount):
                raise PricesInvalidError(
                    f"{amount} is no price per kWh: a number within ±{GREATEST}, at most {DECIMALS} decimals"
                )

    def __str__(self) -> str:
        return f"{self.starts_at.isoformat()} to {self.ends_at.isoformat()}"


@transaction.atomic
def prices_publish(
    *, organization: Organization, currency: str, prices: Sequence[Price], actor: str, now: datetime
) -> list[PublishedPrice]:
    """Make the prices of a period without gaps known from `now` on; return those that say something new.

    What was known before stays, for whoever asks what was known then.
    """
    if CURRENCY.fullmatch(currency) is None:
        raise PricesInvalidError(f"{currency[:16]!r} is no currency such as EUR")
    ordered = _in_order(prices, now=now)
    Organization.objects.select_for_update().get(pk=organization.pk)
    if PublishedPrice.objects.filter(organization=organization, published_at__gte=now).exists():
        raise LaterPricesKnownError("prices were published at the same time or later; publish again")
    known = prices_by_quarter(
        organization=organization, starts_at=ordered[0].starts_at, ends_at=ordered[-1].ends_at, as_of=now
    )
    new = [
        PublishedPrice(
            organization=organization, currency=currency, published_at=now, **dataclasses.asdict(price)
        )
        for price in ordered
        if not _is_known(price, known[_quarters(ordered[0], price)], currency=currency)
    ]
    PublishedPrice.objects.bulk_create(new)
    if new:
        audit(
            organization=organization, actor=actor, action="prices_publish", subject=f"prices in {currency}", now=now,
            starts_at=new[0].starts_at.isoformat(), ends_at=new[-1].ends_at.isoformat(), count=len(new),
        )  # fmt: skip
    return new


def _in_order(prices: Sequence[Price], *, now: datetime) -> list[Price]:
    ordered = sorted(prices, key=lambda price: price.starts_at)
    if not ordered:
        raise PricesInvalidError("there is no price")
    for before, after in itertools.pairwise(ordered):
        if after.starts_at < before.ends_at:
            raise PricesInvalidError(f"{before} and {after} overlap")
        if after.starts_at > before.ends_at:
            raise PricesInvalidError(f"there is no price between {before} and {after}")
    starts_at, ends_at = ordered[0].starts_at, ordered[-1].ends_at
    if ends_at - starts_at > LONGEST_PERIOD:
        raise PricesInvalidError(f"more than {LONGEST_PERIOD.days} days at once; publish them in parts")
    if starts_at < now - FARTHEST or ends_at > now + FARTHEST:
        raise PricesInvalidError(f"{starts_at.isoformat()} is more than {FARTHEST.days} days away")
    return ordered


def _is_amount(amount: Decimal) -> bool:
    return amount.is_finite() and abs(amount) < GREATEST and amount == round(amount, DECIMALS)


def _quarters(first: Price, price: Price) -> slice:
    return slice((price.starts_at - first.starts_at) // QUARTER, (price.ends_at - first.starts_at) // QUARTER)


def _is_known(price: Price, known: Sequence[PublishedPrice | None], *, currency: str) -> bool:
    said = (price.price_per_kwh, price.export_price_per_kwh, currency)
    return all(
        row is not None and (row.price_per_kwh, row.export_price_per_kwh, row.currency) == said
        for row in known
    )
