"""Long stretches of rollups of many sites as arrays: packed days, and the quarter-hours of what is not packed yet."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Case, FloatField, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from apps.common.copying import copy_out, copy_values
from apps.telemetry.models import LatestSnapshot
from apps.telemetry.packed import (
    DAY_S,
    IN_DAYS,
    PACKED,
    SLOTS,
    packed_rows,
    packed_until,
    quarter_rows,
)  # fmt: skip
from vpp.protocols.link.messages import COLUMNS

Floats = NDArray[np.float64]
QUARTER_S = 900
QUARTERS_OF_DAY = SLOTS


def quarter_history(
    *,
    site_ids: Sequence[int],
    columns: Sequence[str],
    starts_at: datetime,
    count: int,
    of_day: Collection[int] | None = None,
) -> dict[str, Floats]:
    """Return by column (sites, count) rollups of the quarter-hours from `starts_at` on; NaN for none.

    `of_day` limits it to these quarter-hours of the UTC day (0-95); the others may stay NaN.
    """
    first = int(starts_at.timestamp()) // QUARTER_S
    days = range(first // SLOTS, -((-first - count) // SLOTS))
    found = day_history(site_ids=site_ids, columns=columns, days=days, of_day=of_day)
    begin = first - days.start * SLOTS
    return {
        name: values.reshape(len(site_ids), len(days) * SLOTS)[:, begin : begin + count].astype(np.float64)
        for name, values in found.items()
    }


def latest_heard(*, site_ids: Collection[int] | QuerySet[Any, int], since: datetime) -> "NDArray[np.void]":
    """Return `site`, `heard` (1 for a snapshot since then) and `soc` (NaN for none) of sites' newest snapshots."""
    rows = LatestSnapshot.objects.filter(site_id__in=site_ids).annotate(
        heard=Case(When(at__gte=since, then=Value(1)), default=Value(0)),
        soc=Coalesce("battery_soc", Cast(Value("NaN"), FloatField())),
    )
    fields = [("site", ">i4"), ("heard", ">i4"), ("soc", ">f8")]
    return copy_values(rows.values_list("site_id", "heard", "soc"), fields=fields)


def mean_grid_kw(
    *, site_ids: NDArray[np.int64], starts_at: datetime, ends_at: datetime
) -> "NDArray[np.void]":
    """Return `site` and `kw`, the mean grid power over its snapshots with starts_at < at <= ends_at."""
    return copy_out(
        "SELECT site_id, avg(grid_kw) FROM telemetry_snapshot WHERE site_id = ANY(%s) AND at > %s AND at <= %s "
        "GROUP BY site_id HAVING avg(grid_kw) IS NOT NULL",
        [site_ids.tolist(), starts_at, ends_at],
        fields=[("site", ">i4"), ("kw", ">f8")],
    )


