"""Energies of one home over long stretches, summed where the rows are: a year takes some hundredths of a second.

From quarter-hour means, as a meter of quarter-hours would: the same for what flowed and for what would have
(vpp.settlement.home_account says what each energy is). The running quarter-hour counts as far as it has come.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.db import connection

from vpp.settlement.home_account import Flows

QUARTER: Final = timedelta(minutes=15)
QUARTERS_OF_DAY: Final = 96
Bucket = Literal["hour", "day", "month"]
# A signed 16-bit number per value, in steps of 10 W; this one says that there is none.
NOTHING: Final = -32768
ROWS_AT_ONCE: Final = timedelta(days=31)

_USED = (
    "CASE WHEN load_kw IS NOT NULL THEN load_kw + coalesce(ev_kw, 0) + coalesce(heat_kw, 0) "
    "ELSE grid_kw - coalesce(pv_kw, 0) - coalesce(battery_kw, 0) END"
)
_QUARTERS = (
    f"SELECT at, {_USED} AS used, -coalesce(pv_kw, 0) AS sun, coalesce(battery_kw, 0) AS battery, grid_kw AS grid, "
    "date_part('epoch', least(interval '15 minutes', %(ends_at)s - at)) / 3600 AS hours "
    "FROM telemetry_quarter WHERE site_id = %(site_id)s AND at >= %(starts_at)s AND at < %(ends_at)s "
    "AND grid_kw IS NOT NULL"
)
_BARE = "(greatest(used, 0) - greatest(sun, 0))"
_FLOWS = ", ".join(
    f"coalesce(sum(greatest({kw}, 0) * hours), 0)"
    for kw in ("used", "sun", "grid", "-grid", "battery", "-battery", _BARE, f"-{_BARE}")
)
_CELL = (
    "(date_part('isodow', at AT TIME ZONE %(zone)s)::int - 1) * 96 "
    "+ date_part('hour', at AT TIME ZONE %(zone)s)::int * 4 + date_part('minute', at AT TIME ZONE %(zone)s)::int / 15"
)
_BUCKETS: Final = {
    "hour": "date_bin('1 hour', at, %(starts_at)s)",
    "day": "date_trunc('day', at, %(zone)s)",
    "month": "date_trunc('month', at, %(zone)s)",
}
_SHOWN: Final = ("sun", "used", "battery", "grid")


@dataclasses.dataclass(frozen=True)
class SiteEnergies:
    """A home's energies by quarter-hour of the local week (0 is Monday 0:00), and by bucket in order of time."""

    by_week: dict[int, Flows]
    by_bucket: list[tuple[datetime, Flows]]


def site_energies(
    *, site_id: int, starts_at: datetime, ends_at: datetime, zone: str, bucket: Bucket = "day"
) -> SiteEnergies:
    """Return the energies of a home in [starts_at, ends_at), in the local time of `zone`."""
    key = _BUCKETS[bucket]
    rows = _fetch(
        f"WITH q AS ({_QUARTERS}) SELECT {_CELL} AS cell, {key} AS bucket, {_FLOWS} FROM q "
        "GROUP BY GROUPING SETS ((1), (2)) ORDER BY 1, 2",
        {"site_id": site_id, "starts_at": starts_at, "ends_at": ends_at, "zone": zone},
    )
    return SiteEnergies(
        by_week={cell: Flows(*flows) for cell, _, *flows in rows if cell is not None},
        by_bucket=[(at, Flows(*flows)) for cell, at, *flows in rows if cell is None],
    )


def energies_within(
    *, site_id: int, periods: Sequence[tuple[datetime, datetime]], ends_at: datetime
) -> list[Flows]:
    """Return a home's energies in each of these half-open periods; quarter-hours belong where they begin."""
    if not periods:
        return []
    starts, ends = zip(*periods, strict=True)
    rows = _fetch(
        f"WITH q AS ({_QUARTERS}), p AS (SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) "
        "WITH ORDINALITY AS t(begins, until, place)) "
        f"SELECT place, {_FLOWS} FROM p JOIN q ON q.at >= p.begins AND q.at < p.until GROUP BY place",
        {
            "site_id": site_id,
            "starts_at": min(starts),
            "ends_at": min(ends_at, max(ends)),
            "starts": list(starts),
            "ends": list(ends),
        },
    )
    found = {place: Flows(*flows) for place, *flows in rows}
    return [found.get(place + 1, Flows()) for place in range(len(periods))]


def quarter_bytes(*, site_id: int, starts_at: datetime, ends_at: datetime) -> dict[str, bytes]:
    """Return by series (sun, used, battery giving, grid importing) a value per quarter-hour of [starts_at, ends_at).

    Signed 16-bit numbers, high byte first, in steps of 10 W; NOTHING where nothing is known.
    """
    kw = {"sun": "sun", "used": "used", "battery": "-battery", "grid": "grid"}
    packed = ", ".join(
        f"string_agg(int2send((CASE WHEN {kw[name]} IS NULL THEN {NOTHING} "
        f"ELSE least(greatest(round({kw[name]} * 100), -32767), 32767) END)::int2), ''::bytea ORDER BY t.at)"
        for name in _SHOWN
    )
    rows = _fetch(
        f"WITH q AS ({_QUARTERS}) SELECT {packed} FROM "
        "generate_series(%(starts_at)s::timestamptz, %(ends_at)s::timestamptz - interval '1 second', "
        "interval '15 minutes') AS t(at) LEFT JOIN q ON q.at = t.at",
        {"site_id": site_id, "starts_at": starts_at, "ends_at": ends_at},
    )
    return {name: bytes(value or b"") for name, value in zip(_SHOWN, rows[0], strict=True)}


def quarter_powers(
    *, site_id: int, starts_at: datetime, ends_at: datetime
) -> Iterator[tuple[datetime, tuple[float, ...] | None]]:
    """Yield every quarter-hour of a period with its mean powers (used, sun, battery, grid in load convention) [kW].

    Read a month at a time, so that a year never stands in memory.
    """
    at = starts_at
    while at < ends_at:
        until = min(at + ROWS_AT_ONCE, ends_at)
        rows = _fetch(
            f"WITH q AS ({_QUARTERS}) SELECT at, used, sun, battery, grid FROM q",
            {"site_id": site_id, "starts_at": at, "ends_at": until},
        )
        found = {row[0]: row[1:] for row in rows}
        while at < until:
            yield at, found.get(at)
            at += QUARTER


def _fetch(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
