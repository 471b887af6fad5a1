"""Pytest plugin: after a test with transactions of its own, only what it wrote is deleted.

Django's flush truncates every table and then makes content types and permissions anew: about a second a test, for
a handful of rows.
"""

from functools import cache
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

# Made by the migrations, and the same after every test.
KEPT = ("django_content_type", "auth_permission")
EMPTYING = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relname = ANY({names}) AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
    LOOP
        IF one.bytes > 1000000 THEN
            EXECUTE 'TRUNCATE ' || one.name || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || one.name;
        END IF;
    END LOOP;
END $$
"""

_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


def _empty(case: Any) -> None:
    """Delete all rows without asking foreign keys, which needs a superuser; others flush as Django does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        (is_superuser,) = cursor.fetchone()
        if is_superuser and not case.serialized_rollback:
            cursor.execute(EMPTYING.replace("{names}", f"ARRAY{list(_tables())!r}"))
            return
    _flush(case)


@cache
def _tables() -> tuple[str, ...]:
    """The tables that Django's flush empties."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return tuple(sorted(set(names) - set(KEPT)))
