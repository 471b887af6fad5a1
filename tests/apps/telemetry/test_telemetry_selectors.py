"""Reads of measurements."""

from datetime import timedelta

import pytest

from apps.sites.models import Site
from apps.telemetry import selectors
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def test_fleet_totals_say_their_direction() -> None:
    organization = factories.make_organization()
    sites = [factories.make_site(organization=organization, battery=None) for _ in range(3)]
    factories.set_latest(sites=sites[:1], at=NOW, grid_kw=2.0, pv_kw=-1.0, battery_kw=1.5, battery_soc=0.2)
    factories.set_latest(sites=sites[1:2], at=NOW, grid_kw=-3.0, pv_kw=-4.0, battery_kw=-0.5, battery_soc=0.6)
    factories.set_latest(sites=sites[2:], at=NOW - timedelta(hours=1), grid_kw=100.0)
    totals = selectors.fleet_totals(site_ids=[site.pk for site in sites], since=NOW - MINUTE)
    assert totals == selectors.FleetTotals(
        homes=2, import_kw=2.0, export_kw=3.0, pv_kw=5.0, charge_kw=1.5, discharge_kw=0.5, mean_soc=0.4
    )


def test_totals_of_no_home_are_zero() -> None:
    totals = selectors.fleet_totals(site_ids=[], since=NOW)
    assert totals == selectors.FleetTotals(0, 0.0, 0.0, 0.0, 0.0, 0.0, None)


def test_snapshots_are_after_the_start_and_up_to_the_end(site: Site) -> None:
    factories.add_snapshots(
        sites=[site], starts_at=NOW - 5 * MINUTE, ends_at=NOW, step=MINUTE, grid_kw="extract(minute FROM at)"
    )
    found = selectors.snapshots(
        site_id=site.pk, starts_at=NOW - 3 * MINUTE, ends_at=NOW - MINUTE, columns=["grid_kw"]
    )
    assert found == [(NOW - 2 * MINUTE, 58.0), (NOW - MINUTE, 59.0)]


def test_register_readings_leave_out_halves(site: Site) -> None:
    factories.add_snapshots(sites=[site], starts_at=NOW - MINUTE, ends_at=NOW, step=MINUTE, import_kwh=1.0)
    factories.add_snapshots(
        sites=[site], starts_at=NOW, ends_at=NOW + MINUTE, step=MINUTE, import_kwh=2.0, export_kwh=0.5
    )
    found = selectors.register_readings(site_ids=[site.pk], starts_at=NOW, ends_at=NOW + MINUTE)
    assert found == {site.pk: [selectors.RegisterReading(NOW + MINUTE, 2.0, 0.5)]}


def test_energy_between_is_by_the_registers(site: Site) -> None:
    factories.add_minutes(sites=[site], starts_at=NOW, ends_at=NOW + timedelta(hours=1), grid_kw=2.0)
    imported, exported = selectors.energy_between(
        site_id=site.pk, starts_at=NOW, ends_at=NOW + timedelta(hours=1)
    )
    assert [imported, exported] == pytest.approx([2.0, 0.0])


def test_energy_of_a_home_without_measurements_is_zero(site: Site) -> None:
    assert selectors.energy_between(site_id=site.pk, starts_at=NOW, ends_at=NOW + MINUTE) == (0.0, 0.0)


def test_quarter_means_are_half_open(site: Site) -> None:
    factories.add_snapshots(sites=[site], starts_at=NOW - timedelta(hours=1), ends_at=NOW, grid_kw=1.0)
    roll_up(now=NOW)
    found = selectors.quarter_means(
        site_ids=[site.pk], columns=["grid_kw"], starts_at=NOW - timedelta(minutes=45), ends_at=NOW
    )
    assert sorted(found) == [(site.pk, NOW - timedelta(minutes=m), 1.0) for m in (45, 30, 15)]


def test_column_that_does_not_exist_is_refused(site: Site) -> None:
    with pytest.raises(ValueError, match="no such columns"):
        selectors.snapshots(site_id=site.pk, starts_at=NOW, ends_at=NOW, columns=["grid_kw; DROP TABLE x"])
