"""The group-commit writer on real PostgreSQL, and what reads find afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from apps.sites.models import Site
from apps.telemetry import selectors
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW, ms, write_snapshots
from vpp.protocols.link.messages import Snapshots

pytestmark = pytest.mark.django_db(
    transaction=True, available_apps=[one.name for one in apps.get_app_configs()]
)


@pytest.fixture(autouse=True)
def _clean_telemetry() -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE telemetry_snapshot, telemetry_latest, telemetry_quarter, telemetry_day, telemetry_dirty"
        )
        cursor.execute("UPDATE telemetry_rolled_up SET until = 'epoch'")


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def message(*minutes_ago: float, seq: int = 0, **columns: Any) -> Snapshots:
    at = [ms(NOW - timedelta(minutes=minutes)) for minutes in minutes_ago]
    return Snapshots(lane="live", seq=seq, at=at, **columns)


def test_many_messages_are_stored_in_one_go(site: Site) -> None:
    answers = write_snapshots([(site.pk, message(n, grid_kw=[float(n)])) for n in range(50)])
    assert answers == [(1, 0)] * 50
    rows = factories.rows_of(site.pk, "grid_kw")
    assert [kw for _, kw in rows] == [float(n) for n in reversed(range(50))]


def test_first_word_on_an_instant_counts(site: Site) -> None:
    write_snapshots([(site.pk, message(1, grid_kw=[1.0])), (site.pk, message(1, grid_kw=[2.0]))])
    write_snapshots([(site.pk, message(1, grid_kw=[3.0]))])
    assert [kw for _, kw in factories.rows_of(site.pk, "grid_kw")] == [1.0]


def test_latest_state_keeps_the_newest(site: Site) -> None:
    write_snapshots([(site.pk, message(2, 1, 3, grid_kw=[2.0, 1.0, 3.0], battery_soc=[None, 0.5, 0.6]))])
    write_snapshots([(site.pk, message(30, grid_kw=[30.0]))])
    row = selectors.latest_by_site(site_ids=[site.pk])[site.pk]
    assert (row.at, row.grid_kw, row.battery_soc, row.pv_kw) == (NOW - timedelta(minutes=1), 1.0, 0.5, None)


def test_late_rows_reach_the_rollups(site: Site) -> None:
    roll_up(now=NOW)
    write_snapshots([(site.pk, message(60 * 24 * 3, 20, 1, grid_kw=[3.0, 2.0, 1.0]))])
    roll_up(now=NOW)
    assert [kw for _, kw in factories.rows_of(site.pk, "grid_kw", table="telemetry_quarter")] == [
        3.0,
        2.0,
        1.0,
    ]


def test_rows_on_both_sides_of_midnight_find_their_partitions(site: Site) -> None:
    minutes_to_midnight = NOW.hour * 60 + NOW.minute
    sent = message(minutes_to_midnight + 0.001, minutes_to_midnight, grid_kw=[1.0, 2.0])
    assert write_snapshots([(site.pk, sent)]) == [(2, 0)]
    assert [kw for _, kw in factories.rows_of(site.pk, "grid_kw")] == [1.0, 2.0]


def test_message_whose_rows_are_all_refused_is_still_answered(site: Site) -> None:
    assert write_snapshots([(site.pk, message(-60, grid_kw=[1.0]))]) == [(1, 1)]
    (aside,) = selectors.quarantined(site_ids=[site.pk])
    assert (aside.reason, aside.received_at) == ("future_dated", NOW)
    assert selectors.latest_by_site(site_ids=[site.pk]) == {}


def test_row_without_any_value_is_kept(site: Site) -> None:
    assert write_snapshots([(site.pk, message(1))]) == [(1, 0)]
    assert factories.rows_of(site.pk, "grid_kw") == [(NOW - timedelta(minutes=1), None)]


def test_bad_message_does_not_take_others_along(site: Site) -> None:
    broken = message(1, grid_kw=["not a number"])  # the link's decoder never lets one through
    answers = write_snapshots([(site.pk, broken)])
    assert answers == [(-1, -1)]
    assert write_snapshots([(site.pk, message(1, grid_kw=[1.0]))]) == [(1, 0)]
