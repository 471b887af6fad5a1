"""What a home's energy costs and emits: its household's own word, else its area's, else an assumption that is stated."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final, Literal

from apps.markets.models import Market
from apps.markets.selectors import market_of_site
from apps.programs.selectors import signals_that_priced_site
from apps.sites.models import Site, SiteTariff
from apps.sites.tariffs import rate_of, tariff_of_site
from apps.telemetry.energies import QUARTER, QUARTERS_OF_DAY

Source = Literal["own", "area", "assumed"]
MICRO: Final = Decimal(1_000_000)
ASSUMED_IMPORT: Final = Decimal("0.30")
ASSUMED_EXPORT: Final = Decimal("0.08")
# Greenhouse gas emission intensity of electricity generation, EU-27, 2023 (European Environment Agency).
ASSUMED_G_PER_KWH: Final = 210.0
ASSUMED_CARBON_SOURCE: Final = "European Environment Agency, EU-27, 2023"
MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock of no place


@dataclasses.dataclass(frozen=True)
class Rates:
    """Prices by quarter-hour of the local week [currency/kWh], and whose word they are."""

    source: Source
    currency: str
    buy: Decimal
    sell: Decimal
    by_week: tuple[Decimal, ...]
    tariff: SiteTariff | None
    market: Market | None

    @property
    def is_flat(self) -> bool:
        return len(set(self.by_week)) == 1


@dataclasses.dataclass(frozen=True)
class Intensity:
    """What a kWh from the grid emits [g CO2e/kWh], its source, and the stretches for which a utility said it."""

    g_per_kwh: float
    source: str
    told: list[tuple[datetime, datetime, float]]


def rates_of(*, site: Site) -> Rates:
    """Return what the home pays and earns per kWh."""
    tariff, market = tariff_of_site(site=site), market_of_site(site=site)
    if tariff is not None:
        prices = tuple(_by_week(tariff)) if tariff.bands else _flat(tariff.import_price)
        return Rates("own", tariff.currency, tariff.import_price, tariff.export_price, prices, tariff, market)
    if market is not None:
        buy, sell = market.import_tariff_micro / MICRO, market.export_tariff_micro / MICRO
        return Rates("area", market.currency, buy, sell, _flat(buy), None, market)
    return Rates("assumed", "EUR", ASSUMED_IMPORT, ASSUMED_EXPORT, _flat(ASSUMED_IMPORT), None, None)


def intensity_of(*, site: Site, rates: Rates, starts_at: datetime, ends_at: datetime) -> Intensity:
    """Return what a kWh emits in a period: by the utility's signals, elsewhere by the area's figure or the stated one."""
    market = rates.market
    told = _told(site, starts_at, ends_at=ends_at)
    if market is not None and market.carbon_g_per_kwh is not None:
        return Intensity(float(market.carbon_g_per_kwh), market.carbon_source or market.name, told)
    return Intensity(ASSUMED_G_PER_KWH, ASSUMED_CARBON_SOURCE, told)


def _by_week(tariff: SiteTariff) -> Iterator[Decimal]:
    rate = rate_of(tariff)
    for cell in range(7 * QUARTERS_OF_DAY):
        yield rate.at(MONDAY + cell * QUARTER)


def _flat(price: Decimal) -> tuple[Decimal, ...]:
    return (price,) * (7 * QUARTERS_OF_DAY)


def _told(site: Site, starts_at: datetime, *, ends_at: datetime) -> list[tuple[datetime, datetime, float]]:
    """Return stretches of one intensity each; where signals overlap, the newest word counts."""
    by_quarter: dict[datetime, float] = {}
    signals = signals_that_priced_site(site=site, kind="ghg", starts_at=starts_at, ends_at=ends_at)
    for signal in signals:
        length = timedelta(seconds=signal.interval_s)
        for index, value in enumerate(signal.values):
            begins = signal.starts_at + index * length
            for at in _quarters(max(begins, starts_at), min(begins + length, ends_at)):
                if value is not None:
                    by_quarter[at] = value
    return list(_stretches(sorted(by_quarter.items())))


def _quarters(starts_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    seconds = QUARTER.total_seconds()
    at = datetime.fromtimestamp(-(-starts_at.timestamp() // seconds) * seconds, tz=starts_at.tzinfo)
    while at < ends_at:
        yield at
        at += QUARTER


def _stretches(quarters: list[tuple[datetime, float]]) -> Iterator[tuple[datetime, datetime, float]]:
    numbered = enumerate(quarters)
    for _, group in groupby(numbered, key=lambda one: (one[1][0] - one[0] * QUARTER, one[1][1])):
        rows = [row for _, row in group]
        yield rows[0][0], rows[-1][0] + QUARTER, rows[0][1]


@dataclasses.dataclass(frozen=True)
class BandRow:
    """A band of the tariff as a form shows it."""

    days: str
    starts: str
    ends: str
    price: str


def band_rows(tariff: SiteTariff | None, *, count: int) -> list[BandRow]:
    """Return the tariff's bands, and empty rows up to `count`."""
    rows = [BandRow(**band) for band in tariff.bands] if tariff else []
    return rows + [BandRow("all", "", "", "")] * (count - len(rows))
