"""A clearing among other processes: killed in the middle, or waiting while others write."""

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.markets.clearing import kept, run_again, run_cancel, run_replay
from apps.markets.models import (
    ClearingRun,
    Order,
)
from tests.apps.markets.world import BID, CLOSED, OFFER, START, make_street, written

pytestmark = pytest.mark.django_db(transaction=True)


def test_worker_killed_in_the_middle_leaves_nothing_and_the_next_one_the_same_bytes() -> None:
    street = make_street()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500)
    before = written()
    pids: list[int] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            street.clear()
        except DatabaseError as error:
            failed.append(error)
        finally:
            connections["default"].close()

    with transaction.atomic(), connection.cursor() as cursor:
        # Trades are written and booked when sealing waits for this row.
        cursor.execute(
            "SELECT 1 FROM accounts_organization WHERE id = %s FOR NO KEY UPDATE",
            [street.fleet.organization.pk],
        )
        worker = threading.Thread(target=work)
        worker.start()
        wait_for_lock(pids)
        cursor.execute("SELECT pg_terminate_backend(%s)", pids)
        worker.join(timeout=60)
    assert not worker.is_alive() and len(failed) == 1
    assert written() == before
    assert Order.objects.filter(state="open").count() == 2
    run = street.clear()
    contents = kept(run)
    assert run_replay(run=run).result_match
    run_cancel(run=run, reason="test", actor="test", now=CLOSED)
    run.refresh_from_db()
    assert kept(run_again(run=run, reason="test", actor="test", now=CLOSED)) == contents


def test_an_order_for_later_does_not_wait_for_a_clearing() -> None:
    """A clearing waits to seal; what points to its market is committed meanwhile, or the two could deadlock."""
    street = make_street()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500)
    pids: list[int] = []

    def clear() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
        street.clear()
        connections["default"].close()

    def order() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        street.order(2, BID, 100_000, 100, starts_at=START + timedelta(hours=1))
        connections["default"].close()

    with transaction.atomic(), connection.cursor() as cursor:
        organization = street.fleet.organization.pk
        cursor.execute("SELECT 1 FROM accounts_organization WHERE id = %s FOR NO KEY UPDATE", [organization])
        workers = [threading.Thread(target=work) for work in (clear, order)]
        workers[0].start()
        wait_for_lock(pids)
        workers[1].start()
        workers[1].join(timeout=30)
        found = Order.objects.filter(starts_at=START + timedelta(hours=1)).count()
    workers[0].join(timeout=60)
    assert (found, ClearingRun.objects.count()) == (1, 1)


def wait_for_lock(pids: list[int]) -> None:
    """Wait until the worker's backend waits for a lock."""
    waited = threading.Event()
    for _ in range(1200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = ANY(%s)", [pids])
            if cursor.fetchone()[0]:
                return
        waited.wait(0.05)
    raise AssertionError("the worker never came to the lock")
