"""What a household's pages show, put together from the apps below; each part takes few queries."""

import dataclasses
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.accounts.models import User
from apps.accounts.selectors import operated_organizations
from apps.common.charts import Chart, Series, chart
from apps.hubs.selectors import active_hubs_by_site
from apps.markets.selectors import traded_kw
from apps.portal.doing import Doing, doing
from apps.portal.flow import Flow, Measured, flow, used_kw
from apps.sites.households import Standing, standing_of, standings_of_person
from apps.sites.models import Site
from apps.sites.rights import Right
from apps.sites.selectors import resources_by_site
from apps.telemetry.selectors import QUARTER, energy_between, latest_by_site, quarter_means

QUIET_AFTER = timedelta(minutes=5)
POWERS = ("load_kw", "ev_kw", "heat_kw", "pv_kw", "battery_kw", "grid_kw")


@dataclasses.dataclass(frozen=True)
class Landing:
    """Where somebody belongs who has just signed in."""

    operates: bool
    homes: list[Standing]


@dataclasses.dataclass(frozen=True)
class Home:
    """A home as one person may see it."""

    site: Site
    standing: Standing
    has_hub: bool

    @property
    def is_owner(self) -> bool:
        """Whether this person decides for the home."""
        return "decide" in self.standing.rights

    @property
    def is_household(self) -> bool:
        """Whether this person lives there, or was let in; not one who works for the home's organization."""
        return self.standing.role != "operator"

    @property
    def sees_all(self) -> bool:
        """Whether the home's own pages are open; guests see what they were let in for."""
        return "see" in self.standing.rights

    @property
    def may_install(self) -> bool:
        """Whether this person adds and removes devices."""
        return "install" in self.standing.rights

    @property
    def may_comfort(self) -> bool:
        """Whether this person sets temperatures, the car's charge and quiet hours."""
        return "comfort" in self.standing.rights


@dataclasses.dataclass(frozen=True)
class HubPresence:
    """Whether the hub is there: none, new, online, quiet (linked, but no news) or offline, and since when."""

    state: str
    since: datetime | None = None


@dataclasses.dataclass(frozen=True)
class HomeNow:
    """The live picture."""

    flow: Flow
    seen_at: datetime | None
    hub: HubPresence
    fresh: bool
    doing: Doing | None


@dataclasses.dataclass(frozen=True)
class DayEnergy:
    """Energies of a local day so far [kWh] with the quarter-hours' powers drawn."""

    import_kwh: float
    export_kwh: float
    production_kwh: float
    consumption_kwh: float
    chart: Chart | None
    has_pv: bool


@dataclasses.dataclass(frozen=True)
class Quarter:
    """Mean powers of a quarter-hour, each in the direction its name says [kW]; None where unknown."""

    at: datetime
    used: float | None
    sun: float | None
    battery: float | None
    grid: float | None


def landing(*, user: User) -> Landing:
    """Return what decides the first page after signing in."""
    return Landing(
        operates=operated_organizations(user=user).exists(),
        homes=standings_of_person(user=user),
    )


def home(*, user: User, site_id: int, right: Right = "see") -> Home | None:
    """Return the home if `user` holds this right there."""
    standing = standing_of(user=user, site_id=site_id)
    if standing is None or right not in standing.rights:
        return None
    has_hub = site_id in active_hubs_by_site(site_ids=[site_id])
    return Home(site=standing.site, standing=standing, has_hub=has_hub)


def home_now(*, site: Site, now: datetime) -> HomeNow:
    """Return the live picture of `site`."""
    row = latest_by_site(site_ids=[site.pk]).get(site.pk)
    seen_at = row.at if row else None
    fresh = seen_at is not None and now - seen_at < QUIET_AFTER
    measured: Measured | None = row
    kinds = {str(kind) for kind in resources_by_site(site_ids=[site.pk])[site.pk]}
    traded = traded_kw(site=site, now=now)
    return HomeNow(
        flow=flow(measured, kinds, traded_kw=traded),
        seen_at=seen_at,
        hub=_presence(site, fresh=fresh),
        fresh=fresh,
        doing=doing(site=site, row=measured, now=now) if fresh else None,
    )


