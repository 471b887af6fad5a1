"""What events plan for batteries, as reports tell it: tables worked out by hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.dispatch.models import Plan, Schedule
from apps.openadr.models import EventObject
from apps.openadr.reporting.production import reports_produce
from apps.programs.models import GridSignal, OptOut, Program
from apps.programs.services import signal_cancel, signal_receive
from apps.sites.models import Site
from tests import factories
from tests.apps.openadr.asked import (
    MINUTE,
    START,
    ask,
    draw,
    enrolled_program,
    only,
    post_event,
    reports,
    rows,
)
from tests.factories import NOW, QUARTER, Api, Fleet
from vpp.translate.grid_signal import GridSignalDraft

pytestmark = pytest.mark.django_db
WISH = "STORAGE_DISPATCH_FORECAST"
SHED = [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-2.0]}]}]
MISSING = {"DATA_QUALITY": "MISSING"}


def add_plan(
    signal: GridSignal,
    batteries: Mapping[Site, Sequence[float]],
    *,
    at: datetime = NOW,
    starts_at: datetime | None = None,
    steers: bool = False,
    count: int = 4,
) -> Plan:
    """Store a plan of quarter-hours that expects these powers of batteries [kW], charging positive."""
    nothing = [0.0] * count
    plan = Plan.objects.create(
        signal=signal, revision=signal.plans.count() + 1, reason="test", status="optimal", created_at=at,
        starts_at=starts_at or signal.starts_at, interval_s=900, target_kw=nothing, planned_kw=nothing,
        shortfall_kw=nothing, price_per_kwh=nothing, explanation=[], inputs={}, solver="none", seconds=0.0,
        steers=[signal.pk] if steers else [],
    )  # fmt: skip
    for site, powers in batteries.items():
        Schedule.objects.create(
            plan=plan, site=site, site_kw=nothing, shed_kw=[-power if steers else 9.0 for power in powers],
            battery_kw=[] if steers else powers,
        )  # fmt: skip
    return plan


def signal_of(event_id: str) -> GridSignal:
    signal = EventObject.objects.get(pk=event_id).signal
    assert signal is not None
    return signal


def receive(program_id: str, kind: Any, *, count: int = 4) -> GridSignal:
    """Receive a signal of another event of the same program."""
    draft = GridSignalDraft(kind, START, START + count * QUARTER, 900, (0.3,) * count)
    program = Program.objects.get(openadr__pk=program_id)
    return signal_receive(
        program=program, draft=draft, source=f"test:{factories.number()}", name=kind, now=NOW
    )


def told(utility: Api, event_id: str, *, at: datetime = NOW + MINUTE) -> dict[str, list[dict[str, Any]]]:
    assert reports_produce(now=at) == 1
    return rows(only(utility, event_id))


class TestDispatchForecast:
    def test_of_a_shed_each_battery_tells_the_energy_it_is_planned_to_give(
        self, fleet: Fleet, utility: Api
    ) -> None:
        bare = factories.make_site(organization=fleet.organization, battery=None)
        first, second = fleet.sites
        program_id = enrolled_program(utility, [first, second, bare])
        period = {"start": START.isoformat(), "duration": "PT30M"}
        event_id = post_event(
            utility, program_id, ask(WISH, historical=False), intervals=SHED, intervalPeriod=period
        )
        add_plan(signal_of(event_id), {first: [-2.0, -1.0]}, count=2)
        # 2 kW and then 1 kW for a quarter of an hour each; the second home is asked for nothing.
        assert told(utility, event_id) == {first.name: [{WISH: 0.75}], second.name: [{WISH: 0.0}]}

    def test_of_prices_all_batteries_together_give_less_what_they_take(
        self, fleet: Fleet, utility: Api
    ) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        wishes = [ask(WISH, historical=False, aggregate=True, units=units) for units in ("KWH", "KW")]
        event_id = post_event(utility, program_id, *wishes, count=5)
        first, second = fleet.sites
        signal = receive(program_id, "price")
        add_plan(signal, {first: [2.0, 1.0, -3.0, 0.0], second: [2.0, -1.0, -1.0, 0.0]}, steers=True)
        assert reports_produce(now=NOW + MINUTE) == 2
        in_kw, in_kwh = (rows(one)["AGGREGATED_REPORT"] for one in reports(utility, event_id))
        # The fifth quarter-hour lies behind the plan.
        assert in_kw == [{WISH: -4.0}, {WISH: 0.0}, {WISH: 4.0}, {WISH: 0.0}, MISSING]
        assert in_kwh == [{WISH: -1.0}, {WISH: 0.0}, {WISH: 1.0}, {WISH: 0.0}, MISSING]

    def test_home_that_several_ask_follows_the_shed(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        period = {"start": START.isoformat(), "duration": "PT15M"}
        event_id = post_event(
            utility,
            program_id,
            ask(WISH, historical=False, units="KW"),
            intervals=SHED,
            intervalPeriod=period,
        )
        first, second = fleet.sites
        add_plan(receive(program_id, "price"), {first: [1.0] * 4, second: [3.0] * 4}, steers=True)
        add_plan(signal_of(event_id), {first: [-2.0]}, count=1)
        assert told(utility, event_id) == {first.name: [{WISH: 2.0}], second.name: [{WISH: -3.0}]}

    def test_canceled_event_plans_nothing(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(utility, program_id, ask(WISH, historical=False, aggregate=True), count=1)
        signal = receive(program_id, "price")
        add_plan(signal, {fleet.sites[0]: [1.0] * 4}, steers=True)
        signal_cancel(signal_id=signal.pk, now=NOW)
        assert told(utility, event_id) == {"AGGREGATED_REPORT": [MISSING]}

    def test_rolling_forecast_tells_the_newest_plan_and_of_the_past_what_held_then(
        self, fleet: Fleet, utility: Api
    ) -> None:
        (home, _), half = fleet.sites, timedelta(minutes=5)
        program_id = enrolled_program(utility, [home])
        coming = ask(
            WISH,
            historical=False,
            aggregate=True,
            units="KW",
            numIntervals=2,
            startInterval=0,
            frequency=1,
            repeat=-1,
        )
        past = ask(WISH, aggregate=True, units="KWH")
        event_id = post_event(utility, program_id, coming, past, count=3)
        signal = receive(program_id, "price")
        add_plan(signal, {home: [-1.0, -1.0, -1.0, -1.0]}, steers=True)
        reports_produce(now=START)
        add_plan(signal, {home: [-4.0, -4.0, 2.0, 0.0]}, at=START + half, starts_at=START, steers=True)
        for quarters in (1, 2, 3):
            reports_produce(now=START + quarters * QUARTER + MINUTE)
        found: list[Any] = [rows(one)["AGGREGATED_REPORT"] for one in reports(utility, event_id)]
        ahead = [[{WISH: 1.0}, {WISH: 1.0}], [{WISH: 4.0}, {WISH: -2.0}], [{WISH: -2.0}]]
        # 1 kW for five minutes and 4 kW for ten, then what the second plan says.
        behind = [{WISH: pytest.approx(0.75)}, {WISH: 1.0}, {WISH: -0.5}]
        assert [one for one in found if one != behind] == ahead
        assert len(found) == 4


class TestStates:
    def test_steered_homes_are_curtailed_heightened_or_opted_out(self, fleet: Fleet, utility: Api) -> None:
        third = factories.make_site(organization=fleet.organization)
        sites = [*fleet.sites, third]
        program_id = enrolled_program(utility, sites)
        wishes = [ask("OPERATING_STATE"), ask("OPERATING_STATE", aggregate=True)]
        event_id = post_event(utility, program_id, *wishes, count=3)
        signal = receive(program_id, "price", count=2)
        gives, takes, away = sites
        add_plan(signal, {gives: [-1.0, 0.0], takes: [2.0, 1.0]}, steers=True, count=2)
        OptOut.objects.create(signal=signal, site=away, at=NOW)
        draw(sites, 0.5, 0.5, 0.5)
        reports_produce(now=START + 3 * QUARTER + MINUTE)
        found = {
            name: [one["OPERATING_STATE"] for one in told]
            for report in reports(utility, event_id)
            for name, told in rows(report).items()
        }
        assert found == {
            gives.name: ["RUNNING_CURTAILED", "NORMAL", "NORMAL"],
            takes.name: ["RUNNING_HEIGHTENED", "RUNNING_HEIGHTENED", "NORMAL"],
            away.name: ["RUNNING_OPTED_OUT", "RUNNING_OPTED_OUT", "NORMAL"],
            "AGGREGATED_REPORT": ["RUNNING_CURTAILED", "RUNNING_HEIGHTENED", "NORMAL"],
        }
