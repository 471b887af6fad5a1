"""Past quarter-hours once more, a day of a home in one row: what whole histories of many homes are read from.

A row holds 96 values of four bytes for each quantity. Days before `telemetry_packed_until` are packed; of those that
changed since, `telemetry_unpacked` tells, and readers take them from the quarter-hours.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import psycopg
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg.sql import SQL

from apps.common.copying import copy_in, raw
from apps.telemetry.rollups import QUARTER

PACKED: Final = ("grid_kw", "load_kw", "pv_kw", "ev_kw", "heat_kw")
SLOTS: Final = 96
DAY_S: Final = 86_400
# What one call packs at most, so that it does not last long.
DAYS_AT_ONCE: Final = 8
CHANGED_AT_ONCE: Final = 20_000
_VALUE: Final = np.dtype("<f4")
_LOCK: Final = 0x0E5_DA15
_QUARTER: Final = "(date_part('epoch', q.at) / 900)::int4"


def pack_days() -> int:
    """Pack days that are over and days that have changed; return how many rows were written."""
    written = 0
    for _ in range(DAYS_AT_ONCE):
        rows = _pack_next_day()
        if rows is None:
            break
        written += rows
    return written + _pack_changed()


def forget_days(*, now: datetime, retention_days: int) -> int:
    """Delete packed days past retention, as the measurements they were made from; return how many rows."""
    oldest = int((now - timedelta(days=retention_days)).timestamp()) // DAY_S
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_packed WHERE day < %s", [oldest])
        return int(cursor.rowcount)


def packed_until() -> int:
    """Return the first day number (since the epoch, UTC) that is not packed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT until FROM telemetry_packed_until")
        return int(cursor.fetchone()[0])


def packed_rows(
    *, site_ids: Sequence[int], columns: Sequence[str], days: Collection[int], slots: tuple[int, int]
) -> "Iterator[tuple[int, NDArray[np.void]]]":
    """Yield each packed day with its rows (site, *columns); a column is the values of the slots [begin, end)."""
    begin, end = slots
    size = _VALUE.itemsize
    chosen = "".join(
        f" || substring({name} FROM {begin * size + 1} FOR {(end - begin) * size})" for name in columns
    )
    layout = np.dtype([("site", ">i4"), *((name, _VALUE.str, (end - begin,)) for name in columns)])
    # A day in one piece: a message of its own for each home takes longer than all the rest.
    query = (
        f"SELECT day, string_agg(int4send(site_id){chosen}, ''::bytea) FROM telemetry_packed "
        "WHERE site_id = ANY(%s) AND day = ANY(%s) GROUP BY day"
    )
    connection.ensure_connection()
    # Django's own cursor binds on the client and so cannot ask for binary.
    with psycopg.Cursor(connection.connection) as cursor:
        found = cursor.execute(SQL(query), [list(site_ids), sorted(days)], binary=True).fetchall()
    for day, rows in found:
        yield day, np.frombuffer(rows, dtype=layout)


def quarter_rows(
    *, columns: Sequence[str], where: str, parameters: Sequence[object], source: str = "telemetry_quarter q"
) -> "NDArray[np.void]":
    """Return rows (site, quarter since the epoch, *columns) of the quarter-hours; what is missing is NaN."""
    # A missing value goes as NaN: without NULLs every row has the same length. Rows go many in one piece: a message
    # of its own for each takes longer than all the rest.
    chosen = "".join(f" || float4send(COALESCE(q.{name}, 'NaN')::float4)" for name in columns)
    layout = np.dtype([("site", ">i4"), ("quarter", ">i4"), *((name, ">f4") for name in columns)])
    query = (
        f"SELECT string_agg(int4send(q.site_id::int4) || int4send({_QUARTER}){chosen}, ''::bytea) "
        f"FROM {source} WHERE {where} GROUP BY q.at"
    )
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        found = cursor.execute(SQL(query), parameters, binary=True).fetchall()
    return np.frombuffer(b"".join(rows for (rows,) in found), dtype=layout)


@transaction.atomic
def _pack_next_day() -> int | None:
    """Pack the oldest day that is not, if the rollups are past it; return the rows written, None without one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("SELECT until FROM telemetry_rolled_up")
        # The next rollup looks back a quarter-hour.
        over = int((cursor.fetchone()[0] - QUARTER).timestamp()) // DAY_S
        day = packed_until() or _first_day()
        if day is None or day >= over:
            return None
        # First, so that what comes late from here on is noted again.
        cursor.execute("DELETE FROM telemetry_unpacked WHERE day = %s", [day])
        where = "q.at >= to_timestamp(%s) AND q.at < to_timestamp(%s)"
        written = _write(
            quarter_rows(columns=PACKED, where=where, parameters=[day * DAY_S, (day + 1) * DAY_S])
        )
        cursor.execute("UPDATE telemetry_packed_until SET until = %s", [day + 1])
    return written


@transaction.atomic
def _pack_changed() -> int:
    """Pack days again that quarter-hours have come late for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS changed (site_id integer, day integer)")
        cursor.execute("TRUNCATE changed")
        cursor.execute(
            "WITH chosen AS (SELECT site_id, day FROM telemetry_unpacked WHERE day < %s LIMIT %s), "
            "taken AS (DELETE FROM telemetry_unpacked u USING chosen c WHERE (u.site_id, u.day) = (c.site_id, c.day) "
            "RETURNING u.site_id, u.day) INSERT INTO changed SELECT * FROM taken",
            [packed_until(), CHANGED_AT_ONCE],
        )
        if not cursor.rowcount:
            return 0
        cursor.execute(
            "DELETE FROM telemetry_packed p USING changed c WHERE (p.site_id, p.day) = (c.site_id, c.day)"
        )
        rows = quarter_rows(
            columns=PACKED, where=IN_DAYS, parameters=[], source="changed c, telemetry_quarter q"
        )
        return _write(rows)


# The quarter-hours of a table `c` of days.
IN_DAYS: Final = (
    f"q.site_id = c.site_id AND q.at >= to_timestamp(c.day * {DAY_S}::bigint) "
    f"AND q.at < to_timestamp((c.day + 1) * {DAY_S}::bigint)"
)


def _write(rows: "NDArray[np.void]") -> int:
    """Store quarter-hours of days that are not packed as one row a home and day."""
    day = rows["quarter"].astype(np.int64) // SLOTS
    keys, place = np.unique(rows["site"].astype(np.int64) << 32 | day, return_inverse=True)
    columns: dict[str, NDArray[np.generic]] = {
        "site_id": (keys >> 32).astype(np.int32),
        "day": (keys & 0xFFFFFFFF).astype(np.int32),
    }
    for name in PACKED:
        values = np.full((len(keys), SLOTS), np.nan, _VALUE)
        values[place, rows["quarter"] % SLOTS] = rows[name]
        columns[name] = raw(values)
    if len(keys):
        copy_in("telemetry_packed", columns)
    return len(keys)


def _first_day() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_part('epoch', min(at)) FROM telemetry_quarter")
        found = cursor.fetchone()[0]
    return None if found is None else int(found) // DAY_S
