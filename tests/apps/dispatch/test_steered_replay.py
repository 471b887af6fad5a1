"""A steered plan decided again from what it knew, and the same at other prices or without some homes."""

from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.dispatch.answers import answer_found, answer_request, answer_work
from apps.dispatch.errors import InputsNotKeptError, WhatIfInvalidError
from apps.dispatch.kept import Change
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.replay import plan_replay, plan_what_if
from apps.dispatch.steering_kept import packed, unpacked
from apps.hubs.models import Instruction
from apps.programs.models import Program
from apps.sites.models import GridArea, Site
from tests import factories
from tests.apps.dispatch.test_signal_kinds import plan_of, receive
from tests.factories import NOW, Fleet

CHEAP_THEN_DEAR = [0.05] * 8 + [0.60] * 8


def planned(fleet: Fleet) -> Plan:
    plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
    return Plan.objects.get(pk=plan.pk)


@pytest.mark.django_db
class TestReplay:
    def test_same_question_gets_the_same_answer(self) -> None:
        plan = planned(factories.make_fleet())
        replay = plan_replay(plan=plan)
        assert (replay.same, replay.differences) == (True, [])
        assert replay.again.planned_kw == pytest.approx(plan.planned_kw, abs=1e-6)
        assert replay.again.cost == pytest.approx(plan.objective, abs=1e-9)

    def test_under_a_fleets_limit_and_an_areas(self) -> None:
        fleet = factories.make_fleet()
        area = GridArea.objects.create(
            organization=fleet.organization, name="Feeder north", import_limit_kw=5.0
        )
        Site.objects.filter(pk__in=[site.pk for site in fleet.sites[:2]]).update(grid_area=area)
        receive(fleet, "import_limit", [6.0] * 16, starts_at=NOW)
        receive(fleet, "charge_state", [0.95] * 4, starts_at=NOW + timedelta(hours=2), unit="share")
        plan = planned(fleet)
        assert set(plan.limit_prices) == {"Feeder north", "the utility's import limit"}
        assert plan_replay(plan=plan).differences == []

    def test_under_limits_of_each_home(self) -> None:
        fleet = factories.make_fleet()
        Program.objects.update(capacity_scope="home")
        fleet.program.refresh_from_db()
        receive(fleet, "import_limit", [2.5] * 4 + [None] * 12, starts_at=NOW)
        assert plan_replay(plan=planned(fleet)).differences == []

    def test_what_is_measured_and_changed_later_does_not_matter(self) -> None:
        fleet = factories.make_fleet()
        plan = planned(fleet)
        factories.set_latest(sites=fleet.sites, at=NOW + timedelta(minutes=5), grid_kw=9.0, battery_soc=0.1)
        Site.objects.update(reserve_soc=0.95, export_limit_kw=0.0)
        assert plan_replay(plan=plan).same

    def test_tampered_schedule_is_named(self) -> None:
        fleet = factories.make_fleet()
        plan = planned(fleet)
        schedule = Schedule.objects.filter(plan=plan).order_by("site_id")[0]
        Schedule.objects.filter(pk=schedule.pk).update(shed_kw=[value + 0.5 for value in schedule.shed_kw])
        assert plan_replay(plan=plan).differences == [
            f"1 home has another schedule, by up to 0.50 kW: {schedule.site.name}."
        ]

    def test_tampered_cost_is_named(self) -> None:
        plan = planned(factories.make_fleet())
        assert plan.objective is not None
        cost = plan.objective
        plan.objective = cost + 5.0
        assert plan_replay(plan=plan).differences == [
            f"The plan cost {cost + 5.0:.2f}, the replay {cost:.2f}."
        ]

    def test_a_program_without_batteries(self) -> None:
        assert plan_replay(plan=planned(factories.make_fleet(homes=0))).same

    def test_plan_without_what_it_knew_is_an_error(self) -> None:
        plan = planned(factories.make_fleet(homes=1))
        del plan.inputs["limits"]
        with pytest.raises(InputsNotKeptError, match="does not keep"):
            plan_replay(plan=plan)

    def test_what_it_knew_is_kept(self) -> None:
        plan = planned(factories.make_fleet(homes=1))
        assert plan.inputs["published"] == {"known": 0, "assumed": 16}
        assert plan.inputs["forecast"]["method"] == "seasonal_mean"
        assert plan.inputs["problem"]["least_kwh"] == {"runs": [[1.0, 16]]}

    def test_command(self) -> None:
        plan = planned(factories.make_fleet(homes=1))
        out = StringIO()
        call_command("plan_replay", str(plan.pk), stdout=out)
        assert out.getvalue().splitlines()[2:] == [f"plan {plan.pk} follows from what it knew"]
        Plan.objects.filter(pk=plan.pk).update(planned_kw=[9.0] * 16)
        with pytest.raises(CommandError, match="does not follow"):
            call_command("plan_replay", str(plan.pk), stdout=StringIO())


