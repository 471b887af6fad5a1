"""A group of messages as arrays: checked, with what could not be accepted set aside. No I/O."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.protocols.link.messages import COLUMNS, Snapshots

# Plausible bounds of a home, per column; outside them (or NaN) a value is quarantined.
_BOUNDS = {
    "_kw": (-1_000.0, 1_000.0),
    "_kwh": (-1.0, 1e8),
    "_soc": (-0.001, 1.001),
    "_v": (0.0, 1_000.0),
    "_hz": (0.0, 100.0),
}
_LOW = np.array([_BOUNDS["_" + name.rsplit("_", 1)[1]][0] for name in COLUMNS])[:, None]
_HIGH = np.array([_BOUNDS["_" + name.rsplit("_", 1)[1]][1] for name in COLUMNS])[:, None]
_NAN = [math.nan]
_INT64_MAX = 2**63 - 1
# A run of the rollups looks back 15 minutes at least; what is older when it comes is noted as late. The five
# minutes between are for the commit, which follows the judgement.
LATE_MS = 10 * 60 * 1000


@dataclasses.dataclass(slots=True)
class Pending:
    """A message waiting to be stored, and whom to tell."""

    site_id: int
    message: Snapshots
    done: Any  # Callable[[int, int], None]: rows held, rows or values quarantined
    failed: Any  # Callable[[], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Quarantine:
    """Something refused, with the reason."""

    site_id: int
    sent_at: int
    reason: str
    content: dict[str, Any]


@dataclasses.dataclass(slots=True)
class Batch:
    """Rows ready to store: `site`, `at_ms` and `values` (column, row); NaN stands for "not measured"."""

    site: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    quarantined: list[Quarantine]
    quarantined_by_message: dict[int, int]
    newest: dict[int, int]  # site -> row index of its newest accepted row
    late: dict[int, tuple[int, int]]  # site -> (oldest, newest) accepted instant older than LATE_MS


def build(pending: Sequence[Pending], *, now_ms: int, future_ms: int, oldest_ms: int) -> Batch:
    """Turn messages into checked rows.

    A row dated after `now_ms + future_ms` or before `oldest_ms`, or by a clock that its hub did not trust, is
    quarantined whole, a value that is NaN, infinite or implausible alone.
    """
    counts = np.array([len(item.message.at) for item in pending])
    owner = np.repeat(np.arange(len(pending)), counts)
    site = np.repeat(np.array([item.site_id for item in pending], dtype=np.int32), counts)
    at = _instants(pending)
    values, absent = _values(pending, int(counts.sum()))
    batch = Batch(site, at, values, [], {}, {}, {})
    _quarantine_values(batch, pending, owner=owner, counts=counts, absent=absent)
    keep = _quarantine_rows(batch, owner, low=oldest_ms, high=now_ms + future_ms)
    keep &= _quarantine_untrusted(batch, pending, owner=owner, keep=keep)
    if not keep.all():
        batch.site, batch.at_ms, batch.values = site[keep], at[keep], values[:, keep]
        owner = owner[keep]
    _summarize(batch, owner, now_ms=now_ms)
    return batch


def _instants(pending: Sequence[Pending]) -> NDArray[np.int64]:
    flat: list[int] = []
    for item in pending:
        flat += item.message.at
    try:
        return np.array(flat, dtype=np.int64)
    except OverflowError:
        return np.array([max(-_INT64_MAX, min(_INT64_MAX, at)) for at in flat], dtype=np.int64)


def _values(pending: Sequence[Pending], rows: int) -> tuple[NDArray[np.float64], int]:
    """Return the (column, row) matrix and how many of its cells belong to columns that were left out."""
    values = np.empty((len(COLUMNS), rows))
    absent = 0
    messages = [item.message for item in pending]
    for index, name in enumerate(COLUMNS):
        flat: list[float | None] = []
        for message in messages:
            column = getattr(message, name)
            if column:
                flat += column
            else:
                flat += _NAN * len(message.at)
                absent += len(message.at)
        values[index] = flat  # None becomes NaN
    return values, absent


def _quarantine_values(
    batch: Batch,
    pending: Sequence[Pending],
    *,
    owner: NDArray[np.int64],
    counts: NDArray[np.int64],
    absent: int,
) -> None:
    bad = ~((batch.values >= _LOW) & (batch.values <= _HIGH))
    if int(np.count_nonzero(bad)) == absent:
        return
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for column, row in np.argwhere(bad).tolist():
        message_index = int(owner[row])
        sent = getattr(pending[message_index].message, COLUMNS[column])
        value = sent[row - first[message_index]] if sent else None
        if value is None:
            continue
        reason = "not_finite" if not math.isfinite(value) else "out_of_range"
        _set_aside(batch, message_index, row=row, reason=reason, content={COLUMNS[column]: str(value)})
        batch.values[column, row] = math.nan


def _quarantine_rows(batch: Batch, owner: NDArray[np.int64], *, low: int, high: int) -> NDArray[np.bool_]:
    keep = (batch.at_ms >= low) & (batch.at_ms <= high)
    for row in np.flatnonzero(~keep).tolist():
        reason = "future_dated" if batch.at_ms[row] > high else "older_than_retention"
        _set_aside(batch, int(owner[row]), row=row, reason=reason, content=_held(batch, row))
    return keep


def _quarantine_untrusted(
    batch: Batch, pending: Sequence[Pending], *, owner: NDArray[np.int64], keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    doubted = [index for index, item in enumerate(pending) if not item.message.clock_trusted]
    trusted = ~np.isin(owner, doubted) if doubted else np.ones(len(owner), dtype=np.bool_)
    for row in np.flatnonzero(keep & ~trusted).tolist():
        reason = "clock_not_trusted"
        _set_aside(batch, int(owner[row]), row=row, reason=reason, content=_held(batch, row))
    return trusted


def _held(batch: Batch, row: int) -> dict[str, float]:
    values = batch.values[:, row].tolist()
    return {name: value for name, value in zip(COLUMNS, values, strict=True) if not math.isnan(value)}


def _set_aside(batch: Batch, message_index: int, *, row: int, reason: str, content: dict[str, Any]) -> None:
    batch.quarantined.append(Quarantine(int(batch.site[row]), int(batch.at_ms[row]), reason, content))
    held = batch.quarantined_by_message
    held[message_index] = held.get(message_index, 0) + 1


def _summarize(batch: Batch, owner: NDArray[np.int64], *, now_ms: int) -> None:
    """Note each site's newest row, and the stretch of it that is late."""
    rows = len(batch.at_ms)
    if rows == 0:
        return
    order = np.lexsort((batch.at_ms, batch.site))
    ends = np.append(np.nonzero(np.diff(batch.site[order]))[0], rows - 1)
    batch.newest = dict(zip(batch.site[order[ends]].tolist(), order[ends].tolist(), strict=True))
    late = batch.at_ms[order] < now_ms - LATE_MS
    if not late.any():
        return
    starts = np.append(0, ends[:-1] + 1)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        number = int(np.count_nonzero(late[start : end + 1]))
        if number:
            at = batch.at_ms[order[start : start + number]]
            batch.late[int(batch.site[order[start]])] = (int(at[0]), int(at[-1]))
