"""Forecasts of homes and portfolio: issued, kept as they were known, thinned out, compared with what came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.accounts.models import Organization
from apps.flexibility import forecasts
from apps.flexibility.expected import expected_power
from apps.flexibility.forecast_selectors import band_and_actual, day_ahead_errors, run_known, values_known
from apps.flexibility.forecasts import forecasts_issue, forecasts_issue_due, forecasts_prune, place_of
from apps.flexibility.models import ForecastCalibration, ForecastRun, ForecastValues
from apps.flexibility.rows import SignalIntervals
from apps.flexibility.services import flexibility_compute
from apps.flexibility.tasks import issue_forecasts
from apps.sites.models import Resource, Site
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.factories import NOW, QUARTER

pytestmark = pytest.mark.django_db
MIDNIGHT = NOW.replace(hour=0)


def home(
    organization: Organization, *, load_kw: str = "1.0", days: int = 16, pv_kw: str = "", now: datetime = NOW
) -> Site:
    site = factories.make_site(organization=organization)
    columns: dict[str, Any] = {"load_kw": load_kw, "grid_kw": load_kw, **({"pv_kw": pv_kw} if pv_kw else {})}
    if pv_kw:
        Resource.objects.create(site=site, key="pv", kind=Resource.Kind.PV, parameters={"peak_kw": 5.0})
    factories.add_snapshots(sites=[site], starts_at=now - timedelta(days=days), ends_at=now, **columns)
    roll_up(now=now)
    return site


def of_site(run: ForecastRun, site: Site) -> ForecastValues:
    return ForecastValues.objects.get(run=run, site=site)


class TestIssue:
    def test_every_home_and_the_portfolio_have_a_day_and_a_half(self) -> None:
        organization = factories.make_organization()
        one, other = home(organization), home(organization, load_kw="3.0", pv_kw="-2.0")
        runs = {run.quantity: run for run in forecasts_issue(organization=organization, now=NOW)}
        load = runs["load"]
        assert (load.issued_at, load.starts_at, load.step_s, load.count) == (NOW, NOW, 900, 144)
        assert load.levels == [0.1, 0.5, 0.9]
        assert of_site(load, one).mean_kw == [1.0] * 144
        assert of_site(load, other).quantiles_kw == [[3.0] * 144] * 3
        assert of_site(load, one).method == "seasonal_mean, conformal"
        total = ForecastValues.objects.get(run=load, site=None)
        assert (total.mean_kw, total.homes) == ([4.0] * 144, 2)
        assert [values.site_id for values in ForecastValues.objects.filter(run=runs["pv"]).order_by("site")] == [
            other.pk, None,
        ]  # fmt: skip
        assert of_site(runs["pv"], other).mean_kw == [-2.0] * 144

    def test_quarter_hour_that_has_begun_is_forecast_and_not_known(self) -> None:
        organization = factories.make_organization()
        site = home(organization)
        factories.add_snapshots(
            sites=[site],
            starts_at=NOW,
            ends_at=NOW + timedelta(minutes=7),
            step=timedelta(minutes=7),
            load_kw=50.0,
        )
        roll_up(now=NOW + timedelta(minutes=7))
        run = forecasts_issue(organization=organization, now=NOW + timedelta(minutes=7))[0]
        assert (run.issued_at, run.starts_at) == (NOW + timedelta(minutes=7), NOW)
        assert of_site(run, site).mean_kw == [1.0] * 144

    def test_new_home_has_a_note_and_the_portfolio_does_without_it(self) -> None:
        organization = factories.make_organization()
        home(organization)
        new = home(organization, days=1)
        run = forecasts_issue(organization=organization, now=NOW)[0]
        assert of_site(run, new).mean_kw == [None] * 144
        assert of_site(run, new).note == "144 of 144 intervals have fewer than 3 measured days"
        assert ForecastValues.objects.get(run=run, site=None).homes == 1

    def test_sun_is_followed_where_the_place_is_known(self) -> None:
        organization = factories.make_organization()
        site = home(organization, pv_kw="-1.0")
        Site.objects.filter(pk=site.pk).update(latitude_deg=51.3, longitude_deg=9.0)
        run = next(run for run in forecasts_issue(organization=organization, now=NOW) if run.quantity == "pv")
        values = of_site(run, site)
        assert values.method == "clear_sky, conformal"
        midnight = (datetime(2026, 6, 18, tzinfo=UTC) - run.starts_at) // QUARTER
        assert values.mean_kw[midnight] == 0.0
        assert values.mean_kw[midnight + 48] == pytest.approx(-1.0, abs=0.02)

    def test_homes_of_many_zones_and_groups_add_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forecasts, "SITES_AT_ONCE", 2)
        organization = factories.make_organization()
        sites = [home(organization, load_kw=str(float(kw))) for kw in (1, 2, 3, 4)]
        Site.objects.filter(pk=sites[0].pk).update(time_zone="America/New_York")
        run = forecasts_issue(organization=organization, now=NOW)[0]
        total = ForecastValues.objects.get(run=run, site=None)
        assert (total.mean_kw[0], total.homes) == (10.0, 4)
        assert total.quantiles_kw[2][0] == pytest.approx(10.0)

    def test_organization_without_homes_has_nothing_to_issue(self) -> None:
        assert forecasts_issue(organization=factories.make_organization(), now=NOW) == []
        assert ForecastRun.objects.count() == 0

    def test_orientation_that_is_none_leaves_the_place(self) -> None:
        site = Site(latitude_deg=51.0, longitude_deg=9.0)
        found = [
            place_of(site, {"pv": Resource(parameters=parameters)})
            for parameters in (
                {"tilt_deg": 30, "azimuth_deg": 180},
                {"tilt_deg": 300, "azimuth_deg": 180},
                {"tilt_deg": "steep"},
            )
        ]
        assert [place and (place.latitude_deg, place.tilt_deg) for place in found] == [
            (51.0, 30.0),
            (51.0, None),
            (51.0, None),
        ]
        assert place_of(Site(latitude_deg=51.0), {}) is None


class TestDay:
    def test_first_run_of_a_day_calibrates_and_the_others_use_it(self) -> None:
        organization = factories.make_organization()
        site = home(organization, load_kw="extract(hour FROM at) + mod(extract(day FROM at)::int, 3)")
        first = forecasts_issue(organization=organization, now=NOW)[0]
        kept = ForecastCalibration.objects.get(quantity="load")
        assert (kept.starts_at, kept.homes) == (NOW, 1)
        later = forecasts_issue(organization=organization, now=NOW + timedelta(hours=3))[0]
        assert ForecastCalibration.objects.get(quantity="load").starts_at == NOW
        one, other = of_site(first, site), of_site(later, site)
        assert other.method == "seasonal_mean, conformal"
        # Nothing was measured in between, so that the same instants are expected to be the same.
        assert other.mean_kw[:132] == one.mean_kw[12:]
        assert other.quantiles_kw[2][:132] == one.quantiles_kw[2][12:]
        sums = [ForecastValues.objects.get(run=run, site=None) for run in (first, later)]
        assert sums[1].quantiles_kw[2][2:130] == sums[0].quantiles_kw[2][14:142]
        forecasts_issue(organization=organization, now=NOW + timedelta(days=1))
        assert ForecastCalibration.objects.get(quantity="load").starts_at == NOW + timedelta(days=1)

    def test_home_that_came_since_is_not_calibrated_and_counts_in_the_sum(self) -> None:
        organization = factories.make_organization()
        home(organization)
        forecasts_issue(organization=organization, now=NOW)
        new = home(organization, load_kw="2.0")
        run = forecasts_issue(organization=organization, now=NOW + timedelta(hours=1))[0]
        assert of_site(run, new).method == "seasonal_mean"
        assert of_site(run, new).quantiles_kw == [[2.0] * 144] * 3
        total = ForecastValues.objects.get(run=run, site=None)
        assert (total.homes, total.mean_kw[0]) == (2, 3.0)

    def test_days_with_no_whole_home_are_not_kept(self) -> None:
        organization = factories.make_organization()
        home(organization, days=1)
        forecasts_issue(organization=organization, now=NOW)
        assert not ForecastCalibration.objects.exists()


class TestDue:
    def test_once_an_hour_whoever_asks(self, settings: Any) -> None:
        home(factories.make_organization())
        assert [forecasts_issue_due(now=NOW + timedelta(minutes=minutes)) for minutes in (5, 20, 59, 61)] == [
            1,
            0,
            0,
            1,
        ]
        assert ForecastRun.objects.count() == 6
        settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=2))
        issue_forecasts()
        issue_forecasts()
        assert ForecastRun.objects.count() == 9

    def test_runs_are_thinned_out_to_the_last_of_a_day_and_then_dropped(self) -> None:
        organization = factories.make_organization()
        hours = [1, 47, 49, 62, 63, 86, 29 * 24, 31 * 24]
        for back in hours:
            for quantity in ("load", "pv"):
                ForecastRun.objects.create(
                    organization=organization, quantity=quantity, issued_at=NOW - timedelta(hours=back),
                    starts_at=NOW, step_s=900, count=1, levels=[],
                )  # fmt: skip
        other = ForecastRun.objects.create(
            organization=factories.make_organization(), quantity="load", issued_at=NOW - timedelta(hours=62),
            starts_at=NOW, step_s=900, count=1, levels=[],
        )  # fmt: skip
        assert forecasts_prune(now=NOW) == 3 * 2
        left = ForecastRun.objects.filter(organization=organization, quantity="load").order_by("-issued_at")
        # 49 and 62 hours back are one UTC day, 63 and 86 the one before.
        assert [(NOW - run.issued_at) // timedelta(hours=1) for run in left] == [1, 47, 49, 63, 29 * 24]
        assert ForecastRun.objects.filter(pk=other.pk).exists()


class TestKnown:
    def test_what_was_known_at_an_instant_stays_what_it_was(self) -> None:
        organization = factories.make_organization()
        site = home(organization)
        forecasts_issue(organization=organization, now=NOW)
        later = NOW + timedelta(days=1)
        factories.add_snapshots(sites=[site], starts_at=NOW, ends_at=later, load_kw=15.0)
        roll_up(now=later)
        forecasts_issue(organization=organization, now=later)

        def known(at: datetime, site_id: int | None = site.pk) -> list[float | None] | None:
            found = values_known(organization=organization, quantity="load", site_id=site_id, as_of=at)
            return None if found is None else found.mean_kw[:1]

        assert known(NOW - timedelta(seconds=1)) is None
        assert known(NOW) == known(later - timedelta(seconds=1)) == [1.0]
        assert known(later) == known(later, None) == [3.0]
        stranger = factories.make_organization()
        assert values_known(organization=stranger, quantity="load", site_id=site.pk, as_of=later) is None

    def test_run_must_cover_what_is_asked(self) -> None:
        organization = factories.make_organization()
        home(organization)
        forecasts_issue(organization=organization, now=NOW)
        end = NOW + timedelta(hours=36)

        def covers(begin: datetime, until: datetime) -> bool:
            return (
                run_known(
                    organization_id=organization.pk, quantity="load", as_of=NOW, covering=(begin, until)
                )
                is not None
            )

        assert covers(NOW, end)
        assert not covers(NOW, end + QUARTER)
        assert not covers(NOW - QUARTER, end)


class TestErrors:
    def test_day_ahead_errors_by_hand(self) -> None:
        organization = factories.make_organization()
        site = home(organization, now=MIDNIGHT - timedelta(days=1))
        forecasts_issue(organization=organization, now=MIDNIGHT - timedelta(days=1, minutes=30))
        # Yesterday it drew 2 kW where 1 was expected; the day before, 1.
        factories.add_snapshots(
            sites=[site], starts_at=MIDNIGHT - timedelta(days=1), ends_at=MIDNIGHT, load_kw=2.0
        )
        roll_up(now=NOW)
        found = day_ahead_errors(organization=organization, site_ids=[site.pk], quantity="load", now=NOW)[
            site.pk
        ]
        assert (found.intervals, found.nmae, found.bias, found.mase, found.coverage) == (
            96,
            0.5,
            -0.5,
            1.0,
            0.0,
        )

    def test_forecast_issued_during_the_day_or_long_before_does_not_count(self) -> None:
        organization = factories.make_organization()
        site = home(organization)
        for back in (timedelta(hours=23), timedelta(hours=37)):
            forecasts_issue(organization=organization, now=MIDNIGHT - back)
        assert day_ahead_errors(organization=organization, site_ids=[site.pk], quantity="load", now=NOW) == {}

    def test_band_stands_beside_what_came(self) -> None:
        organization = factories.make_organization()
        site = home(organization)
        forecasts_issue(organization=organization, now=NOW - timedelta(hours=12))
        found = band_and_actual(
            organization=organization, quantity="load", site_id=site.pk, issued_before=NOW
        )
        assert found is not None
        assert found.actual_kw == [1.0] * 48 + [None] * 96


class TestPlanning:
    def intervals(self, *, hours: int = 2, step_s: int = 900, count: int = 4) -> SignalIntervals:
        signal = factories.make_signal(program=self.program)
        return SignalIntervals(NOW + timedelta(hours=hours), step_s, count, signal.pk)

    @pytest.fixture(autouse=True)
    def fleet(self) -> None:
        made = factories.make_fleet(homes=2)
        self.organization, self.program, self.sites = made.organization, made.program, made.sites

    def test_plan_uses_the_stored_run_and_says_which(self) -> None:
        load = forecasts_issue(organization=self.organization, now=NOW - timedelta(hours=1))[0]
        ForecastValues.objects.filter(run=load, site=self.sites[0]).update(mean_kw=[7.0] * 144)
        found = expected_power(sites=self.sites, intervals=self.intervals(), excluded_days=(), now=NOW)
        assert found.uncontrolled_kw.tolist() == [[7.0] * 4, [1.0] * 4]
        assert found.source["runs"][0] == {
            "run": load.pk, "quantity": "load", "issued_at": (NOW - timedelta(hours=1)).isoformat(),
        }  # fmt: skip
        assert found.source["computed_now"] == []

    @pytest.mark.parametrize(("age", "ahead"), [(timedelta(hours=3), 2), (timedelta(hours=1), 60)])
    def test_old_run_and_one_that_ends_too_early_are_replaced_by_a_forecast_of_now(
        self, age: timedelta, ahead: int
    ) -> None:
        run = forecasts_issue(organization=self.organization, now=NOW - age)[0]
        ForecastValues.objects.filter(run=run).update(mean_kw=[7.0] * 144)
        intervals = self.intervals(hours=ahead, step_s=300, count=7)
        found = expected_power(sites=self.sites, intervals=intervals, excluded_days=(), now=NOW)
        assert found.uncontrolled_kw.tolist() == [[1.0] * 7] * 2
        assert (found.source["runs"], found.source["computed_now"]) == ([], [site.pk for site in self.sites])

    def test_home_that_the_run_does_not_hold_is_forecast_now(self) -> None:
        run = forecasts_issue(organization=self.organization, now=NOW)[0]
        ForecastValues.objects.filter(run=run, site=self.sites[1]).delete()
        found = expected_power(sites=self.sites, intervals=self.intervals(), excluded_days=(), now=NOW)
        assert found.source["computed_now"] == [self.sites[1].pk]
        assert found.uncontrolled_kw.tolist() == [[1.0] * 4] * 2

    def test_cars_are_forecast_from_days_without_events(self) -> None:
        Resource.objects.create(
            site=self.sites[0], key="ev", kind="ev_charger", parameters={"charge_kw": 11.0}
        )
        called = [NOW.date() - timedelta(days=back) for back in (1, 2)]
        for back in range(1, 9):
            start = NOW + timedelta(hours=2) - timedelta(days=back)
            factories.add_snapshots(
                sites=self.sites[:1],
                starts_at=start + timedelta(seconds=1),
                ends_at=start + timedelta(hours=1),
                step=timedelta(minutes=5),
                ev_kw=0.0 if back < 3 else 6.0,
            )
        roll_up(now=NOW)
        plain = expected_power(sites=self.sites, intervals=self.intervals(), excluded_days=(), now=NOW)
        found = expected_power(sites=self.sites, intervals=self.intervals(), excluded_days=called, now=NOW)
        assert plain.ev_kw[0, 1] == pytest.approx(6.0 * 5 / 7)
        assert found.ev_kw.tolist()[0][1] == pytest.approx(6.0)
        assert found.ev_kw.tolist()[1] == [0.0] * 4

    def test_inputs_of_a_plan_keep_the_forecasts_time_of_issue(self) -> None:
        forecasts_issue(organization=self.organization, now=NOW)
        found = flexibility_compute(
            intervals=self.intervals(), sites=self.sites, excluded_days=(), now=NOW, freeze_baseline=False
        )
        assert [run["issued_at"] for run in found.inputs["forecast"]["runs"]] == [NOW.isoformat()] * 2


class TestApi:
    @pytest.fixture(autouse=True)
    def world(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=1))
        self.organization = factories.make_organization()
        self.site = home(self.organization)
        forecasts_issue(organization=self.organization, now=NOW)
        credential = factories.make_credential(organization=self.organization, role="aggregator")
        self.api = factories.Api(factories.token_of(credential), base="/api/v1")

    def test_home_and_portfolio_as_known_now(self) -> None:
        answer = self.api.get(f"/sites/{self.site.pk}/forecasts/load")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["quantity"], body["site_id"], body["interval_s"], body["levels"]) == (
            "load", self.site.pk, 900, [0.1, 0.5, 0.9],
        )  # fmt: skip
        assert (body["issued_at"], body["mean_kw"]) == ("2026-06-17T14:00:00Z", [1.0] * 144)
        total = self.api.get("/forecasts/load").json()
        assert (total["site_id"], total["homes"], total["mean_kw"][0]) == (None, 1, 1.0)

    @pytest.mark.parametrize(
        ("path", "query", "status", "code"),
        [
            ("/forecasts/load", {"as_of": "2026-06-17T13:59:59Z"}, 404, "not_found"),
            ("/forecasts/load", {"as_of": "2026-06-18T14:00:00Z"}, 400, "as_of_in_the_future"),
            ("/forecasts/weather", {}, 404, "not_found"),
            ("/sites/999999/forecasts/load", {}, 404, "not_found"),
        ],
    )
    def test_what_was_not_known_is_not_answered(
        self, path: str, query: dict[str, str], status: int, code: str
    ) -> None:
        answer = self.api.get(path, **query)
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_as_of_that_is_no_time_is_refused(self) -> None:
        assert self.api.get("/forecasts/load", as_of="yesterday").status_code == 400

    def test_home_of_another_tenant_is_not_there(self) -> None:
        other = home(factories.make_organization())
        forecasts_issue(organization=other.organization, now=NOW)
        assert self.api.get(f"/sites/{other.pk}/forecasts/load").status_code == 404
