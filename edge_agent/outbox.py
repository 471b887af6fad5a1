"""What waits for the cloud, and what a restart needs: one SQLite file, one commit a cycle.

Messages are numbered per lane without a gap, for as long as the file lives. A lane's head goes away when it
is acknowledged; its tail grows. Changes are staged in memory and become visible to `ends` and `read` with
`commit`, so that nothing is sent that a power cut could still undo in this process.
"""

import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path

import msgspec

from edge_agent.room import drop, thin
from vpp.protocols.link import codec
from vpp.protocols.link.messages import (
    COLUMNS,
    CheckResult,
    DeviceMessage,
    InstructionStatus,
    Lane,
    Points,
    Snapshots,
)

LANES: tuple[Lane, ...] = ("live", "backfill", "status")
ROWS_PER_MESSAGE = 60
# What is dropped first when the disk is full; what became of an instruction is never dropped.
_DROPPED_FIRST: tuple[Lane, ...] = ("backfill", "live")
_KEPT_DECISIONS = 2000
_MACHINE_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    lane TEXT NOT NULL, seq INTEGER NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE TABLE IF NOT EXISTS lane (lane TEXT PRIMARY KEY, next_seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decision (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, resource TEXT NOT NULL, low_kw REAL NOT NULL,
    high_kw REAL NOT NULL, controller TEXT NOT NULL, reason TEXT NOT NULL
);
"""
_PUT = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_PUT_LANE = "INSERT INTO lane VALUES (?, ?) ON CONFLICT (lane) DO UPDATE SET next_seq = excluded.next_seq"
_PUT_MESSAGE = (
    "INSERT INTO message VALUES (?, ?, ?, ?)"
    " ON CONFLICT (lane, seq) DO UPDATE SET rows = excluded.rows, body = excluded.body"
)
_ADD_DECISION = (
    "INSERT INTO decision (at, resource, low_kw, high_kw, controller, reason) VALUES (?, ?, ?, ?, ?, ?)"
)

Row = msgspec.Struct  # anything with `at` and the canonical columns


class OutboxError(Exception):
    """The file cannot be used or written."""


class Gone(OutboxError):
    """A message was asked for that is no longer (or not yet) there."""


@dataclass(slots=True)
class _Lane:
    first: int  # oldest unacknowledged
    end: int  # next free, committed
    staged_end: int
    handed: int = -1  # highest seq that ever left this process
    acked: int = -1  # staged for deletion


@dataclass(frozen=True, slots=True)
class Decided:
    """A controller's decision, kept so that "why" has an answer."""

    at: int
    resource: str
    low_kw: float
    high_kw: float
    controller: str
    reason: str


@dataclass(slots=True)
class _Staged:
    messages: dict[tuple[Lane, int], tuple[int, bytes] | None] = field(default_factory=dict)
    meta: dict[str, bytes] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)