def _presence(site: Site, *, fresh: bool) -> HubPresence:
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    if hub is None:
        return HubPresence("none")
    if hub.connected_at is None:
        return HubPresence("new", hub.claimed_at)
    if hub.is_connected:
        return HubPresence("online" if fresh else "quiet", hub.connected_at)
    return HubPresence("offline", hub.disconnected_at)


def day_energy(*, site: Site, now: datetime) -> DayEnergy:
    """Return the energies of the site's present local day."""
    zone = ZoneInfo(site.time_zone)
    starts_at, ends_at = local_day(now, zone)
    imported, exported = energy_between(site_id=site.pk, starts_at=starts_at, ends_at=now)
    rows = quarter_means(site_ids=[site.pk], columns=POWERS, starts_at=starts_at, ends_at=ends_at)
    quarters = sorted((_quarter(row) for row in rows), key=lambda quarter: quarter.at)
    has_pv = any(quarter.sun is not None for quarter in quarters)
    return DayEnergy(
        import_kwh=imported,
        export_kwh=exported,
        production_kwh=_energy([(quarter.at, quarter.sun) for quarter in quarters], now),
        consumption_kwh=_energy([(quarter.at, quarter.used) for quarter in quarters], now),
        chart=_day_chart(quarters, period=(starts_at, ends_at), zone=zone, now=now) if quarters else None,
        has_pv=has_pv,
    )


def local_day(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the start and end (UTC) of the local day that holds `now`; 23 or 25 hours where the clocks change."""
    utc = now.tzinfo
    start = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.astimezone(utc), (start + timedelta(days=1)).astimezone(utc)


@dataclasses.dataclass(frozen=True)
class _Powers:
    load_kw: float | None
    ev_kw: float | None
    heat_kw: float | None
    pv_kw: float | None
    battery_kw: float | None
    grid_kw: float | None
    battery_soc: float | None = None
    ev_soc: float | None = None


def _quarter(row: tuple[object, ...]) -> Quarter:
    at, *values = row[1:]
    assert isinstance(at, datetime)
    powers = _Powers(*values)  # type: ignore[arg-type]
    return Quarter(
        at=at,
        used=used_kw(powers),
        sun=_reversed(powers.pv_kw),
        battery=_reversed(powers.battery_kw),
        grid=powers.grid_kw,
    )


def _reversed(value: float | None) -> float | None:
    return None if value is None else -value


def _energy(powers: list[tuple[datetime, float | None]], now: datetime) -> float:
    """Sum quarter-hours [kWh]; the running one counts as far as it has come."""
    return sum((min(QUARTER, now - at) / timedelta(hours=1)) * max(kw or 0.0, 0.0) for at, kw in powers)


def _day_chart(
    quarters: list[Quarter], *, period: tuple[datetime, datetime], zone: ZoneInfo, now: datetime
) -> Chart:
    middle = QUARTER / 2
    lines = [
        ("sun", pgettext("in the sky", "Sun"), "area", [(q.at + middle, q.sun) for q in quarters]),
        (
            "battery",
            _("Battery (up: giving, down: charging)"),
            "area",
            [(q.at + middle, q.battery) for q in quarters],
        ),
        ("used", _("Home use"), "line", [(q.at + middle, q.used) for q in quarters]),
        ("grid", _("Grid (up: import, down: export)"), "line", [(q.at + middle, q.grid) for q in quarters]),
    ]
    series = [
        Series(css, label, points, shape)  # type: ignore[arg-type]
        for css, label, shape, points in lines
        if any(value is not None for _at, value in points)
    ]
    return chart(
        title=_("Power over today, per quarter-hour"), period=period, series=series, zone=zone, now=now
    )