def quarter_values_at(*, site_ids: Sequence[int], column: str, instants: Sequence[datetime]) -> Floats:
    """Return (sites, instants) rollups of `column` of the quarter-hours that begin at `instants`; NaN for none."""
    quarters = np.array([int(at.timestamp()) // QUARTER_S for at in instants], dtype=np.int64)
    days, place = np.unique(quarters // SLOTS, return_inverse=True)
    slots = quarters % SLOTS
    held = day_history(
        site_ids=site_ids, columns=[column], days=days.tolist(), of_day=sorted(set(slots.tolist()))
    )[column]
    return held[:, place, slots].astype(np.float64)


def day_history(
    *,
    site_ids: Sequence[int],
    columns: Sequence[str],
    days: Sequence[int],
    of_day: Collection[int] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Return by column (sites, days, 96) rollups of rising day numbers (since the epoch, UTC); NaN for none.

    `of_day` limits it to these quarter-hours of the day; the others may stay NaN.
    """
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    values = {name: np.full((len(site_ids), len(days), SLOTS), np.nan, np.float32) for name in columns}
    ids, rows = np.unique(np.array(site_ids, dtype=np.int64), return_index=True)
    numbers = np.array(days, dtype=np.int64)

    if not len(ids) or not len(numbers):
        return values
    # What changes while we read is better read twice than not at all: first which days are packed, then those.
    until = packed_until() if set(columns) <= set(PACKED) else 0
    changed = _changed(site_ids, days=days) if until else []
    if until > numbers[0]:
        slots = (min(of_day), max(of_day) + 1) if of_day else (0, SLOTS)
        past = [day for day in days if day < until]
        for day, packed in packed_rows(site_ids=site_ids, columns=columns, days=past, slots=slots):
            site, number = rows[np.searchsorted(ids, packed["site"])], np.searchsorted(numbers, day)
            for name in columns:
                values[name][site, number, slots[0] : slots[1]] = packed[name]
    for loose in _loose_rows(site_ids, columns, days=days, until=until, changed=changed, of_day=of_day):
        site = rows[np.searchsorted(ids, loose["site"])]
        place = np.searchsorted(numbers, loose["quarter"].astype(np.int64) // SLOTS)
        for name in columns:
            values[name][site, place, loose["quarter"] % SLOTS] = loose[name]
    return values


def _changed(site_ids: Sequence[int], *, days: Sequence[int]) -> list[tuple[int, int]]:
    """Return (site, day) of packed days that are out of date."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT site_id, day FROM telemetry_unpacked WHERE site_id = ANY(%s) AND day = ANY(%s)",
            [list(site_ids), list(days)],
        )
        return list(cursor.fetchall())


def _loose_rows(
    site_ids: Sequence[int],
    columns: Sequence[str],
    *,
    days: Sequence[int],
    until: int,
    changed: Sequence[tuple[int, int]],
    of_day: Collection[int] | None,
) -> "list[NDArray[np.void]]":
    """Quarter-hours of days that are not packed, or have changed since."""
    found = []
    limited = f" AND (date_part('epoch', q.at) / {QUARTER_S})::int4 %% {SLOTS} = ANY(%s)" if of_day else ""
    last: list[object] = [list(of_day)] if of_day else []
    if days[-1] >= until:
        begin = max(days[0], until)
        where = "q.site_id = ANY(%s) AND q.at >= to_timestamp(%s) AND q.at < to_timestamp(%s)" + limited
        parameters = [list(site_ids), begin * DAY_S, (days[-1] + 1) * DAY_S, *last]
        # Of scattered days only what was asked for has a place.
        rows = quarter_rows(columns=columns, where=where, parameters=parameters)
        found.append(rows[np.isin(rows["quarter"] // SLOTS, days)])
    if changed:
        sites, numbers = ([one[side] for one in changed] for side in (0, 1))
        source = "unnest(%s::int[], %s::int[]) AS c (site_id, day), telemetry_quarter q"
        found.append(
            quarter_rows(
                columns=columns, where=IN_DAYS + limited, parameters=[sites, numbers, *last], source=source
            )
        )
    return found


def binned_history(
    *, site_ids: Sequence[int], columns: Sequence[str], starts_at: datetime, step_s: int, count: int
) -> dict[str, Floats]:
    """Return by column (sites, count) means of the snapshots in steps of any length from `starts_at` on; NaN for none.

    A step holds what lies in (start, end], registers stand as at its end. Quarter-hours are cheaper by `quarter_history`.
    """
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    values = {name: np.full((len(site_ids), count), np.nan) for name in columns}
    ids, rows = np.unique(np.array(site_ids, dtype=np.int64), return_index=True)
    if not len(ids) or not count:
        return values
    found = copy_out(
        f"SELECT site_id::int8, (ceil(extract(epoch FROM at - %s) / %s) - 1)::int8, {_binned(columns)} "
        "FROM telemetry_snapshot WHERE site_id = ANY(%s) AND at > %s AND at <= %s GROUP BY 1, 2",
        [starts_at, step_s, ids.tolist(), starts_at, starts_at + timedelta(seconds=step_s * count)],
        fields=[("site", ">i8"), ("step", ">i8"), *((name, ">f8") for name in columns)],
    )
    places = rows[np.searchsorted(ids, found["site"].astype(np.int64))], found["step"].astype(np.int64)
    for name in columns:
        values[name][places] = found[name]
    return values


def _binned(columns: Sequence[str]) -> str:
    taken = {name: "max" if name.endswith("_kwh") else "avg" for name in columns}
    return ", ".join(f"coalesce({how}({name})::float8, 'NaN')" for name, how in taken.items())
