"""Long stretches of rollups of many sites as arrays: binary COPY out, numpy in; no row ever becomes an object."""

from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from vpp.protocols.link.messages import COLUMNS

Floats = NDArray[np.float64]
QUARTER_S = 900
QUARTERS_OF_DAY = 96
_HEADER, _TRAILER = 19, 2


def quarter_history(
    *,
    site_ids: Sequence[int],
    columns: Sequence[str],
    starts_at: datetime,
    count: int,
    of_day: Collection[int] | None = None,
) -> dict[str, Floats]:
    """Return by column (sites, count) rollups of the quarter-hours from `starts_at` on; NaN for none.

    `of_day` limits it to these quarter-hours of the UTC day (0-95); the others stay NaN.
    """
    unknown = set(columns) - set(COLUMNS)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    values = {name: np.full((len(site_ids), count), np.nan) for name in columns}
    first = int(starts_at.timestamp()) // QUARTER_S
    rows = _copied(site_ids, columns, first=first, count=count, of_day=of_day)
    ids = np.array(site_ids, dtype=np.int64)
    order = np.argsort(ids)
    places = order[np.searchsorted(ids, rows["site"], sorter=order)] if len(rows) else np.empty(0, np.int64)
    for name in columns:
        values[name][places, rows["quarter"] - first] = rows[name]
    return values


def _copied(
    site_ids: Sequence[int],
    columns: Sequence[str],
    *,
    first: int,
    count: int,
    of_day: Collection[int] | None,
) -> "NDArray[np.void]":
    # A missing value goes as NaN: without NULLs every row has the same length.
    chosen = ", ".join(f"COALESCE({name}, 'NaN')::float4" for name in columns)
    quarter = f"(date_part('epoch', at) / {QUARTER_S})::int4"
    limited = f" AND {quarter} %% {QUARTERS_OF_DAY} = ANY(%s)" if of_day is not None else ""
    parameters: list[object] = [list(site_ids), first * QUARTER_S, (first + count) * QUARTER_S]
    if of_day is not None:
        parameters.append(list(of_day))
    fields = [
        ("fields", ">i2"),
        ("site_length", ">i4"),
        ("site", ">i4"),
        ("quarter_length", ">i4"),
        ("quarter", ">i4"),
    ]
    for name in columns:
        fields += [(f"{name}_length", ">i4"), (name, ">f4")]
    with connection.cursor() as cursor:
        with cursor.copy(
            f"COPY (SELECT site_id::int4, {quarter}, {chosen} FROM telemetry_quarter "
            f"WHERE site_id = ANY(%s) AND at >= to_timestamp(%s) AND at < to_timestamp(%s){limited}) "
            "TO STDOUT (FORMAT BINARY)",
            parameters,
        ) as copy:
            data = b"".join(bytes(block) for block in copy)
    return np.frombuffer(data[_HEADER : len(data) - _TRAILER], dtype=np.dtype(fields))
