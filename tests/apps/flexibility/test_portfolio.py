"""The portfolio's question, from measurements in PostgreSQL to the answer over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from apps.flexibility import packing
from apps.flexibility.models import PortfolioSnapshot
from apps.flexibility.portfolio import Answer, portfolio_answer
from apps.flexibility.question import Question, WindowError
from apps.flexibility.snapshots import FIRST_PRESENCE, REACH_WEIGHT, portfolio_refresh, portfolios_refresh
from apps.sites.models import Site
from apps.sites.services import grid_area_create
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=1)
# What a home that has been seen once is trusted with.
SEEN = FIRST_PRESENCE + REACH_WEIGHT * (1 - FIRST_PRESENCE)
PATH = "/api/v1/flexibility"


def ask(fleet: factories.Fleet, *, hours: float = 2.0, now: datetime = NOW, **more: Any) -> Answer:
    question = Question(START, START + timedelta(hours=hours), **more)
    return portfolio_answer(organization=fleet.organization, question=question, now=now)


def seen_fleet(*, homes: int = 2, **latest: float) -> factories.Fleet:
    """Homes with 10 kWh and 4 kW each that draw 1 kW, looked at once."""
    fleet = factories.make_fleet(homes=homes, history=False)
    values = {"grid_kw": 1.0, "load_kw": 1.0, "pv_kw": 0.0, "battery_soc": 0.8} | latest
    factories.set_latest(sites=fleet.sites, at=NOW, **values)
    portfolio_refresh(organization=fleet.organization, now=NOW)
    return fleet


class TestAnswer:
    def test_batteries_hold_what_their_energy_lasts_for(self) -> None:
        answer = ask(seen_fleet())
        # 0.8 - 0.1 of 10 kWh at 0.95 is 6.65 kWh: 3.325 kW for two hours, 4 kW in any quarter-hour.
        assert answer.shed.most_kw == pytest.approx(2 * 3.325, rel=1e-6)
        assert answer.shed.expected_kw == pytest.approx(SEEN * 2 * 3.325, rel=1e-6)
        assert answer.shed.by_interval_kw.tolist() == pytest.approx([SEEN * 2 * 4.0] * 8, rel=1e-6)
        assert answer.shed.energy_kwh == pytest.approx(SEEN * 2 * 6.65, rel=1e-6)
        assert 0 < answer.shed.sure_kw < answer.shed.expected_kw
        assert (answer.homes, answer.counted) == (2, 2)
        assert answer.by_kind == {"battery": 2, "ev_charger": 0, "heat_pump": 0}
        assert (answer.median_s, answer.oldest_s, answer.stale) == (0.0, 0.0, False)

    def test_room_left_in_batteries_is_more_load(self) -> None:
        fleet = seen_fleet(homes=1)
        answer = ask(fleet)
        # 0.2 of 10 kWh at 0.95 takes 2.105 kWh: 1.053 kW for two hours.
        assert answer.more_load.most_kw == pytest.approx(0.2 * 10 / 0.95 / 2, rel=1e-6)
        assert [step.kind for step in answer.more_load.steps] == ["battery"]

    def test_cost_curve_goes_from_cheap_to_dear_by_resource(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        factories.resource(site=fleet.sites[0], kind="ev_charger", charge_kw=11.0)
        factories.resource(site=fleet.sites[0], kind="heat_pump", rated_kw=3.0, tank_kwh=12.0)
        factories.set_latest(
            sites=fleet.sites,
            at=NOW,
            grid_kw=7.0,
            load_kw=1.0,
            pv_kw=0.0,
            battery_soc=0.8,
            ev_kw=4.0,
            heat_kw=2.0,
        )
        portfolio_refresh(organization=fleet.organization, now=NOW)
        answer = ask(fleet)
        # The tank may miss 12 / 2 / 3 = 2 kWh: 1 kW for two hours.
        kinds = [(step.kind, step.price_per_kwh) for step in answer.shed.steps]
        assert kinds == [("battery", 0.05), ("ev", 0.15), ("heat", 0.25)]
        expected = pytest.approx([SEEN * 3.325, SEEN * 4.0, SEEN * 1.0], rel=1e-3)
        assert [step.kw for step in answer.shed.steps] == expected
        assert answer.shed.steps[-1].up_to_kw == pytest.approx(answer.shed.expected_kw)

    def test_export_limit_binds_all_resources_together(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        Site.objects.filter(pk=fleet.sites[0].pk).update(export_limit_kw=1.0)
        factories.set_latest(sites=fleet.sites, at=NOW, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.8)
        portfolio_refresh(organization=fleet.organization, now=NOW)
        assert ask(fleet).shed.most_kw == pytest.approx(2.0)

    def test_wish_is_tested_and_what_is_missing_named(self) -> None:
        fleet = seen_fleet()
        fine = ask(fleet, kw=5.0).feasibility
        short = ask(fleet, kw=8.0).feasibility
        assert fine is not None and short is not None
        assert (fine.feasible, fine.shortfall_kwh) == (True, 0.0)
        assert short.feasible is False
        assert short.shortfall_kwh == pytest.approx(16 - SEEN * 2 * 6.65, rel=1e-6)
        assert short.sentence.startswith("3.4 kWh stay undelivered: above 0.0 kW the request needs 16.0 kWh")

    def test_homes_that_cannot_be_counted_on_are_counted_by_reason(self) -> None:
        fleet = factories.make_fleet(homes=6, history=False)
        fine, silent, wrong, empty, unmetered, _never = fleet.sites
        values = {"grid_kw": 1.0, "load_kw": 1.0, "pv_kw": 0.0, "battery_soc": 0.8}
        factories.set_latest(sites=[fine, wrong, empty], at=NOW, **values)
        factories.set_latest(sites=[silent], at=NOW - timedelta(hours=1), **values)
        factories.set_latest(sites=[unmetered], at=NOW, battery_kw=0.0, battery_soc=0.8)
        wrong.resources.update(parameters={"capacity_kwh": "many", "charge_kw": 4, "discharge_kw": 4})
        empty.resources.all().delete()
        portfolio_refresh(organization=fleet.organization, now=NOW)
        answer = ask(fleet)
        assert answer.left_out == {
            "no_measurement": 1, "stale_measurement": 1, "not_described": 1, "nothing_to_give": 1, "no_meter": 1,
        }  # fmt: skip
        assert (answer.homes, answer.counted) == (6, 1)

    def test_old_look_is_called_stale(self) -> None:
        assert ask(seen_fleet(), now=NOW + timedelta(minutes=20)).stale is True

    def test_no_home_is_an_answer_too(self) -> None:
        fleet = factories.make_fleet(homes=0)
        portfolio_refresh(organization=fleet.organization, now=NOW)
        answer = ask(fleet, kw=1.0)
        assert (answer.homes, answer.shed.expected_kw, answer.median_s) == (0, 0.0, None)
        assert answer.feasibility is not None and answer.feasibility.shortfall_kwh == 2.0

    @pytest.mark.parametrize(
        ("starts", "ends", "kw"),
        [(0, 10, None), (60, 30, None), (0, 25 * 60, None), (0, 60, -1.0), (0, 60, float("nan"))],
    )
    def test_window_that_makes_no_sense(self, starts: int, ends: int, kw: float | None) -> None:
        with pytest.raises(WindowError):
            Question(NOW + timedelta(minutes=starts), NOW + timedelta(minutes=ends), kw)

    def test_window_that_is_over_or_far_away(self) -> None:
        fleet = seen_fleet(homes=1)
        for now in (NOW + timedelta(days=1), NOW - timedelta(days=8)):
            with pytest.raises(WindowError):
                ask(fleet, now=now)


class TestLearning:
    def test_hours_of_day_and_reach_are_learned_from_look_to_look(self) -> None:
        fleet = seen_fleet(homes=1, load_kw=1.0)
        factories.set_latest(sites=fleet.sites, at=NOW, grid_kw=7.0, load_kw=7.0, pv_kw=0.0, battery_soc=0.8)
        portfolio_refresh(organization=fleet.organization, now=NOW)
        hour = packing.read_hour(fleet.organization.pk, hour=NOW.hour, homes=1)
        assert hour[0].tolist() == pytest.approx([1.1], rel=1e-3)  # a sixtieth of the way from 1 to 7
        assert np.isnan(packing.read_hour(fleet.organization.pk, hour=NOW.hour + 1, homes=1)[0]).all()

    def test_silent_home_is_trusted_less_and_a_new_one_finds_its_place(self) -> None:
        fleet = seen_fleet()
        factories.make_site(organization=fleet.organization)
        factories.set_latest(sites=fleet.sites[1:], at=NOW + timedelta(hours=1), grid_kw=1.0, battery_soc=0.8)
        portfolio_refresh(organization=fleet.organization, now=NOW + timedelta(hours=1))
        presence = packing.read_arrays(fleet.organization.pk)["presence"].tolist()
        assert presence[0] == pytest.approx(SEEN * (1 - REACH_WEIGHT))
        assert presence[1] == pytest.approx(SEEN + REACH_WEIGHT * (1 - SEEN))
        assert presence[2] == pytest.approx(FIRST_PRESENCE * (1 - REACH_WEIGHT))

    def test_every_organization_with_homes_is_looked_at(self) -> None:
        seen_fleet(homes=1)
        factories.make_fleet(homes=1, history=False)
        factories.make_organization()
        assert portfolios_refresh(now=NOW) == PortfolioSnapshot.objects.count() == 2


@pytest.fixture
def at_now(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)


@pytest.mark.usefixtures("at_now")
class TestHttp:
    def api(self, fleet: factories.Fleet) -> factories.Api:
        credential = factories.make_credential(organization=fleet.organization, role="aggregator")
        return factories.Api(factories.token_of(credential))

    def window(self, **more: Any) -> dict[str, Any]:
        return {"from": START.isoformat(), "to": (START + timedelta(hours=2)).isoformat(), **more}

    def test_answer_has_power_cost_and_confidence(self) -> None:
        fleet = seen_fleet()
        answer = self.api(fleet).get(PATH, **self.window(kw="5"))
        assert answer.status_code == 200
        body = answer.json()
        assert body["shed"]["sustained_kw"] == pytest.approx(SEEN * 6.65, abs=1e-3)
        assert body["shed"]["sure_probability"] == 0.9
        assert body["asked"]["feasible"] is True
        assert body["homes"]["counted"] == 2
        assert len(body["assumptions"]) == 4

    def test_program_narrows_and_its_pay_is_added(self) -> None:
        fleet = seen_fleet()
        other = factories.make_program(organization=fleet.organization)
        factories.enroll(program=other, sites=fleet.sites[:1])
        body = self.api(fleet).get(PATH, **self.window(program=other.pk)).json()
        assert body["homes"]["asked_about"] == 1
        assert body["shed"]["cost_curve"][0]["price_per_kwh"] == 0.55

    def test_grid_area_narrows(self) -> None:
        fleet = seen_fleet()
        area = grid_area_create(organization=fleet.organization, name="North")
        Site.objects.filter(pk=fleet.sites[0].pk).update(grid_area=area)
        portfolio_refresh(organization=fleet.organization, now=NOW)
        body = self.api(fleet).get(PATH, **self.window(grid_area=area.pk)).json()
        assert body["homes"]["asked_about"] == 1

    def test_others_programs_and_areas_are_not_found(self) -> None:
        fleet, elsewhere = seen_fleet(homes=1), factories.make_fleet(homes=1, history=False)
        area = grid_area_create(organization=elsewhere.organization, name="South")
        api = self.api(fleet)
        assert api.get(PATH, **self.window(program=elsewhere.program.pk)).status_code == 404
        assert api.get(PATH, **self.window(grid_area=area.pk)).status_code == 404

    def test_nothing_known_yet_is_said(self) -> None:
        answer = self.api(factories.make_fleet(homes=1, history=False)).get(PATH, **self.window())
        assert (answer.status_code, answer.json()["code"]) == (404, "portfolio_unknown")

    @pytest.mark.parametrize(
        "changed", [{"from": "yesterday"}, {"to": START.isoformat()}, {"kw": "-1"}, {"kw": "nan"}]
    )
    def test_bad_question_is_a_problem(self, changed: dict[str, str]) -> None:
        answer = self.api(seen_fleet(homes=1)).get(PATH, **(self.window() | changed))
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"

    def test_utility_may_not_ask(self) -> None:
        fleet = seen_fleet(homes=1)
        token = factories.token_of(factories.make_credential(organization=fleet.organization))
        assert factories.Api(token).get(PATH, **self.window()).status_code == 403
