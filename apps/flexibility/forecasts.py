"""Issue forecasts for homes and portfolio, and keep them as they were known."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.flexibility.calibrations import DayCalibration, Learning, calibration_keep, calibration_of_day
from apps.flexibility.forecast_rows import portfolio_store, values_store
from apps.flexibility.models import ForecastRun
from apps.sites.consents import allowed_sites
from apps.sites.models import Resource, Site
from apps.sites.selectors import resources_by_site, sites_of_organization
from apps.telemetry.arrays import quarter_history
from apps.telemetry.rollups import roll_up
from vpp.errors import VppError
from vpp.forecasting.calibrated import CALIBRATION_DAYS, calibrated
from vpp.forecasting.question import LEVELS, QUARTER_S, Place, Question
from vpp.forecasting.registry import default_method
from vpp.intervals import Grid

Floats = NDArray[np.float64]
Quantity = ForecastRun.Quantity
QUARTER: Final = timedelta(seconds=QUARTER_S)
HORIZON: Final = timedelta(hours=36)
SHORT_HISTORY: Final = timedelta(days=28 + 2)
HISTORY: Final = SHORT_HISTORY + timedelta(days=CALIBRATION_DAYS)
SITES_AT_ONCE: Final = 500
# Every run for two days, then the last one of each UTC day: what a day-ahead error is measured by.
KEEP_ALL: Final = timedelta(days=2)
KEEP_DAILY: Final = timedelta(days=30)
COLUMN: Final = {Quantity.LOAD: "load_kw", Quantity.PV: "pv_kw", Quantity.NET: "grid_kw"}


@dataclasses.dataclass
class _Issue:
    """A quantity's run as its homes come in: its calibration is the day's, or else worked out now."""

    run: ForecastRun
    known: DayCalibration | None
    learning: Learning = dataclasses.field(default_factory=Learning)
    mean: Floats | float = 0.0
    homes: int = 0

    def add(self, question: Question, site_ids: Sequence[int], *, with_place: bool) -> None:
        """Ask the quantity's method for some homes and store what it says."""
        method = default_method(self.run.quantity, has_place=with_place)
        if self.known is None:
            found = calibrated(method.calculate, question)
            self.learning.add(site_ids, with_place=with_place, found=found)
            forecast, moved = found.forecast, np.ones(len(site_ids), dtype=np.bool_)
        else:
            plain = method.calculate(question)
            forecast, moved = self.known.apply(plain, site_ids, with_place=with_place)
            forecast = dataclasses.replace(forecast, method=f"{plain.method}, conformal")
        values_store(self.run, forecast, site_ids=site_ids, moved=moved)
        whole = ~np.isnan(forecast.mean).any(axis=1)
        self.mean = self.mean + forecast.mean[whole].sum(axis=0)
        self.homes += int(whole.sum())

    def close(self) -> None:
        """Store the sum of the homes, and the calibration where it is new."""
        run = self.run
        found = self.known or self.learning.done(run.starts_at)
        if found is None or not self.homes:
            return
        if self.known is None:
            calibration_keep(organization=run.organization, quantity=run.quantity, found=found)
        portfolio_store(
            run, np.asarray(self.mean), homes=self.homes,
            residuals=found.residuals_of(run.starts_at, count=run.count, homes=self.homes),
        )  # fmt: skip


def forecasts_issue_due(*, now: datetime) -> int:
    """Issue every organization's forecasts of this hour that are not there yet, and drop old runs."""
    roll_up(now=now)
    hour = now.replace(minute=0, second=0, microsecond=0)
    done = ForecastRun.objects.filter(issued_at__gte=hour, quantity__in=COLUMN).values("organization")
    waiting = list(Organization.objects.exclude(pk__in=done).order_by("pk"))
    for organization in waiting:
        forecasts_issue(organization=organization, now=now)
    forecasts_prune(now=now)
    return len(waiting)


