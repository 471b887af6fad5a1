"""What a home pays and earns at its meter: prices for a grid of intervals, and the bill of metered power.

Rates are read by local wall clock, so a day of 23 or 25 hours has as many priced intervals as it has intervals. Amounts
are decimals, each line rounded half up to the currency's places and added up as shown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from vpp.errors import VppError
from vpp.intervals import Grid, local_date, local_day
from vpp.resources.horizon import Floats, Horizon
from vpp.scheduling.prices import Prices

Value = TypeVar("Value")
EVERY_DAY: Final = frozenset(range(7))


class TariffError(VppError):
    """A tariff that makes no sense, or that has no one price for an interval."""

    code = "invalid_tariff"


def require_money(name: str, value: Decimal, *, negative: bool = True) -> None:
    """Refuse what is no finite decimal."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TariffError(f"{name} is {value!r}, not a finite decimal")
    if value < 0 and not negative:
        raise TariffError(f"{name} is {value}, must be at least 0")


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of the local day, [starts, ends), whole minutes, past midnight if `ends` is not later; Monday is 0.

    A part that runs past midnight belongs to the day it starts on.
    """

    starts: time
    ends: time
    days: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        if any(at.second or at.microsecond or at.tzinfo for at in (self.starts, self.ends)):
            raise TariffError("hours of a tariff are whole minutes of the local day")
        if not self.days or not self.days <= EVERY_DAY:
            raise TariffError(f"days are {sorted(self.days)}, must be among 0 (Monday) to 6")

    def contains(self, local: datetime) -> bool:
        """Whether the wall-clock instant lies in them."""
        at, day = local.time(), local.weekday()
        if self.starts < self.ends:
            return self.starts <= at < self.ends and day in self.days
        return (at >= self.starts and day in self.days) or (at < self.ends and (day - 1) % 7 in self.days)


@dataclass(frozen=True, slots=True)
class Flat:
    """One price [currency/kWh]."""

    per_kwh: Decimal

    def __post_init__(self) -> None:
        require_money("per_kwh", self.per_kwh)

    def series(self, grid: Grid, zone: ZoneInfo) -> list[Decimal]:
        return [self.per_kwh] * grid.count


@dataclass(frozen=True, slots=True)
class TimeOfUse:
    """The price of the first band that an instant lies in, else `otherwise` [currency/kWh]."""

    bands: tuple[tuple[Hours, Decimal], ...]
    otherwise: Decimal

    def __post_init__(self) -> None:
        for price in (self.otherwise, *(price for _, price in self.bands)):
            require_money("per_kwh", price)

    def at(self, local: datetime) -> Decimal:
        """The price at a wall-clock instant."""
        return next((price for hours, price in self.bands if hours.contains(local)), self.otherwise)

    def series(self, grid: Grid, zone: ZoneInfo) -> list[Decimal]:
        """The price of each interval; one that a band's boundary cuts is refused."""
        return _one_each([hours for hours, _ in self.bands], self.at, grid=grid, zone=zone)


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Published prices [currency/kWh], one for each interval of `grid`; finer grids within it share them."""

    grid: Grid
    per_kwh: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        if len(self.per_kwh) != self.grid.count:
            raise TariffError(f"{len(self.per_kwh)} prices do not fit {self.grid.count} intervals")
        for price in self.per_kwh:
            require_money("per_kwh", price)

    def series(self, grid: Grid, zone: ZoneInfo) -> list[Decimal]:
        """The price of each interval; one without a price, or with two, is refused."""
        prices = []
        for starts_at, ends_at in _bounds(grid):
            first, last = self.grid.index(starts_at), self.grid.index(ends_at - timedelta(microseconds=1))
            if first is None or last is None:
                raise TariffError(f"there is no price for {starts_at:%Y-%m-%d %H:%M} UTC")
            if len(set(self.per_kwh[first : last + 1])) > 1:
                raise TariffError(f"the interval from {starts_at:%Y-%m-%d %H:%M} UTC has more than one price")
            prices.append(self.per_kwh[first])
        return prices


@dataclass(frozen=True, slots=True)
class DemandCharge:
    """A price on the highest mean import of an interval [currency/kW], in some hours only if they are given.

    `already_kw` [kW] is the peak the billing period has had; only what goes beyond it costs more.
    """

    per_kw: Decimal
    hours: tuple[Hours, ...] = ()
    already_kw: float = 0.0

    def __post_init__(self) -> None:
        require_money("per_kw", self.per_kw, negative=False)
        if not (math.isfinite(self.already_kw) and self.already_kw >= 0):
            raise TariffError(f"already_kw is {self.already_kw}, must be finite and at least 0")

    def counts(self, grid: Grid, zone: ZoneInfo) -> list[bool]:
        """Which intervals it counts in."""
        if not self.hours:
            return [True] * grid.count
        return _one_each(self.hours, self._inside, grid=grid, zone=zone)

    def _inside(self, local: datetime) -> bool:
        return any(hours.contains(local) for hours in self.hours)


Rate = Flat | TimeOfUse | Dynamic


@dataclass(frozen=True, slots=True)
class Bill:
    """Amounts of a period, each rounded, and their sum; export is what is earned, and taken off."""

    currency: str
    import_cost: Decimal
    export_income: Decimal
    demand: Decimal
    fixed: Decimal
    import_kwh: Decimal
    export_kwh: Decimal

    @property
    def total(self) -> Decimal:
        """What is to be paid; negative is a credit."""
        return self.import_cost - self.export_income + self.demand + self.fixed


@dataclass(frozen=True, slots=True)
class Tariff:
    """Rates of import and export, a demand charge, a fixed price per local day, and the places of the currency."""

    currency: str
    zone: ZoneInfo
    buy: Rate
    sell: Rate = field(default_factory=lambda: Flat(Decimal(0)))
    demand: DemandCharge | None = None
    fixed_per_day: Decimal = Decimal(0)
    places: int = 2

    def __post_init__(self) -> None:
        require_money("fixed_per_day", self.fixed_per_day)
        if not self.currency:
            raise TariffError("a tariff needs a currency")

    def horizon(self, grid: Grid) -> Horizon:
        """The grid as a horizon whose sentences show the tariff's local time."""
        return Horizon.of(grid, self.zone)

    def prices(self, grid: Grid) -> Prices:
        """What a schedule on `grid` is priced with; the fixed part changes no schedule and is left out.

        Raises
        ------
        TariffError
            For an interval without exactly one price.
        """
        buy, sell = self.buy.series(grid, self.zone), self.sell.series(grid, self.zone)
        demand = self.demand
        return Prices(
            buy_per_kwh=np.array(buy, dtype=np.float64),
            sell_per_kwh=np.array(sell, dtype=np.float64),
            demand_per_kw=float(demand.per_kw) if demand else 0.0,
            demand_steps=np.array(demand.counts(grid, self.zone)) if demand else None,
            demand_already_kw=demand.already_kw if demand else 0.0,
        )

    def bill(self, grid: Grid, meter_kw: ArrayLike) -> Bill:
        """What mean powers (T,) at the meter [kW] cost; import is positive.

        The demand line is what the period adds to the peak there already was. The fixed part of a day is shared by its
        seconds, so parts of a day, of 23 hours too, add up to it.

        Raises
        ------
        TariffError
            For NaN, a number of powers that does not fit, an interval without exactly one price.
        """
        power = self._metered(grid, meter_kw)
        hours = Decimal(grid.interval_s) / 3600
        energy = [Decimal(repr(float(value))) * hours for value in power]
        buy, sell = self.buy.series(grid, self.zone), self.sell.series(grid, self.zone)
        drawn = [max(kwh, Decimal(0)) for kwh in energy]
        given = [max(-kwh, Decimal(0)) for kwh in energy]
        return Bill(
            currency=self.currency,
            import_cost=self._rounded(sum(map(Decimal.__mul__, drawn, buy), Decimal(0))),
            export_income=self._rounded(sum(map(Decimal.__mul__, given, sell), Decimal(0))),
            demand=self._rounded(self._demand(grid, power)),
            fixed=self._rounded(self._fixed(grid)),
            import_kwh=sum(drawn, Decimal(0)),
            export_kwh=sum(given, Decimal(0)),
        )

    def _metered(self, grid: Grid, meter_kw: ArrayLike) -> Floats:
        power = np.asarray(meter_kw, dtype=np.float64)
        if power.shape != (grid.count,):
            raise TariffError(f"powers of shape {power.shape} do not fit {grid.count} intervals")
        if not np.isfinite(power).all():
            raise TariffError("a power at the meter is not a finite number")
        return power

    def _demand(self, grid: Grid, power: Floats) -> Decimal:
        if self.demand is None:
            return Decimal(0)
        counted = np.where(self.demand.counts(grid, self.zone), power, 0.0)
        already = Decimal(repr(float(self.demand.already_kw)))
        peak = max(already, Decimal(repr(float(counted.max(initial=0.0)))))
        return self.demand.per_kw * (peak - already)

    def _fixed(self, grid: Grid) -> Decimal:
        share, starts_at = Decimal(0), grid.starts_at
        while starts_at < grid.ends_at:
            day = local_day(local_date(starts_at, self.zone), self.zone)
            ends_at = min(day.ends_at, grid.ends_at)
            share += Decimal(str((ends_at - starts_at).total_seconds())) / Decimal(str(day.seconds))
            starts_at = ends_at
        return share * self.fixed_per_day

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-self.places), rounding=ROUND_HALF_UP)


def _bounds(grid: Grid) -> list[tuple[datetime, datetime]]:
    boundaries = grid.boundaries()
    return list(pairwise(boundaries))


def _one_each(
    hours: Sequence[Hours], at: Callable[[datetime], Value], *, grid: Grid, zone: ZoneInfo
) -> list[Value]:
    """The value of each interval, looked up as often as hours can change within one."""
    minutes = [part.starts.minute for part in hours] + [part.ends.minute for part in hours]
    every = timedelta(seconds=math.gcd(grid.interval_s, 3600, *(60 * minute for minute in minutes)))
    values = []
    for starts_at, ends_at in _bounds(grid):
        instant, seen = starts_at, set()
        while instant < ends_at:
            seen.add(at(instant.astimezone(zone)))
            instant += every
        if len(seen) > 1:
            local = starts_at.astimezone(zone)
            raise TariffError(
                f"the interval from {local:%Y-%m-%d %H:%M} lies across a boundary of the tariff's hours"
            )
        values.append(seen.pop())
    return values
