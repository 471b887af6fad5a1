"""Day partitions where TimescaleDB does not make chunks itself; retention on both."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection

from apps.telemetry.schema import PARTITIONED, TIMESCALE_INSTALLED, partition_name

AHEAD_DAYS = 3
_LOCK = 0x0E5_7E1E


def uses_timescale() -> bool:
    """Whether the tables are hypertables."""
    with connection.cursor() as cursor:
        cursor.execute(TIMESCALE_INSTALLED)
        return bool(cursor.fetchone()[0])


def ensure_days(table: str, days: Iterable[int]) -> None:
    """Create the partitions of `table` for these day numbers (since the epoch)."""
    wanted = {partition_name(table, _date(day)): day for day in days}
    if not wanted or uses_timescale():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s)", [list(wanted)])
        for (name,) in cursor.fetchall():
            del wanted[name]
        if wanted:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for name, day in wanted.items():
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
                f"FOR VALUES FROM ('{_date(day)}T00:00:00Z') TO ('{_date(day + 1)}T00:00:00Z')"
            )


def keep_partitions(*, now: datetime, retention_days: int) -> list[str]:
    """Make the coming days' partitions, drop those past retention; return what was dropped."""
    today = int(now.timestamp() // 86_400)
    oldest = now - timedelta(days=retention_days)
    dropped: list[str] = []
    for table in PARTITIONED:
        ensure_days(table, range(today, today + AHEAD_DAYS))
        dropped += _drop_old(table, oldest)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_quarantined WHERE received_at < %s", [oldest])
    return dropped


def _drop_old(table: str, oldest: datetime) -> list[str]:
    with connection.cursor() as cursor:
        if uses_timescale():
            cursor.execute("SELECT drop_chunks(%s, older_than => %s::timestamptz)", [table, oldest])
            return [name for (name,) in cursor.fetchall()]
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = %s",
            [table],
        )
        limit = partition_name(table, oldest.astimezone(UTC).date().isoformat())
        old = [name for (name,) in cursor.fetchall() if name < limit]
        for name in old:
            cursor.execute(f"DROP TABLE {name}")
    return old


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
