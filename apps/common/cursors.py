"""Cursors for what Django's own cannot do."""

from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    import psycopg


def copy_cursor() -> "psycopg.ClientCursor[Any]":
    """Return a cursor that can COPY with parameters; the one Django counts queries with cannot."""
    import psycopg

    connection.ensure_connection()
    return psycopg.ClientCursor(connection.connection)
