"""Signals for some homes: what each home is steered by, and who drops what is not for it any more."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from apps.dispatch.models import Plan, Schedule
from apps.dispatch.replay import plan_replay
from apps.dispatch.services import signal_plan, signal_release
from apps.dispatch.steered_homes import steered_homes
from apps.hubs.instructions import hubs_holding
from apps.hubs.models import Hub
from apps.programs.models import Enrollment, GridSignal, Program
from apps.programs.services import signal_cancel, signal_receive, signal_revise
from apps.sites.models import GridArea, Resource, Site
from tests import factories
from tests.factories import NOW, Fleet
from vpp.translate.grid_signal import GridSignalDraft, SignalKind

pytestmark = pytest.mark.django_db
CHEAP_THEN_DEAR = [0.05] * 8 + [0.60] * 8
DEAR_THEN_CHEAP = [0.60] * 8 + [0.05] * 8
LATER = NOW + timedelta(minutes=10)


def draft(kind: SignalKind, values: Sequence[float | None], **detail: Any) -> GridSignalDraft:
    ends_at = NOW + timedelta(minutes=15) * len(values)
    return GridSignalDraft(kind, NOW, ends_at, 900, tuple(values), detail=detail)


def receive(
    fleet: Fleet,
    kind: SignalKind,
    values: Sequence[float | None],
    *,
    sites: Sequence[Site] = (),
    **detail: Any,
) -> GridSignal:
    return signal_receive(
        program=fleet.program, draft=draft(kind, values, **detail), source=f"test:{factories.number()}", name=kind,
        now=NOW, targets=[site.name for site in sites],
    )  # fmt: skip


def planned(signal: GridSignal, *, now: Any = NOW) -> Plan:
    plan = signal_plan(signal_id=signal.pk, reason="test", now=now)
    assert plan is not None
    return Plan.objects.get(pk=plan.pk)


def battery_kw(plan: Plan) -> dict[int, "np.ndarray[Any, Any]"]:
    return {one.site_id: np.array(one.resources["battery"]) for one in Schedule.objects.filter(plan=plan)}


class TestSteered:
    def test_each_home_goes_by_the_prices_that_are_for_it(self) -> None:
        fleet = factories.make_fleet(homes=3)
        first, second, _ = fleet.sites
        receive(fleet, "price", CHEAP_THEN_DEAR, sites=[first])
        plan = planned(receive(fleet, "price", DEAR_THEN_CHEAP, sites=[second]))
        told = battery_kw(plan)
        assert sorted(told) == [first.pk, second.pk]  # the third is asked nothing
        assert (told[first.pk][:8].sum() > 1, told[first.pk][8:16].sum() < -1) == (True, True)
        assert (told[second.pk][:8].sum() < -1, told[second.pk][8:16].sum() >= -0.01) == (True, True)
        assert plan_replay(plan=plan).differences == []

    def test_a_price_for_all_holds_where_none_is_said_for_a_home(self) -> None:
        fleet = factories.make_fleet(homes=2)
        receive(fleet, "price", DEAR_THEN_CHEAP, sites=[fleet.sites[0]])
        told = battery_kw(planned(receive(fleet, "price", CHEAP_THEN_DEAR)))
        assert told[fleet.sites[0].pk][:8].sum() < -1
        assert told[fleet.sites[1].pk][:8].sum() > 1

    def test_a_home_is_shown_the_prices_it_goes_by(self) -> None:
        fleet = factories.make_fleet(homes=2)
        receive(fleet, "price", CHEAP_THEN_DEAR, sites=[fleet.sites[0]])
        plan = planned(receive(fleet, "price", DEAR_THEN_CHEAP, sites=[fleet.sites[1]]))
        rows = {one.site: one for one in steered_homes(plan=plan, page_number="1").rows}
        assert (
            rows[fleet.sites[0]].reason == "charges where a kWh costs 0.05 and discharges where it costs 0.60"
        )
        assert rows[fleet.sites[1]].reason.endswith("discharges where it costs 0.60")
        assert min(one.saving or 0.0 for one in rows.values()) > 0
        assert plan.price_per_kwh[:16] == pytest.approx([0.325] * 16)

    def test_a_limit_of_homes_without_batteries_stops_nothing(self) -> None:
        fleet = factories.make_fleet(homes=2)
        Resource.objects.filter(site=fleet.sites[0]).delete()
        receive(fleet, "price", CHEAP_THEN_DEAR)
        plan = planned(receive(fleet, "import_limit", [0.5] * 16, sites=[fleet.sites[0]]))
        assert (plan.status, list(battery_kw(plan))) == ("optimal", [fleet.sites[1].pk])

    def test_a_charge_state_for_one_home_leaves_the_others_alone(self) -> None:
        fleet = factories.make_fleet(homes=2)
        asked = receive(fleet, "charge_state", [None] * 12 + [0.95] * 4, sites=[fleet.sites[0]], unit="share")
        receive(fleet, "price", [0.30] * 16)
        told = battery_kw(planned(asked))
        assert told[fleet.sites[0].pk][:12].sum() * 0.25 * 0.95 == pytest.approx(1.5, abs=0.01)
        assert told[fleet.sites[1].pk].max() == pytest.approx(0.0, abs=1e-6)

    def test_a_charge_state_in_kwh_is_of_the_batteries_that_it_is_for(self) -> None:
        fleet = factories.make_fleet(homes=2)
        asked = receive(fleet, "charge_state", [None] * 12 + [9.5] * 4, sites=[fleet.sites[0]], unit="kWh")
        receive(fleet, "price", [0.30] * 16)
        told = battery_kw(planned(asked))
        assert told[fleet.sites[0].pk][:12].sum() * 0.25 * 0.95 == pytest.approx(1.5, abs=0.01)

    def test_a_limit_of_some_homes_together_binds_only_these(self) -> None:
        fleet = factories.make_fleet(homes=3, soc=0.2)
        pair = fleet.sites[:2]
        receive(fleet, "price", CHEAP_THEN_DEAR)
        plan = planned(receive(fleet, "import_limit", [3.0] * 16, sites=pair))
        told = battery_kw(plan)
        together = told[pair[0].pk] + told[pair[1].pk]
        # Two homes draw 1 kW each at rest, so that 1 kW is left for both batteries.
        assert together.max() <= 1.0 + 0.01
        assert told[fleet.sites[2].pk].max() > 2.0
        assert plan_replay(plan=plan).differences == []

    def test_limits_of_a_grid_area_and_of_targets_hold_beside_each_other(self) -> None:
        fleet = factories.make_fleet(homes=3, soc=0.2)
        area = GridArea.objects.create(organization=fleet.organization, name="North", import_limit_kw=4.0)
        Site.objects.filter(pk__in=[site.pk for site in fleet.sites[1:]]).update(grid_area=area)
        receive(fleet, "price", CHEAP_THEN_DEAR)
        told = battery_kw(planned(receive(fleet, "import_limit", [3.0] * 16, sites=fleet.sites[:2])))
        first, second, third = (told[site.pk] for site in fleet.sites)
        assert (first + second).max() <= 1.0 + 0.01
        assert (second + third).max() <= 2.0 + 0.01

    def test_each_homes_own_limit_holds_where_it_is_said(self) -> None:
        fleet = factories.make_fleet(homes=2, soc=0.2)
        Program.objects.update(capacity_scope="home")
        fleet.program.refresh_from_db()
        receive(fleet, "price", CHEAP_THEN_DEAR)
        told = battery_kw(planned(receive(fleet, "import_limit", [1.5] * 16, sites=[fleet.sites[0]])))
        assert told[fleet.sites[0].pk].max() <= 0.5 + 0.01
        assert told[fleet.sites[1].pk].max() > 2.0


class TestPassedOn:
    def holding(self, signal: GridSignal) -> set[int]:
        hubs = {hub.pk: hub.site_id for hub in Hub.objects.exclude(site=None)}
        held = hubs_holding(hub_ids=hubs, subject=f"{signal.kind}:{signal.pk}", now=LATER)
        return {site_id for hub_id in held if (site_id := hubs[hub_id]) is not None}

    def device(self, fleet: Fleet, sites: Sequence[Site]) -> GridSignal:
        detail = {"payload": "CURVE", "content": [[1.0]] * 4}
        signal = receive(fleet, "device", [None] * 4, sites=sites, **detail)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        return signal

    def retarget(self, signal: GridSignal, sites: Sequence[Site]) -> None:
        kept = draft("device", [None] * 4, **signal.detail)
        signal_revise(
            signal_id=signal.pk, draft=kept, name="", now=LATER, targets=[site.name for site in sites]
        )
        signal_plan(signal_id=signal.pk, reason="changed", now=LATER)

    def test_homes_that_it_is_not_for_any_more_drop_it(self) -> None:
        fleet = factories.make_fleet(homes=3, history=False)
        first, second, third = fleet.sites
        signal = self.device(fleet, [first, second])
        assert self.holding(signal) == {first.pk, second.pk}
        self.retarget(signal, [second, third])
        assert self.holding(signal) == {second.pk, third.pk}
        self.retarget(signal, [])
        assert self.holding(signal) == {first.pk, second.pk, third.pk}

    def test_cancel_reaches_whoever_holds_it(self) -> None:
        fleet = factories.make_fleet(homes=2, history=False)
        signal = self.device(fleet, [])
        assert len(self.holding(signal)) == 2
        Enrollment.objects.filter(site=fleet.sites[0]).update(ends_at=NOW)  # left the program since
        signal_cancel(signal_id=signal.pk, now=LATER)
        signal_release(signal_id=signal.pk, reason="canceled", now=LATER)
        assert self.holding(signal) == set()
