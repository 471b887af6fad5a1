"""A signal's life over a passed clock: planned, started, watched, ended; homes that drop out and come back."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.dispatch.models import Plan, TrackingPoint
from apps.dispatch.selectors import signal_view, site_signal_view
from apps.dispatch.services import signal_plan
from apps.dispatch.tracking import signals_tick
from apps.hubs.instructions import instruction_statuses_apply
from apps.hubs.models import Instruction
from apps.programs.models import GridSignal
from apps.programs.services import signal_revise
from tests import factories
from tests.factories import NOW, Fleet
from vpp.protocols.link.messages import InstructionStatus

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    """Minutes after the event's start."""
    return START + timedelta(minutes=minutes)


def state(signal: GridSignal) -> str:
    signal.refresh_from_db()
    return signal.state


def report(
    fleet: Fleet, *, until: float, since: float = -5, grid_kw: float = -1.0, homes: Any = None
) -> None:
    """Homes send minutes; by default they shed 2 kW of their usual 1."""
    factories.add_minutes(
        sites=fleet.sites if homes is None else homes, starts_at=at(since), ends_at=at(until), grid_kw=grid_kw
    )


def started(fleet: Fleet, *, target_kw: float = 4.0) -> GridSignal:
    """A running signal; all homes have reported until its start."""
    signal = factories.make_signal(program=fleet.program, target_kw=[target_kw] * 4)
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    report(fleet, until=0, grid_kw=1.0)
    signals_tick(now=START)
    return signal


def reasons() -> list[str]:
    return list(Plan.objects.order_by("revision").values_list("reason", flat=True))


def test_life_of_a_signal() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = factories.make_signal(program=fleet.program)
    seen = []
    for minutes in (-61, -60, -1, 0, 1, 59, 60, 61):
        report(fleet, since=minutes - 5, until=minutes)
        signals_tick(now=at(minutes))
        seen.append(state(signal))
    assert seen == ["accepted", "planned", "planned", "active", "active", "active", "ended", "ended"]


def test_signal_that_nobody_looked_at_is_ended() -> None:
    signal = factories.make_signal(program=factories.make_fleet(homes=1).program)
    signals_tick(now=at(600))
    assert (state(signal), Plan.objects.count()) == ("ended", 0)


def test_start_plans_again_with_what_is_known_then() -> None:
    fleet = factories.make_fleet(homes=1)
    started(fleet, target_kw=2.0)
    assert reasons() == ["test", "the event begins"]


def test_minute_is_noted_with_target_plan_and_delivery() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = started(fleet)
    report(fleet, until=5, since=0)
    signals_tick(now=at(5))
    point = TrackingPoint.objects.get()
    assert (point.at, point.target_kw) == (at(4), 4.0)
    assert point.planned_kw == pytest.approx(4.0, abs=0.05)
    assert point.delivered_kw == pytest.approx(4.0, abs=0.05)
    assert (point.sites_delivering, point.sites_silent) == (2, 0)
    assert state(signal) == "active"


def test_looking_twice_in_a_minute_notes_it_once() -> None:
    fleet = factories.make_fleet(homes=1)
    started(fleet, target_kw=2.0)
    report(fleet, until=5, since=0)
    signals_tick(now=at(5))
    signals_tick(now=at(5.5))
    assert TrackingPoint.objects.count() == 1


def test_home_that_falls_silent_is_made_up_for_by_the_others() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = started(fleet)
    report(fleet, until=6, since=0, homes=fleet.sites[1:])
    signals_tick(now=at(6))
    assert reasons()[-1] == "homes have dropped out"
    newest = signal.plans.order_by("-revision").first()
    assert newest is not None
    assert newest.inputs["away"] == [fleet.sites[0].pk]
    assert newest.planned_kw == pytest.approx([4.0] * 4, abs=0.05)


def test_home_that_comes_back_is_counted_on_again() -> None:
    fleet = factories.make_fleet(homes=2)
    started(fleet)
    report(fleet, until=6, since=0, homes=fleet.sites[1:])
    signals_tick(now=at(6))
    report(fleet, until=9, since=6)
    signals_tick(now=at(9))
    assert reasons()[-1] == "homes are back"


def test_shortfall_that_lasts_is_planned_again() -> None:
    fleet = factories.make_fleet(homes=2)
    started(fleet)
    for minute in range(1, 9):
        report(fleet, since=minute - 1, until=minute, grid_kw=1.0)
        signals_tick(now=at(minute))
    assert "less was delivered than planned" in reasons()


def test_delivery_as_planned_is_left_alone() -> None:
    fleet = factories.make_fleet(homes=2)
    started(fleet)
    for minute in range(1, 9):
        report(fleet, since=minute - 1, until=minute)
        signals_tick(now=at(minute))
    assert len(reasons()) == 2


def test_applied_instruction_is_verified_by_the_meter() -> None:
    fleet = factories.make_fleet(homes=1)
    started(fleet, target_kw=2.0)
    held = Instruction.objects.order_by("-revision").first()
    assert held is not None
    status = InstructionStatus(
        seq=0, instruction_id=str(held.instruction_id), revision=held.revision, state="applied", at=0
    )
    assert instruction_statuses_apply(reports=[(fleet.hubs[0].hub_id, status)], now=START) == set()
    report(fleet, until=5, since=0)
    signals_tick(now=at(5))
    held.refresh_from_db()
    assert held.state == "verified"


def test_signal_that_fails_does_not_hold_up_others(caplog: pytest.LogCaptureFixture) -> None:
    broken = factories.make_signal(program=factories.make_fleet(homes=1).program)
    GridSignal.objects.filter(pk=broken.pk).update(target_kw=[2.0, float("nan"), 2.0, 2.0], state="planned")
    fleet = factories.make_fleet(homes=1)
    signal = factories.make_signal(program=fleet.program)
    signals_tick(now=at(-30))
    signals_tick(now=at(0))
    assert state(signal) == "active"
    assert f"grid signal {broken.pk} could not be looked at" in caplog.text


def test_signal_changed_while_it_runs_is_looked_at_before_it_is_planned_again() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = started(fleet, target_kw=2.0)
    report(fleet, until=5, since=0)
    draft = factories.make_draft(starts_at=at(-15), target_kw=[1.0] * 8)
    signal = signal_revise(signal_id=signal.pk, draft=draft, name="", now=at(5))
    signals_tick(now=at(5))
    view = signal_view(signal=signal, now=at(5))
    home = site_signal_view(site=fleet.sites[0], signal=signal, now=at(5))
    assert (view.target_kwh, len(home.asked_kw), len(home.given_kw)) == (2.0, 8, 8)
    assert TrackingPoint.objects.count() == 1


def test_views_before_any_plan() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = factories.make_signal(program=fleet.program)
    view = signal_view(signal=signal, now=NOW)
    home = site_signal_view(site=fleet.sites[0], signal=signal, now=NOW)
    assert (view.plan, view.delivered_kwh, view.homes[0].state) == (None, 0, "waiting")
    assert (home.asked_kw, home.given_kw, home.given_kwh) == ([0.0] * 4, [None] * 4, 0)
