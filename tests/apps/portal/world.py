"""A small fleet for tests of pages: homes with a day of measurements, and events in any phase."""

import dataclasses
import hashlib
import math
import random
import re
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

from django.db import connection

from apps.accounts.models import Organization, User
from apps.accounts.services import membership_create, organization_create, user_create
from apps.dispatch.models import Plan, Schedule, TrackingPoint
from apps.flexibility.models import SiteFlexibility
from apps.hubs.models import Hub, Instruction
from apps.programs.models import GridSignal, Program
from apps.programs.services import enrollment_create, program_create
from apps.settlement.models import SettlementRun, Statement, StatementLine
from apps.sites.models import Resource, Site
from apps.sites.services import site_create, site_member_add
from apps.telemetry.partitions import ensure_days
from vpp.protocols.link.auth import claim_digest
from vpp.protocols.link.messages import COLUMNS

PASSWORD = "long-enough-password"
CODE = "7KXQM-2RD4P"
QUARTER = timedelta(minutes=15)


@dataclasses.dataclass
class World:
    organization: Organization
    program: Program
    sites: list[Site]
    owner: User
    member: User
    stranger: User
    operator: User
    viewer: User


def build_world(*, now: datetime, homes: int = 3, tag: str = "") -> World:
    """Make a tenant whose first home has an owner and a member; a stranger owns a home elsewhere."""
    organization = organization_create(name=f"Sunny Street Energy{tag}", slug=f"sunny-street{tag}")
    program = program_create(organization=organization, name="Evening relief", now=now - timedelta(days=9))
    sites = [
        site_create(organization=organization, name=f"Rose Street {2 * index + 1}", now=now)
        for index in range(homes)
    ]
    people = {
        name: user_create(email=f"{name}{tag}@example.org", password=PASSWORD)
        for name in ("owner", "member", "stranger", "operator", "viewer")
    }
    site_member_add(site=sites[0], user=people["owner"])
    site_member_add(site=sites[0], user=people["member"], role="member")
    membership_create(organization=organization, user=people["operator"], role="operator")
    membership_create(organization=organization, user=people["viewer"], role="viewer")
    elsewhere = organization_create(name=f"Elsewhere{tag}", slug=f"elsewhere{tag}")
    site_member_add(
        site=site_create(organization=elsewhere, name="Far away", now=now), user=people["stranger"]
    )
    for site in sites:
        enrollment_create(program=program, site=site, now=now - timedelta(days=8))
    return World(organization=organization, program=program, sites=sites, **people)


def add_hub(site: Site, *, now: datetime, connected: bool = True) -> Hub:
    """Give `site` an active hub and the resources it describes."""
    for kind in ("battery", "pv"):
        Resource.objects.create(site=site, key=kind, kind=kind)
    return Hub.objects.create(
        organization=site.organization,
        site=site,
        state=Hub.State.ACTIVE,
        public_key=uuid.uuid4().bytes * 2,
        model="ORES edge",
        serial=f"E-{site.pk:04}",
        agent_version="0.1.0",
        created_at=now - timedelta(days=9),
        claimed_at=now - timedelta(days=9),
        connected_at=now - timedelta(days=1),
        disconnected_at=None if connected else now - timedelta(minutes=40),
    )


def waiting_hub(*, machine_now: datetime) -> Hub:
    """Return a hub that waits for CODE."""
    return Hub.objects.create(
        public_key=hashlib.sha256(CODE.encode()).digest(),
        claim_digest=claim_digest(CODE),
        claim_expires_at=machine_now + timedelta(days=1),
        created_at=machine_now,
    )


def instruct(hub: Hub, *, state: str, now: datetime) -> Instruction:
    return Instruction.objects.create(
        instruction_id=uuid.uuid4(),
        revision=1,
        hub=hub,
        schedule=None,
        reason="evening relief",
        not_before=now,
        expires_at=now + timedelta(hours=2),
        state=state,
        created_at=now,
    )