@pytest.mark.django_db
class TestWhatIf:
    def test_prices_that_are_all_the_same_leave_batteries_at_rest(self) -> None:
        plan = planned(factories.make_fleet())
        before = (Plan.objects.count(), Schedule.objects.count(), Instruction.objects.count())
        found = plan_what_if(plan=plan, change=Change(price_factor=0.0))
        assert found.instead.planned_kw == pytest.approx([0.0] * 16, abs=1e-6)
        assert found.instead.cost == pytest.approx(0.0, abs=1e-9)
        assert (Plan.objects.count(), Schedule.objects.count(), Instruction.objects.count()) == before

    def test_twice_the_prices_cost_twice_as_much(self) -> None:
        plan = planned(factories.make_fleet())
        assert plan.objective is not None
        found = plan_what_if(plan=plan, change=Change(price_factor=2.0))
        assert found.more_cost == pytest.approx(plan.objective, rel=1e-3)
        assert found.instead.price_per_kwh == [0.1] * 8 + [1.2] * 8

    def test_home_is_left_out_and_its_draw_stays_under_the_limit(self) -> None:
        fleet = factories.make_fleet()
        receive(fleet, "import_limit", [6.0] * 16, starts_at=NOW)
        plan = planned(fleet)
        found = plan_what_if(plan=plan, change=Change(without=frozenset({fleet.sites[0].pk})))
        assert (found.stored.homes, found.instead.homes) == (3, 2)
        # Three homes draw 1 kW each at rest; 3 kW more are left for charging whoever does it.
        assert min(found.instead.planned_kw) >= -3.0 - 1e-3

    def test_nobody_is_left(self) -> None:
        fleet = factories.make_fleet(homes=1)
        found = plan_what_if(plan=planned(fleet), change=Change(without=frozenset({fleet.sites[0].pk})))
        assert (found.instead.status, found.more_cost) == ("empty", None)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (Change(price_factor=-1.0), "between 0 and 100"),
            (Change(price_factor=float("nan")), "between 0 and 100"),
            (Change(target_kw=(1.0,)), "only the prices and the homes"),
            (Change(weights={"cycle_cost": 1.0}), "only the prices and the homes"),
            (Change(without=frozenset({-1})), "1 of these homes had no part"),
        ],
    )
    def test_change_that_makes_no_sense(self, change: Change, said: str) -> None:
        with pytest.raises(WhatIfInvalidError, match=said):
            plan_what_if(plan=planned(factories.make_fleet(homes=1)), change=change)

    def test_answered_in_the_background(self) -> None:
        factories.forget_counts()
        plan = planned(factories.make_fleet(homes=1))
        for change, kind in (({}, "replay"), ({"price_factor": 2.0}, "what_if")):
            token = answer_request(plan=plan, change=change)
            answer_work(plan_id=plan.pk, token=token, change=change)
            found = answer_found(plan=plan, token=token)
            assert found is not None
            assert found["kind"] == kind


@given(
    st.lists(
        st.lists(
            st.sampled_from([0.0, 1.5, float("inf")]) | st.floats(-10, 10, width=32), min_size=6, max_size=6
        ),
        min_size=1,
        max_size=4,
    )
)
def test_numbers_come_back_as_they_were(rows: list[list[float]]) -> None:
    values = np.array(rows)
    assert np.array_equal(unpacked(packed(values), none=np.inf), values)
    assert np.array_equal(unpacked(packed(values[0]), none=np.inf), values[0])
    assert unpacked(packed(0.25)) == 0.25
