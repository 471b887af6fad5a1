"""What the home measured, kept on the hub for its local server: one SQLite file, rows until they are too old."""

import sqlite3
from pathlib import Path

from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.messages import COLUMNS
from vpp.protocols.ores.facts import Row
from vpp.units import MS_PER_DAY

_QUARTER_MS = 900_000
_NAMES = ", ".join(COLUMNS)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS row (at INTEGER PRIMARY KEY, "
    + ", ".join(f"{name} REAL" for name in COLUMNS)
    + ")"
)


class History:
    """Rows by instant; written from the cycle, read by the server, in one thread."""

    def __init__(self, path: Path, *, days: int) -> None:
        self._kept_ms = days * MS_PER_DAY
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(_SCHEMA)

    def add(self, image: ProcessImage) -> None:
        """Keep a row, and let go of what is too old."""
        values = [image.at, *(getattr(image, name) for name in COLUMNS)]
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT OR REPLACE INTO row (at, {_NAMES}) VALUES ({marks})", values)  # noqa: S608
        self._db.execute("DELETE FROM row WHERE at < ?", (image.at - self._kept_ms,))

    def rows(self, starts_at: int, ends_at: int, *, limit: int) -> list[Row]:
        """The first rows with starts_at < at <= ends_at [ms], in order."""
        sql = f"SELECT at, {_NAMES} FROM row WHERE at > ? AND at <= ? ORDER BY at LIMIT ?"  # noqa: S608
        return [_row(found) for found in self._db.execute(sql, (starts_at, ends_at, limit))]

    def quarters(self, starts_at: int, ends_at: int) -> list[Row]:
        """Means of the quarter-hours that begin in [starts_at, ends_at) [ms]; a row tells of the time before it."""
        means = ", ".join(f"avg({name})" for name in COLUMNS)
        begins = f"(at - 1) / {_QUARTER_MS} * {_QUARTER_MS}"
        sql = f"SELECT {begins} AS begin, {means} FROM row WHERE at > ? AND at <= ? GROUP BY begin ORDER BY begin"  # noqa: S608
        first = -(-starts_at // _QUARTER_MS) * _QUARTER_MS
        last = -(-ends_at // _QUARTER_MS) * _QUARTER_MS
        return [_row(found) for found in self._db.execute(sql, (first, last))]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _row(found: tuple[float | None, ...]) -> Row:
    at, *values = found
    assert at is not None
    return Row(at=int(at), **dict(zip(COLUMNS, values, strict=True)))
