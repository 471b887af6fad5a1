"""Baselines by a program's method, from stored measurements: provisional before the event, final after it."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from apps.dispatch.services import signal_plan
from apps.flexibility.baselines import BaselineRule, baselines_compute, final_baselines
from apps.flexibility.models import SiteFlexibility
from apps.flexibility.rows import SignalIntervals, part_row, parts_of, rows_of_days
from apps.flexibility.services import flexibility_compute
from apps.programs.models import GridSignal, Program
from apps.sites.models import Site
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW
from vpp.baselines.names import PROGRAM_METHODS

START = NOW + timedelta(hours=2)
END = START + timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


def intervals_of(signal: GridSignal) -> SignalIntervals:
    return SignalIntervals(signal.starts_at, signal.interval_s, len(signal.target_kw), signal.pk)


def span(starts_at: datetime, *, interval_s: int = 900, count: int = 4) -> SignalIntervals:
    return SignalIntervals(starts_at, interval_s, count, uuid.uuid4())


def draw(sites: list[Site], *, starts_at: datetime, ends_at: datetime, kw: float) -> None:
    factories.add_snapshots(sites=sites, starts_at=starts_at, ends_at=ends_at, grid_kw=kw)
    roll_up(now=ends_at)


@pytest.mark.django_db
class TestChosenMethod:
    @pytest.mark.parametrize("method", PROGRAM_METHODS)
    def test_steady_home_has_its_usual_draw_by_every_method(self, method: str) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        factories.add_history(sites=fleet.sites, days=40)
        signal = factories.make_signal(program=fleet.program)
        rule = BaselineRule(method)
        found = baselines_compute(
            site_ids=[fleet.sites[0].pk], zone=BERLIN, intervals=intervals_of(signal), rule=rule
        )
        if method == "aemo_non_business_days":  # NOW is a Wednesday
            assert found.reasons[0].startswith("other_day_type")
        elif method == "meter_before_after" or method == "pjm_same_day":  # its hour is not over yet
            assert found.reasons[0].startswith("missing_measurement")
        else:
            assert found.reasons == [""]
            assert found.baseline_kw == pytest.approx(np.ones((1, 4)))

    def test_plan_uses_the_programs_method_and_keeps_its_name(self) -> None:
        fleet = factories.make_fleet(homes=1)
        Program.objects.update(baseline_method="pjm_high_4_of_5")
        signal = factories.make_signal(program=fleet.program)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        assert SiteFlexibility.objects.get().baseline_method == "pjm_high_4_of_5"

    def test_frozen_baseline_keeps_its_method_when_the_program_changes(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        signal_plan(signal_id=signal.pk, reason="test", now=NOW)
        Program.objects.update(baseline_method="caiso_10_of_10")
        signal_plan(signal_id=signal.pk, reason="again", now=START + timedelta(minutes=1))
        assert SiteFlexibility.objects.get().baseline_method == "mean_10_of_10"

    def test_holiday_is_measured_by_weekend_days(self) -> None:
        """Weekdays draw 1 kW, weekends 3 kW."""
        fleet = factories.make_fleet(homes=1)
        for back in range(1, 17):
            day = NOW.date() - timedelta(days=back)
            if day.weekday() >= 5:
                midnight = datetime.combine(day, time(), UTC)
                factories.add_snapshots(
                    sites=fleet.sites, starts_at=midnight - timedelta(minutes=1),
                    ends_at=midnight + timedelta(hours=26), step=timedelta(minutes=5), grid_kw=3.0,
                )  # fmt: skip
        signal = factories.make_signal(program=fleet.program)
        roll_up(now=NOW)

        def baseline(**changes: Any) -> float:
            rule = BaselineRule("japan_high_4_of_5", **changes)
            ids = [fleet.sites[0].pk]
            found = baselines_compute(site_ids=ids, zone=BERLIN, intervals=intervals_of(signal), rule=rule)
            return float(found.baseline_kw[0, 0])

        assert baseline() == pytest.approx(1.0)
        assert baseline(holidays=frozenset([NOW.date()])) > 2.0

    def test_hourly_interval_is_the_mean_of_its_quarter_hours(self) -> None:
        site = factories.make_fleet(homes=1, history=False).sites[0]
        for back in range(1, 20):
            for quarter in range(4):
                at = START - timedelta(days=back) + timedelta(minutes=15 * quarter)
                step = timedelta(minutes=15)
                factories.add_snapshots(sites=[site], starts_at=at, ends_at=at + step, grid_kw=float(quarter))
        roll_up(now=NOW)
        rule = BaselineRule("mean_10_of_10")
        # The hours of the correction were not measured, so that no day counts: ask a method without one.
        assert baselines_compute(
            site_ids=[site.pk], zone=BERLIN, intervals=span(START, interval_s=3600, count=1), rule=rule
        ).reasons == ["too_few_days: 0 of 5"]
        rows = rows_of_days(
            site_ids=[site.pk],
            row=part_row(parts_of(span(START))[0], zone=BERLIN, hours=(0, 0)),
            days=[NOW.date() - timedelta(days=1)],
        )
        assert rows.tolist() == [[[0.0, 1.0, 2.0, 3.0]]]


@pytest.mark.django_db
class TestFinal:
    def final(self, signal: GridSignal, sites: list[Site], *, now: datetime) -> dict[int, list[float]]:
        return final_baselines(intervals=intervals_of(signal), sites=sites, excluded_days=[], now=now)

    def planned(self, method: str) -> tuple[GridSignal, Site]:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        draw(fleet.sites, starts_at=NOW, ends_at=START, kw=1.0)
        flexibility_compute(
            intervals=intervals_of(signal), sites=fleet.sites, excluded_days=[], now=START,
            freeze_baseline=False, method=method,
        )  # fmt: skip
        return signal, fleet.sites[0]

    def test_same_day_is_provisional_until_its_hours_after_are_measured(self) -> None:
        """3 h of 1 kW before; -3 kW in the event; then 2 h of 6 kW from an hour after it: (3 + 12) / 5."""
        signal, site = self.planned("pjm_same_day")
        assert SiteFlexibility.objects.get().baseline_kw == pytest.approx([1.0] * 4)
        draw([site], starts_at=START, ends_at=END, kw=-3.0)
        draw([site], starts_at=END, ends_at=END + timedelta(hours=4), kw=6.0)
        early = self.final(signal, [site], now=END + timedelta(minutes=10))
        assert early[site.pk] == pytest.approx([1.0] * 4)
        late = self.final(signal, [site], now=END + timedelta(hours=3))
        assert late[site.pk] == pytest.approx([3.0] * 4)
        assert SiteFlexibility.objects.get().baseline_kw == pytest.approx([1.0] * 4)

    def test_without_its_hours_after_there_is_none(self) -> None:
        signal, site = self.planned("pjm_same_day")
        assert self.final(signal, [site], now=END + timedelta(hours=5)) == {}

    def test_adjustment_before_and_after(self) -> None:
        """Usual is 1 kW; 1 kW in the 2 h before and 1.6 kW in the 2 h after: a ratio of 1.3."""
        signal, site = self.planned("residential_5_of_10")
        assert SiteFlexibility.objects.get().baseline_kw == pytest.approx([1.0] * 4)
        draw([site], starts_at=START, ends_at=END + timedelta(hours=2), kw=1.0)
        draw([site], starts_at=END + timedelta(hours=2), ends_at=END + timedelta(hours=4), kw=1.6)
        late = self.final(signal, [site], now=END + timedelta(hours=4))
        assert late[site.pk] == pytest.approx([1.3] * 4)

    def test_other_methods_stand_as_stored(self) -> None:
        signal, site = self.planned("caiso_10_of_10")
        SiteFlexibility.objects.update(baseline_kw=[7.0] * 4)
        late = self.final(signal, [site], now=END + timedelta(hours=9))
        assert late == {site.pk: [7.0] * 4}

    def test_baseline_of_other_intervals_is_no_baseline(self) -> None:
        signal, site = self.planned("caiso_10_of_10")
        SiteFlexibility.objects.update(interval_s=60)
        assert self.final(signal, [site], now=END) == {}


class TestRows:
    def test_long_event_is_taken_in_days(self) -> None:
        parts = parts_of(span(datetime(2026, 6, 1, 12, 5, tzinfo=UTC), interval_s=3600, count=30))
        assert [(part[0].isoformat(), len(part)) for part in parts] == [
            ("2026-06-01T12:00:00+00:00", 96),
            ("2026-06-02T12:00:00+00:00", 25),
        ]

    def test_row_reaches_over_midnight_and_whole_days(self) -> None:
        part = parts_of(span(datetime(2026, 6, 1, 20, tzinfo=UTC)))[0]
        row = part_row(part, zone=BERLIN, hours=(4, 4))
        assert (row.starts, row.count) == (datetime.fromisoformat("2026-06-01T18:00"), 36)
        assert (row.event_starts, row.event_ends, row.event_date) == (16, 20, date(2026, 6, 1))
        whole = part_row(part, zone=BERLIN, hours=(4, 0), whole_day=True)
        assert (whole.starts, whole.count) == (datetime.fromisoformat("2026-06-01T00:00"), 96)

    def test_springs_hour_is_missing_and_autumns_is_there_twice(self) -> None:
        part = parts_of(span(datetime(2026, 6, 1, 0, tzinfo=UTC)))[0]  # 2 to 3 h in Berlin
        row = part_row(part, zone=BERLIN, hours=(0, 0))
        assert row.instants_on(date(2026, 3, 29)) == [()] * 4
        autumn = [[at.hour for at in found] for found in row.instants_on(date(2026, 10, 25))]
        assert autumn == [[0, 1]] * 4

    def test_event_in_the_doubled_hour_has_a_place_for_each_quarter(self) -> None:
        part = parts_of(span(datetime(2026, 10, 25, 0, tzinfo=UTC), count=8))[0]
        row = part_row(part, zone=BERLIN, hours=(1, 0))
        assert [row.position(at) - row.event_starts for at in part] == [0, 1, 2, 3] * 2
        assert row.event_ends - row.event_starts == 4

    @pytest.mark.django_db
    def test_doubled_hour_gives_its_mean_and_hidden_hours_nothing(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        night = datetime(2026, 10, 25, 0, tzinfo=UTC)
        hour = timedelta(hours=1)
        factories.add_snapshots(sites=[site], starts_at=night, ends_at=night + hour, grid_kw=1.0)
        factories.add_snapshots(sites=[site], starts_at=night + hour, ends_at=night + 2 * hour, grid_kw=3.0)
        roll_up(now=night + 3 * hour)
        row = part_row(parts_of(span(datetime(2026, 11, 2, 1, tzinfo=UTC)))[0], zone=BERLIN, hours=(0, 0))
        days = [date(2026, 10, 25)]
        assert rows_of_days(site_ids=[site.pk], row=row, days=days).tolist() == [[[2.0] * 4]]
        found = rows_of_days(site_ids=[site.pk], row=row, days=days, hidden=(night, night + 2 * hour))
        assert np.isnan(found).all()
