"""One tenant with one of everything, on a summer evening."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from apps.accounts.models import User
from apps.alerts.webhooks import webhook_create, webhook_ping
from apps.markets.operators import market_create
from apps.markets.participation import participant_join, terms_accept
from apps.programs.models import GridSignal
from apps.settlement.models import SettlementRun
from apps.sites.models import GridArea
from apps.sites.tariffs import tariff_set
from tests import factories
from tests.apps.portal.world import (
    World,
    add_day,
    add_hub,
    add_plan,
    add_signal,
    build_world,
    settle,
    track,
)
from tests.screens.filling import fill
from tests.screens.history import add_history, add_points

YEAR = timedelta(days=364)


@dataclasses.dataclass(frozen=True)
class Screened:
    """Who looks, and what the paths' places stand for."""

    people: dict[str, User]
    values: dict[str, Any]


def build_screened(*, now: datetime, days: int) -> Screened:
    """Make the world; its first home has `days` of quarter-hours."""
    factories.forget_counts()
    world = build_world(now=now)
    hubs = [add_hub(site, now=now) for site in world.sites]
    add_day(world.sites[0], now=now, extras=True)
    _measured(world, days=days, now=now)
    running, past, statement = _events(world, now)
    filled = fill(world, hubs=hubs, running=running, now=now)
    return Screened(
        people={"owner": world.owner, "operator": world.operator},
        values={
            "site": world.sites[0].pk,
            "organization": world.organization.pk,
            "program": world.program.pk,
            "signal": running.pk,
            "statement": statement,
            "run": SettlementRun.objects.get(signal=past).pk,
            **filled,
            "hub": hubs[0].pk,
            "market": _market(world, now),
            "webhook": _webhook(world, now),
        },
    )


def _measured(world: World, *, days: int, now: datetime) -> None:
    """Quarter-hours of all homes; of the first one's single devices too, and of the year before."""
    add_history([site.pk for site in world.sites], days=days, until=now)
    first, month = world.sites[0].pk, timedelta(days=30)
    add_history([first], days=30, until=now - YEAR)
    for ends_at in (now - YEAR, now):
        add_points(first, starts_at=ends_at - month, ends_at=ends_at, faulty_from=now - month)
    tariff_set(
        site=world.sites[0], currency="EUR", import_price="0.34", export_price="0.08", bands=[], actor="test", now=now
    )  # fmt: skip


def _webhook(world: World, now: datetime) -> Any:
    made = webhook_create(
        organization=world.organization, url="https://93.184.215.14/ores", kinds=["hub.offline", "signal.created"],
        description="control room", actor="test", now=now,
    )  # fmt: skip
    webhook_ping(organization=world.organization, webhook_id=made.webhook.pk, actor="test", now=now)
    return made.webhook.pk


def _events(world: World, now: datetime) -> tuple[GridSignal, GridSignal, int]:
    running = add_signal(world, starts_at=now.replace(minute=0, second=0), state="active")
    add_plan(running, world.sites)
    track(running, until=now)
    past = add_signal(world, starts_at=now - timedelta(hours=20), name="Morning ramp", state="settled")
    add_plan(past, world.sites)
    statements = settle(past, world.sites)
    add_signal(world, starts_at=now + timedelta(hours=22), name="Tomorrow's peak")
    return running, past, statements[0].pk


def _market(world: World, now: datetime) -> int:
    area = GridArea.objects.create(organization=world.organization, name="Sunny Street")
    for site in world.sites:
        site.grid_area = area
        site.save(update_fields=["grid_area"])
    market = market_create(
        organization=world.organization,
        grid_area=area,
        name="Sunny Street",
        actor="test",
        now=now - timedelta(days=9),
    )
    for site in world.sites:
        one = participant_join(
            market=market, name=site.name, kind="prosumer", sites=[site], actor="test", now=now
        )
        terms_accept(participant=one, version=market.terms_version, actor="test", now=now)
    return market.pk
