"""Day partitions and retention."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from apps.telemetry.models import Quarantined
from apps.telemetry.partitions import ensure_days, keep_partitions, uses_timescale

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 3, 10, 12, tzinfo=UTC)


def day(at: datetime) -> int:
    return int(at.timestamp() // 86_400)


def partitions(year: str = "2031") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE %s ORDER BY relname",
            [f"telemetry_%_{year}%"],
        )
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture(autouse=True)
def _plain_postgresql() -> None:
    if uses_timescale():
        pytest.skip("TimescaleDB makes its own chunks")
    # Days that other tests wrote; the test's end brings them back.
    with connection.cursor() as cursor:
        for name in partitions("20"):
            cursor.execute(f"DROP TABLE {name}")


def test_coming_days_are_made_ahead() -> None:
    keep_partitions(now=NOW, retention_days=400)
    assert partitions() == [
        f"telemetry_{kind}_203103{number}" for kind in ("point", "snapshot") for number in (10, 11, 12)
    ]


def test_making_them_again_changes_nothing() -> None:
    assert keep_partitions(now=NOW, retention_days=400) == []
    before = partitions()
    assert keep_partitions(now=NOW, retention_days=400) == []
    assert partitions() == before


def test_days_past_retention_are_dropped_and_the_oldest_kept_day_stays() -> None:
    oldest = NOW - timedelta(days=30)
    ensure_days("telemetry_snapshot", [day(oldest) - 2, day(oldest) - 1, day(oldest)])
    dropped = keep_partitions(now=NOW, retention_days=30)
    assert dropped == ["telemetry_snapshot_20310206", "telemetry_snapshot_20310207"]
    assert "telemetry_snapshot_20310208" in partitions()


def test_quarantine_is_emptied_with_retention() -> None:
    for age in (29, 31):
        Quarantined.objects.create(
            site_id=1, sent_at=0, reason="x", content={}, received_at=NOW - timedelta(days=age)
        )
    keep_partitions(now=NOW, retention_days=30)
    assert [row.received_at for row in Quarantined.objects.all()] == [NOW - timedelta(days=29)]
