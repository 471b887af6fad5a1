"""What is known of a home's single devices: quarter-hours of appliances, daily yields of strings, and their names."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from apps.hubs.selectors import devices_of_site
from apps.insights.data import DAYS, LEAST_SHARE, QUARTERS, STEP_H, HomeData, String
from apps.telemetry.points import PointSeries, quarter_points, series_of_site
from vpp.energy_manager.details import POWER, STRING

if TYPE_CHECKING:
    from datetime import datetime

    from apps.insights.data import Floats

A_YEAR = timedelta(days=364)


def appliances_of(data: HomeData) -> dict[str, Floats]:
    """Quarter-hours (days x 96,) of every appliance that is measured by itself, by its key [kW]."""
    series = [one for one in series_of_site(site_id=data.site.pk) if one.quantity == POWER]
    rows = _rows(series, data.starts_at)
    return {one.resource: rows[one.pk] for one in series}


def strings_of(data: HomeData) -> list[String]:
    """Daily yields of the roof's strings now and a year before, where there are several."""
    series = [one for one in series_of_site(site_id=data.site.pk) if one.quantity.startswith(STRING)]
    if len(series) < 2:
        return []
    now, before = (_rows(series, starts_at) for starts_at in (data.starts_at, data.starts_at - A_YEAR))
    names = device_names(data)
    return [
        String(
            key=f"{one.resource}/{one.quantity.removeprefix(STRING)}".rstrip("/"),
            name=one.quantity.removeprefix(STRING) or names.get(one.resource, one.resource),
            now_kwh=_daily(now[one.pk]),
            before_kwh=_daily(before[one.pk]),
        )
        for one in series
    ]


def device_names(data: HomeData) -> dict[str, str]:
    """What the household calls its devices, by key, as its hub told."""
    report = devices_of_site(site=data.site).report
    told: list[dict[str, Any]] = report.devices if report is not None else []
    return {one["key"]: one.get("name") or one["key"] for one in told}


def _rows(series: list[PointSeries], starts_at: datetime) -> dict[int, Floats]:
    import numpy as np

    count = DAYS * QUARTERS
    rows = {one.pk: np.full(count, np.nan) for one in series}
    ends_at = starts_at + timedelta(days=DAYS)
    for pk, at, value in quarter_points(series_ids=list(rows), starts_at=starts_at, ends_at=ends_at):
        rows[pk][(at - starts_at) // timedelta(minutes=15) - 1] = max(0.0, value)
    return rows


def _daily(power_kw: Floats) -> Floats:
    """(days,) energy [kWh] of the days that are known well enough; their gaps are as the rest of the day."""
    import numpy as np

    days = power_kw.reshape(DAYS, QUARTERS)
    known = np.isfinite(days).mean(axis=1)
    energy = np.nansum(days, axis=1) * STEP_H / np.maximum(known, LEAST_SHARE)
    return np.where(known >= LEAST_SHARE, energy, np.nan)
