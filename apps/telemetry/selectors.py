"""Reads of measurements. The only way to them for every other app."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Avg, Count, Q, QuerySet, Sum

from apps.telemetry.models import LatestSnapshot, Quarantined, QuarterRollup
from vpp.protocols.link.messages import COLUMNS

QUARTER = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True)
class FleetTotals:
    """Sums over the homes that reported lately, each in the direction its name says [kW]; mean state of charge."""

    homes: int
    import_kw: float
    export_kw: float
    pv_kw: float
    charge_kw: float
    discharge_kw: float
    mean_soc: float | None


@dataclasses.dataclass(frozen=True)
class RegisterReading:
    """The meter's registers at an instant [kWh]."""

    at: datetime
    import_kwh: float
    export_kwh: float


def latest_by_site(*, site_ids: Iterable[int]) -> dict[int, LatestSnapshot]:
    """Return the newest snapshot of each site that has sent one."""
    return {row.site_id: row for row in LatestSnapshot.objects.filter(site_id__in=list(site_ids))}


def latest_of_sites(*, site_ids: Iterable[int]) -> QuerySet[LatestSnapshot]:
    """Return the newest snapshots of sites, as a query; a query of sites stays in the database."""
    return LatestSnapshot.objects.filter(site_id__in=site_ids).order_by("site_id")


def latest_rows(*, site_ids: Iterable[int], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return (site_id, at, *columns) of each site's newest snapshot, by site; a query of sites stays in the database."""
    _check(columns)
    rows = LatestSnapshot.objects.filter(site_id__in=site_ids).order_by("site_id")
    return list(rows.values_list("site_id", "at", *columns))


def fleet_totals(*, site_ids: Iterable[int], since: datetime) -> FleetTotals:
    """Return the sums over the newest snapshots of `site_ids` (a query of them stays in the database) after `since`."""
    zero = 0.0
    rows = LatestSnapshot.objects.filter(site_id__in=site_ids, at__gt=since)
    sums = rows.aggregate(
        homes=Count("site_id"),
        import_kw=Sum("grid_kw", filter=Q(grid_kw__gt=0), default=zero),
        export_kw=-Sum("grid_kw", filter=Q(grid_kw__lt=0), default=zero),
        pv_kw=-Sum("pv_kw", default=zero),
        charge_kw=Sum("battery_kw", filter=Q(battery_kw__gt=0), default=zero),
        discharge_kw=-Sum("battery_kw", filter=Q(battery_kw__lt=0), default=zero),
        mean_soc=Avg("battery_soc"),
    )
    return FleetTotals(**sums)


def quarter_means(
    *, site_ids: Sequence[int], columns: Sequence[str], starts_at: datetime, ends_at: datetime
) -> list[tuple[Any, ...]]:
    """Return (site_id, quarter's start, *columns) of the rollups in [starts_at, ends_at)."""
    _check(columns)
    return list(
        QuarterRollup.objects.filter(
            site_id__in=list(site_ids), at__gte=starts_at, at__lt=ends_at
        ).values_list("site_id", "at", *columns)
    )


def snapshots(
    *, site_id: int, starts_at: datetime, ends_at: datetime, columns: Sequence[str], limit: int | None = None
) -> list[tuple[Any, ...]]:
    """Return (at, *columns) of one site's snapshots with starts_at < at <= ends_at, in order; the first `limit`."""
    _check(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT at, {', '.join(columns)} FROM telemetry_snapshot "
            "WHERE site_id = %s AND at > %s AND at <= %s ORDER BY at LIMIT %s",
            [site_id, starts_at, ends_at, limit],
        )
        return list(cursor.fetchall())


def register_readings(
    *, site_ids: Sequence[int], starts_at: datetime, ends_at: datetime
) -> dict[int, list[RegisterReading]]:
    """Return each site's register readings in [starts_at, ends_at], in order."""
    found: dict[int, list[RegisterReading]] = {site_id: [] for site_id in site_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT site_id, at, import_kwh, export_kwh FROM telemetry_snapshot "
            "WHERE site_id = ANY(%s) AND at >= %s AND at <= %s AND import_kwh IS NOT NULL AND export_kwh IS NOT NULL "
            "ORDER BY site_id, at",
            [list(site_ids), starts_at, ends_at],
        )
        for site_id, at, imported, exported in cursor.fetchall():
            found[site_id].append(RegisterReading(at, imported, exported))
    return found


def recent_means(
    *, site_ids: Sequence[int], columns: Sequence[str], starts_at: datetime, ends_at: datetime
) -> dict[int, tuple[float | None, ...]]:
    """Return each site's means of `columns` over its snapshots with starts_at < at <= ends_at."""
    _check(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT site_id, {', '.join(f'avg({name})' for name in columns)} FROM telemetry_snapshot "
            "WHERE site_id = ANY(%s) AND at > %s AND at <= %s GROUP BY site_id",
            [list(site_ids), starts_at, ends_at],
        )
        return {site_id: tuple(means) for site_id, *means in cursor.fetchall()}


def minute_mean_kw(*, site_ids: Sequence[int], starts_at: datetime, ends_at: datetime) -> dict[int, float]:
    """Return each site's mean grid power over snapshots with starts_at < at <= ends_at [kW]."""
    means = recent_means(site_ids=site_ids, columns=("grid_kw",), starts_at=starts_at, ends_at=ends_at)
    return {site_id: kw for site_id, (kw,) in means.items() if kw is not None}


def energy_between(*, site_id: int, starts_at: datetime, ends_at: datetime) -> tuple[float, float]:
    """Return the energy imported and exported between two instants, by the registers [kWh]."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(import_kwh) - min(import_kwh), max(export_kwh) - min(export_kwh) FROM telemetry_snapshot "
            "WHERE site_id = %s AND at >= %s AND at <= %s",
            [site_id, starts_at, ends_at],
        )
        imported, exported = cursor.fetchone()
    return float(imported or 0.0), float(exported or 0.0)


def quarantined(*, site_ids: Iterable[int], limit: int = 100) -> list[Quarantined]:
    """Return what was set aside lately, newest first."""
    return list(Quarantined.objects.filter(site_id__in=list(site_ids)).order_by("-id")[:limit])


def _check(columns: Sequence[str]) -> None:
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
