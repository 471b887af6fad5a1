"""What the Energy page shows: a period of a home, what it cost, and the same of another period."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.common.charts import Chart
from apps.portal.energy_chart import bars
from apps.portal.periods import Period, after, before, cut, year_before
from apps.portal.rates import Intensity, Rates, intensity_of, rates_of
from apps.settlement.selectors import statements_of_site
from apps.sites.models import Site
from apps.telemetry.energies import Bucket, energies_within, site_energies
from vpp.settlement.home_account import Carbon, Cost, Flows, carbon, cost, total

BUCKETS: Mapping[str, Bucket] = {"day": "hour", "week": "day", "month": "day", "year": "month"}


@dataclasses.dataclass(frozen=True)
class Account:
    """A period's energies, what they cost, and what they emitted."""

    period: Period
    flows: Flows
    cost: Cost
    carbon: Carbon

    @property
    def is_empty(self) -> bool:
        return self.flows == Flows()


@dataclasses.dataclass(frozen=True)
class Row:
    """A part of the period: an hour, a day, or a month."""

    at: datetime
    on: date
    flows: Flows


@dataclasses.dataclass(frozen=True)
class Change:
    """A figure of both periods; `share` is the change against the other one, None where that was nothing."""

    name: str
    this: float
    that: float

    @property
    def share(self) -> float | None:
        return (self.this - self.that) / abs(self.that) if abs(self.that) > 0.005 else None


@dataclasses.dataclass(frozen=True)
class EnergyPage:
    account: Account
    other: Account
    changes: list[Change]
    rows: list[Row]
    chart: Chart | None
    rates: Rates
    intensity: Intensity
    told_share: float
    paid: list[tuple[str, Decimal]]
    before: Period
    after: Period | None
    is_running: bool
    has_sun: bool
    has_battery: bool


def energy_page(*, site: Site, period: Period, against: str, now: datetime) -> EnergyPage:
    """Return a period of the home beside the one before it or the same of the year before."""
    zone, rates = ZoneInfo(site.time_zone), rates_of(site=site)
    until = min(period.ends_at, now)
    intensity = intensity_of(site=site, rates=rates, starts_at=period.starts_at, ends_at=until)
    account, rows, told = _account(site, period, until=until, rates=rates, intensity=intensity)
    earlier = year_before(period, zone=zone) if against == "year" else before(period, zone=zone)
    earlier = cut(earlier, like=period, now=now)
    same = intensity_of(site=site, rates=rates, starts_at=earlier.starts_at, ends_at=earlier.ends_at)
    other, _, _ = _account(site, earlier, until=earlier.ends_at, rates=rates, intensity=same)
    following = after(period, zone=zone)
    flows = account.flows
    return EnergyPage(
        account=account,
        other=other,
        changes=_changes(account, other),
        rows=rows,
        chart=bars(period, [(row.at, row.flows) for row in rows], zone=zone) if rows else None,
        rates=rates,
        intensity=intensity,
        told_share=told / flows.import_kwh if flows.import_kwh > 0 else 0.0,
        paid=_paid(site, period),
        before=before(period, zone=zone),
        after=following if following.starts_at <= now else None,
        is_running=period.starts_at <= now < period.ends_at,
        has_sun=flows.sun_kwh > 0,
        has_battery=flows.charge_kwh + flows.discharge_kwh > 0,
    )


def _account(
    site: Site, period: Period, *, until: datetime, rates: Rates, intensity: Intensity
) -> tuple[Account, list[Row], float]:
    """Return a period's account up to an instant, its parts, and how much of its import has a told intensity [kWh]."""
    zone = ZoneInfo(site.time_zone)
    found = site_energies(
        site_id=site.pk, starts_at=period.starts_at, ends_at=max(until, period.starts_at),
        zone=site.time_zone, bucket=BUCKETS[period.span],
    )  # fmt: skip
    flows = total(found.by_week.values())
    priced = [(part, rates.by_week[cell], rates.sell) for cell, part in found.by_week.items()]
    told = energies_within(
        site_id=site.pk, periods=[(begins, ends) for begins, ends, _ in intensity.told], ends_at=until
    )
    parts = [(part, g_per_kwh) for part, (_, _, g_per_kwh) in zip(told, intensity.told, strict=True)]
    rest = _minus(flows, total(told))
    account = Account(period, flows, cost(priced), carbon([*parts, (rest, intensity.g_per_kwh)]))
    rows = [Row(at, at.astimezone(zone).date(), part) for at, part in found.by_bucket]
    return account, rows, total(told).import_kwh


def _minus(one: Flows, two: Flows) -> Flows:
    names = [field.name for field in dataclasses.fields(Flows)]
    return Flows(*(getattr(one, name) - getattr(two, name) for name in names))


def _changes(this: Account, that: Account) -> list[Change]:
    if that.is_empty:
        return []
    energies = [
        Change(name, getattr(this.flows, f"{name}_kwh"), getattr(that.flows, f"{name}_kwh"))
        for name in ("used", "sun", "import", "export")
    ]
    return [
        *energies,
        Change("cost", float(this.cost.cost), float(that.cost.cost)),
        Change("carbon", this.carbon.emitted_kg, that.carbon.emitted_kg),
    ]


def _paid(site: Site, period: Period) -> list[tuple[str, Decimal]]:
    """Return what programs paid for events that began in the period, by currency."""
    sums: dict[str, Decimal] = {}
    held = statements_of_site(site=site).filter(
        run__signal__starts_at__gte=period.starts_at, run__signal__starts_at__lt=period.ends_at
    )
    for statement in held:
        currency = statement.run.currency
        sums[currency] = sums.get(currency, Decimal(0)) + statement.amount
    return sorted(sums.items())


def end_of_data(period: Period, *, now: datetime) -> datetime:
    """Return where a period's series ends: at its end, or at the running quarter-hour's."""
    if now >= period.ends_at:
        return period.ends_at
    passed = max(now - period.starts_at, timedelta(0))
    return period.starts_at + -(-passed // timedelta(minutes=15)) * timedelta(minutes=15)