@transaction.atomic
def forecasts_issue(*, organization: Organization, now: datetime) -> list[ForecastRun]:
    """Issue load, PV and net power of all homes for the next day and a half from what is known `now`."""
    grid = Grid(floor_quarter(now), QUARTER_S, HORIZON // QUARTER)
    held = {site.pk: site for site in sites_of_organization(organization=organization)}
    sites = [held[site_id] for site_id in allowed_sites(site_ids=held, purpose="forecasting")]
    if not sites:
        return []
    issues = {
        quantity: _Issue(
            ForecastRun.objects.create(
                organization=organization,
                quantity=quantity,
                issued_at=now,
                starts_at=grid.starts_at,
                step_s=grid.interval_s,
                count=grid.count,
                levels=list(LEVELS),
            ),
            calibration_of_day(organization=organization, quantity=quantity, now=now),
        )
        for quantity in COLUMN
    }
    for group in _groups(sites):
        _issue_group(group, issues)
    for issue in issues.values():
        issue.close()
    return [issue.run for issue in issues.values()]


def forecasts_prune(*, now: datetime) -> int:
    """Thin out runs older than two days to one a day, and drop those older than 30 days."""
    old = ForecastRun.objects.filter(issued_at__lt=now - KEEP_ALL)
    rows = old.filter(issued_at__gte=now - KEEP_DAILY).order_by("issued_at")
    last_of_day = {
        (organization_id, quantity, issued_at.astimezone(UTC).date()): pk
        for pk, organization_id, quantity, issued_at in rows.values_list(
            "pk", "organization", "quantity", "issued_at"
        )
    }
    gone = old.exclude(pk__in=list(last_of_day.values()))
    count = gone.count()
    gone.delete()
    return count


def place_of(site: Site, resources: Mapping[str, Resource]) -> Place | None:
    """Return where a site's PV stands, as far as it is known and makes sense."""
    if site.latitude_deg is None or site.longitude_deg is None:
        return None
    pv = resources.get(Resource.Kind.PV)
    tilt, azimuth = (_number(pv.parameters.get(name)) if pv else None for name in ("tilt_deg", "azimuth_deg"))
    try:
        return Place(site.latitude_deg, site.longitude_deg, tilt, azimuth)
    except VppError:
        # A hub may describe an orientation that is none; the place alone is good enough.
        return Place(site.latitude_deg, site.longitude_deg)


def _groups(sites: Sequence[Site]) -> Iterator[list[Site]]:
    """Sites of one time zone, not too many at once."""
    zones: dict[str, list[Site]] = {}
    for site in sites:
        zones.setdefault(site.time_zone, []).append(site)
    for group in zones.values():
        for start in range(0, len(group), SITES_AT_ONCE):
            yield group[start : start + SITES_AT_ONCE]


def _issue_group(sites: Sequence[Site], issues: Mapping[Quantity, _Issue]) -> None:
    run = issues[Quantity.LOAD].run
    learns = any(issue.known is None for issue in issues.values())
    length = HISTORY if learns else SHORT_HISTORY
    starts_at = run.starts_at - length
    ids = [site.pk for site in sites]
    history = quarter_history(
        site_ids=ids, columns=list(COLUMN.values()), starts_at=starts_at, count=length // QUARTER
    )
    resources = resources_by_site(site_ids=ids)
    places = [place_of(site, resources[site.pk]) for site in sites]
    for quantity, column in COLUMN.items():
        has_pv = [quantity != Quantity.PV or Resource.Kind.PV in resources[site.pk] for site in sites]
        for with_place in (False, True):
            rows = [
                row
                for row, place in enumerate(places)
                if has_pv[row] and (place is not None and quantity == Quantity.PV) == with_place
            ]
            if not rows:
                continue
            question = Question(
                history[column][rows],
                starts_at,
                Grid(run.starts_at, run.step_s, run.count),
                run.issued_at,
                ZoneInfo(sites[0].time_zone),
                places=tuple(places[row] for row in rows),
            )
            issues[quantity].add(question, [ids[row] for row in rows], with_place=with_place)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def floor_quarter(at: datetime) -> datetime:
    """Return the start of the quarter-hour that `at` lies in."""
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER
