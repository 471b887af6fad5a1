"""A household's own tariff: what it typed, checked, and as the energy library reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.sites.models import Site, SiteTariff

if TYPE_CHECKING:
    from vpp.scheduling.tariff import Hours, TimeOfUse

DAYS: Final = {"all": range(7), "weekdays": range(5), "weekend": range(5, 7)}
MOST_BANDS: Final = 6
HIGHEST_PRICE: Final = Decimal(10)


class TariffInvalidError(DomainError):
    code = "tariff_invalid"
    status = 422


@dataclasses.dataclass(frozen=True)
class Band:
    """A part of the local day with a price of its own, as typed."""

    days: str
    starts: str
    ends: str
    price: str


def tariff_of_site(*, site: Site) -> SiteTariff | None:
    """Return what the household entered, if it did."""
    return SiteTariff.objects.filter(site=site).first()


@transaction.atomic
def tariff_set(
    *,
    site: Site,
    currency: str,
    import_price: str,
    export_price: str,
    bands: Sequence[Band],
    actor: str,
    now: datetime,
) -> SiteTariff:
    """Keep the household's tariff; every report is computed by the one that is kept now."""
    kept = {
        "currency": _currency(currency),
        "import_price": _price("price", import_price),
        "export_price": _price("price for export", export_price or "0"),
        "bands": _bands(bands),
    }
    tariff, _ = SiteTariff.objects.update_or_create(site=site, defaults={**kept, "modified_at": now})
    audit(
        organization=site.organization, actor=actor, action="site_tariff_set", subject=f"site {site.pk}", now=now,
        **{name: str(value) for name, value in kept.items()},
    )  # fmt: skip
    return tariff


@transaction.atomic
def tariff_remove(*, site: Site, actor: str, now: datetime) -> None:
    """Forget the household's tariff: what holds for its area counts again."""
    removed, _ = SiteTariff.objects.filter(site=site).delete()
    if removed:
        audit(
            organization=site.organization, actor=actor, action="site_tariff_remove", subject=f"site {site.pk}", now=now
        )  # fmt: skip


def rate_of(tariff: SiteTariff) -> TimeOfUse:
    """Return what import costs, as the energy library reads it."""
    from vpp.scheduling.tariff import TimeOfUse

    bands = [(_hours(Band(**band)), Decimal(band["price"])) for band in tariff.bands]
    return TimeOfUse(tuple(bands), tariff.import_price)


def _hours(band: Band) -> Hours:
    from vpp.scheduling.tariff import Hours

    return Hours(time.fromisoformat(band.starts), time.fromisoformat(band.ends), frozenset(DAYS[band.days]))


def _bands(bands: Sequence[Band]) -> list[dict[str, str]]:
    if len(bands) > MOST_BANDS:
        raise TariffInvalidError(f"a tariff has at most {MOST_BANDS} bands")
    return [_band(band) for band in bands]


def _band(band: Band) -> dict[str, str]:
    if band.days not in DAYS:
        raise TariffInvalidError("a band holds on all days, weekdays or the weekend")
    starts, ends = _quarter_hour(band.starts), _quarter_hour(band.ends)
    if starts == ends:
        raise TariffInvalidError("a band begins and ends at different times")
    return {"days": band.days, "starts": starts, "ends": ends, "price": str(_price("price", band.price))}


def _quarter_hour(typed: str) -> str:
    try:
        at = time.fromisoformat(typed.strip())
    except ValueError as error:
        raise TariffInvalidError(f"{typed[:20]!r} is not a time like 18:00") from error
    if at.minute % 15 or at.second or at.microsecond or at.tzinfo:
        raise TariffInvalidError(f"{at:%H:%M:%S} does not begin a quarter-hour")
    return f"{at:%H:%M}"


def _price(name: str, typed: str) -> Decimal:
    try:
        value = Decimal(typed.strip().replace(",", ".").replace("−", "-"))
    except InvalidOperation as error:
        raise TariffInvalidError(f"the {name} {typed[:20]!r} is not a number") from error
    if not value.is_finite() or abs(value) > HIGHEST_PRICE:
        raise TariffInvalidError(f"the {name} must lie between −{HIGHEST_PRICE} and {HIGHEST_PRICE} per kWh")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -5:
        raise TariffInvalidError(f"the {name} has at most five decimals")
    return value


def _currency(typed: str) -> str:
    code = typed.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise TariffInvalidError(f"{typed[:20]!r} is no currency code like EUR")
    return code
