"""Any batch of messages, checked and sent through PostgreSQL's binary COPY, comes out as it went in."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.telemetry.batch import LATE_MS, Pending, build
from apps.telemetry.copyformat import encode
from vpp.protocols.link.messages import COLUMNS, Snapshots

NOW_MS = 1_800_000_000_000
FUTURE_MS, OLDEST_MS = 120_000, NOW_MS - 400 * 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOUNDS = {
    "kw": (-1000.0, 1000.0),
    "kwh": (-1.0, 1e8),
    "soc": (-0.001, 1.001),
    "v": (0.0, 1000.0),
    "hz": (0.0, 100.0),
}

values = st.one_of(
    st.none(),
    st.floats(-1000, 1000),
    st.floats(0, 1),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -0.0]),
)
instants = st.one_of(
    st.integers(OLDEST_MS - 10, NOW_MS + FUTURE_MS + 10),
    st.integers(0, 253_402_300_799_999),
    st.sampled_from([OLDEST_MS, OLDEST_MS - 1, NOW_MS + FUTURE_MS, NOW_MS + FUTURE_MS + 1]),
)


@st.composite
def messages(draw: st.DrawFn) -> Snapshots:
    at = draw(st.lists(instants, min_size=1, max_size=4))
    columns = {
        name: draw(st.one_of(st.just([]), st.lists(values, min_size=len(at), max_size=len(at))))
        for name in COLUMNS
    }
    return Snapshots(lane="live", seq=0, at=at, **columns)  # type: ignore[arg-type]  # clock_trusted is no column


batches = st.lists(st.tuples(st.integers(1, 3), messages()), min_size=1, max_size=4)


def expected(sent: list[tuple[int, Snapshots]]) -> tuple[list[tuple[Any, ...]], int]:
    """The plain way: row by row, value by value; returns the rows and how much was set aside."""
    rows, aside = [], 0
    for site, message in sent:
        for index, at in enumerate(message.at):
            row: list[float | None] = []
            for name in COLUMNS:
                column = getattr(message, name)
                value = column[index] if column else None
                low, high = BOUNDS[name.rsplit("_", 1)[1]]
                if value is not None and not (math.isfinite(value) and low <= value <= high):
                    value, aside = None, aside + 1
                row.append(value)
            if OLDEST_MS <= at <= NOW_MS + FUTURE_MS:
                rows.append((site, at, *row))
            else:
                aside += 1
    return rows, aside


def pending(sent: list[tuple[int, Snapshots]]) -> list[Pending]:
    return [Pending(site, message, None, None) for site, message in sent]


def through_postgresql(sent: list[tuple[int, Snapshots]]) -> list[tuple[Any, ...]]:
    batch = build(pending(sent), now_ms=NOW_MS, future_ms=FUTURE_MS, oldest_ms=OLDEST_MS)
    columns = ", ".join(f"{name} float8" for name in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE sent (id serial, site integer, at timestamptz, {columns})")
        names = ", ".join(COLUMNS)
        with cursor.copy(f"COPY sent (site, at, {names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(encode(batch.site, batch.at_ms, values=batch.values))
        cursor.execute(f"SELECT site, at, {names} FROM sent ORDER BY id")
        rows = cursor.fetchall()
        cursor.execute("DROP TABLE sent")
    return [
        (site, (at - EPOCH) // timedelta(milliseconds=1), *(None if math.isnan(v) else v for v in row))
        for site, at, *row in rows
    ]


class TestRoundTrip(TestCase):
    @settings(max_examples=100, deadline=None)
    @given(batches)
    def test_rows_come_out_as_they_went_in(self, sent: list[tuple[int, Snapshots]]) -> None:
        rows, _ = expected(sent)
        assert through_postgresql(sent) == rows


@settings(max_examples=100, deadline=None)
@given(batches)
def test_everything_is_kept_or_set_aside(sent: list[tuple[int, Snapshots]]) -> None:
    batch = build(pending(sent), now_ms=NOW_MS, future_ms=FUTURE_MS, oldest_ms=OLDEST_MS)
    rows, aside = expected(sent)
    assert len(batch.at_ms) == len(rows)
    assert len(batch.quarantined) == sum(batch.quarantined_by_message.values()) == aside


@settings(max_examples=100, deadline=None)
@given(batches)
def test_newest_and_late_are_those_of_the_kept_rows(sent: list[tuple[int, Snapshots]]) -> None:
    batch = build(pending(sent), now_ms=NOW_MS, future_ms=FUTURE_MS, oldest_ms=OLDEST_MS)
    rows, _ = expected(sent)
    kept: dict[int, list[int]] = {}
    for site, at, *_ in rows:
        kept.setdefault(site, []).append(at)
    assert {site: int(batch.at_ms[row]) for site, row in batch.newest.items()} == {
        site: max(ats) for site, ats in kept.items()
    }
    late = {site: [at for at in ats if at < NOW_MS - LATE_MS] for site, ats in kept.items()}
    assert batch.late == {site: (min(ats), max(ats)) for site, ats in late.items() if ats}


def test_stream_of_no_rows_is_valid() -> None:
    empty = np.empty(0)
    stream = encode(empty.astype(np.int32), empty.astype(np.int64), values=np.empty((2, 0)))
    assert stream == b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"


@pytest.mark.parametrize("rows", [1, 1000])
def test_stream_has_the_documented_length(rows: int) -> None:
    key, at = np.ones(rows, np.int32), np.zeros(rows, np.int64)
    assert len(encode(key, at, values=np.zeros((12, rows)))) == 19 + rows * (2 + 8 + 12 + 12 * 12) + 2
