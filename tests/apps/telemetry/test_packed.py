"""Packed days say what the quarter-hours say, whatever comes late."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection

from apps.sites.models import Site
from apps.telemetry.arrays import quarter_history, quarter_values_at
from apps.telemetry.packed import forget_days, pack_days, packed_until
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW, QUARTER

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0, minute=0)
TODAY = int(MIDNIGHT.timestamp()) // 86_400
COUNT = 4 * 96


def two_sites() -> list[Site]:
    organization = factories.make_organization()
    sites = [factories.make_site(organization=organization) for _ in range(2)]
    factories.add_snapshots(
        sites=sites, starts_at=NOW - 3 * DAY, ends_at=NOW, load_kw="site_id + extract(hour FROM at)"
    )
    factories.add_snapshots(
        sites=sites[:1], starts_at=NOW - 2 * DAY, ends_at=NOW - DAY, step=timedelta(minutes=14), pv_kw=-1.25
    )
    roll_up(now=NOW)
    return sites


def history(sites: list[Site]) -> list[list[list[float]]]:
    ids = [site.pk for site in reversed(sites)]
    found = quarter_history(
        site_ids=ids, columns=["load_kw", "pv_kw"], starts_at=NOW - 3 * DAY - 5 * QUARTER, count=COUNT
    )
    return [np.nan_to_num(values, nan=-99.0).tolist() for values in found.values()]


def unpack_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE telemetry_packed, telemetry_unpacked")
        cursor.execute("UPDATE telemetry_packed_until SET until = 0")


def test_packed_history_is_the_same() -> None:
    sites = two_sites()
    before = history(sites)
    assert packed_until() == 0
    assert pack_days() == 2 * 3
    assert packed_until() == TODAY
    assert history(sites) == before
    assert before[0][0][0] == -99.0
    assert before[0][0][5] == sites[1].pk + NOW.hour
    assert pack_days() == 0


def test_today_and_the_quarter_hour_that_may_change_are_not_packed() -> None:
    two_sites()
    pack_days()
    roll_up(now=MIDNIGHT + DAY + timedelta(minutes=14))
    assert (pack_days(), packed_until()) == (0, TODAY)
    roll_up(now=MIDNIGHT + DAY + timedelta(minutes=15))
    assert (pack_days(), packed_until()) == (2, TODAY + 1)


def test_what_comes_late_is_seen_at_once_and_packed_again() -> None:
    sites = two_sites()
    pack_days()
    late = NOW - 2 * DAY
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_snapshot WHERE at > %s AND at <= %s", [late, late + QUARTER])
    factories.add_snapshots(sites=sites[:1], starts_at=late, ends_at=late + QUARTER, load_kw=500.0)
    roll_up(now=NOW)
    seen = history(sites)
    assert seen[0][1][96 + 5] == 500.0
    assert pack_days() == 1
    assert history(sites) == seen
    unpack_all()
    assert history(sites) == seen


def test_values_at_instants_across_packed_and_loose_days() -> None:
    sites = two_sites()
    instants = [NOW - 2 * DAY, NOW - DAY + QUARTER, NOW - QUARTER, NOW + DAY]
    ids = [site.pk for site in sites]
    before = quarter_values_at(site_ids=ids, column="load_kw", instants=instants)
    pack_days()
    found = quarter_values_at(site_ids=ids, column="load_kw", instants=instants)
    assert np.array_equal(before, found, equal_nan=True)
    assert np.isnan(found[:, 3]).all()
    assert found[0, :3].tolist() == [sites[0].pk + NOW.hour] * 2 + [sites[0].pk + NOW.hour]


def test_a_quantity_that_is_not_packed_is_read_from_the_quarter_hours() -> None:
    sites = two_sites()
    factories.add_snapshots(sites=sites, starts_at=NOW - DAY - QUARTER, ends_at=NOW - DAY, battery_soc=0.5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_quarter SET battery_soc = 0.5 WHERE at = %s", [NOW - DAY])
    pack_days()
    found = quarter_values_at(site_ids=[sites[0].pk], column="battery_soc", instants=[NOW - DAY])
    assert found.tolist() == [[0.5]]


def test_nothing_to_pack_is_nothing() -> None:
    roll_up(now=NOW)
    assert (pack_days(), packed_until()) == (0, 0)


def test_days_past_retention_are_forgotten() -> None:
    two_sites()
    assert pack_days() == 2 * 3
    assert forget_days(now=NOW, retention_days=400) == 0
    assert forget_days(now=NOW, retention_days=2) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM telemetry_packed")
        assert cursor.fetchone() == (4,)
