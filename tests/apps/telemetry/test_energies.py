"""Energies summed in the database, against the energy library's own account of each quarter-hour."""

import random
import struct
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.sites.models import Site
from apps.telemetry.energies import NOTHING, energies_within, quarter_bytes, quarter_powers, site_energies
from tests import factories
from tests.apps.portal.world import add_quarter
from vpp.settlement.home_account import Flows, interval_flows, total

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
BERLIN = "Europe/Berlin"
# The clocks go back on this day: 25 hours.
AUTUMN = datetime(2026, 10, 25, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
SPRING = datetime(2026, 3, 29, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization())


def fill(site: Site, starts_at: datetime, count: int) -> list[tuple[datetime, Flows]]:
    """Write `count` quarter-hours of any powers; return the account of each."""
    rng, accounts = random.Random(5), []
    for index in range(count):
        at = starts_at + index * QUARTER
        load, heat, pv, battery = rng.uniform(0, 3), rng.uniform(0, 2), -rng.uniform(0, 5), rng.uniform(-3, 3)
        grid = load + heat + pv + battery
        add_quarter(site, at, grid_kw=grid, load_kw=load, heat_kw=heat, pv_kw=pv, battery_kw=battery)
        flows = interval_flows(used_kw=load + heat, sun_kw=-pv, battery_kw=battery, grid_kw=grid, seconds=900)
        accounts.append((at, flows))
    return accounts


def close(one: Flows, two: Flows) -> bool:
    return all(abs(value) < 1e-9 for value in _difference(one, two))


def _difference(one: Flows, two: Flows) -> list[float]:
    return [getattr(one, name) - getattr(two, name) for name in Flows.__slots__]


@pytest.mark.parametrize(("starts_at", "count"), [(AUTUMN, 100), (SPRING, 92)])
def test_a_day_of_25_and_one_of_23_hours(site: Site, starts_at: datetime, count: int) -> None:
    accounts = fill(site, starts_at - QUARTER, count + 2)[1:-1]
    found = site_energies(
        site_id=site.pk, starts_at=starts_at, ends_at=starts_at + count * QUARTER, zone=BERLIN, bucket="hour"
    )
    assert len(found.by_bucket) == count / 4
    for number, (at, flows) in enumerate(found.by_bucket):
        assert at == starts_at + timedelta(hours=number)
        assert close(flows, total(flows for _, flows in accounts[4 * number : 4 * number + 4]))
    by_week: dict[int, Flows] = {}
    for at, flows in accounts:
        local = at.astimezone(ZoneInfo(BERLIN))
        cell = local.weekday() * 96 + local.hour * 4 + local.minute // 15
        by_week[cell] = by_week.get(cell, Flows()) + flows
    assert sorted(found.by_week) == sorted(by_week)
    assert all(close(found.by_week[cell], flows) for cell, flows in by_week.items())


def test_days_and_months_begin_at_local_midnight(site: Site) -> None:
    march = datetime(2026, 3, 28, tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
    accounts = fill(site, march, 96 + 92 + 96 + 96 + 96)
    found = site_energies(
        site_id=site.pk, starts_at=march, ends_at=march + timedelta(days=5), zone=BERLIN, bucket="day"
    )
    assert [at.astimezone(ZoneInfo(BERLIN)).strftime("%d %H:%M") for at, _ in found.by_bucket] == [
        "28 00:00", "29 00:00", "30 00:00", "31 00:00", "01 00:00",
    ]  # fmt: skip
    assert close(found.by_bucket[1][1], total(flows for _, flows in accounts[96:188]))
    months = site_energies(
        site_id=site.pk, starts_at=march, ends_at=march + timedelta(days=5), zone=BERLIN, bucket="month"
    ).by_bucket
    assert len(months) == 2
    assert close(months[1][1], total(flows for _, flows in accounts[-96:]))


def test_the_running_quarter_counts_as_far_as_it_has_come(site: Site) -> None:
    add_quarter(site, AUTUMN, grid_kw=2.0, load_kw=2.0)
    found = site_energies(
        site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN + timedelta(minutes=6), zone=BERLIN, bucket="hour"
    )
    assert found.by_bucket[0][1].import_kwh == pytest.approx(0.2)


def test_a_home_whose_load_is_not_metered_uses_what_the_others_leave(site: Site) -> None:
    add_quarter(site, AUTUMN, grid_kw=1.0, pv_kw=-3.0, battery_kw=2.0)
    add_quarter(site, AUTUMN + QUARTER, load_kw=9.0)  # without the meter nothing can be said
    flows = site_energies(
        site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN + timedelta(hours=1), zone=BERLIN
    ).by_bucket[0][1]
    assert (flows.used_kwh, flows.sun_kwh, flows.bare_export_kwh) == (0.5, 0.75, 0.25)


def test_energies_within_periods(site: Site) -> None:
    accounts = fill(site, AUTUMN, 12)
    hour = timedelta(hours=1)
    periods = [(AUTUMN + hour, AUTUMN + 2 * hour), (AUTUMN - hour, AUTUMN), (AUTUMN, AUTUMN + QUARTER)]
    found = energies_within(site_id=site.pk, periods=periods, ends_at=AUTUMN + 3 * hour)
    wanted = [total(flows for _, flows in accounts[4:8]), Flows(), accounts[0][1]]
    assert [close(one, two) for one, two in zip(found, wanted, strict=True)] == [True] * 3
    assert energies_within(site_id=site.pk, periods=[], ends_at=AUTUMN) == []


def test_bytes_of_a_series_have_a_number_for_every_quarter(site: Site) -> None:
    add_quarter(site, AUTUMN, grid_kw=-1.234, load_kw=0.5, pv_kw=-4.0, battery_kw=2.266)
    add_quarter(site, AUTUMN + 2 * QUARTER, grid_kw=500.0, load_kw=500.0)
    found = quarter_bytes(site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN + 4 * QUARTER)
    numbers = {name: struct.unpack(">4h", values) for name, values in found.items()}
    assert numbers == {
        "sun": (400, NOTHING, 0, NOTHING),
        "used": (50, NOTHING, 32767, NOTHING),
        "battery": (-227, NOTHING, 0, NOTHING),
        "grid": (-123, NOTHING, 32767, NOTHING),
    }
    assert quarter_bytes(site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN) == dict.fromkeys(numbers, b"")


def test_every_quarter_of_a_long_period_is_yielded_once(site: Site) -> None:
    late = AUTUMN + timedelta(days=40)
    add_quarter(site, late, grid_kw=1.0, load_kw=1.0, battery_kw=-0.5, pv_kw=-2.0)
    rows = list(quarter_powers(site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN + timedelta(days=41)))
    assert [at for at, _ in rows] == [AUTUMN + index * QUARTER for index in range(41 * 96)]
    assert [row for row in rows if row[1]] == [(late, (1.0, 2.0, -0.5, 1.0))]


def test_another_homes_rows_are_not_touched(site: Site) -> None:
    other = factories.make_site(organization=site.organization)
    fill(other, AUTUMN, 4)
    assert (
        site_energies(
            site_id=site.pk, starts_at=AUTUMN, ends_at=AUTUMN + timedelta(hours=1), zone=BERLIN
        ).by_bucket
        == []
    )
