"""What a household says about its tariff."""

from collections.abc import Mapping
from datetime import datetime

from apps.accounts.models import User
from apps.portal.rates import BandRow
from apps.portal.rights import check_owner
from apps.sites.models import Site
from apps.sites.tariffs import MOST_BANDS, Band, tariff_remove, tariff_set


def set_tariff(*, user: User, site: Site, typed: Mapping[str, str], now: datetime) -> None:
    """Keep what the owner typed, or forget it."""
    check_owner(user=user, site=site)
    if "remove" in typed:
        tariff_remove(site=site, actor=user.email, now=now)
        return
    bands = [row for row in typed_bands(typed) if row.starts or row.ends or row.price]
    tariff_set(
        site=site,
        currency=typed.get("currency", ""),
        import_price=typed.get("import_price", ""),
        export_price=typed.get("export_price", ""),
        bands=[Band(row.days, row.starts, row.ends, row.price) for row in bands],
        actor=user.email,
        now=now,
    )


def typed_bands(typed: Mapping[str, str]) -> list[BandRow]:
    """Return the form's rows of bands as they were typed."""
    return [
        BandRow(
            days=typed.get(f"band{index}_days", "all"),
            starts=typed.get(f"band{index}_starts", ""),
            ends=typed.get(f"band{index}_ends", ""),
            price=typed.get(f"band{index}_price", ""),
        )
        for index in range(MOST_BANDS)
    ]
