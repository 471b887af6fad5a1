"""Between full plans: homes with head-room make up for what others do not give; what is expected at the end."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.dispatch.models import Plan, SiteResponsiveness, Tracker, TrackingPoint
from apps.dispatch.responsiveness import responsiveness_learn, responsiveness_of
from apps.dispatch.selectors import asked_kw, newest_schedules
from apps.dispatch.services import signal_plan
from apps.dispatch.tracking import signals_tick
from apps.hubs.models import Instruction
from apps.programs.models import GridSignal, Program
from apps.programs.services import opt_out_create
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW, Fleet

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
BASELINE_KW = 1.0


def at(minutes: float) -> datetime:
    """Minutes after the event's start."""
    return START + timedelta(minutes=minutes)


def begin(fleet: Fleet, *, target_kw: float) -> GridSignal:
    """A running signal; all homes have reported until its start."""
    signal = factories.make_signal(program=fleet.program, target_kw=[target_kw] * 4)
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    factories.add_minutes(sites=fleet.sites, starts_at=at(-5), ends_at=START, grid_kw=BASELINE_KW)
    signals_tick(now=START)
    return signal


def live(fleet: Fleet, signal: GridSignal, *, minutes: range, lazy: Any = ()) -> None:
    """Homes follow their schedules minute by minute, `lazy` ones give nothing."""
    for minute in minutes:
        held = newest_schedules(signal_id=signal.pk)
        for site in fleet.sites:
            index = round((at(minute) - START).total_seconds() - 60) // signal.interval_s
            schedule = held.get(site.pk)
            shed = 0.0
            if schedule is not None and site.pk not in lazy:
                first = round((schedule.plan.starts_at - START).total_seconds()) // signal.interval_s
                shed = schedule.shed_kw[max(index - first, 0)]
            factories.add_minutes(
                sites=[site], starts_at=at(minute - 1), ends_at=at(minute), grid_kw=BASELINE_KW - shed
            )
        signals_tick(now=at(minute))


def newest(signal: GridSignal) -> Plan:
    plan = signal.plans.order_by("-revision").first()
    assert plan is not None
    return plan


def told(site: Site) -> int:
    return Instruction.objects.filter(hub__site=site).count()


def short(*, homes: int = 3, target_kw: float = 6.0) -> tuple[Fleet, GridSignal]:
    """An event whose first home does not give its part, after as many looks as a shortfall needs."""
    fleet = factories.make_fleet(homes=homes)
    signal = begin(fleet, target_kw=target_kw)
    live(fleet, signal, minutes=range(1, 8), lazy={fleet.sites[0].pk})
    return fleet, signal


def test_shortfall_is_asked_of_homes_with_head_room_and_only_they_are_told() -> None:
    fleet = factories.make_fleet(homes=3)
    signal = begin(fleet, target_kw=6.0)
    before = [told(site) for site in fleet.sites]
    full = newest(signal)
    live(fleet, signal, minutes=range(1, 8), lazy={fleet.sites[0].pk})
    plan = newest(signal)
    assert (plan.solver, plan.reason) == ("head-room", "shortfall corrected by head-room")
    assert (plan.revision, plan.starts_at, plan.target_kw) == (full.revision + 1, START, [6.0] * 4)
    assert [told(site) - count for site, count in zip(fleet.sites, before, strict=True)] == [0, 1, 1]
    first, second, third = (newest_schedules(signal_id=signal.pk)[site.pk] for site in fleet.sites)
    assert first.shed_kw == pytest.approx([2.0] * 4, abs=0.05)
    # 2 kW are missing, and homes are taken to give 0.95 squared of what they are asked.
    for one in (second, third):
        assert one.shed_kw == pytest.approx([2.0 + 1.0 / 0.9025] * 4, abs=0.05)
        assert one.site_kw == pytest.approx([BASELINE_KW - kw for kw in one.shed_kw], abs=1e-3)
        assert one.battery_kw == pytest.approx([-kw for kw in one.shed_kw], abs=1e-3)
    assert plan.planned_kw == pytest.approx([6.0 + 2.0 / 0.9025] * 4, abs=0.05)
    assert plan.shortfall_kw == pytest.approx([0.0] * 4, abs=1e-6)
    assert plan.explanation == ["2.0 kW were missing; 2 homes with head-room are asked for 2.2 kW more."]
    assert plan.inputs["asked_more"] == [site.pk for site in fleet.sites[1:]]
    assert plan.inputs["corrects"] == full.revision


def test_instruction_of_a_correction_is_the_schedule() -> None:
    fleet, signal = short()
    schedule = newest_schedules(signal_id=signal.pk)[fleet.sites[1].pk]
    held = Instruction.objects.filter(hub__site=fleet.sites[1]).latest("pk")
    assert held.schedule is not None
    assert held.schedule["site_kw"] == schedule.site_kw
    assert (held.reason, held.expires_at) == ("shortfall corrected by head-room", signal.ends_at)


