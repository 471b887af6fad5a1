"""Pytest plugin: after a test with transactions of its own, everything is as the migrations left it.

Django's flush truncates every table of a managed model and then makes content types and permissions anew: about a second
a test, for a handful of rows; and what is in the time-series tables stays for the next test to stumble over.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

# Made by the migrations, and the same after every test.
KEPT = ("django_migrations", "django_content_type", "auth_permission")
EMPTYING = """
DO $$
DECLARE one record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT relname = ANY({kept})
            AND pg_relation_size(oid) > 0
    LOOP
        IF one.bytes > 1000000 THEN
            EXECUTE 'TRUNCATE ' || one.name || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || one.name;
        END IF;
    END LOOP;
    -- What the migrations put there, and tests move on.
    INSERT INTO telemetry_rolled_up VALUES ('epoch');
    INSERT INTO telemetry_packed_until VALUES (0);
END $$
""".replace("{kept}", f"ARRAY{list(KEPT)!r}")

_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _no_tasks_of_earlier_tests() -> Iterator[None]:
    """Tasks that a test left in the queues are for rows that are gone."""
    from tests.factories import drop_queued

    drop_queued()
    yield


def _empty(case: Any) -> None:
    """Delete all rows without asking foreign keys, which needs a superuser; others flush as Django does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        (is_superuser,) = cursor.fetchone()
        if is_superuser and not case.serialized_rollback:
            cursor.execute(EMPTYING)
            return
    _flush(case)
