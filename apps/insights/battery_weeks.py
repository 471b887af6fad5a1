"""What a home's battery stored, week by week: kept for good, because measurements are not, and fade takes years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from apps.insights.data import QUARTERS, STEP_H
from apps.insights.models import BatteryWeek
from apps.insights.noticed import Noticed, by_week
from apps.sites.models import Site

if TYPE_CHECKING:
    from apps.insights.data import Floats

WEEK: Final = timedelta(days=7)
# How far back the first look goes, and how many weeks are looked at again for what came in late.
FIRST_WEEKS: Final = 104
AGAIN_WEEKS: Final = 2
# A season apart, so that a cold cellar is not taken for age.
LEAST_WEEKS: Final = 26


def battery_weeks_refresh(*, site: Site, now: datetime) -> int:
    """Work out the weeks that are over and not kept yet; return how many were written."""
    today = now.astimezone(UTC).date()
    ends = today - timedelta(days=today.weekday())
    newest = (
        BatteryWeek.objects.filter(site=site).order_by("-on_date").values_list("on_date", flat=True).first()
    )
    starts = newest - (AGAIN_WEEKS - 1) * WEEK if newest else ends - FIRST_WEEKS * WEEK
    count = (ends - starts) // WEEK
    if count <= 0:
        return 0
    charge, discharge = _energies(site, starts, count=count)
    rows = [
        BatteryWeek(
            site=site, on_date=starts + place * WEEK, charge_kwh=_known(charge[place]),
            discharge_kwh=_known(discharge[place]),
        )
        for place in range(count)
    ]  # fmt: skip
    BatteryWeek.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["site", "on_date"],
        update_fields=["charge_kwh", "discharge_kwh"],
    )
    return count


def battery_fade(site: Site) -> Iterator[Noticed]:
    """Say how fast a battery fades, if that is more than usual and long enough known."""
    import numpy as np

    from vpp.diagnostics.battery_health import battery_fade_findings, health_of_weeks

    kept = list(BatteryWeek.objects.filter(site=site).order_by("on_date"))
    first = next((place for place, one in enumerate(kept) if one.is_known), len(kept))
    weeks = _rowed(kept[first:])
    if weeks is None:
        return
    health = health_of_weeks(*weeks)
    if health.trend.points[0] < LEAST_WEEKS:
        return
    capacity = health.capacity_kwh[0]
    years = (capacity.size - 0.5) * 7 / 365.25
    for one in battery_fade_findings(health, ["battery"]):
        evidence = dict(one.evidence) | {
            "capacity_kwh": float(health.trend.value_at(years)[0]),
            "first_kwh": float(health.trend.value_at(0.0)[0]),
            "span_weeks": float(capacity.size),
        }
        if np.isfinite(health.round_trip[0]):
            evidence["round_trip_pct"] = 100.0 * float(health.round_trip[0])
        series = by_week({"capacity": capacity}, unit="kWh")
        yield Noticed("battery_fade", "battery", one.confidence, evidence, series, severity=one.severity)


def _rowed(kept: list[BatteryWeek]) -> tuple[Floats, Floats] | None:
    """(1, W) charge and discharge of the weeks from the first to the last, NaN for those that are not known."""
    import numpy as np

    if not kept:
        return None
    count = (kept[-1].on_date - kept[0].on_date) // WEEK + 1
    rows = np.full((2, 1, count), np.nan)
    for one in kept:
        place = (one.on_date - kept[0].on_date) // WEEK
        rows[0, 0, place] = np.nan if one.charge_kwh is None else one.charge_kwh
        rows[1, 0, place] = np.nan if one.discharge_kwh is None else one.discharge_kwh
    return rows[0], rows[1]


def _energies(site: Site, starts: date, *, count: int) -> tuple[Floats, Floats]:
    """(weeks,) energy per full charge and per full discharge [kWh]."""
    import numpy as np

    from apps.telemetry.arrays import quarter_history
    from vpp.diagnostics.battery_health import energy_by_week

    held = quarter_history(
        site_ids=[site.pk], columns=("battery_kw", "battery_soc"), starts_at=datetime.combine(starts, time(), UTC),
        count=count * 7 * QUARTERS,
    )  # fmt: skip
    power, means = held["battery_kw"], np.clip(held["battery_soc"], 0.0, 1.0)
    charge, discharge = energy_by_week(power, _at_ends(means, power), step_h=STEP_H)
    return charge[0], discharge[0]


def _at_ends(means: Floats, power: Floats) -> Floats:
    """The state of charge at the ends of quarter-hours: as in the one beside it that rests, else between both."""
    import numpy as np

    from vpp.diagnostics.thresholds import DEFAULTS

    rests = np.abs(power) <= DEFAULTS.battery_idle_kw
    ends = np.full(means.shape, np.nan)
    this, following = means[:, :-1], means[:, 1:]
    between = np.where(rests[:, 1:], following, (this + following) / 2)
    ends[:, :-1] = np.where(rests[:, :-1], this, between)
    return ends


def _known(value: float) -> float | None:
    return float(value) if value == value else None  # noqa: PLR0124 - NaN is unlike itself
