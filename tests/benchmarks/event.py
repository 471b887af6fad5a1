"""Seconds from an accepted grid signal to committed schedules that the link has been told of, by phase.

Every home has a battery and a hub, some a car or a heat pump, and 32 days of quarter-hours in the order in which time
brings them. The reference is the same server's COPY of the same schedules and instructions into empty tables.
"""

import argparse
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from tests.benchmarks.platform import services

DAYS = 32
INTERVALS, INTERVAL_S = 8, 900
ASKED_KW = 2.0  # of each home
QUARTER = timedelta(minutes=15)
TABLES = ("dispatch_schedule", "hubs_instruction")
# Where the parts of a plan are called from; a part inside another counts for itself as well.
PARTS = {
    "roll_up": ("apps.flexibility.services", "roll_up"),
    "baselines": ("apps.flexibility.services", "baselines_compute"),
    "history_of_baselines": ("apps.flexibility.rows", "quarter_values_at"),
    "forecast": ("apps.flexibility.services", "expected_power"),
    "history_of_forecast": ("apps.flexibility.expected", "quarter_history"),
    "present": ("apps.flexibility.services", "recent_means"),
    "states": ("apps.flexibility.services", "site_states"),
    "store_flexibility": ("apps.flexibility.services", "_store"),
    "decide": ("apps.dispatch.services", "decide"),
    "store_plan": ("apps.dispatch.services", "_save_plan"),
    "store_schedules": ("apps.dispatch.services", "_save_schedules"),
    "instructions": ("apps.dispatch.services", "schedules_queue"),
}


def measure(options: list[str]) -> dict[str, Any]:
    """Plan one event without stored forecasts and one with them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks event")
    parser.add_argument("--homes", type=int, default=10_000)
    homes = parser.parse_args(options).homes
    with services():
        now = _set_up()
        return _first_event(homes, now=now) | _with_forecasts(homes, now=now)


def planned_event(homes: int) -> dict[str, Any]:
    """Return the measure of one event without stored forecasts, for the benchmark of dispatch."""
    with services():
        found = _first_event(homes, now=_set_up())
    return {f"event_{name}": found[name] for name in ("homes", "schedules", "seconds", "phases_s", "ratio")}


def _set_up() -> datetime:
    import django

    django.setup()
    return datetime.now(UTC).replace(second=0, microsecond=0)


def _first_event(homes: int, *, now: datetime) -> dict[str, Any]:
    """Insert homes and plan an event, with no forecast to take."""
    from apps.programs.models import Program
    from apps.telemetry.packed import pack_days

    started = time.perf_counter()
    _insert(homes, now=now)
    inserted = time.perf_counter()
    while pack_days():
        pass
    packed = time.perf_counter()
    _warm_up()
    seconds, phases, schedules = _plan(Program.objects.get(), homes=homes, now=now, name="first")
    copy_s = _bare_copy()
    return {
        "homes": homes,
        "schedules": schedules,
        "intervals": INTERVALS,
        "seconds": round(seconds, 2),
        "phases_s": phases,
        "reference": "COPY of the same schedules and instructions",
        "reference_s": round(copy_s, 2),
        "ratio": round(seconds / copy_s, 1),
        "insert_s": round(inserted - started, 1),
        "pack_s_a_day": round((packed - inserted) / DAYS, 2),
    }


def _with_forecasts(homes: int, *, now: datetime) -> dict[str, Any]:
    """Issue forecasts twice, which calibrates once, and plan another event with them."""
    from apps.accounts.models import Organization
    from apps.flexibility.forecasts import forecasts_issue
    from apps.programs.models import GridSignal, Program
    from apps.programs.services import signal_cancel

    for signal in GridSignal.objects.all():  # a home serves one event at a time
        signal_cancel(signal_id=signal.pk, now=now)
    issued = []
    for minutes in (0, 2):
        started = time.perf_counter()
        forecasts_issue(organization=Organization.objects.get(), now=now + timedelta(minutes=minutes))
        issued.append(round(time.perf_counter() - started, 2))
    seconds, _, _ = _plan(
        Program.objects.get(), homes=homes, now=now + timedelta(minutes=3), name="with stored forecasts"
    )
    return {
        "with_stored_forecasts_s": round(seconds, 2),
        "issue_first_of_day_s": issued[0],
        "issue_s": issued[1],
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _warm_up() -> None:
    """Load and compile before anything is timed, as a worker that has planned before has."""
    import numpy as np

    import apps.dispatch.services  # noqa: F401
    from apps.common.redis import client
    from tests.benchmarks.event_fleet import random_envelope
    from vpp.dispatch.allocate import allocate
    from vpp.dispatch.problem import AllocationProblem

    client().ping()
    allocate(AllocationProblem(np.full(INTERVALS, 300.0), random_envelope(500, INTERVALS)))


def _plan(program: Any, *, homes: int, now: datetime, name: str) -> tuple[float, dict[str, float], int]:
    """Seconds until the link is told, from the signal's acceptance."""
    from django.conf import settings

    from apps.common.redis import channel, client
    from apps.dispatch.models import Schedule
    from apps.dispatch.services import signal_plan
    from apps.hubs.models import Instruction
    from apps.programs.services import signal_receive
    from vpp.translate.grid_signal import GridSignalDraft

    assert not settings.DEBUG  # Django would keep every statement
    begin = now + timedelta(hours=1) - (now - datetime.min.replace(tzinfo=UTC)) % QUARTER
    end = begin + INTERVALS * timedelta(seconds=INTERVAL_S)
    draft = GridSignalDraft("shed", begin, end, INTERVAL_S, (ASKED_KW * homes,) * INTERVALS)
    heard = client().pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(channel("instructions"))
    heard.get_message(timeout=5)
    with _phases() as phases:
        started = time.perf_counter()
        signal = signal_receive(program=program, draft=draft, source=name, name=name, now=now)
        signal_plan(signal_id=signal.pk, reason="benchmark", now=now, only_after=0)
        while (message := heard.get_message(timeout=5)) is None or message["type"] != "message":
            assert time.perf_counter() - started < 600
        seconds = time.perf_counter() - started
    made = Schedule.objects.filter(plan__signal=signal).count()
    told = Instruction.objects.filter(state=Instruction.State.QUEUED, not_before=now).count()
    if made < homes * 0.8 or told != made:
        raise RuntimeError(f"{made} schedules and {told} instructions for {homes} homes")
    return seconds, {part: round(spent, 2) for part, spent in phases.items()}, made


