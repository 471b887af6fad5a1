"""Quarter-hour and day rollups against tables computed by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.sites.models import Site
from apps.telemetry.fleets import FleetQuarter, fleet_quarters
from apps.telemetry.rollups import roll_up
from apps.telemetry.tasks import roll_up as roll_up_task
from tests import factories

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 6, 17, tzinfo=UTC)


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def at(text: str, *, day: datetime = DAY) -> datetime:
    return datetime.fromisoformat(f"{day.date()}T{text}+00:00")


def snapshot(site: Site, when: datetime, **values: float) -> None:
    step = timedelta(minutes=1)
    factories.add_snapshots(sites=[site], starts_at=when - step, ends_at=when, step=step, **values)


def quarters(site: Site, *names: str) -> list[tuple[object, ...]]:
    return factories.rows_of(site.pk, *names, table="telemetry_quarter")


def days(site: Site, *names: str) -> list[tuple[object, ...]]:
    return factories.rows_of(site.pk, *names, table="telemetry_day")


def test_quarter_holds_means_and_the_last_register(site: Site) -> None:
    for minute, grid_kw, register in (("17:01", 1.0, 10.0), ("17:08", 2.0, 10.5), ("17:15", 6.0, 11.0)):
        snapshot(site, at(minute), grid_kw=grid_kw, import_kwh=register)
    roll_up(now=at("17:20"))
    assert quarters(site, "samples", "grid_kw", "import_kwh", "pv_kw") == [(at("17:00"), 3, 3.0, 11.0, None)]


def test_snapshot_on_the_boundary_belongs_to_the_quarter_that_ends(site: Site) -> None:
    for text, kw in (("17:00:00", 1.0), ("17:00:01", 2.0), ("17:15:00", 4.0), ("17:15:01", 8.0)):
        snapshot(site, at(text), grid_kw=kw)
    roll_up(now=at("17:20"))
    assert quarters(site, "grid_kw") == [(at("16:45"), 1.0), (at("17:00"), 3.0), (at("17:15"), 8.0)]


def test_missing_values_do_not_count(site: Site) -> None:
    snapshot(site, at("17:01"), grid_kw=1.0, load_kw=2.0)
    snapshot(site, at("17:02"), grid_kw=3.0)
    roll_up(now=at("17:20"))
    assert quarters(site, "samples", "grid_kw", "load_kw") == [(at("17:00"), 2, 2.0, 2.0)]


def test_day_weighs_quarters_by_their_samples(site: Site) -> None:
    for text, kw in (("10:01", 1.0), ("10:02", 1.0), ("10:03", 1.0), ("12:01", 5.0)):
        snapshot(site, at(text), grid_kw=kw, import_kwh=float(text[:2]))
    roll_up(now=at("12:20"))
    assert days(site, "samples", "grid_kw", "import_kwh") == [(DAY, 4, 2.0, 12.0)]


def test_midnight_belongs_to_the_day_that_ends(site: Site) -> None:
    snapshot(site, DAY, grid_kw=1.0)
    snapshot(site, DAY + timedelta(minutes=1), grid_kw=3.0)
    roll_up(now=at("00:20"))
    assert days(site, "grid_kw") == [(DAY - timedelta(days=1), 1.0), (DAY, 3.0)]


def test_running_twice_changes_nothing(site: Site) -> None:
    for text, kw in (("16:50", 1.0), ("17:10", 2.0)):
        snapshot(site, at(text), grid_kw=kw)
    roll_up(now=at("17:20"))
    before = (quarters(site), days(site))
    roll_up(now=at("17:20"))
    assert (quarters(site), days(site)) == before


def test_running_quarter_grows(site: Site) -> None:
    snapshot(site, at("17:01"), grid_kw=1.0)
    roll_up(now=at("17:02"))
    snapshot(site, at("17:03"), grid_kw=3.0)
    roll_up(now=at("17:04"))
    assert quarters(site, "samples", "grid_kw") == [(at("17:00"), 2, 2.0)]


def test_late_snapshot_changes_its_quarter_and_day(site: Site) -> None:
    snapshot(site, at("09:10"), grid_kw=1.0)
    roll_up(now=at("17:20"))
    snapshot(site, at("09:05"), grid_kw=5.0)
    roll_up(now=at("17:25"))
    assert quarters(site, "samples", "grid_kw") == [(at("09:00"), 2, 3.0)]
    assert days(site, "samples", "grid_kw") == [(DAY, 2, 3.0)]


def test_late_days_are_rolled_up_days_back(site: Site) -> None:
    old = DAY - timedelta(days=13)
    roll_up(now=at("17:20"))
    factories.add_snapshots(sites=[site], starts_at=old, ends_at=old + timedelta(days=2), grid_kw=2.0)
    roll_up(now=at("17:25"))
    assert len(quarters(site)) == 192
    assert days(site, "samples", "grid_kw") == [(old, 96, 2.0), (old + timedelta(days=1), 96, 2.0)]


def test_first_run_over_a_back_fill_keeps_whole_quarters(site: Site) -> None:
    """The first run looks back a day; the quarter in which that look begins must stay whole."""
    factories.add_snapshots(
        sites=[site],
        starts_at=DAY - timedelta(days=2),
        ends_at=DAY,
        step=timedelta(minutes=1),
        grid_kw=1.0,
    )
    roll_up(now=DAY + timedelta(minutes=7))
    assert {samples for _, samples in quarters(site, "samples")} == {15}


def test_sites_do_not_mix(site: Site) -> None:
    other = factories.make_site(organization=factories.make_organization(), battery=None)
    snapshot(site, at("17:01"), grid_kw=1.0)
    snapshot(other, at("17:01"), grid_kw=2.0)
    roll_up(now=at("17:20"))
    assert quarters(site, "grid_kw") == [(at("17:00"), 1.0)]
    assert quarters(other, "grid_kw") == [(at("17:00"), 2.0)]


def test_task_rolls_up_by_the_platforms_clock(site: Site, settings: object) -> None:
    settings.ORES_CLOCK = factories.clock_at(at("17:20"))  # type: ignore[attr-defined]
    snapshot(site, at("17:01"), grid_kw=1.0)
    roll_up_task()
    assert quarters(site, "grid_kw") == [(at("17:00"), 1.0)]


def test_fleets_are_summed_home_by_home_and_again_where_something_came_late(site: Site) -> None:
    neighbor = factories.make_site(organization=site.organization, battery=None)
    stranger = factories.make_site(organization=factories.make_organization(), battery=None)
    for one, kw in ((site, 1.0), (neighbor, -3.0), (stranger, 50.0)):
        snapshot(one, at("17:05"), grid_kw=kw, pv_kw=-2.0 * abs(kw))
    roll_up(now=at("17:20"))

    def sums() -> list[FleetQuarter]:
        ends_at = DAY + timedelta(days=1)
        return fleet_quarters(organization_id=site.organization_id, starts_at=DAY, ends_at=ends_at)

    assert sums() == [FleetQuarter(at("17:00"), 2, -2.0, -8.0, None)]
    roll_up(now=at("18:20"))
    snapshot(neighbor, at("17:06"), grid_kw=-5.0, pv_kw=-6.0, battery_kw=1.0)
    roll_up(now=at("18:21"))
    assert sums() == [FleetQuarter(at("17:00"), 2, -3.0, -8.0, 1.0)]