def add_snapshot(site: Site, at: datetime, **values: float) -> None:
    """Write one snapshot, as raw SQL, and take it as the latest."""
    ensure_days("telemetry_snapshot", [int(at.timestamp() // 86_400)])
    _insert("telemetry_snapshot", {"site_id": site.pk, "at": at, **values})
    _insert("telemetry_latest", {"site_id": site.pk, "at": at, **values}, replace=True)


def add_quarter(site: Site, at: datetime, **values: float) -> None:
    _insert("telemetry_quarter", {"site_id": site.pk, "at": at, "samples": 15, **values})


def _insert(table: str, values: dict[str, Any], *, replace: bool = False) -> None:
    assert set(values) <= {"site_id", "at", "samples", *COLUMNS}
    with connection.cursor() as cursor:
        if replace:
            cursor.execute(f"DELETE FROM {table} WHERE site_id = %s", [values["site_id"]])
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )


def add_day(site: Site, *, now: datetime, seed: int = 1, extras: bool = False) -> None:
    """Fill the last day with plausible measurements, every quarter-hour and the last two hours by the minute."""
    rng = random.Random(seed)
    start = (now - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    at, soc, imported, exported = start, 0.35, 1000.0, 500.0
    while at < now:
        row, soc = _powers(at, soc, rng, extras=extras)
        imported += max(row["grid_kw"], 0) / 4
        exported += max(-row["grid_kw"], 0) / 4
        row |= {"import_kwh": imported, "export_kwh": exported, "battery_soc": soc}
        add_quarter(site, at, **row)
        end = min(at + QUARTER, now)
        minutes = range(15) if now - at < timedelta(hours=2) else [14]
        for minute in minutes:
            if (instant := at + timedelta(minutes=minute + 1)) <= end:
                add_snapshot(site, instant, **row)
        at += QUARTER


def _powers(at: datetime, soc: float, rng: random.Random, *, extras: bool) -> tuple[dict[str, float], float]:
    hour = at.hour + at.minute / 60 + 1
    load = 0.35 + 0.5 * math.exp(-(((hour - 8) / 1.5) ** 2)) + 1.3 * math.exp(-(((hour - 19) / 2) ** 2))
    load *= rng.uniform(0.7, 1.4)
    sun = (
        max(0.0, 4.2 * math.sin((hour - 6) / 13 * math.pi)) * rng.uniform(0.75, 1.0) if 6 < hour < 19 else 0.0
    )
    ev = 3.6 if extras and 1 < hour < 4 else 0.0
    heat = (1.1 if extras and int(hour * 2) % 3 == 0 else 0.05) if extras else 0.0
    net = load + ev + heat - sun
    battery = (
        max(-net * 0.9, -3.0) if net > 0 and soc > 0.15 else min(-net, 3.0) if net < 0 and soc < 0.97 else 0.0
    )
    row = {"grid_kw": net + battery, "load_kw": load, "pv_kw": -sun, "battery_kw": battery}
    if extras:
        row |= {"ev_kw": ev, "ev_soc": 0.64, "heat_kw": heat}
    return row, min(max(soc + battery / 4 / 10, 0.1), 1.0)


def add_signal(
    world: World,
    *,
    starts_at: datetime,
    name: str = "Evening peak",
    state: str = "planned",
    target_kw: float = 6.0,
) -> GridSignal:
    """Create a signal of eight quarter-hours."""
    return GridSignal.objects.create(
        organization=world.organization,
        program=world.program,
        name=name,
        source=f"test:{uuid.uuid4()}",
        state=state,
        starts_at=starts_at,
        ends_at=starts_at + 8 * QUARTER,
        interval_s=900,
        target_kw=[target_kw] * 4 + [target_kw * 1.3] * 4,
        received_at=starts_at - timedelta(hours=3),
    )


def add_plan(
    signal: GridSignal,
    sites: list[Site],
    *,
    shed_kw: float = 2.0,
    revision: int = 1,
    first: int = 0,
    reason: str = "the utility's event came in",
) -> Plan:
    """Plan `shed_kw` for each of `sites` from interval `first` on, with their flexibility."""
    count = 8 - first
    planned = [min(shed_kw * len(sites), target) for target in signal.target_kw[first:]]
    short = [target - value for target, value in zip(signal.target_kw[first:], planned, strict=True)]
    starts_at = signal.starts_at + first * QUARTER
    plan = Plan.objects.create(
        signal=signal,
        revision=revision,
        reason=reason,
        status="optimal" if max(short) < 0.01 else "partial",
        created_at=max(signal.received_at, starts_at - timedelta(minutes=1)),
        starts_at=starts_at,
        interval_s=900,
        target_kw=signal.target_kw[first:],
        planned_kw=planned,
        shortfall_kw=short,
        price_per_kwh=[0.1] * count,
        explanation=["Every home gives all it can above its reserve; the fleet is 1.8 kW short from 19:00."]
        if max(short) > 0.01
        else [],
        inputs={},
        solver="HiGHS",
        seconds=0.04,
    )
    for site in sites:
        Schedule.objects.create(
            plan=plan, site=site, shed_kw=[shed_kw] * count, site_kw=[1.0 - shed_kw] * count
        )
        SiteFlexibility.objects.get_or_create(
            signal_id=signal.pk,
            site=site,
            defaults={
                "computed_at": signal.received_at,
                "starts_at": signal.starts_at,
                "interval_s": 900,
                "baseline_kw": [0.9, 1.1, 1.3, 1.4, 1.4, 1.2, 1.0, 0.9],
                "max_shed_kw": [3.0] * 8,
                "energy_kwh": 6.0,
                "baseline_method": "ten-of-ten",
            },
        )
    return plan


def track(signal: GridSignal, *, until: datetime, level: float = 0.95) -> None:
    """Write a tracking point for each minute that has passed."""
    rng = random.Random(3)
    at = signal.starts_at + timedelta(minutes=1)
    while at <= min(until, signal.ends_at):
        minute = (at - signal.starts_at).total_seconds() / 60
        index = min(int((minute - 1) // 15), 7)
        ramp, dip = min(minute / 3, 1.0), 0.72 if 34 < minute < 46 else 1.0
        TrackingPoint.objects.create(
            signal=signal,
            at=at,
            target_kw=signal.target_kw[index],
            planned_kw=signal.target_kw[index],
            delivered_kw=signal.target_kw[index] * level * ramp * dip * rng.uniform(0.96, 1.04),
            sites_delivering=3,
            sites_silent=0,
        )
        at += timedelta(minutes=1)


def settle(
    signal: GridSignal, sites: list[Site], *, version: int = 1, amount: str = "1.75"
) -> list[Statement]:
    """Write a settlement run with a statement for each of `sites`."""
    run = SettlementRun.objects.create(
        signal=signal,
        version=version,
        created_at=signal.ends_at + timedelta(hours=1),
        rule={"method": "energy-and-event/1", "energy_price": "0.5000", "event_payment": "0.00"},
        input_hash="0" * 64,
        delivered_kwh=Decimal("3.500") * len(sites),
        amount=Decimal(amount) * len(sites),
        currency="EUR",
    )
    statements = []
    for site in sites:
        statement = Statement.objects.create(
            run=run, site=site, delivered_kwh=Decimal("3.500"), amount=Decimal(amount)
        )
        for index in range(8):
            StatementLine.objects.create(
                statement=statement,
                starts_at=signal.starts_at + index * QUARTER,
                baseline_kwh=0.3,
                metered_kwh=-0.1375,
                delivered_kwh=0.4375,
                status="measured",
            )
        statements.append(statement)
    return statements


def words(html: str) -> str:
    """Return what a page says, without its tags, in plain spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).replace("\u202f", " ").split())


def evening(now: datetime | None = None) -> datetime:
    """Return 18:50 in Berlin on a summer day (or of the day of `now`)."""
    day = now or datetime(2026, 6, 17, tzinfo=UTC)
    return day.replace(hour=16, minute=50, second=20, microsecond=0)