@contextmanager
def _phases() -> Iterator[dict[str, float]]:
    """Time every call of the parts."""
    import importlib
    from unittest.mock import patch

    spent: dict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        for part, (module, attribute) in PARTS.items():
            owner = importlib.import_module(module)
            timed = _timed(part, getattr(owner, attribute), spent=spent)
            stack.enter_context(patch.object(owner, attribute, timed))
        yield spent


def _timed(part: str, function: Callable[..., Any], *, spent: dict[str, float]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[part] += time.perf_counter() - started

    return call


def _insert(homes: int, *, now: datetime) -> None:
    from django.db import connection, transaction

    from apps.accounts.services import organization_create
    from apps.telemetry.partitions import ensure_days
    from tests.benchmarks.flexibility import insert_homes

    organization = organization_create(name="Bench", slug="bench")
    insert_homes(organization.pk, homes=homes, now=now)
    day = int(now.timestamp()) // 86_400
    ensure_days("telemetry_snapshot", range(day - 1, day + 2))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_latest SET battery_soc = 0.3 + 0.7 * random()")
        cursor.execute(HUBS, [organization.pk, now, now])
        cursor.execute(SNAPSHOTS, [now - timedelta(minutes=20), now])
        cursor.execute("UPDATE telemetry_rolled_up SET until = %s", [now - timedelta(minutes=5)])
        _insert_quarters(cursor, now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT brin_summarize_new_values('telemetry_quarter_at')")
        cursor.execute("ANALYZE")


def _insert_quarters(cursor: Any, *, now: datetime) -> None:
    # The key is built once, and a table emptied in the same transaction needs no log.
    cursor.execute("TRUNCATE telemetry_quarter")
    cursor.execute("ALTER TABLE telemetry_quarter DROP CONSTRAINT telemetry_quarter_pkey")
    last = now - (now - datetime.min.replace(tzinfo=UTC)) % QUARTER
    for back in range(DAYS * 96, 0, -1):
        cursor.execute(QUARTERS, [last - back * QUARTER])
    cursor.execute("ALTER TABLE telemetry_quarter ADD PRIMARY KEY (site_id, at)")


def _bare_copy() -> float:
    """Seconds to write what the first event left, and nothing else."""
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


HUBS = (
    "INSERT INTO hubs_hub (id, organization_id, site_id, state, kind, public_key, claim_digest, generation, model, serial, "
    "agent_version, features, created_at, claimed_at) SELECT gen_random_uuid(), %s, id, 'active', 'machine', "
    "decode(md5(id::text) || md5('hub' || id), 'hex'), '', 1, '', '', '', '[]', %s, %s FROM sites_site"
)
SNAPSHOTS = (
    "INSERT INTO telemetry_snapshot (site_id, at, grid_kw, load_kw, pv_kw, ev_kw, heat_kw) "
    "SELECT id, at, random(), 0.3 + random(), -random(), CASE WHEN id %% 10 < 4 THEN 0 END, "
    "CASE WHEN id %% 10 < 3 THEN 2 * random() END "
    "FROM generate_series(%s, %s, interval '1 minute') at, sites_site"
)
# OFFSET 0 keeps the database from drawing again for every mention of a value.
QUARTERS = (
    "INSERT INTO telemetry_quarter (site_id, at, samples, grid_kw, load_kw, pv_kw, battery_kw, battery_soc, ev_kw, "
    "heat_kw) SELECT id, at, 15, load + pv + coalesce(ev, 0) + coalesce(heat, 0), load, pv, 0, 0.5, ev, heat FROM ("
    "SELECT s.id, q.at, 0.8 + random() + wave AS load, -random() AS pv, "
    "CASE WHEN s.id %% 10 < 4 THEN 11 * (random() > 0.8)::int END AS ev, "
    "CASE WHEN s.id %% 10 < 3 THEN 2 * random() END AS heat "
    "FROM (SELECT at, 0.4 * sin(date_part('hour', at) / 12 * pi()) AS wave FROM (VALUES (%s::timestamptz)) v (at)) q, "
    "sites_site s OFFSET 0) drawn"
)
