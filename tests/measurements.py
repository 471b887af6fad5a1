"""Measurements for tests: by the real writer, or by SQL where there are many."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from apps.hubs.link.server import conninfo
from apps.sites.models import Site
from apps.telemetry.partitions import ensure_days
from apps.telemetry.rollups import roll_up
from apps.telemetry.writer import SnapshotWriter
from vpp.protocols.link.messages import COLUMNS, Snapshots

QUARTER = timedelta(minutes=15)
# A Wednesday in June, 16:00 in Berlin; events of these tests begin two hours later.
NOW = datetime(2026, 6, 17, 14, 0, tzinfo=UTC)


def add_snapshots(
    *,
    sites: Sequence[Site],
    starts_at: datetime,
    ends_at: datetime,
    step: timedelta = QUARTER,
    **columns: float | str,
) -> None:
    """Insert rows at starts_at < at <= ends_at by SQL; a column's value may be an expression of `at` and `site_id`."""
    days = range(int(starts_at.timestamp() // 86_400), int(ends_at.timestamp() // 86_400) + 1)
    ensure_days("telemetry_snapshot", days)
    names, values = ", ".join(columns), ", ".join(str(value) for value in columns.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO telemetry_snapshot (site_id, at, {names}) SELECT site_id, at, {values} FROM "
            "unnest(%s::int[]) AS s(site_id), generate_series(%s::timestamptz, %s::timestamptz, make_interval(secs => %s)) "
            "AS t(at) ON CONFLICT DO NOTHING",
            [[site.pk for site in sites], starts_at + step, ends_at, step.total_seconds()],
        )
        cursor.execute(
            "INSERT INTO telemetry_dirty SELECT site_id, %s, %s FROM unnest(%s::int[]) AS s(site_id)",
            [starts_at + step, ends_at, [site.pk for site in sites]],
        )


def set_latest(*, sites: Sequence[Site], at: datetime, **values: float) -> None:
    """Set the latest state of homes."""
    names = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    with connection.cursor() as cursor:
        for site in sites:
            cursor.execute("DELETE FROM telemetry_latest WHERE site_id = %s", [site.pk])
            cursor.execute(
                f"INSERT INTO telemetry_latest (site_id, at, {names}) VALUES (%s, %s, {marks})",
                [site.pk, at, *values.values()],
            )


def add_history(
    *, sites: Sequence[Site], now: datetime = NOW, days: int = 16, load_kw: float = 1.0, soc: float = 0.8
) -> None:
    """Give homes a steady past in quarter-hours (16 days hold more than the ten weekdays a baseline takes)."""
    seconds = f"extract(epoch FROM at)::float8 - {now.timestamp() - days * 86_400}"
    add_snapshots(
        sites=sites,
        starts_at=now - timedelta(days=days),
        ends_at=now,
        grid_kw=load_kw,
        load_kw=load_kw,
        pv_kw=0.0,
        battery_kw=0.0,
        battery_soc=soc,
        import_kwh=f"{load_kw} * ({seconds}) / 3600",
        export_kwh=0.0,
    )
    set_latest(sites=sites, at=now, grid_kw=load_kw, load_kw=load_kw, pv_kw=0.0, battery_soc=soc)
    roll_up(now=now)


def add_minutes(
    *,
    sites: Sequence[Site],
    starts_at: datetime,
    ends_at: datetime,
    grid_kw: float,
    load_kw: float = 1.0,
    soc: float = 0.7,
    register_kwh: float = 1000.0,
) -> None:
    """Let homes draw `grid_kw` over a stretch, in minutes; the import register stands at `register_kwh` at its start."""
    seconds = f"extract(epoch FROM at)::float8 - {starts_at.timestamp()}"
    add_snapshots(
        sites=sites,
        starts_at=starts_at - timedelta(minutes=1),
        ends_at=ends_at,
        step=timedelta(minutes=1),
        grid_kw=grid_kw,
        load_kw=load_kw,
        pv_kw=0.0,
        battery_kw=grid_kw - load_kw,
        battery_soc=soc,
        import_kwh=f"{register_kwh} + {max(grid_kw, 0.0)} * ({seconds}) / 3600",
        export_kwh=f"{register_kwh} + {max(-grid_kw, 0.0)} * ({seconds}) / 3600",
    )
    set_latest(sites=sites, at=ends_at, grid_kw=grid_kw, load_kw=load_kw, pv_kw=0.0, battery_soc=soc)


def write_snapshots(
    messages: Sequence[tuple[int, Snapshots]],
    *,
    now: datetime = NOW,
    retention_days: int = 400,
    future_tolerance_s: float = 120.0,
) -> list[tuple[int, int]]:
    """Put (site, message) through the real writer, which commits; return (rows held, quarantined) per message."""
    return asyncio.run(
        _write(messages, lambda: now, retention_days=retention_days, future_tolerance_s=future_tolerance_s)
    )


async def _write(
    messages: Sequence[tuple[int, Snapshots]], now: Callable[[], datetime], **limits: Any
) -> list[tuple[int, int]]:
    answers: dict[int, tuple[int, int]] = {}
    writer = SnapshotWriter(conninfo=conninfo(), now=now, **limits)
    for index, (site_id, message) in enumerate(messages):

        def done(held: int, quarantined: int, *, index: int = index) -> None:
            answers[index] = (held, quarantined)

        def failed(*, index: int = index) -> None:
            answers[index] = (-1, -1)

        writer.put(site_id=site_id, message=message, done=done, failed=failed)
    writer.start()
    await writer.close()
    return [answers[index] for index in range(len(messages))]


def rows_of(site_id: int, *names: str, table: str = "telemetry_snapshot") -> list[tuple[Any, ...]]:
    """Return (at, *names) of a site's rows in a time-series table, in order."""
    columns = ", ".join(["at", *(names or COLUMNS)])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} WHERE site_id = %s ORDER BY at", [site_id])
        return list(cursor.fetchall())
