"""Quarter-hour and day rollups, recomputed wherever measurements have come in since.

A quarter-hour that begins at T holds the snapshots with T < at <= T + 15 min, because a snapshot's power is the
mean over the time before it. Registers are those at the quarter's end.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from apps.telemetry.fleets import fleets_sum_up
from vpp.protocols.link.messages import COLUMNS

QUARTER = timedelta(minutes=15)
_LOCK = 0x0E5_0110

_AGGREGATES = ", ".join(f"max({name})" if name.endswith("_kwh") else f"avg({name})" for name in COLUMNS)
_FROM_QUARTERS = ", ".join(
    f"max({name})"
    if name.endswith("_kwh")
    else f"sum({name} * samples) / NULLIF(sum(samples) FILTER (WHERE {name} IS NOT NULL), 0)"
    for name in COLUMNS
)
_NAMES = ", ".join(COLUMNS)
_UPDATES = ", ".join(f"{name} = excluded.{name}" for name in ("samples", *COLUMNS))

_QUARTERS = (
    f"INSERT INTO telemetry_quarter (site_id, at, samples, {_NAMES}) "
    f"SELECT s.site_id, date_bin('15 minutes', s.at - interval '1 microsecond', 'epoch'), count(*), {_AGGREGATES} "
    "FROM telemetry_snapshot s WHERE {where} GROUP BY 1, 2 "
    f"ON CONFLICT (site_id, at) DO UPDATE SET {_UPDATES}"
)
_DAYS = (
    f"INSERT INTO telemetry_day (site_id, at, samples, {_NAMES}) "
    f"SELECT q.site_id, date_bin('1 day', q.at, 'epoch'), sum(samples), {_FROM_QUARTERS} "
    "FROM telemetry_quarter q WHERE {where} GROUP BY 1, 2 "
    f"ON CONFLICT (site_id, at) DO UPDATE SET {_UPDATES}"
)


@transaction.atomic
def roll_up(*, now: datetime) -> int:
    """Bring both rollups up to `now`, late data included; return how many quarter-hours were written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        written, earliest = _late(cursor)
        cursor.execute("SELECT until FROM telemetry_rolled_up FOR UPDATE")
        until: datetime = cursor.fetchone()[0]
        start = (until if until.year > 1970 else _floor(now) - timedelta(days=1)) - QUARTER
        cursor.execute(_QUARTERS.format(where="s.at > %s AND s.at <= %s"), [start, now])
        written += cursor.rowcount
        cursor.execute(
            _DAYS.format(where="q.at >= date_bin('1 day', %s::timestamptz, 'epoch') AND q.at <= %s"),
            [start, now],
        )
        fleets_sum_up(cursor, starts_at=min(start, earliest or start), now=now)
        cursor.execute(
            "UPDATE telemetry_rolled_up SET until = date_bin('15 minutes', %s::timestamptz, 'epoch')", [now]
        )
    return int(written)


def _floor(at: datetime) -> datetime:
    """The quarter-hour's start: half a quarter must never replace a whole one."""
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER


def _late(cursor: CursorWrapper) -> tuple[int, datetime | None]:
    """Roll up again what came in late; return how many quarter-hours, and since when."""
    execute = cursor.execute
    execute(
        "CREATE TEMP TABLE IF NOT EXISTS late (site_id integer, from_at timestamptz, to_at timestamptz) ON COMMIT DELETE ROWS"
    )
    # Two runs may share a transaction.
    execute("TRUNCATE late")
    execute(
        "WITH taken AS (DELETE FROM telemetry_dirty RETURNING *) INSERT INTO late "
        "SELECT site_id, date_bin('15 minutes', min(from_at) - interval '1 microsecond', 'epoch'), "
        "max(to_at) + interval '15 minutes' "
        "FROM taken GROUP BY site_id"
    )
    execute(
        _QUARTERS.format(
            where="EXISTS (SELECT FROM late l WHERE l.site_id = s.site_id AND s.at > l.from_at AND s.at <= l.to_at)"
        )
    )
    written: int = cursor.rowcount
    execute(
        _DAYS.format(
            where="EXISTS (SELECT FROM late l WHERE l.site_id = q.site_id "
            "AND q.at >= date_bin('1 day', l.from_at, 'epoch') "
            "AND q.at < date_bin('1 day', l.to_at, 'epoch') + interval '1 day')"
        )
    )
    # A day that is packed (apps.telemetry.packed) must be packed again.
    execute(
        "INSERT INTO telemetry_unpacked SELECT site_id, generate_series("
        "floor(date_part('epoch', from_at) / 86400)::int, floor(date_part('epoch', to_at) / 86400)::int) FROM late "
        "ON CONFLICT DO NOTHING"
    )
    execute("SELECT min(from_at) FROM late")
    return written, cursor.fetchone()[0]
