"""What insights are computed from: whole local days of quarter-hours as arrays, with prices."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.sites.models import Site
from apps.sites.selectors import resources_of_site
from apps.sites.tariffs import rate_of, tariff_of_site
from apps.telemetry.selectors import quarter_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLUMNS = ("load_kw", "pv_kw", "battery_kw", "battery_soc", "ev_kw", "heat_kw", "grid_kw")
QUARTERS = 96
DAYS = 28
STEP_H = 0.25
LEAST_SHARE = 0.8


@dataclasses.dataclass(frozen=True)
class String:
    """A string of panels: daily yields (days,) now and a year before [kWh], NaN for days not known well enough."""

    key: str
    name: str
    now_kwh: Floats
    before_kwh: Floats


@dataclasses.dataclass(frozen=True)
class HomeData:
    """A home's last weeks: rows are quantities by name, (days × 96,) with NaN where nothing is known."""

    site: Site
    starts_at: datetime
    columns: dict[str, Floats]
    before: dict[str, Floats]
    price: Floats | None
    export_price: float
    currency: str
    reserve_soc: float
    capacity_kwh: float

    def has(self, name: str) -> bool:
        """Whether enough of a quantity is known."""
        import numpy as np

        values = self.columns[name]
        return bool(np.isfinite(values).mean() >= LEAST_SHARE)

    def filled(self, name: str) -> Floats:
        """A quantity with nothing where nothing is known."""
        import numpy as np

        return np.nan_to_num(self.columns[name])


def home_data(*, site: Site, now: datetime) -> HomeData:
    """Return the last four whole weeks of a home, and the same days of the year before."""
    import numpy as np

    zone = ZoneInfo(site.time_zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts_at = midnight.astimezone(now.tzinfo) - timedelta(days=DAYS)
    tariff = tariff_of_site(site=site)
    battery: dict[str, Any] = next(
        (one.parameters for one in resources_of_site(site=site) if one.kind == "battery"), {}
    )
    price = None
    if tariff is not None:
        from vpp.intervals import Grid

        series = rate_of(tariff).series(Grid(starts_at, 900, DAYS * QUARTERS), zone)
        price = np.array([float(one) for one in series])
    return HomeData(
        site=site,
        starts_at=starts_at,
        columns=_columns(site, starts_at),
        before=_columns(site, starts_at - timedelta(days=364)),
        price=price,
        export_price=float(tariff.export_price) if tariff is not None else 0.0,
        currency=tariff.currency if tariff is not None else "",
        reserve_soc=float(battery.get("reserve_soc", site.reserve_soc)),
        capacity_kwh=float(battery.get("capacity_kwh", 0.0)),
    )


def _columns(site: Site, starts_at: datetime) -> dict[str, Floats]:
    import numpy as np

    count = DAYS * QUARTERS
    found = {name: np.full(count, np.nan) for name in COLUMNS}
    rows = quarter_means(
        site_ids=[site.pk], columns=COLUMNS, starts_at=starts_at, ends_at=starts_at + timedelta(days=DAYS)
    )
    for _, at, *values in rows:
        index = (at - starts_at) // timedelta(minutes=15)
        for name, value in zip(COLUMNS, values, strict=True):
            if value is not None:
                found[name][index] = value
    return found
