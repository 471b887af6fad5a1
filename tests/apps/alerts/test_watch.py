"""What each app finds: conditions that open incidents and clear them, and what homes and partners hear."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.alerts.models import EventKind, Incident, Notification, Webhook, WebhookEvent
from apps.alerts.security import member_added_tell
from apps.alerts.signing import secret_make
from apps.dispatch.telling import homes_tell
from apps.dispatch.watch import events_watch
from apps.hubs.faults import faults_tell
from apps.hubs.models import Campaign, Hub, HubUpdate, Release
from apps.hubs.watch import hubs_watch
from apps.markets.books import deposit
from apps.markets.models import Market, Participant
from apps.markets.operators import market_create, market_pause, market_resume, market_set
from apps.markets.participation import participant_join
from apps.markets.summaries import summaries_tell
from apps.markets.watch import markets_watch
from apps.openadr.models import VenConnection2b, VenConnection3
from apps.openadr.watch import connections_watch
from apps.programs.models import GridSignal
from apps.programs.services import opt_out_create, signal_cancel
from apps.settlement import telling as settlement_telling
from apps.settlement.models import SettlementRun
from apps.settlement.reviews import paid_tell, run_approve, run_pay
from apps.settlement.watch import settlements_watch
from apps.sites.models import GridArea
from apps.sites.services import grid_area_create
from apps.telemetry.watch import telemetry_watch
from tests import factories
from tests.apps.portal.world import World, add_hub, add_plan, add_signal, add_snapshot, settle, track
from vpp.protocols.link.messages import DeviceState

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def titles(kind: str) -> list[tuple[str, bool]]:
    rows = Incident.objects.filter(kind=kind).order_by("pk")
    return [(one.title, one.is_open) for one in rows]


def told(world: World, kind: str) -> list[dict[str, Any]]:
    return [one.facts for one in Notification.objects.filter(user=world.owner, kind=kind).order_by("pk")]


def listen(world: World, *kinds: EventKind, now: datetime) -> None:
    Webhook.objects.create(
        organization=world.organization, url="https://example.org", kinds=list(kinds), created_at=now,
        secret_encrypted=secret_make(),
    )  # fmt: skip


def heard() -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind, one.data) for one in WebhookEvent.objects.order_by("at", "kind", "key")]


def test_a_hub_that_is_away_is_told_to_operators_partners_and_its_home(world: World, now: datetime) -> None:
    hub = add_hub(world.sites[0], now=now, connected=False)  # since 40 minutes
    listen(world, EventKind.HUB_ONLINE, EventKind.HUB_OFFLINE, now=now)
    hubs_watch(now=now)
    hubs_watch(now=now)
    assert titles("hub_offline") == [("The hub of Rose Street 1 is offline", True)]
    away_at = now - timedelta(minutes=40)
    assert told(world, "hub_offline") == [{"since": away_at.isoformat()}]
    Hub.objects.filter(pk=hub.pk).update(connected_at=now + MINUTE)
    hubs_watch(now=now + MINUTE)
    assert titles("hub_offline") == [("The hub of Rose Street 1 is offline", False)]
    assert told(world, "hub_back") == [{"since": away_at.isoformat(), "at": (now + MINUTE).isoformat()}]
    assert [kind for kind, _ in heard()] == ["hub.offline", "hub.online"]


def test_a_hub_that_is_away_for_a_moment_is_no_news(world: World, now: datetime) -> None:
    hub = add_hub(world.sites[0], now=now, connected=False)
    Hub.objects.filter(pk=hub.pk).update(disconnected_at=now - 10 * MINUTE)
    hubs_watch(now=now)
    Hub.objects.filter(pk=hub.pk).update(connected_at=now)
    hubs_watch(now=now + MINUTE)
    assert (Incident.objects.count(), Notification.objects.count()) == (0, 0)


def test_many_hubs_of_one_area_are_one_incident(world: World, now: datetime) -> None:
    area = grid_area_create(organization=world.organization, name="East")
    for number in range(23):
        site = factories.make_site(
            organization=world.organization, name=f"Hill {number}", grid_area=area, battery=None
        )
        add_hub(site, now=now, connected=False)
    add_hub(world.sites[0], now=now, connected=False)
    hubs_watch(now=now)
    assert sorted(titles("hub_offline")) == [
        ("23 hubs offline in East", True),
        ("The hub of Rose Street 1 is offline", True),
    ]
    storm = Incident.objects.get(grid_area=area)
    assert (storm.count, "and 18 more" in storm.detail) == (23, True)


def test_an_update_that_fails_on_hubs_is_an_incident_until_the_next_one(world: World, now: datetime) -> None:
    hub = add_hub(world.sites[0], now=now)
    release = Release.objects.create(version="0.9.0", length=1, published_at=now)
    first = Campaign.objects.create(
        organization=world.organization,
        release=release,
        started_by="kim",
        created_at=now,
        ring_started_at=now,
    )
    HubUpdate.objects.create(campaign=first, hub=hub, ring=0, state="failed", changed_at=now)
    hubs_watch(now=now)
    Campaign.objects.filter(pk=first.pk).update(state="stopped", ended_at=now)
    Campaign.objects.create(
        organization=world.organization,
        release=release,
        started_by="kim",
        created_at=now,
        ring_started_at=now,
    )
    assert titles("update_failed") == [("Update to 0.9.0 failed on 1 hub", True)]
    hubs_watch(now=now + MINUTE)
    assert titles("update_failed") == [("Update to 0.9.0 failed on 1 hub", False)]


def quarantine(site_id: int, reason: str, *, rows: int, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO telemetry_quarantined (site_id, sent_at, reason, content, received_at) VALUES (%s, 0, %s, '{}', %s)",
            [(site_id, reason, at)] * rows,
        )


def test_clocks_and_values_that_are_set_aside(world: World, now: datetime) -> None:
    first, second = world.sites[0].pk, world.sites[1].pk
    quarantine(first, "future_dated", rows=5, at=now)
    quarantine(first, "out_of_range", rows=19, at=now)
    quarantine(second, "out_of_range", rows=20, at=now)
    telemetry_watch(now=now + MINUTE)
    assert titles("clock_wrong") == [("The clock at Rose Street 1 is wrong", True)]
    assert titles("data_quarantined") == [("Measurements of Rose Street 3 are set aside", True)]
    telemetry_watch(now=now + 2 * HOUR)
    assert (titles("clock_wrong")[0][1], titles("data_quarantined")[0][1]) == (False, False)


def test_an_area_is_judged_with_all_that_it_feeds_and_over_time(world: World, now: datetime) -> None:
    above = grid_area_create(organization=world.organization, name="Town")
    GridArea.objects.filter(pk=above.pk).update(import_limit_kw=5.0)
    below = grid_area_create(organization=world.organization, name="Street")
    GridArea.objects.filter(pk=below.pk).update(parent=above)
    for site in world.sites[:2]:
        site.grid_area = below
        site.save()
        add_snapshot(site, now - MINUTE, grid_kw=1.0)
    telemetry_watch(now=now)
    assert titles("area_over_limit") == []
    for site in world.sites[:2]:
        add_snapshot(site, now + 3 * MINUTE, grid_kw=4.0)
        add_snapshot(site, now + 4 * MINUTE, grid_kw=4.0)
    telemetry_watch(now=now + 4 * MINUTE)
    assert titles("area_over_limit") == [("Town is over its limit", True)]
    assert Incident.objects.get().detail == "import 8.0 kW, 160% of its limit"
    telemetry_watch(now=now + HOUR)
    assert titles("area_over_limit") == [("Town is over its limit", False)]


def test_an_event_that_delivers_too_little(world: World, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - 20 * MINUTE, state="active")
    add_plan(signal, world.sites)
    track(signal, until=now, level=0.5)
    events_watch(now=now)
    assert titles("event_short") == [("Evening peak delivers less than asked for", True)]
    signal.tracking.update(delivered_kw=100.0)
    events_watch(now=now)
    assert titles("event_short") == [("Evening peak delivers less than asked for", False)]


def test_an_event_whose_target_cannot_be_planned_or_that_has_no_plan(world: World, now: datetime) -> None:
    poor = add_signal(world, starts_at=now + HOUR, name="Poor", target_kw=30.0)
    add_plan(poor, world.sites)
    add_signal(world, starts_at=now + 5 * MINUTE, name="Bare", state="accepted")
    add_signal(world, starts_at=now + 5 * HOUR, name="Far", state="accepted")
    events_watch(now=now)
    assert sorted(title for title, _ in titles("plan_infeasible")) == [
        "83% of Poor could not be planned",
        "Bare has no plan",
    ]


def test_an_event_that_is_not_settled(world: World, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - 5 * HOUR, state="ended")  # over for three hours
    settlements_watch(now=signal.ends_at + 39 * MINUTE)
    assert titles("settlement_late") == []
    settlements_watch(now=now)
    assert titles("settlement_late") == [("Evening peak is not settled", True)]
    GridSignal.objects.update(state="settled")
    settlements_watch(now=now)
    assert titles("settlement_late") == [("Evening peak is not settled", False)]


def test_connections_to_utilities_that_fail(world: World, now: datetime) -> None:
    shared: dict[str, Any] = {"organization": world.organization, "created_at": now - HOUR, "name": "us"}
    three = VenConnection3.objects.create(
        **shared, url="https://three.example", callback_key="k", callback_token_encrypted="x",
        failing_since=now - 4 * MINUTE, last_error="timeout",
    )  # fmt: skip
    VenConnection2b.objects.create(
        **shared, url="https://two.example", program=world.program, last_error="refused", last_answer_at=now - HOUR
    )  # fmt: skip
    connections_watch(now=now)
    assert titles("connection_failing") == [("No connection to https://two.example", True)]
    connections_watch(now=now + MINUTE)
    assert titles("connection_failing")[1] == ("No connection to https://three.example", True)
    VenConnection3.objects.filter(pk=three.pk).update(failing_since=None)
    VenConnection2b.objects.update(enabled=False)
    connections_watch(now=now + 2 * MINUTE)
    assert [is_open for _, is_open in titles("connection_failing")] == [False, False]


@pytest.fixture
def market(world: World, now: datetime) -> Market:
    area = grid_area_create(organization=world.organization, name="East")
    world.sites[0].grid_area = area
    world.sites[0].save()
    return market_create(
        organization=world.organization, grid_area=area, name="East", actor="kim", now=now, terms="first"
    )


def joined(market: Market, world: World, *, now: datetime) -> Participant:
    return participant_join(
        market=market, name="Rose Street 1", kind="prosumer", sites=[world.sites[0]], actor="kim", now=now
    )


def test_a_market_that_is_paused(world: World, market: Market, now: datetime) -> None:
    market_pause(market=market, reason="maintenance", actor="kim", now=now)
    markets_watch(now=now)
    assert (titles("market_paused"), Incident.objects.get().detail) == (
        [("East is paused", True)],
        "maintenance",
    )
    market_resume(market=market, reason="done", actor="kim", now=now)
    markets_watch(now=now)
    assert titles("market_paused") == [("East is paused", False)]


def test_homes_of_a_market_hear_of_new_terms_and_of_money_paid_out(
    world: World, market: Market, now: datetime
) -> None:
    one = joined(market, world, now=now)
    deposit(participant=one, amount=Decimal(20), actor="kim", now=now)
    deposit(participant=one, amount=Decimal("-12.5"), actor="kim", now=now)
    market_set(market=market, changes={"terms": "second"}, actor="kim", now=now)
    market_set(market=market, changes={"buyer_fee_micro": 1}, actor="kim", now=now)
    assert told(world, "payout") == [{"market": "East", "amount": "12.5", "currency": "EUR"}]
    assert told(world, "terms_changed") == [{"market": "East", "version": 2}]


def test_homes_hear_in_the_morning_what_they_traded(world: World, market: Market, now: datetime) -> None:
    from apps.markets.models import ClearingRun, Order, Trade

    one = joined(market, world, now=now)
    for hour, side, pay in ((10, 1, 300_000_000), (12, -1, -50_000_000)):
        starts_at = datetime(2026, 6, 16, hour, tzinfo=UTC)
        run = ClearingRun.objects.create(
            market=market, starts_at=starts_at, ends_at=starts_at + HOUR, version=1, reason="", mechanism="uniform_price",
            created_at=now, orders_count=1, volume_wh=1000, welfare_nano=0, account_nano=0, input_hash="", result_hash="",
        )  # fmt: skip
        order = Order.objects.create(
            market=market, participant=one, starts_at=starts_at, side=side, price_micro=1, quantity_wh=1000,
            idempotency_key=str(hour), placed_at=now, placed_by="kim",
        )  # fmt: skip
        Trade.objects.create(
            run=run, order=order, participant=one, side=side, energy_wh=1500, price_micro=1, pay_nano=pay, fee_nano=0,
            green_wh=0,
        )  # fmt: skip
    evening = summaries_tell(now=now)
    morning = datetime(2026, 6, 17, 6, tzinfo=UTC)
    assert (evening, summaries_tell(now=morning), summaries_tell(now=morning + HOUR)) == (0, 2, 0)
    assert told(world, "market_summary") == [
        {
            "market": "East", "date": "2026-06-16", "bought_kwh": 1.5, "sold_kwh": 1.5, "amount": "-0.25",
            "currency": "EUR",
        }
    ]  # fmt: skip


def test_homes_hear_of_events_that_are_planned_for_them_alone(world: World, now: datetime) -> None:
    signal = add_signal(world, starts_at=now + 2 * HOUR)
    add_plan(signal, world.sites[1:])
    assert homes_tell(signal_id=signal.pk, now=now) == 0
    other = add_signal(world, starts_at=now + 5 * HOUR, name="Night")
    add_plan(other, world.sites)
    assert (homes_tell(signal_id=other.pk, now=now), homes_tell(signal_id=other.pk, now=now)) == (2, 0)
    assert [facts["name"] for facts in told(world, "event_coming")] == ["Night"]


def test_homes_hear_what_they_earned_then_what_changed_then_that_it_is_final(
    world: World, now: datetime
) -> None:
    signal = add_signal(world, starts_at=now - 5 * HOUR, state="settled")
    settle(signal, world.sites)
    first = SettlementRun.objects.get()
    for version, kind, adjustment in ((2, "true_up", "0"), (3, "correction", "-0.25"), (4, "final", "0")):
        settle(signal, world.sites[:1], version=version, amount="1.50")
        run = SettlementRun.objects.get(version=version)
        run.kind, run.previous = kind, SettlementRun.objects.get(version=version - 1)
        run.save()
        run.statements.update(adjustment=Decimal(adjustment))
    for run in SettlementRun.objects.order_by("version"):
        settlement_telling.homes_tell(run_id=run.pk, now=now)
        settlement_telling.homes_tell(run_id=run.pk, now=now)
    assert [facts["amount"] for facts in told(world, "event_ended")] == ["1.75"]
    assert [facts["why"] for facts in told(world, "statement_ready")] == ["corrected", "final"]
    assert first.version == 1


def test_signals_are_told_to_partners_and_opt_outs_to_the_home(world: World, now: datetime) -> None:
    listen(world, EventKind.SIGNAL_CREATED, EventKind.SIGNAL_ENDED, now=now)
    signal = factories.make_signal(program=world.program, starts_at=now + HOUR, now=now)
    opt_out_create(signal_id=signal.pk, site=world.sites[0], user=world.owner, reason="", now=now)
    opt_out_create(signal_id=signal.pk, site=world.sites[0], user=world.owner, reason="", now=now)
    signal_cancel(signal_id=signal.pk, now=now)
    assert [(kind, data["state"]) for kind, data in heard()] == [
        ("signal.created", "accepted"),
        ("signal.ended", "canceled"),
    ]
    assert told(world, "opted_out") == [
        {"signal_id": str(signal.pk), "name": "Peak", "by": "owner@example.org"}
    ]


def test_a_device_that_falls_ill_is_told_once_a_day(world: World, now: datetime) -> None:
    ill = [DeviceState(key="inv", kind="pv", name="Inverter", state="trouble", trouble="no answer")]
    site_id = world.sites[0].pk
    assert faults_tell(site_id=site_id, before=[], devices=ill, now=now) == 2
    assert (
        faults_tell(site_id=site_id, before=[{"key": "inv", "state": "trouble"}], devices=ill, now=now) == 0
    )
    assert (
        faults_tell(site_id=site_id, before=[{"key": "inv", "state": "running"}], devices=ill, now=now) == 0
    )
    assert told(world, "device_fault") == [{"device": "Inverter", "trouble": "no answer"}]


def test_an_approved_run_is_told_to_partners_and_a_paid_one_to_the_homes(world: World, now: datetime) -> None:
    listen(world, EventKind.SETTLEMENT_APPROVED, now=now)
    signal = add_signal(world, starts_at=now - 5 * HOUR, state="settled")
    settle(signal, world.sites)
    run = SettlementRun.objects.get()
    run_approve(run=run, actor="kim@example.org", now=now)
    assert [(kind, data["run_id"], data["amount"]) for kind, data in heard()] == [
        ("settlement.approved", run.pk, "5.25")
    ]
    run_pay(run=run, reference="sepa-1", actor="kim@example.org", now=now)
    assert (paid_tell(run_id=run.pk, now=now), paid_tell(run_id=run.pk, now=now)) == (2, 0)
    assert told(world, "payout") == [{"name": "Evening peak", "amount": "1.75", "currency": "EUR"}]


def test_only_who_belongs_to_the_home_now_is_told(world: World, now: datetime) -> None:
    world.sites[0].members.filter(user=world.member).update(
        role="viewer", expires_at=datetime.now(UTC) - MINUTE
    )
    add_hub(world.sites[0], now=now, connected=False)
    hubs_watch(now=now)
    assert [one.user for one in Notification.objects.all()] == [world.owner]


def test_a_new_member_is_told_to_the_household(world: World, now: datetime) -> None:
    member_added_tell(site=world.sites[0], member=world.member, by="owner@example.org", now=now)
    assert told(world, "security") == [
        {"what": "member", "who": "member@example.org", "by": "owner@example.org"}
    ]
