"""One market's gate on the platform: from closure to committed trades and queued schedules, sealing, and proofs.

The reference is a COPY of the same trades, postings, leaves and instructions into tables like theirs, in the same run.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np

from tests.benchmarks.platform import services

PROOFS = 500
TABLES = ("markets_trade", "markets_posting", "markets_logleaf", "hubs_instruction")
QUARTER = timedelta(minutes=15)
SEED = 7


def gate(participants: int) -> dict[str, Any]:
    """Clear one interval of as many homes as there are participants, each with one order."""
    with services():
        import django

        django.setup()
        now = datetime.now(UTC).replace(microsecond=0)
        starts_at = now + timedelta(hours=1) - (now - datetime.min.replace(tzinfo=UTC)) % QUARTER
        return _measured(_market(participants, starts_at=starts_at, now=now), starts_at=starts_at)


def _measured(market: Any, *, starts_at: datetime) -> dict[str, Any]:
    from apps.hubs.models import Instruction
    from apps.markets import clearing
    from apps.markets.gathering import inputs_of
    from apps.markets.inputs import compute
    from apps.markets.sealing import seal

    compute(inputs_of(market=market, orders=[], starts=[starts_at])[0])  # imports, as a worker has done
    import vpp.markets.registry  # noqa: F401

    spent: list[float] = []
    with patch.object(clearing, "seal", _timed(seal, spent)):
        started = time.perf_counter()
        run = clearing.clearing_run(market=market, starts_at=starts_at, now=starts_at - QUARTER)
        seconds = time.perf_counter() - started
    assert run is not None
    trades = run.trades.count()
    told = Instruction.objects.filter(state=Instruction.State.QUEUED).count()
    traders = run.trades.values("participant_id").distinct().count()
    if not trades or told != traders:
        raise RuntimeError(f"{trades} trades of {traders} homes, {told} instructions")
    copy_s = _bare_copy()
    return {
        "participants": run.orders_count,
        "trades": trades,
        "schedules_queued": told,
        "seconds": round(seconds, 2),
        "seal_s": round(spent[0], 3),
        "sealed_per_second": round(trades / spent[0]),
        "reference": "COPY of the same trades, postings, leaves and instructions",
        "reference_s": round(copy_s, 2),
        "ratio": round(seconds / copy_s, 1),
        **_proofs(run, trades=trades),
    }


def _timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        found = function(*args, **kwargs)
        spent.append(time.perf_counter() - started)
        return found

    return call


def _proofs(run: Any, *, trades: int) -> dict[str, Any]:
    """Proofs of leaves spread over the run, each with its reads; and from a trade's number on."""
    from apps.markets.log_checks import proof_of
    from apps.markets.models import LogLeaf
    from apps.markets.selectors import leaf_of_trade

    leaves = LogLeaf.objects.filter(entry__run=run, position__in=range(0, trades, max(1, trades // PROOFS)))
    some = list(leaves.select_related("entry"))
    proof_of(leaf=some[0])
    proving, whole = [], []
    for leaf in some:
        started = time.perf_counter()
        proof_of(leaf=leaf)
        proving.append(1e3 * (time.perf_counter() - started))
    for trade in run.trades.order_by("pk")[:50]:
        started = time.perf_counter()
        found = leaf_of_trade(trade=trade)
        assert found is not None
        proof_of(leaf=found)
        whole.append(1e3 * (time.perf_counter() - started))
    return {
        "proof_ms": round(statistics.median(proving), 3),
        "proof_worst_ms": round(max(proving), 3),
        "proof_with_its_leaf_found_ms": round(statistics.median(whole), 3),
    }


def _market(participants: int, *, starts_at: datetime, now: datetime) -> Any:
    """Homes with hubs on one feeder, each a participant with funds and an order."""
    from django.db import connection

    from apps.accounts.services import organization_create
    from apps.common.bulk import bulk_copy
    from apps.markets.models import Order
    from apps.markets.operators import market_create
    from apps.sites.services import grid_area_create
    from tests.benchmarks.event import HUBS
    from tests.benchmarks.flexibility import insert_homes

    organization = organization_create(name="Bench", slug="bench")
    insert_homes(organization.pk, homes=participants, now=now)
    area = grid_area_create(organization=organization, name="feeder")
    market = market_create(
        organization=organization, grid_area=area, name="bench", actor="benchmark", now=now
    )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sites_site SET grid_area_id = %s", [area.pk])
        cursor.execute(HUBS, [organization.pk, now, now])
        cursor.execute(PARTICIPANTS, [market.pk, now])
        cursor.execute(HOMES, [market.pk])
        cursor.execute(ACCOUNTS, [market.pk])
        cursor.execute("SELECT id FROM markets_participant ORDER BY id")
        ids = [row[0] for row in cursor.fetchall()]
    bulk_copy(Order, _orders(ids, market=market, starts_at=starts_at, now=now))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return market


def _orders(ids: list[int], *, market: Any, starts_at: datetime, now: datetime) -> list[Any]:
    from apps.markets.models import Order

    chance = np.random.default_rng(SEED)
    side = np.where(chance.random(len(ids)) < 0.5, 1, -1).tolist()
    price = chance.integers(50_000, 400_000, len(ids)).tolist()
    energy = chance.integers(1, 2_000, len(ids)).tolist()
    return [
        Order(
            market=market, participant_id=who, starts_at=starts_at, side=side[at], price_micro=price[at], quantity_wh=energy[at],
            idempotency_key="1", placed_at=now, placed_by="benchmark",
        )
        for at, who in enumerate(ids)
    ]  # fmt: skip


def _bare_copy() -> float:
    """Seconds to write what the run left, and nothing else."""
    from django.db import connection

    seconds = 0.0
    with connection.cursor() as cursor:
        for table in TABLES:
            with cursor.copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as out:
                content = b"".join(bytes(block) for block in out)
            cursor.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)")
            started = time.perf_counter()
            with cursor.copy("COPY bare FROM STDIN (FORMAT BINARY)") as into:
                into.write(content)
            seconds += time.perf_counter() - started
            cursor.execute("DROP TABLE bare")
    return seconds


PARTICIPANTS = (
    "INSERT INTO markets_participant (market_id, name, kind, state, terms_version, position_limit_wh, credit_limit_nano, "
    "priority, low_income, automatic, buy_limit_micro, sell_limit_micro, storage_value_micro, prefers_green, "
    "prefers_neighbors, joined_at) SELECT %s, name, 'prosumer', 'active', 1, 50000, 0, 1, false, false, 300000, 80000, "
    "200000, false, false, %s FROM sites_site ORDER BY id"
)
HOMES = (
    "INSERT INTO markets_participantsite (participant_id, market_id, site_id) "
    "SELECT p.id, %s, s.id FROM markets_participant p JOIN sites_site s ON s.name = p.name"
)
ACCOUNTS = (
    "INSERT INTO markets_account (market_id, participant_id, kind, balance_nano, balance_wh) "
    "SELECT %s, id, 'participant', 0, 0 FROM markets_participant"
)
