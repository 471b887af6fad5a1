"""Rollups as arrays."""

from datetime import timedelta

import numpy as np
import pytest

from apps.telemetry.arrays import quarter_history
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW, QUARTER

pytestmark = pytest.mark.django_db
START = NOW - timedelta(hours=2)


def test_each_value_stands_at_its_site_and_quarter_hour() -> None:
    organization = factories.make_organization()
    sites = [factories.make_site(organization=organization) for _ in range(3)]
    factories.add_snapshots(
        sites=sites[:2],
        starts_at=START,
        ends_at=NOW,
        load_kw=f"(site_id - {sites[0].pk}) * 10 + extract(minute FROM at)",
    )
    factories.add_snapshots(sites=sites[1:2], starts_at=NOW, ends_at=NOW + QUARTER, pv_kw=-1.5)
    roll_up(now=NOW + QUARTER)
    ids = [sites[2].pk, sites[1].pk, sites[0].pk]
    found = quarter_history(site_ids=ids, columns=["load_kw", "pv_kw"], starts_at=START - QUARTER, count=10)
    # A quarter-hour that begins at :00 holds the snapshot at :15.
    by_quarter = [15.0, 30.0, 45.0, 0.0] * 2
    assert np.isnan(found["load_kw"][0]).all()
    assert found["load_kw"][2, 1:9].tolist() == by_quarter
    assert found["load_kw"][1, 1:9].tolist() == [10 * (sites[1].pk - sites[0].pk) + one for one in by_quarter]
    assert np.isnan(found["load_kw"][1:, [0, 9]]).all()
    assert found["pv_kw"][1, 9] == -1.5
    assert np.isnan(found["pv_kw"][:, :9]).all()


def test_only_some_times_of_day_are_read_if_asked() -> None:
    site = factories.make_site(organization=factories.make_organization())
    factories.add_snapshots(sites=[site], starts_at=NOW - timedelta(days=2), ends_at=NOW, load_kw=1.0)
    roll_up(now=NOW)
    found = quarter_history(
        site_ids=[site.pk], columns=["load_kw"], starts_at=NOW - timedelta(days=1), count=96, of_day=[0, 95]
    )["load_kw"][0]
    # The history begins at 14:00 UTC: midnight is 40 quarter-hours on.
    assert np.flatnonzero(~np.isnan(found)).tolist() == [39, 40]


def test_no_site_and_no_row_are_answers_and_a_wrong_column_is_not() -> None:
    assert quarter_history(site_ids=[], columns=["load_kw"], starts_at=NOW, count=4)["load_kw"].shape == (
        0,
        4,
    )
    assert np.isnan(
        quarter_history(site_ids=[7], columns=["load_kw"], starts_at=NOW, count=4)["load_kw"]
    ).all()
    with pytest.raises(ValueError, match="no such columns"):
        quarter_history(site_ids=[7], columns=["load_kw; DROP"], starts_at=NOW, count=4)
