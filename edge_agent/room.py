"""Room in a full outbox: old rows are made fewer first, then lost, and a marker says which time is missing."""

import sqlite3
from collections.abc import Iterable

from edge_agent.thinning import thinned
from vpp.protocols.link import codec
from vpp.protocols.link.messages import Gap, Lane, Points, Snapshots

# Rows a message has at most after thinning; those that have no more are left alone.
_THIN_ROWS = 8
# What is rewritten in one go, so that a cycle does not wait for it.
_MOST_AT_ONCE = 500


def thin(database: sqlite3.Connection, lane: Lane, *, after: int, before: int, wanted: int) -> int:
    """Thin the oldest messages with `after` < seq < `before` until `wanted` bytes are free; how many became free."""
    sql = "SELECT seq, body FROM message WHERE lane = ? AND seq > ? AND seq < ? AND rows > ? ORDER BY seq LIMIT ?"
    freed = 0
    for seq, body in database.execute(sql, (lane, after, before, _THIN_ROWS, _MOST_AT_ONCE)).fetchall():
        if freed >= wanted:
            break
        message = codec.decode_hub(bytes(body).decode())
        if not isinstance(message, Snapshots) or len(message.at) <= _THIN_ROWS:
            continue
        fewer = thinned(message)
        if len(fewer.at) >= len(message.at):
            continue
        shorter = codec.encode_json(fewer)
        database.execute(
            "UPDATE message SET rows = ?, body = ? WHERE lane = ? AND seq = ?",
            (len(fewer.at), shorter, lane, seq),
        )
        freed += len(body) - len(shorter)
    return freed


def drop(database: sqlite3.Connection, lane: Lane, *, before: int, wanted: int) -> tuple[int, int]:
    """Put a marker in place of the oldest messages of a lane below `before`; the bytes freed and the rows lost."""
    sql = "SELECT seq, rows, body FROM message WHERE lane = ? AND seq < ? ORDER BY seq LIMIT ?"
    freed, lost, gap = 0, 0, None
    for seq, rows, body in database.execute(sql, (lane, before, _MOST_AT_ONCE)).fetchall():
        if freed >= wanted:
            break
        gap = _joined(gap, codec.decode_hub(bytes(body).decode()), seq=seq)
        database.execute("DELETE FROM message WHERE lane = ? AND seq = ?", (lane, seq))
        freed, lost = freed + len(body), lost + rows
    if gap is None:
        return 0, 0
    marker = codec.encode_json(gap)
    # The marker stands for rows that were counted before: it has none of its own.
    database.execute("INSERT INTO message VALUES (?, ?, 0, ?)", (lane, gap.seq, marker))
    return freed - len(marker), lost


def _joined(gap: Gap | None, message: object, *, seq: int) -> Gap | None:
    """A marker up to `seq`, of what was missing so far and of one more message."""
    if isinstance(message, Snapshots | Points):
        starts, ends, rows = min(message.at), max(message.at), len(message.at)
        lane: Lane = message.lane
    elif isinstance(message, Gap):
        starts, ends, rows, lane = message.starts_at, message.ends_at, message.rows, message.lane
    else:
        return gap
    known: Iterable[Gap] = [gap] if gap else []
    return Gap(
        lane,
        seq,
        min([starts, *(one.starts_at for one in known)]),
        max([ends, *(one.ends_at for one in known)]),
        rows + sum(one.rows for one in known),
        "the outbox was full",
    )
