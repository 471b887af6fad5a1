"""Everything measured at one home: to copy it out, and to delete it."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

from django.db import connection, transaction

_TABLES: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
    "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
    "AND a.attname = 'site_id' AND NOT a.attisdropped AND c.relname LIKE 'telemetry\\_%' ORDER BY c.relname"
)
# The same measurements once more, in a form that only the platform reads.
_INNER: Final = frozenset({"telemetry_packed", "telemetry_unpacked", "telemetry_dirty"})
_POINTS: Final = (
    "SELECT s.resource, s.quantity, p.at, p.value FROM telemetry_point p JOIN telemetry_series s ON s.id = p.series_id "
    "WHERE s.site_id = %s"
)


def telemetry_tables() -> list[str]:
    """Return every table of measurements that knows homes by number."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [name for (name,) in cursor.fetchall()]


def telemetry_of_site(*, site_id: int) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    """Yield (table, rows) of everything measured at a home; the first row of each names the columns."""
    for table in telemetry_tables():
        if table not in _INNER:
            yield table, _rows(f"SELECT * FROM {table} WHERE site_id = %s", site_id)
    yield "telemetry_point", _rows(_POINTS, site_id)


@transaction.atomic
def telemetry_delete(*, site_id: int) -> int:
    """Delete everything measured at a home; return how many rows that were."""
    gone: int = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM telemetry_point WHERE series_id IN (SELECT id FROM telemetry_series WHERE site_id = %s)",
            [site_id],
        )
        gone += cursor.rowcount
        for table in telemetry_tables():
            cursor.execute(f"DELETE FROM {table} WHERE site_id = %s", [site_id])
            gone += cursor.rowcount
    return gone


def telemetry_counts(*, site_id: int) -> dict[str, int]:
    """Return how many rows of each table are a home's."""
    found = {}
    with connection.cursor() as cursor:
        for table in telemetry_tables():
            cursor.execute(f"SELECT count(*) FROM {table} WHERE site_id = %s", [site_id])
            found[table] = int(cursor.fetchone()[0])
    return found


def _rows(query: str, site_id: int) -> Iterator[tuple[Any, ...]]:
    """A cursor of the server's: a year of measurements does not fit into memory."""
    name = f"copy_{uuid4().hex}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}", [site_id])
        cursor.execute(f"FETCH 5000 FROM {name}")
        assert cursor.description is not None
        yield tuple(column.name for column in cursor.description)
        while rows := cursor.fetchall():
            yield from rows
            cursor.execute(f"FETCH 5000 FROM {name}")
        cursor.execute(f"CLOSE {name}")
