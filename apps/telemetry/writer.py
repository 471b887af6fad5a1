"""Group commit: many hubs' messages become one transaction; each is acknowledged only after it.

One writer a process. Messages queue up while a group is being committed and form the next group, so the
group grows with the load. Rows already held are skipped, so a message may come any number of times.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg

from apps.telemetry.batch import Batch, Pending, build
from apps.telemetry.copyformat import encode
from apps.telemetry.schema import TIMESCALE_INSTALLED, partition_name
from vpp.protocols.link.messages import COLUMNS, Snapshots

log = logging.getLogger(__name__)
GROUP_ROWS = 20_000
HIGH_WATER_ROWS = 120_000
LATEST_PERIOD_S = 0.5
RETRY_LONGEST_S = 10.0
DAY_MS = 86_400_000

STAGING = (
    "CREATE TEMP TABLE staging (site_id integer, at timestamptz, "
    + ", ".join(f"{name} double precision" for name in COLUMNS)
    + ") ON COMMIT DELETE ROWS"
)
DIRTY = (
    "INSERT INTO telemetry_dirty SELECT s, to_timestamp(f / 1000.0), to_timestamp(t / 1000.0) "
    "FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS x(s, f, t)"
)
QUARANTINE = (
    "INSERT INTO telemetry_quarantined (site_id, sent_at, reason, content, received_at) "
    "VALUES (%s, %s, %s, %s, %s)"
)
LATEST = (
    f"INSERT INTO telemetry_latest (site_id, at, {', '.join(COLUMNS)}) "
    "SELECT s, to_timestamp(a / 1000.0), "
    + ", ".join(f"NULLIF({name}, double precision 'NaN')" for name in COLUMNS)
    + f" FROM unnest(%s::int[], %s::bigint[], {', '.join(['%s::float8[]'] * len(COLUMNS))}) "
    f"AS x(s, a, {', '.join(COLUMNS)}) ON CONFLICT (site_id) DO UPDATE SET at = excluded.at, "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
    + " WHERE excluded.at > telemetry_latest.at"
)


class SnapshotWriter:
    """Stores snapshots for one process. `now` is the domain clock; `announce` hears which sites have news."""

    def __init__(
        self,
        *,
        conninfo: str,
        now: Callable[[], datetime],
        future_tolerance_s: float,
        retention_days: int,
        announce: Callable[[list[int]], Any] | None = None,
    ) -> None:
        self._conninfo = conninfo
        self._now = now
        self._future_ms = int(future_tolerance_s * 1000)
        self._retention_ms = retention_days * DAY_MS
        self._announce = announce
        self._pending: deque[Pending] = deque()
        self._pending_rows = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._latest: dict[int, tuple[int, list[float]]] = {}
        self._days: set[int] = set()
        self._timescale = False
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._drained = (
            False  # nothing is being written any more: what the latest-state task holds is the last
        )

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._write_forever()),
            asyncio.create_task(self._latest_forever()),
        ]

    async def close(self) -> None:
        """Commit what is waiting, then stop."""
        self._closing = True
        self._wake.set()
        writing, noting = self._tasks
        await asyncio.gather(writing, return_exceptions=True)
        self._drained = True
        await asyncio.gather(noting, return_exceptions=True)

    def put(
        self,
        *,
        site_id: int,
        message: Snapshots,
        done: Callable[[int, int], None],
        failed: Callable[[], None],
    ) -> None:
        """Queue a message; `done(rows_held, quarantined)` is called after its commit."""
        self._pending.append(Pending(site_id, message, done, failed))
        self._pending_rows += len(message.at)
        if self._pending_rows > HIGH_WATER_ROWS:
            self._room.clear()
        self._wake.set()

    async def room(self) -> None:
        """Wait while too much is queued, so that a flood is held back at its socket."""
        if not self._room.is_set():
            await self._room.wait()

    # --- the writing task ---

    async def _write_forever(self) -> None:
        connection: psycopg.AsyncConnection[Any] | None = None
        pause_s = 0.1
        group: list[Pending] = []
        while True:
            if not group:
                group = await self._next_group()
                if not group:
                    break
            try:
                if connection is None or connection.closed:
                    connection = await self._connect()
                await self._store(connection, group)
            except psycopg.OperationalError as error:
                log.warning("telemetry store is out of reach, trying again: %s", error)
                await _discard(connection)
                connection = None
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_LONGEST_S)
                continue
            except Exception:
                log.exception("a group of %d messages could not be stored", len(group))
                await _discard(connection)
                connection = None
                for item in group:
                    item.failed()
            group, pause_s = [], 0.1
        await _discard(connection)

    async def _next_group(self) -> list[Pending]:
        while not self._pending:
            if self._closing:
                return []
            self._wake.clear()
            await self._wake.wait()
        group: list[Pending] = []
        rows = 0
        while self._pending and rows < GROUP_ROWS:
            item = self._pending.popleft()
            rows += len(item.message.at)
            group.append(item)
        self._pending_rows -= rows
        if self._pending_rows <= HIGH_WATER_ROWS:
            self._room.set()
        return group

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        await connection.execute(STAGING)
        row = await (await connection.execute(TIMESCALE_INSTALLED)).fetchone()
        self._timescale = bool(row and row[0])
        return connection

    async def _store(self, connection: psycopg.AsyncConnection[Any], group: list[Pending]) -> None:
        now = self._now()
        now_ms = int(now.timestamp() * 1000)
        batch = build(group, now_ms=now_ms, future_ms=self._future_ms, oldest_ms=now_ms - self._retention_ms)
        await self._ensure_partitions(connection, batch)
        async with connection.transaction():
            if len(batch.at_ms):
                await _insert(connection, batch)
            if batch.late:
                sites = list(batch.late)
                await connection.execute(
                    DIRTY, (sites, [batch.late[s][0] for s in sites], [batch.late[s][1] for s in sites])
                )
            if batch.quarantined:
                rows = [
                    (q.site_id, q.sent_at, q.reason, json.dumps(q.content), now) for q in batch.quarantined
                ]
                await connection.cursor().executemany(QUARANTINE, rows)
        for site, row in batch.newest.items():
            self._note_latest(site, (int(batch.at_ms[row]), batch.values[:, row].tolist()))
        for index, item in enumerate(group):
            item.done(len(item.message.at), batch.quarantined_by_message.get(index, 0))

    def _note_latest(self, site: int, row: tuple[int, list[float]]) -> None:
        held = self._latest.get(site)
        if held is None or held[0] < row[0]:
            self._latest[site] = row

    async def _ensure_partitions(self, connection: psycopg.AsyncConnection[Any], batch: Batch) -> None:
        if self._timescale:
            return
        for day in set(np.unique(batch.at_ms // DAY_MS).tolist()) - self._days:
            await create_partition(connection, "telemetry_snapshot", day=day)
            self._days.add(day)

    # --- the latest-state task ---

    async def _latest_forever(self) -> None:
        connection: psycopg.AsyncConnection[Any] | None = None
        while not (self._drained and not self._latest):
            started = time.monotonic()
            if self._latest:
                rows, self._latest = self._latest, {}
                try:
                    if connection is None or connection.closed:
                        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                    await _upsert_latest(connection, rows)
                    if self._announce is not None:
                        await self._announce(list(rows))
                except psycopg.OperationalError as error:
                    log.warning("latest state could not be written, trying again: %s", error)
                    await _discard(connection)
                    connection = None
                    for site, row in rows.items():
                        self._note_latest(site, row)
                    if self._closing:
                        break
                except Exception:
                    log.exception("latest state could not be announced")
            await asyncio.sleep(
                max(0.05, LATEST_PERIOD_S - (time.monotonic() - started)) if not self._closing else 0.02
            )
        await _discard(connection)


async def create_partition(connection: psycopg.AsyncConnection[Any], table: str, *, day: int) -> None:
    """Create the partition of `table` for day number `day` (since the epoch) unless it is there."""
    start = datetime.fromtimestamp(day * 86_400, UTC)
    end = datetime.fromtimestamp((day + 1) * 86_400, UTC)
    name = partition_name(table, start.date().isoformat())
    with contextlib.suppress(psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation):
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
            f"FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
        )


async def _insert(connection: psycopg.AsyncConnection[Any], batch: Batch) -> None:
    missing = np.isnan(batch.values)
    some = np.asarray(~missing.all(axis=1))
    partly = np.asarray(missing.any(axis=1))
    names = [name for name, has in zip(COLUMNS, some, strict=True) if has]
    picked = [
        f"NULLIF({name}, 'NaN')" if gaps else name
        for name, has, gaps in zip(COLUMNS, some, partly, strict=True)
        if has
    ]
    columns = ", ".join(["site_id", "at", *names])
    cursor = connection.cursor()
    async with cursor.copy(f"COPY staging ({columns}) FROM STDIN (FORMAT BINARY)") as copy:
        await copy.write(encode(batch.site, batch.at_ms, values=batch.values[some]))
    await cursor.execute(
        f"INSERT INTO telemetry_snapshot ({columns}) SELECT {', '.join(['site_id', 'at', *picked])} FROM staging "
        "ON CONFLICT DO NOTHING"
    )


async def _upsert_latest(
    connection: psycopg.AsyncConnection[Any], rows: dict[int, tuple[int, list[float]]]
) -> None:
    sites = sorted(rows)
    columns = [list(column) for column in zip(*(rows[site][1] for site in sites), strict=True)]
    await connection.execute(LATEST, (sites, [rows[site][0] for site in sites], *columns))


async def _discard(connection: psycopg.AsyncConnection[Any] | None) -> None:
    if connection is not None:
        with contextlib.suppress(psycopg.Error):
            await connection.close()
