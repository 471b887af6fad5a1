"""A household's no to what is not a shed: its battery is released at once, devices forget, limits stay."""

import pytest

from apps.dispatch.models import Schedule
from apps.dispatch.services import signal_plan, site_release
from apps.hubs.models import Instruction
from apps.programs.errors import SignalBindingError
from apps.programs.models import GridSignal, OptOut
from apps.programs.services import opt_out_create, opt_out_withdraw
from apps.sites.models import Site
from tests import factories
from tests.apps.dispatch.test_signal_kinds import plan_of, receive
from tests.factories import NOW

pytestmark = pytest.mark.django_db
CHEAP_THEN_DEAR = [0.05] * 8 + [0.60] * 8


def opt_out(signal: GridSignal, site: Site) -> None:
    opt_out_create(signal_id=signal.pk, site=site, user=None, actor="test", reason="guests", now=NOW)
    site_release(signal_id=signal.pk, site_id=site.pk, reason="opted out", now=NOW)


def told(site: Site) -> list[bool]:
    """Whether each order to the home's hub was something to do, in order."""
    orders = Instruction.objects.filter(hub__site=site).order_by("pk")
    return [one.schedule is not None or one.device is not None for one in orders]


class TestSteered:
    def test_battery_is_released_at_once_and_left_out_of_the_next_plan(self) -> None:
        fleet = factories.make_fleet()
        signal = receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW)
        plan_of(signal)
        opt_out(signal, fleet.sites[0])
        assert told(fleet.sites[0]) == [True, False]
        plan = plan_of(signal)
        assert set(Schedule.objects.filter(plan=plan).values_list("site_id", flat=True)) == {
            site.pk for site in fleet.sites[1:]
        }
        assert plan.inputs["notes"] == {str(fleet.sites[0].pk): "opted out"}
        assert told(fleet.sites[0]) == [True, False]
        assert told(fleet.sites[1]) == [True, True]

    def test_a_no_to_one_of_the_signals_planned_together_counts_for_all(self) -> None:
        fleet = factories.make_fleet()
        first = receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW, priority=1)
        second = receive(fleet, "ghg", [100.0] * 8, starts_at=NOW)
        plan_of(first)
        opt_out(second, fleet.sites[2])
        assert told(fleet.sites[2]) == [True, False]
        plan = plan_of(second)
        assert not Schedule.objects.filter(plan=plan, site=fleet.sites[2]).exists()

    def test_what_it_draws_still_counts_towards_the_fleets_limit(self) -> None:
        fleet = factories.make_fleet()
        limit = receive(fleet, "import_limit", [6.0] * 16, starts_at=NOW)
        opt_out(limit, fleet.sites[0])
        plan = plan_of(receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW))
        assert max(plan.fleet["planned_kw"]) <= 6.0 + 1e-3
        assert plan.fleet["idle_kw"][0] == pytest.approx(3.0, abs=0.05)

    def test_it_takes_part_again_after_a_change_of_mind(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = receive(fleet, "price", CHEAP_THEN_DEAR, starts_at=NOW)
        opt_out(signal, fleet.sites[0])
        assert plan_of(signal).status == "empty"
        opt_out_withdraw(signal_id=signal.pk, site=fleet.sites[0], actor="test", now=NOW)
        assert plan_of(signal).status == "optimal"


class TestPassedOn:
    def test_device_forgets_and_is_not_told_again(self) -> None:
        fleet = factories.make_fleet(homes=2)
        signal = receive(fleet, "device", [None] * 8, starts_at=NOW, payload="OLS", content=[[0.5]] * 8)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        opt_out(signal, fleet.sites[0])
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        assert told(fleet.sites[0]) == [True, False]
        assert told(fleet.sites[1]) == [True, True]

    def test_limit_of_each_homes_connection_cannot_be_left(self) -> None:
        fleet = factories.make_fleet(homes=1)
        fleet.program.capacity_scope = "home"
        fleet.program.save()
        signal = receive(fleet, "import_limit", [2.5] * 8, starts_at=NOW)
        with pytest.raises(SignalBindingError, match="cannot be left"):
            opt_out(signal, fleet.sites[0])
        assert not OptOut.objects.exists()

    def test_a_notice_has_nothing_to_take_back(self) -> None:
        fleet = factories.make_fleet(homes=1)
        opt_out(receive(fleet, "notice", [None], alert="ALERT_OTHER", text="Works"), fleet.sites[0])
        assert not Instruction.objects.exists()
