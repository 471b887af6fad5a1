"""A stored plan decided again from what it knew, and other questions asked of the same knowledge."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.dispatch.answers import answer_found, answer_request, answer_work
from apps.dispatch.errors import AnswerUnderWayError, InputsNotKeptError, WhatIfInvalidError
from apps.dispatch.kept import Change
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.replay import plan_replay, plan_what_if
from apps.dispatch.services import signal_plan
from apps.hubs.models import Instruction
from apps.programs.models import Program
from apps.programs.services import opt_out_create
from apps.sites.models import GridArea, Site
from tests import factories
from tests.factories import NOW, Fleet

pytestmark = pytest.mark.django_db


def planned(fleet: Fleet, *, target_kw: float = 6.0, now: Any = NOW) -> Plan:
    signal = factories.make_signal(program=fleet.program, target_kw=[target_kw] * 4)
    plan = signal_plan(signal_id=signal.pk, reason="test", now=now)
    assert plan is not None
    return Plan.objects.get(pk=plan.pk)


def mixed_fleet() -> Fleet:
    """Four homes: one near its reserve, one behind an export limit, one with nothing measured, one as usual."""
    fleet = factories.make_fleet(homes=4)
    Site.objects.filter(pk=fleet.sites[0].pk).update(reserve_soc=0.7)
    Site.objects.filter(pk=fleet.sites[1].pk).update(export_limit_kw=0.5)
    return fleet


class TestReplay:
    @pytest.mark.parametrize("target_kw", [3.0, 7.0, 40.0])
    def test_same_question_gets_the_same_answer(self, target_kw: float) -> None:
        plan = planned(mixed_fleet(), target_kw=target_kw)
        replay = plan_replay(plan=plan)
        assert (replay.same, replay.differences) == (True, [])
        assert replay.again.planned_kw == pytest.approx(plan.planned_kw, abs=0.01)
        assert replay.again.cost == pytest.approx(plan.objective, rel=1e-3, abs=1e-3)
        assert replay.again.explanation == plan.explanation[: len(replay.again.explanation)]

    def test_what_is_measured_and_changed_later_does_not_matter(self) -> None:
        fleet = mixed_fleet()
        plan = planned(fleet)
        before = plan_replay(plan=plan).again
        factories.set_latest(sites=fleet.sites, at=NOW + timedelta(minutes=5), grid_kw=9.0, battery_soc=0.1)
        Site.objects.update(reserve_soc=0.95, export_limit_kw=0.0)
        Program.objects.update(reserve_kw=3.0)
        opt_out_create(
            signal_id=plan.signal_id,
            site=fleet.sites[3],
            user=factories.make_owner(site=fleet.sites[3]),
            reason="guests",
            now=NOW,
        )
        replay = plan_replay(plan=Plan.objects.get(pk=plan.pk))
        assert replay.same
        assert replay.again.planned_kw == before.planned_kw

    def test_plan_under_an_areas_limit_and_a_reserve(self) -> None:
        fleet = factories.make_fleet(homes=3)
        area = GridArea.objects.create(
            organization=fleet.organization, name="Feeder north", export_limit_kw=2.0
        )
        Site.objects.filter(pk__in=[site.pk for site in fleet.sites[:2]]).update(grid_area=area)
        Program.objects.filter(pk=fleet.program.pk).update(reserve_kw=1.0)
        plan = planned(fleet, target_kw=9.0)
        assert sum(plan.shortfall_kw) > 0
        assert plan_replay(plan=plan).differences == []

    def test_silent_home_is_left_out_again(self) -> None:
        fleet = factories.make_fleet(homes=3)
        factories.set_latest(
            sites=fleet.sites[:1], at=NOW - timedelta(hours=1), grid_kw=1.0, load_kw=1.0, battery_soc=0.8
        )
        plan = planned(fleet, target_kw=20.0)
        assert plan.inputs["silent"] == [fleet.sites[0].pk]
        assert plan_replay(plan=plan).same

    def test_tampered_schedule_is_named(self) -> None:
        fleet = mixed_fleet()
        plan = planned(fleet)
        schedule = Schedule.objects.filter(plan=plan).order_by("site_id")[0]
        Schedule.objects.filter(pk=schedule.pk).update(shed_kw=[value + 0.5 for value in schedule.shed_kw])
        assert plan_replay(plan=plan).differences == [
            f"1 home has another schedule, by up to 0.50 kW: {schedule.site.name}."
        ]

    def test_tampered_totals_are_named(self) -> None:
        plan = planned(mixed_fleet())
        plan.planned_kw[1] += 1.0
        plan.status = "empty"
        assert plan_replay(plan=plan).differences == [
            "The plan was empty, the replay is optimal.",
            "Interval 2 was planned with 7.00 kW, the replay has 6.00 kW.",
        ]

    def test_plan_without_what_it_knew_is_an_error(self) -> None:
        plan = planned(mixed_fleet())
        plan.inputs = {}
        with pytest.raises(InputsNotKeptError, match="does not keep"):
            plan_replay(plan=plan)

    def test_correction_by_head_room_names_the_decision_to_replay(self) -> None:
        plan = planned(mixed_fleet())
        plan.inputs = {"corrects": 3, "full_plan": 2}
        with pytest.raises(InputsNotKeptError, match="the decision to replay is revision 2"):
            plan_replay(plan=plan)

    def test_program_that_nobody_joined(self) -> None:
        assert plan_replay(plan=planned(factories.make_fleet(homes=0))).same


class TestWhatIf:
    def test_nothing_is_stored_or_sent(self) -> None:
        plan = planned(mixed_fleet())
        before = (Plan.objects.count(), Schedule.objects.count(), Instruction.objects.count())
        plan_what_if(plan=plan, change=Change(target_kw=(9.0,) * 4))
        assert (Plan.objects.count(), Schedule.objects.count(), Instruction.objects.count()) == before

    def test_more_is_asked_for(self) -> None:
        """Three batteries of 4 kW for an hour: 12 of 20 kW."""
        found = plan_what_if(
            plan=planned(factories.make_fleet(homes=3)), change=Change(target_kw=(20.0,) * 4)
        )
        assert found.instead.planned_kw == pytest.approx([12.0] * 4, abs=0.05)
        assert found.more_shortfall_kwh == pytest.approx(8.0, abs=0.05)
        assert found.more_cost is not None and found.more_cost > 70.0

    def test_home_is_left_out(self) -> None:
        fleet = factories.make_fleet(homes=3)
        found = plan_what_if(
            plan=planned(fleet, target_kw=12.0), change=Change(without=frozenset({fleet.sites[0].pk}))
        )
        assert (found.stored.homes, found.instead.homes) == (3, 2)
        assert found.more_shortfall_kwh == pytest.approx(4.0, abs=0.05)

    def test_silent_home_is_counted_on(self) -> None:
        fleet = factories.make_fleet(homes=3)
        factories.set_latest(
            sites=fleet.sites[:1], at=NOW - timedelta(hours=1), grid_kw=1.0, load_kw=1.0, battery_soc=0.8
        )
        found = plan_what_if(
            plan=planned(fleet, target_kw=12.0), change=Change(also=frozenset({fleet.sites[0].pk}))
        )
        assert found.more_shortfall_kwh == pytest.approx(-4.0, abs=0.05)

    def test_areas_limit_makes_room_for_a_home_that_leaves(self) -> None:
        """Two homes of 1 kW behind a line that takes 2 kW back: together they shed 4 kW, one alone 3 kW (1 + 1 + 1)."""
        fleet = factories.make_fleet(homes=2)
        area = GridArea.objects.create(
            organization=fleet.organization, name="Feeder north", export_limit_kw=2.0
        )
        Site.objects.update(grid_area=area)
        plan = planned(fleet, target_kw=8.0)
        assert plan.planned_kw == pytest.approx([4.0] * 4, abs=0.05)
        found = plan_what_if(plan=plan, change=Change(without=frozenset({fleet.sites[0].pk})))
        assert found.instead.planned_kw == pytest.approx([4.0] * 4, abs=0.05)

    def test_weight_decides_that_the_target_is_not_worth_it(self) -> None:
        found = plan_what_if(
            plan=planned(factories.make_fleet(homes=3)), change=Change(weights={"cycle_cost": 20.0})
        )
        assert found.instead.planned_kw == pytest.approx([0.0] * 4, abs=0.01)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (Change(weights={"cheer": 1.0}), "no such weight: cheer"),
            (Change(weights={"cycle_cost": -1.0}), "weight cycle_cost"),
            (Change(weights={"cycle_cost": float("nan")}), "weight cycle_cost"),
            (Change(target_kw=(1.0,)), "do not fit"),
            (Change(target_kw=(float("nan"),) * 4), "finite"),
            (Change(target_kw=(-1.0,) * 4), "0 or more"),
            (Change(without=frozenset({-1})), "1 of these homes were not known"),
        ],
    )
    def test_change_that_makes_no_sense(self, change: Change, said: str) -> None:
        plan = planned(factories.make_fleet(homes=1))
        with pytest.raises(WhatIfInvalidError, match=said):
            plan_what_if(plan=plan, change=change)


class TestAnswers:
    def test_answer_is_waited_for_and_then_found(self) -> None:
        factories.forget_counts()
        plan = planned(factories.make_fleet(homes=1), target_kw=2.0)
        token = answer_request(plan=plan, change={})
        assert answer_found(plan=plan, token=token) == {"kind": "waiting"}
        with pytest.raises(AnswerUnderWayError):
            answer_request(plan=plan, change={})
        answer_work(plan_id=plan.pk, token=token, change={})
        found = answer_found(plan=plan, token=token)
        assert found is not None
        assert (found["kind"], found["same"]) == ("replay", True)
        assert answer_request(plan=plan, change={"target_kw": [1.0] * 4}) != token

    def test_answer_belongs_to_its_plan(self) -> None:
        factories.forget_counts()
        fleet = factories.make_fleet(homes=1)
        mine, other = planned(fleet, target_kw=2.0), planned(fleet, target_kw=1.0)
        token = answer_request(plan=mine, change={})
        assert answer_found(plan=other, token=token) is None

    def test_what_cannot_be_answered_says_why(self) -> None:
        factories.forget_counts()
        plan = planned(factories.make_fleet(homes=1), target_kw=2.0)
        answer_work(plan_id=plan.pk, token="t", change={"target_kw": [1.0]})
        found = answer_found(plan=plan, token="t")
        assert found is not None
        assert (found["kind"], "do not fit" in found["detail"]) == ("problem", True)


class TestCommand:
    def test_it_prints_both_and_says_they_agree(self) -> None:
        plan = planned(factories.make_fleet(homes=1), target_kw=2.0)
        out = StringIO()
        call_command("plan_replay", str(plan.pk), stdout=out)
        lines = out.getvalue().splitlines()
        assert [line.split(":")[0] for line in lines[:2]] == ["stored", "replay"]
        assert lines[2:] == [f"plan {plan.pk} follows from what it knew"]

    def test_it_fails_where_they_differ(self) -> None:
        plan = planned(factories.make_fleet(homes=1), target_kw=2.0)
        Plan.objects.filter(pk=plan.pk).update(planned_kw=[9.0] * 4)
        with pytest.raises(CommandError, match="does not follow"):
            call_command("plan_replay", str(plan.pk), stdout=StringIO())

    def test_unknown_plan(self) -> None:
        with pytest.raises(CommandError, match="there is no plan 999999"):
            call_command("plan_replay", "999999")