def test_after_a_correction_the_target_is_met_and_nothing_more_is_asked() -> None:
    fleet, signal = short()
    count = Plan.objects.count()
    live(fleet, signal, minutes=range(8, 14), lazy={fleet.sites[0].pk})
    point = TrackingPoint.objects.latest("at")
    assert point.delivered_kw == pytest.approx(4.0 + 2.0 / 0.9025, abs=0.1)
    assert Plan.objects.count() == count


def test_full_plan_follows_corrections_after_a_quarter_of_an_hour() -> None:
    fleet, signal = short()
    live(fleet, signal, minutes=range(8, 17), lazy={fleet.sites[0].pk})
    plan = newest(signal)
    assert (plan.reason, plan.created_at) == ("after corrections", at(15))
    assert plan.solver != "head-room"


def test_shortfall_that_head_room_does_not_cover_is_planned_in_full() -> None:
    _, signal = short(homes=2, target_kw=7.5)
    plan = newest(signal)
    assert plan.reason == "less was delivered than planned"
    assert plan.solver != "head-room"


def test_home_that_has_opted_out_is_not_carried_into_a_correction() -> None:
    fleet = factories.make_fleet(homes=4)
    signal = begin(fleet, target_kw=6.0)
    live(fleet, signal, minutes=range(1, 5), lazy={fleet.sites[0].pk})
    tracker = Tracker.objects.get()
    tracker.planned_with = [str(site.pk) for site in fleet.sites[:3]]
    tracker.save()
    out = fleet.sites[3]
    opt_out_create(
        signal_id=signal.pk, site=out, user=factories.make_owner(site=out), reason="guests", now=at(4)
    )
    live(fleet, signal, minutes=range(5, 8), lazy={fleet.sites[0].pk, out.pk})
    plan = newest(signal)
    assert plan.solver == "head-room"
    assert sorted(newest_schedules(signal_id=signal.pk)) == sorted(site.pk for site in fleet.sites[:3])


def test_program_that_holds_a_reserve_is_left_to_the_solver() -> None:
    fleet = factories.make_fleet(homes=3)
    Program.objects.update(reserve_kw=0.5)
    signal = begin(fleet, target_kw=6.0)
    live(fleet, signal, minutes=range(1, 8), lazy={fleet.sites[0].pk})
    assert newest(signal).reason == "less was delivered than planned"


def test_correction_asks_no_home_below_its_reserve() -> None:
    """0.1 of 10 kWh at 95 % is 0.95 kWh a home, and the plan takes 0.9 of it."""
    fleet = factories.make_fleet(homes=4)
    Site.objects.update(reserve_soc=0.6)
    signal = begin(fleet, target_kw=3.6)
    live(fleet, signal, minutes=range(1, 8), lazy={fleet.sites[0].pk, fleet.sites[1].pk})
    assert newest(signal).reason == "less was delivered than planned"


def test_outlook_is_kept_with_every_look() -> None:
    fleet = factories.make_fleet(homes=3)
    signal = begin(fleet, target_kw=3.0)
    live(fleet, signal, minutes=range(1, 14))
    point = TrackingPoint.objects.latest("at")
    assert point.expected_kwh is not None
    assert point.expected_low_kwh is not None
    assert point.expected_high_kwh is not None
    assert point.expected_kwh == pytest.approx(3.0, abs=0.15)
    assert 2.0 < point.expected_low_kwh < 2.9 < 3.0 < point.expected_high_kwh < 4.0


def test_responsiveness_is_learned_once_when_the_signal_has_ended() -> None:
    fleet = factories.make_fleet(homes=3)
    signal = begin(fleet, target_kw=3.0)
    live(fleet, signal, minutes=range(1, 61), lazy={fleet.sites[0].pk})
    signal.refresh_from_db()
    assert signal.state == "ended"
    for _ in range(2):
        responsiveness_learn(signal_id=signal.pk, now=at(60))
    rows = {row.site_id: row for row in SiteResponsiveness.objects.all()}
    first, second, third = (rows[site.pk] for site in fleet.sites)
    assert (first.events, first.responses) == (1.0, 0.0)
    assert (second.events, second.responses, third.responses) == (1.0, 1.0, 1.0)
    assert second.factor_sum == pytest.approx(1.0, abs=0.05)
    found = responsiveness_of(site_ids=[site.pk for site in fleet.sites])
    assert found.probability[0] < found.probability[1]
    assert Tracker.objects.get().learned_at == at(60)


def test_homes_of_which_nothing_is_known_are_taken_for_usual_ones() -> None:
    site = factories.make_site(organization=factories.make_organization())
    assert responsiveness_of(site_ids=[site.pk]).expected == pytest.approx([0.9025])


def test_asked_power_follows_a_correction_from_when_it_was_made() -> None:
    fleet, signal = short()
    asked = asked_kw(signal=signal)[fleet.sites[1].pk]
    assert 2.05 < asked[0] < asked[1] == pytest.approx(2.0 + 1.0 / 0.9025, abs=0.05)
