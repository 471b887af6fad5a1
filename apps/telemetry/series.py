"""A site's measurements and their rollups by pages of time: keyset by the instant, so that new rows move none."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from django.db import connection

from vpp.protocols.link.messages import COLUMNS

Resolution = Literal["raw", "quarter", "day"]
TABLES: Final[dict[str, str]] = {
    "raw": "telemetry_snapshot", "quarter": "telemetry_quarter", "day": "telemetry_day"
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows in order of time, (at, *columns) each, and the instant to go on after where there are more."""

    columns: Sequence[str]
    rows: list[tuple[Any, ...]]
    after: datetime | None


def series_page(
    *,
    site_id: int,
    resolution: Resolution,
    columns: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    limit: int,
    after: datetime | None = None,
) -> Rows:
    """Return at most `limit` rows with starts_at <= at < ends_at, after the instant `after`."""
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    later, values = ("AND at > %s ", [after]) if after is not None else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT at, {', '.join(columns)} FROM {TABLES[resolution]} "
            f"WHERE site_id = %s AND at >= %s AND at < %s {later}ORDER BY at LIMIT %s",
            [site_id, starts_at, ends_at, *values, limit + 1],
        )
        found = list(cursor.fetchall())
    more = len(found) > limit
    return Rows(columns, found[:limit], found[limit - 1][0] if more else None)
