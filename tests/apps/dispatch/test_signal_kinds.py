"""What each kind of grid signal makes of homes, and which of two events goes first."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from apps.dispatch.battery_plans import batteries_planned
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.orders import priority_of
from apps.dispatch.precedence import outranked
from apps.dispatch.services import signal_plan, signal_release
from apps.dispatch.tracking import signals_tick
from apps.hubs.models import Instruction
from apps.programs.models import GridSignal
from apps.programs.services import signal_cancel, signal_receive
from tests import factories
from tests.factories import NOW, QUARTER
from vpp.translate.grid_signal import GridSignalDraft, SignalKind

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


def receive(
    fleet: factories.Fleet,
    kind: SignalKind,
    values: Sequence[float | None],
    *,
    starts_at: Any = START,
    step_s: int = 900,
    priority: int | None = None,
    now: Any = NOW,
    **detail: Any,
) -> GridSignal:
    ends_at = starts_at + timedelta(seconds=step_s) * len(values)
    draft = GridSignalDraft(kind, starts_at, ends_at, step_s, tuple(values), detail=detail)
    return signal_receive(
        program=fleet.program,
        draft=draft,
        source=f"test:{factories.number()}",
        name=kind,
        now=now,
        priority=priority,
    )


def plan_of(signal: GridSignal, *, now: Any = NOW) -> Plan:
    plan = signal_plan(signal_id=signal.pk, reason="test", now=now)
    assert plan is not None
    signal.refresh_from_db()
    return plan


class TestSetpoint:
    def test_asks_for_what_the_baselines_are_above_it(self) -> None:
        fleet = factories.make_fleet()  # three homes that usually draw 1 kW each
        signal = receive(fleet, "setpoint", [1.0, 2.0, 5.0, None])
        plan = plan_of(signal)
        assert signal.target_kw == pytest.approx([2.0, 1.0, 0.0, 0.0], abs=0.01)
        assert plan.planned_kw == pytest.approx([2.0, 1.0, 0.0, 0.0], abs=0.05)

    def test_does_not_move_once_the_event_has_begun(self) -> None:
        fleet = factories.make_fleet()
        signal = receive(fleet, "setpoint", [1.0] * 4)
        plan_of(signal)
        GridSignal.objects.filter(pk=signal.pk).update(target_kw=[1.5] * 4)
        plan_of(signal, now=START + QUARTER)
        assert signal.target_kw == [1.5] * 4


class TestLevel:
    def test_asks_for_the_programs_share_of_what_the_homes_can_hold(self) -> None:
        fleet = factories.make_fleet()
        everything = receive(fleet, "level", [3.0] * 4)
        most = plan_of(everything).target_kw
        signal_cancel(signal_id=everything.pk, now=NOW)
        signal = receive(fleet, "level", [0.0, 1.0, 2.0, 3.0])
        plan_of(signal)
        assert signal.target_kw[0] == 0.0
        # Three quarter-hours instead of four leave as much power, for the batteries hold longer than either.
        assert signal.target_kw[1:] == pytest.approx([0.25 * most[0], 0.5 * most[0], most[0]], rel=1e-3)

    def test_what_is_asked_at_the_highest_level_can_be_given(self) -> None:
        fleet = factories.make_fleet()
        plan = plan_of(receive(fleet, "level", [3.0] * 12))
        assert plan.status == "optimal"
        assert max(plan.shortfall_kw) == pytest.approx(0.0, abs=0.01)


class TestSteered:
    def test_batteries_charge_when_it_is_cheap_and_discharge_when_it_is_dear(self) -> None:
        fleet = factories.make_fleet()
        signal = receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW)
        plan = plan_of(signal)
        assert (plan.status, plan.solver, signal.state) == ("optimal", "steered by prices", "planned")
        changed = np.array(plan.planned_kw[:16])
        assert changed[:8].sum() < -1.0
        assert changed[8:].sum() > 1.0
        assert plan.price_per_kwh[:16] == [0.05] * 8 + [0.60] * 8
        assert "better than leaving them at rest" in plan.explanation[1]

    def test_hubs_are_told_the_batterys_power(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW))
        told, schedule = Instruction.objects.get().schedule, Schedule.objects.get(plan=plan)
        assert told is not None
        assert "site_kw" not in told or told["site_kw"] == []
        assert told["resources"] == schedule.resources
        assert list(schedule.resources) == ["battery"]

    def test_planned_batteries_are_what_hubs_are_told(self) -> None:
        fleet = factories.make_fleet(homes=2)
        plan = plan_of(receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW))
        site_ids = [site.pk for site in fleet.sites]
        periods = [(NOW + QUARTER * index, NOW + QUARTER * (index + 1)) for index in range(16)]
        found = batteries_planned(program=fleet.program, site_ids=site_ids, periods=periods)
        for row, site_id in enumerate(site_ids):
            told = Schedule.objects.get(plan=plan, site_id=site_id).resources["battery"][:16]
            assert (min(told), max(told)) == (-1.0, 4.0)
            assert found.power_kw[row] == pytest.approx(told, abs=2e-4)
            assert found.steered_kw[row] == pytest.approx(told, abs=2e-4)

    def test_batteries_are_full_when_it_is_asked(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(
            receive(fleet, "charge_state", [0.9] * 4, starts_at=NOW + timedelta(hours=3), unit="share")
        )
        charged = np.array(Schedule.objects.get(plan=plan).resources["battery"])
        # From eight to nine tenths of 10 kWh, with 95 % kept on the way in.
        assert charged[:12].sum() * 0.25 * 0.95 == pytest.approx(1.0, abs=1e-3)

    def test_more_than_can_be_reached_is_no_failure(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(receive(fleet, "charge_state", [1.0] * 2, starts_at=NOW, unit="share"))
        assert plan.status == "optimal"
        assert Schedule.objects.get(plan=plan).resources["battery"][0] == pytest.approx(4.0)

    def test_an_import_limit_holds_for_all_homes_together(self) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW)
        limited = receive(fleet, "import_limit", [6.0] * 16, starts_at=NOW)
        plan = plan_of(limited)
        together = np.sum([one.site_kw for one in Schedule.objects.filter(plan=plan)], axis=0)
        assert together.max() <= 6.0 + 1e-3
        assert len(plan.inputs["signals"]) == 2
        assert max(abs(price) for price in plan.limit_prices["the utility's import limit"]) > 0

    def test_an_import_limit_holds_for_each_home_where_the_program_says_so(self) -> None:
        fleet = factories.make_fleet()
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW)
        plan = plan_of(receive(fleet, "import_limit", [2.5] * 16, starts_at=NOW))
        for schedule in Schedule.objects.filter(plan=plan):
            assert max(schedule.site_kw) <= 2.5 + 1e-3

    def test_a_home_that_cannot_keep_its_limit_does_not_keep_others_from_a_plan(self) -> None:
        fleet = factories.make_fleet(soc=0.12)
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        plan = plan_of(receive(fleet, "import_limit", [0.2] * 16, starts_at=NOW))
        assert any("leaves that to the hubs" in sentence for sentence in plan.explanation)
        assert Schedule.objects.filter(plan=plan).count() == 3

    def test_what_a_storm_warning_asks_goes_before_events(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan_of(receive(fleet, "charge_state", [1.0] * 4, unit="share", alert="ALERT_WIND", text="Storm"))
        assert Instruction.objects.get().priority == 0

    def test_greenhouse_gas_counts_beside_the_price(self) -> None:
        fleet = factories.make_fleet()
        plan = plan_of(receive(fleet, "ghg", [100.0] * 8 + [900.0] * 8, starts_at=NOW))
        assert plan.price_per_kwh[0] == pytest.approx(0.30 + 0.1 * 0.1)
        assert plan.price_per_kwh[8] == pytest.approx(0.30 + 0.9 * 0.1)

    def test_the_smaller_priority_number_says_the_price(self) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "price", [0.10] * 8, starts_at=NOW, priority=5)
        plan = plan_of(receive(fleet, "price", [0.90] * 4, starts_at=NOW, priority=1))
        assert plan.price_per_kwh[:8] == [0.90] * 4 + [0.10] * 4

    def test_a_canceled_one_leaves_the_others_in_force(self) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "price", [0.10] * 8, starts_at=NOW)
        second = receive(fleet, "price", [0.90] * 8, starts_at=NOW, priority=1)
        plan_of(second)
        signal_cancel(signal_id=second.pk, now=NOW)
        signal_release(signal_id=second.pk, reason="canceled", now=NOW)
        newest = Plan.objects.order_by("created_at", "pk").last()
        assert newest is not None
        assert newest.price_per_kwh[:8] == [0.10] * 8

    def test_the_last_one_canceled_lets_homes_go_and_strangers_hear_nothing(self) -> None:
        fleet = factories.make_fleet()
        bare = factories.make_site(organization=fleet.organization, battery=None)
        factories.make_hub(site=bare)
        factories.enroll(program=fleet.program, sites=[bare])
        signal = receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW)
        plan_of(signal)
        signal_cancel(signal_id=signal.pk, now=NOW)
        signal_release(signal_id=signal.pk, reason="canceled", now=NOW)
        for site in fleet.sites:
            held = Instruction.objects.filter(hub__site=site).order_by("revision")
            assert [one.schedule is not None for one in held] == [True, False]
        assert not Instruction.objects.filter(hub__site=bare).exists()

    def test_it_ends_without_a_settlement(self) -> None:
        fleet = factories.make_fleet()
        signal = receive(fleet, "price", [0.10] * 4, starts_at=NOW)
        signals_tick(now=NOW)
        signal.refresh_from_db()
        assert signal.state == "active"
        signals_tick(now=signal.ends_at)
        signal.refresh_from_db()
        assert signal.state == "ended"

    def test_it_is_planned_again_after_an_hour(self) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "price", [0.10] * 16, starts_at=NOW)
        for minutes in (0, 1, 59, 60, 61):
            signals_tick(now=NOW + timedelta(minutes=minutes))
        assert Plan.objects.count() == 2

    def test_a_fleet_without_batteries_says_so(self) -> None:
        fleet = factories.make_fleet(homes=0)
        plan = plan_of(receive(fleet, "price", [0.10] * 4))
        assert (plan.status, plan.explanation[1]) == (
            "empty",
            "No battery whose state is known takes part, so nothing can be steered.",
        )


class TestPrecedence:
    def test_a_home_serves_the_event_that_goes_first(self) -> None:
        fleet = factories.make_fleet()
        first = receive(fleet, "shed", [3.0] * 4, priority=1)
        plan_of(first)
        asked = set(Schedule.objects.filter(plan__signal=first).values_list("site_id", flat=True))
        second = receive(fleet, "shed", [3.0] * 4, priority=2)
        plan = plan_of(second)
        assert not asked & set(Schedule.objects.filter(plan=plan).values_list("site_id", flat=True))
        assert f"{len(asked)} homes serve another event that goes first." in plan.explanation

    def test_a_later_event_of_more_weight_takes_homes_over(self) -> None:
        fleet = factories.make_fleet()
        usual = receive(fleet, "shed", [3.0] * 4)
        plan_of(usual)
        urgent = receive(fleet, "shed", [9.0] * 4, priority=0)
        plan_of(urgent)
        assert outranked(signal=urgent, now=NOW) == [usual]
        assert outranked(signal=usual, now=NOW) == []
        assert plan_of(usual).status == "empty"

    def test_events_at_other_times_share_homes(self) -> None:
        fleet = factories.make_fleet()
        plan_of(receive(fleet, "shed", [3.0] * 4, priority=1))
        plan = plan_of(receive(fleet, "shed", [3.0] * 4, starts_at=START + timedelta(hours=1), priority=2))
        assert plan.status == "optimal"


class TestTargets:
    def test_only_homes_in_the_named_grid_area_are_asked(self) -> None:
        fleet = factories.make_fleet()
        chosen = fleet.sites[0]
        draft = factories.make_draft()
        signal = signal_receive(
            program=fleet.program, draft=draft, source="test:t", name="", now=NOW, targets=[chosen.name]
        )
        plan = plan_of(signal)
        assert list(Schedule.objects.filter(plan=plan).values_list("site_id", flat=True)) == [chosen.pk]


class TestPassedOn:
    def test_a_limit_of_each_home_reaches_its_hub_with_what_holds_when_nothing_is_heard(self) -> None:
        fleet = factories.make_fleet(homes=1)
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        signal = receive(fleet, "import_limit", [2.5, None], starts_at=NOW, fallback_kw=11.0)
        plan_of(signal)
        told = Instruction.objects.exclude(limits=None).get()
        assert told.limits == {
            "starts_at": factories.ms(NOW), "interval_s": 900, "import_kw": [2.5, None], "fallback_import_kw": 11.0,
        }  # fmt: skip
        assert told.expires_at > signal.ends_at

    def test_what_all_homes_share_is_not_told_to_each(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan_of(receive(fleet, "import_limit", [2.5] * 4, starts_at=NOW))
        assert not Instruction.objects.exclude(limits=None).exists()

    def test_what_was_subscribed_to_holds_where_no_limit_is_said(self) -> None:
        fleet = factories.make_fleet(homes=2)
        receive(fleet, "price", [0.05] * 8 + [0.60] * 8, starts_at=NOW)
        plan = plan_of(receive(fleet, "import_limit", [None] * 16, starts_at=NOW, fallback_kw=4.0))
        together = np.sum([one.site_kw for one in Schedule.objects.filter(plan=plan)], axis=0)
        assert together.max() <= 4.0 + 1e-3

    def test_devices_get_what_only_they_understand_and_it_is_taken_back(self) -> None:
        fleet = factories.make_fleet(homes=1)
        curve = [[{"x": 100.0, "y": 100.0}, {"x": 108.0, "y": 0.0}]] * 2
        signal = receive(fleet, "device", [None, None], payload="CURVE", content=curve)
        assert signal_plan(signal_id=signal.pk, reason="test", now=NOW) is None
        signal.refresh_from_db()
        assert signal.state == "planned"
        told = Instruction.objects.get()
        assert told.device is not None
        assert (told.device["kind"], told.device["values"]) == ("CURVE", curve)
        signal_cancel(signal_id=signal.pk, now=NOW)
        signal_release(signal_id=signal.pk, reason="canceled", now=NOW)
        last = Instruction.objects.order_by("revision").last()
        assert last is not None
        assert (last.revision, last.device, last.schedule, last.limits) == (2, None, None, None)

    def test_homes_that_join_later_are_told_within_the_hour(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = receive(fleet, "device", [None] * 8, starts_at=NOW, payload="OLS", content=[[0.5]] * 8)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        site = factories.make_site(organization=fleet.organization)
        factories.make_hub(site=site)
        factories.enroll(program=fleet.program, sites=[site])
        signals_tick(now=NOW + timedelta(hours=1))
        assert sorted(Instruction.objects.values_list("hub__site_id", flat=True)) == sorted(
            [fleet.sites[0].pk, site.pk]
        )


class TestOrder:
    def test_alerts_go_before_events_and_events_before_prices(self) -> None:
        fleet = factories.make_fleet(homes=1)
        alert = receive(fleet, "level", [3.0], alert="ALERT_GRID_EMERGENCY")
        usual, urgent = receive(fleet, "shed", [1.0]), receive(fleet, "shed", [1.0], priority=1)
        price = receive(fleet, "price", [0.3], priority=0)
        numbers = [priority_of(one) for one in (alert, urgent, usual, price)]
        assert numbers == sorted(numbers)
        assert len(set(numbers)) == 4

    def test_hubs_are_told_how_much_a_schedule_weighs(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = receive(fleet, "shed", [1.0] * 4, priority=7)
        plan_of(signal)
        assert Instruction.objects.get().priority == priority_of(signal) == 1007


class TestOthers:
    def test_there_is_nothing_to_plan_and_it_comes_to_its_end(self) -> None:
        fleet = factories.make_fleet()
        signal = receive(fleet, "notice", [None] * 4, alert="ALERT_OTHER", text="Works")
        assert signal_plan(signal_id=signal.pk, reason="test", now=NOW) is None
        signals_tick(now=START)
        signal.refresh_from_db()
        assert signal.state == "active"
        signals_tick(now=signal.ends_at)
        signal.refresh_from_db()
        assert signal.state == "ended"