class Outbox:
    """Store and forward of one hub."""

    def __init__(self, path: Path, *, max_bytes: int = 256_000_000, machine_boot: str | None = None) -> None:
        self._max_bytes = max_bytes
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
            self._lanes = {lane: self._load_lane(lane) for lane in LANES}
            self._bytes = self._one("SELECT coalesce(sum(length(body)), 0) FROM message")
        except sqlite3.Error as error:
            raise OutboxError(f"{path}: {error}") from error
        self._staged = _Staged()
        self._open: Snapshots | None = None
        self.dropped_rows = int(self.get("dropped_rows") or b"0")
        self.boot_id = self._boot(machine_boot if machine_boot is not None else _read_machine_boot())

    def _one(self, sql: str, parameters: Iterable[object] = ()) -> int:
        return int(self._db.execute(sql, tuple(parameters)).fetchone()[0])

    def _load_lane(self, lane: Lane) -> _Lane:
        end = self._one("SELECT coalesce(max(next_seq), 0) FROM lane WHERE lane = ?", [lane])
        first = self._one("SELECT coalesce(min(seq), ?) FROM message WHERE lane = ?", [end, lane])
        return _Lane(first=first, end=end, staged_end=end)

    def _boot(self, machine_boot: str) -> str:
        """The name of this numbering.

        A killed process loses no commit, a power cut may lose the last ones: numbers that were sent before
        it could come again with other content. So a restart of the machine begins a new numbering's name.
        """
        known = (self.get("machine_boot") or b"").decode()
        boot_id = (self.get("boot_id") or b"").decode()
        if not boot_id or machine_boot != known:
            boot_id = uuid.uuid4().hex
            self.put("boot_id", boot_id.encode())
            self.put("machine_boot", machine_boot.encode())
            self.commit()
        return boot_id

    def renew_boot(self) -> None:
        """Begin a new numbering's name: the cloud knows more of this one than the file does."""
        self.boot_id = uuid.uuid4().hex
        self._open = None
        self.put("boot_id", self.boot_id.encode())
        self.commit()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._db.close()

    # --- state

    def get(self, key: str) -> bytes | None:
        """A committed value."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return bytes(row[0]) if row else None

    def put(self, key: str, value: bytes) -> None:
        """Stage a value."""
        self._staged.meta[key] = value

    def add_decision(self, decided: Decided) -> None:
        """Stage a decision."""
        self._staged.decisions.append(decided)

    def decisions(self, limit: int = 100) -> list[Decided]:
        """The latest decisions, newest first."""
        sql = (
            "SELECT at, resource, low_kw, high_kw, controller, reason FROM decision ORDER BY id DESC LIMIT ?"
        )
        return [Decided(*row) for row in self._db.execute(sql, (limit,))]

    def decisions_after(self, number: int, limit: int) -> list[tuple[int, Decided]]:
        """Decisions with their numbers, the oldest of those with a greater one first."""
        sql = (
            "SELECT id, at, resource, low_kw, high_kw, controller, reason FROM decision"
            " WHERE id > ? ORDER BY id LIMIT ?"
        )
        return [(row[0], Decided(*row[1:])) for row in self._db.execute(sql, (number, limit))]

    # --- messages

    def add_row(self, row: Row, *, clock_trusted: bool = True) -> None:
        """Stage a live row: into the last message if nobody has seen that yet, else as a message of its own.

        Rows whose clock is not trusted have messages of their own.

        A message that grew full unseen belongs to the past: it moves to the backfill lane, so that after a
        long silence live data waits for one message at most.
        """
        lane = self._lanes["live"]
        message = self._open
        is_open = message is not None and lane.handed < message.seq == lane.staged_end - 1
        if message is None or not is_open or message.clock_trusted != clock_trusted:
            message = self._open = Snapshots("live", lane.staged_end, [], clock_trusted=clock_trusted)
            lane.staged_end += 1
        _append(message, row)
        self._stage(message, len(message.at))
        if len(message.at) >= ROWS_PER_MESSAGE:
            self._staged.messages[("live", message.seq)] = None
            lane.staged_end -= 1
            self.add_backfill(message)
            self._open = None

    def add_backfill(self, message: Snapshots | Points) -> None:
        """Stage a message of old rows, or of what is not urgent; its lane and seq are given here."""
        lane = self._lanes["backfill"]
        message.lane, message.seq = "backfill", lane.staged_end
        lane.staged_end += 1
        self._stage(message, len(message.at))

    def add_status(self, status: InstructionStatus | CheckResult | DeviceMessage) -> None:
        """Stage what became of an instruction, what a check found, or what devices are; its seq is given here."""
        lane = self._lanes["status"]
        status.seq = lane.staged_end
        lane.staged_end += 1
        self._stage(status, 1)

    def _stage(
        self, message: Snapshots | Points | InstructionStatus | CheckResult | DeviceMessage, rows: int
    ) -> None:
        self._staged.messages[(message.lane, message.seq)] = (rows, codec.encode_json(message))

    def acknowledge(self, lane: Lane, seq: int) -> None:
        """Stage the deletion of everything up to `seq`."""
        state = self._lanes[lane]
        state.acked = max(state.acked, min(seq, state.end - 1))

    def first_unacked(self) -> dict[Lane, int]:
        """The oldest seq still held, per lane (the next free one where nothing waits)."""
        return {lane: max(state.first, state.acked + 1) for lane, state in self._lanes.items()}

    def ends(self) -> dict[Lane, int]:
        """The next free seq per lane, of what is committed."""
        return {lane: state.end for lane, state in self._lanes.items()}

    def waiting(self, lane: Lane) -> int:
        """Committed messages not yet acknowledged."""
        state = self._lanes[lane]
        return state.end - max(state.first, state.acked + 1)

    def read(self, lane: Lane, *, first: int, end: int) -> list[bytes]:
        """The messages [first, end), as JSON, to be sent now."""
        sql = "SELECT body FROM message WHERE lane = ? AND seq >= ? AND seq < ? ORDER BY seq"
        try:
            bodies = [bytes(row[0]) for row in self._db.execute(sql, (lane, first, end))]
        except sqlite3.Error as error:
            raise OutboxError(str(error)) from error
        if len(bodies) != end - first:
            raise Gone(f"{lane} [{first}, {end}) is not all there")
        state = self._lanes[lane]
        state.handed = max(state.handed, end - 1)
        return bodies

    # --- commit

    def commit(self) -> None:
        """Make everything staged durable at once. After an error it stays staged for the next commit."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            grown = self._write_staged()
            shrunk = self._delete_acked()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OutboxError(str(error)) from error
        self._bytes += grown - shrunk
        self._staged = _Staged()
        for state in self._lanes.values():
            state.end = state.staged_end
            state.first = max(state.first, state.acked + 1)
        if self._bytes > self._max_bytes:
            self._make_room()

    def _write_staged(self) -> int:
        grown = 0
        changed: set[Lane] = set()
        for (lane, seq), content in self._staged.messages.items():
            changed.add(lane)
            grown -= self._delete(lane, first=seq, last=seq) if seq < self._lanes[lane].end else 0
            if content is not None:
                self._db.execute(_PUT_MESSAGE, (lane, seq, *content))
                grown += len(content[1])
        for lane in changed:
            self._db.execute(_PUT_LANE, (lane, self._lanes[lane].staged_end))
        self._db.executemany(_PUT, self._staged.meta.items())
        self._db.executemany(_ADD_DECISION, map(astuple, self._staged.decisions))
        if self._staged.decisions:
            self._db.execute(
                "DELETE FROM decision WHERE id <= (SELECT max(id) FROM decision) - ?", (_KEPT_DECISIONS,)
            )
        return grown

    def _delete_acked(self) -> int:
        return sum(
            self._delete(lane, first=state.first, last=state.acked)
            for lane, state in self._lanes.items()
            if state.acked >= state.first
        )

    def _delete(self, lane: Lane, *, first: int, last: int) -> int:
        """Delete [first, last] of a lane; how many bytes that frees."""
        where = "FROM message WHERE lane = ? AND seq BETWEEN ? AND ?"
        freed = self._one(f"SELECT coalesce(sum(length(body)), 0) {where}", [lane, first, last])
        self._db.execute(f"DELETE {where}", (lane, first, last))
        return freed

    def _make_room(self) -> None:
        """Free a tenth of the cap, backfill first: thin what nobody has seen; where that is too little, lose the oldest."""
        goal = self._max_bytes * 9 // 10
        for lane in _DROPPED_FIRST:
            state = self._lanes[lane]
            wanted = self._bytes - goal
            self._bytes -= thin(self._db, lane, after=state.handed, before=state.end - 1, wanted=wanted)
        for lane in _DROPPED_FIRST if self._bytes > self._max_bytes else ():
            state = self._lanes[lane]
            freed, lost = drop(self._db, lane, before=state.end - 1, wanted=self._bytes - goal)
            self._bytes -= freed
            self.dropped_rows += lost
            state.first = self._load_lane(lane).first
        self._db.execute(_PUT, ("dropped_rows", str(self.dropped_rows).encode()))


def _append(message: Snapshots, row: Row) -> None:
    """Add a row to a message's columns; a column begins with the first value it gets."""
    at = message.at
    for name in COLUMNS:
        value = getattr(row, name)
        column = getattr(message, name)
        if column:
            column.append(value)
        elif value is not None:
            setattr(message, name, [None] * len(at) + [value])
    at.append(row.at)  # type: ignore[attr-defined]


def message_of(rows: Iterable[Row]) -> Snapshots:
    """A message of rows, to be numbered by the outbox."""
    message = Snapshots("backfill", 0, [])
    for row in rows:
        _append(message, row)
    return message


def _read_machine_boot() -> str:
    try:
        return _MACHINE_BOOT.read_text().strip()
    except OSError:
        return ""
