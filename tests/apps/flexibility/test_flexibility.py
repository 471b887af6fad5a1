"""Baselines and envelopes of homes, as they are stored for a signal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.flexibility.models import SiteFlexibility
from apps.flexibility.rows import SignalIntervals
from apps.flexibility.services import FleetFlexibility, flexibility_compute
from apps.programs.models import GridSignal
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW

START = NOW + timedelta(hours=2)


def compute(
    signal: GridSignal, sites: Sequence[Site], *, now: datetime = NOW, freeze: bool = False, **changes: Any
) -> FleetFlexibility:
    intervals = SignalIntervals(signal.starts_at, signal.interval_s, len(signal.target_kw), signal.pk)
    excluded = changes.get("excluded_days", ())
    return flexibility_compute(
        intervals=intervals, sites=sites, excluded_days=excluded, now=now, freeze_baseline=freeze
    )


@pytest.mark.django_db
class TestCompute:
    def test_steady_home_has_its_usual_draw_as_baseline(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        compute(signal, fleet.sites)
        row = SiteFlexibility.objects.get()
        assert (row.site, row.starts_at, row.interval_s, row.computed_at) == (
            fleet.sites[0], START, 900, NOW,
        )  # fmt: skip
        assert row.baseline_kw == pytest.approx([1.0] * 4)
        assert row.max_shed_kw == pytest.approx([4.0] * 4)
        assert row.energy_kwh == pytest.approx(6.65)

    def test_computing_again_replaces(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        compute(signal, fleet.sites)
        factories.set_latest(sites=fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0, battery_soc=0.1)
        compute(signal, fleet.sites)
        row = SiteFlexibility.objects.get()
        assert [row.energy_kwh, *row.max_shed_kw] == pytest.approx([0.0] * 5)

    def test_baseline_of_a_running_event_does_not_move(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        compute(signal, fleet.sites)
        SiteFlexibility.objects.update(baseline_kw=[3.0] * 4)
        compute(signal, fleet.sites, freeze=True)
        assert SiteFlexibility.objects.get().baseline_kw == [3.0] * 4

    def test_days_of_earlier_events_do_not_count(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        days = [NOW.date() - timedelta(days=back) for back in range(1, 12)]
        found = compute(signal, fleet.sites, excluded_days=days)
        assert found.notes[fleet.sites[0].pk].startswith("too_few_days")
        assert SiteFlexibility.objects.count() == 0

    def test_no_home_is_an_answer_too(self) -> None:
        fleet = factories.make_fleet(homes=0)
        found = compute(factories.make_signal(program=fleet.program), [])
        assert (found.sites, found.envelope.baseline_kw.shape) == ([], (0, 4))

    def test_state_of_charge_beyond_its_bounds_is_held_to_them(self) -> None:
        fleet = factories.make_fleet(homes=1)
        factories.set_latest(sites=fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0, battery_soc=1.001)
        compute(factories.make_signal(program=fleet.program), fleet.sites)
        assert SiteFlexibility.objects.get().energy_kwh == pytest.approx(0.9 * 10 * 0.95)

    def test_battery_whose_charge_is_unknown_gives_nothing(self) -> None:
        fleet = factories.make_fleet(homes=1)
        factories.set_latest(sites=fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0)
        compute(factories.make_signal(program=fleet.program), fleet.sites)
        assert SiteFlexibility.objects.get().max_shed_kw == pytest.approx([0.0] * 4)

    def test_home_whose_meter_went_gives_nothing_and_says_why(self) -> None:
        fleet = factories.make_fleet(homes=1)
        factories.set_latest(sites=fleet.sites, at=NOW, battery_kw=0.0, battery_soc=0.8)
        found = compute(factories.make_signal(program=fleet.program), fleet.sites)
        assert found.notes == {fleet.sites[0].pk: "no meter tells what the home draws"}
        row = SiteFlexibility.objects.get()
        assert (row.note, row.energy_kwh, row.max_shed_kw) == (found.notes[fleet.sites[0].pk], 0.0, [0.0] * 4)
