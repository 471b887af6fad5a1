"""Prices: published by their organization, corrected, and answered as they were known."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.accounts.models import AuditEntry, Organization
from apps.flexibility.forecast_selectors import values_known
from apps.flexibility.forecasts import forecasts_issue_due
from apps.flexibility.models import ForecastRun, ForecastValues, PublishedPrice
from apps.flexibility.price_forecasts import price_forecast_issue, price_forecasts_issue_due
from apps.flexibility.price_selectors import prices_known
from apps.flexibility.prices import LaterPricesKnownError, Price, PricesInvalidError, prices_publish
from apps.flexibility.tasks import issue_forecasts
from tests import factories
from tests.factories import NOW, QUARTER

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = NOW.replace(hour=0)
BERLIN = ZoneInfo("Europe/Berlin")


def hours(starts_at: datetime, amounts: Sequence[str], *, export: str | None = None) -> list[Price]:
    return [
        Price(
            starts_at + index * HOUR,
            starts_at + (index + 1) * HOUR,
            Decimal(amount),
            None if export is None else Decimal(export),
        )
        for index, amount in enumerate(amounts)
    ]


def publish(
    organization: Organization, prices: Sequence[Price], *, now: datetime = NOW, currency: str = "EUR"
) -> list[PublishedPrice]:
    return prices_publish(
        organization=organization, currency=currency, prices=prices, actor="client x", now=now
    )


def shown(
    organization: Organization, *, as_of: datetime, starts_at: datetime = NOW, count: int = 3
) -> list[tuple[timedelta, timedelta, str]]:
    found = prices_known(
        organization=organization, starts_at=starts_at, ends_at=starts_at + count * HOUR, as_of=as_of
    )
    return [(one.starts_at - starts_at, one.ends_at - starts_at, str(one.price_per_kwh)) for one in found]


class TestPublish:
    def test_prices_are_known_from_their_publication_on(self) -> None:
        organization = factories.make_organization()
        new = publish(organization, hours(NOW, ["0.3", "-0.05"], export="0.08"))
        assert len(new) == 2
        before = NOW - timedelta(microseconds=1)
        assert shown(organization, as_of=before) == []
        assert shown(organization, as_of=NOW) == [(0 * HOUR, HOUR, "0.300000"), (HOUR, 2 * HOUR, "-0.050000")]
        one = prices_known(organization=organization, starts_at=NOW, ends_at=NOW + HOUR, as_of=NOW)[0]
        assert (one.export_price_per_kwh, one.currency, one.published_at) == (Decimal("0.08"), "EUR", NOW)
        assert AuditEntry.objects.get(action="prices_publish").organization == organization

    def test_correction_counts_and_the_older_stays_for_replay(self) -> None:
        organization = factories.make_organization()
        publish(organization, hours(NOW, ["0.3", "0.4"]))
        correction = [Price(NOW + QUARTER, NOW + 2 * QUARTER, Decimal("9"))]
        publish(organization, correction, now=NOW + HOUR)
        assert shown(organization, as_of=NOW + HOUR - QUARTER) == [
            (0 * HOUR, HOUR, "0.300000"), (HOUR, 2 * HOUR, "0.400000"),
        ]  # fmt: skip
        assert shown(organization, as_of=NOW + HOUR) == [
            (0 * HOUR, QUARTER, "0.300000"),
            (QUARTER, 2 * QUARTER, "9.000000"),
            (2 * QUARTER, HOUR, "0.300000"),
            (HOUR, 2 * HOUR, "0.400000"),
        ]

    def test_what_is_known_already_is_not_stored_again(self) -> None:
        organization = factories.make_organization()
        publish(organization, hours(NOW, ["0.3", "0.4", "0.5"]))
        again = publish(organization, hours(NOW, ["0.3", "0.45", "0.5"]), now=NOW + HOUR)
        assert [row.price_per_kwh for row in again] == [Decimal("0.45")]
        assert publish(organization, hours(NOW, ["0.3", "0.45", "0.5"]), now=NOW + 2 * HOUR) == []
        assert PublishedPrice.objects.count() == 4
        # The first value again is a correction of the correction.
        assert len(publish(organization, hours(NOW + HOUR, ["0.4"]), now=NOW + 3 * HOUR)) == 1
        assert len(publish(organization, hours(NOW, ["0.3"], export="0.1"), now=NOW + 4 * HOUR)) == 1
        assert len(publish(organization, hours(NOW, ["0.3"], export="0.1"), now=NOW + 5 * HOUR, currency="USD")) == 1  # fmt: skip

    @pytest.mark.parametrize(("day", "length"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
    def test_day_on_which_clocks_change_has_its_own_length(self, day: date, length: int) -> None:
        organization = factories.make_organization()
        begin, end = (datetime.combine(at, time(), BERLIN) for at in (day, day + DAY))
        whole = [Price(begin, end, Decimal("0.3"))]
        assert len(publish(organization, whole)) == 1
        by_hour = hours(begin.astimezone(UTC), [str(index) for index in range(length)])
        assert by_hour[-1].ends_at == end.astimezone(UTC)
        assert len(publish(organization, by_hour, now=NOW + HOUR)) == length
        found = shown(organization, as_of=NOW + HOUR, starts_at=begin.astimezone(UTC), count=length)
        assert [amount for _, _, amount in found] == [f"{index}.000000" for index in range(length)]

    @pytest.mark.parametrize(
        ("prices", "said"),
        [
            ([], "there is no price"),
            ([*hours(NOW, ["1"]), *hours(NOW + 2 * HOUR, ["1"])], "no price between"),
            ([*hours(NOW, ["1", "1"]), *hours(NOW + HOUR, ["1"])], "overlap"),
            (hours(NOW + 401 * DAY, ["1"]), "400 days away"),
            (hours(NOW - 401 * DAY, ["1"]), "400 days away"),
            (hours(NOW, ["1"] * (62 * 24 + 1)), "more than 62 days"),
        ],
    )
    def test_period_that_is_not_whole_is_refused(self, prices: list[Price], said: str) -> None:
        with pytest.raises(PricesInvalidError, match=said):
            publish(factories.make_organization(), prices)
        assert PublishedPrice.objects.count() == 0

    @pytest.mark.parametrize(
        "amount", ["NaN", "sNaN", "Infinity", "-Infinity", "100000", "0.0000001", "1e30"]
    )
    def test_amount_that_is_none_is_refused(self, amount: str) -> None:
        with pytest.raises(PricesInvalidError, match="no price per kWh"):
            Price(NOW, NOW + HOUR, Decimal(amount))
        with pytest.raises(PricesInvalidError, match="no price per kWh"):
            Price(NOW, NOW + HOUR, Decimal(0), Decimal(amount))

    @pytest.mark.parametrize(
        ("starts_at", "ends_at", "said"),
        [
            (NOW.replace(tzinfo=None), NOW.replace(tzinfo=None) + HOUR, "needs an offset"),
            (NOW, NOW + timedelta(minutes=20), "quarter-hour"),
            (NOW, NOW, "hours long"),
            (NOW + HOUR, NOW, "hours long"),
            (NOW, NOW + 26 * HOUR, "hours long"),
        ],
    )
    def test_period_that_is_none_is_refused(self, starts_at: datetime, ends_at: datetime, said: str) -> None:
        with pytest.raises(PricesInvalidError, match=said):
            Price(starts_at, ends_at, Decimal(1))

    @pytest.mark.parametrize("currency", ["", "eur", "EURO", "€", "EUR\n"])
    def test_currency_that_is_none_is_refused(self, currency: str) -> None:
        with pytest.raises(PricesInvalidError, match="no currency"):
            publish(factories.make_organization(), hours(NOW, ["1"]), currency=currency)

    def test_publications_of_a_tenant_follow_each_other(self) -> None:
        organization = factories.make_organization()
        publish(organization, hours(NOW, ["1"]))
        for now in (NOW, NOW - HOUR):
            with pytest.raises(LaterPricesKnownError):
                publish(organization, hours(NOW, ["2"]), now=now)
        assert len(publish(factories.make_organization(), hours(NOW, ["2"]))) == 1
        assert shown(organization, as_of=NOW) == [(0 * HOUR, HOUR, "1.000000")]


def usual(organization: Organization, *, days: int = 60, now: datetime = NOW - HOUR) -> None:
    """Prices until the coming midnight: 0.20, from 16:00 to 20:00 UTC 0.50."""
    a_day = ["0.5" if 16 <= hour < 20 else "0.2" for hour in range(24)]
    publish(organization, hours(MIDNIGHT - (days - 1) * DAY, a_day * days), now=now)


def portfolio(run: ForecastRun | None) -> ForecastValues:
    return ForecastValues.objects.get(run=run, site=None)


class TestForecast:
    def test_published_prices_then_the_usual_ones(self) -> None:
        organization = factories.make_organization()
        usual(organization)
        run = price_forecast_issue(organization=organization, now=NOW + timedelta(minutes=7))
        assert run is not None
        assert (run.quantity, run.starts_at, run.count, run.currency) == ("price", NOW, 144, "EUR")
        values = portfolio(run)
        expected = [0.2] * 8 + [0.5] * 16 + [0.2] * 80 + [0.5] * 16 + [0.2] * 24
        assert values.mean_kw == expected
        assert values.quantiles_kw == [expected] * 3
        assert (values.homes, values.note) == (0, "")
        assert values.method == "published, then price_by_time, conformal"

    def test_newer_run_knows_the_correction_and_the_older_keeps_what_was_known(self) -> None:
        organization = factories.make_organization()
        usual(organization)
        price_forecast_issue(organization=organization, now=NOW)
        publish(organization, hours(NOW, ["-3"]), now=NOW + QUARTER)
        price_forecast_issue(organization=organization, now=NOW + HOUR - QUARTER)
        first, second = (
            values_known(organization=organization, quantity="price", site_id=None, as_of=NOW + later)
            for later in (HOUR - QUARTER - timedelta(seconds=1), HOUR - QUARTER)
        )
        assert first is not None and second is not None
        assert (first.mean_kw[3], second.mean_kw[0]) == (0.2, -3.0)

    def test_replayed_issue_sees_nothing_published_later(self) -> None:
        early, late = factories.make_organization(), factories.make_organization()
        for organization in (early, late):
            usual(organization)
        publish(late, hours(NOW - 10 * DAY, ["7"] * 24 * 14), now=NOW + timedelta(microseconds=1))
        one, other = (portfolio(price_forecast_issue(organization=each, now=NOW)) for each in (early, late))
        assert (one.mean_kw, one.quantiles_kw) == (other.mean_kw, other.quantiles_kw)

    def test_prices_in_another_currency_are_not_mixed(self) -> None:
        organization = factories.make_organization()
        usual(organization)
        publish(organization, hours(NOW, ["20"] * 2), now=NOW - QUARTER, currency="CZK")
        run = price_forecast_issue(organization=organization, now=NOW)
        values = portfolio(run)
        assert run is not None and run.currency == "CZK"
        assert values.mean_kw == [20.0] * 8 + [None] * 136
        assert values.note == "136 of 136 intervals have fewer than 2 measured days"

    def test_each_tenant_once_an_hour_by_its_own_prices(self) -> None:
        owner, stranger = factories.make_organization(), factories.make_organization()
        usual(owner, days=20)
        assert price_forecasts_issue_due(now=NOW - 2 * HOUR) == 0
        assert price_forecasts_issue_due(now=NOW) == 1
        assert price_forecasts_issue_due(now=NOW + HOUR - QUARTER) == 0
        assert price_forecasts_issue_due(now=NOW + HOUR) == 1
        assert set(ForecastRun.objects.values_list("organization", flat=True)) == {owner.pk}
        assert values_known(organization=stranger, quantity="price", site_id=None, as_of=NOW) is None
        assert price_forecast_issue(organization=stranger, now=NOW) is None
        assert price_forecasts_issue_due(now=NOW + 365 * DAY) == 0

    def test_run_of_prices_does_not_stand_for_those_of_homes(self) -> None:
        organization = factories.make_organization()
        usual(organization)
        price_forecasts_issue_due(now=NOW)
        factories.make_site(organization=organization)
        forecasts_issue_due(now=NOW)
        assert sorted(ForecastRun.objects.values_list("quantity", flat=True)) == [
            "load",
            "net",
            "price",
            "pv",
        ]

    def test_hourly_task_issues_prices_too(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        usual(factories.make_organization())
        issue_forecasts()
        assert ForecastRun.objects.get().quantity == "price"


def sent(starts_at: str, ends_at: str, amount: Any = "0.3", **more: Any) -> dict[str, Any]:
    return {"starts_at": starts_at, "ends_at": ends_at, "price_per_kwh": amount, **more}


EVENING = sent("2026-06-17T20:00:00+02:00", "2026-06-17T21:00:00+02:00")
WINDOW = {"from": "2026-06-17T17:50:00Z", "to": "2026-06-17T19:00:00Z"}


class TestApi:
    @pytest.fixture(autouse=True)
    def world(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        self.organization = factories.make_organization()
        self.api = self.of(self.organization)

    def of(self, organization: Organization) -> factories.Api:
        credential = factories.make_credential(organization=organization, role="aggregator")
        return factories.Api(factories.token_of(credential), base="/api/v1")

    def test_published_prices_are_answered_to_their_owner_only(self) -> None:
        answer = self.api.post(
            "/prices", {"currency": "EUR", "prices": [EVENING | {"export_price_per_kwh": -0.01}]}
        )
        assert (answer.status_code, answer.json()["new"], answer.json()["known"]) == (201, 1, 0)
        published_at = answer.json()["published_at"]
        found = self.api.get("/prices", **WINDOW)
        assert (found.status_code, found.json()["prices"]) == (
            200,
            [
                {
                    "starts_at": "2026-06-17T18:00:00Z",
                    "ends_at": "2026-06-17T19:00:00Z",
                    "price_per_kwh": "0.300000",
                    "export_price_per_kwh": "-0.010000",
                    "currency": "EUR",
                    "published_at": published_at,
                }
            ],
        )
        assert self.of(factories.make_organization()).get("/prices", **WINDOW).json()["prices"] == []
        assert self.api.get("/prices", **WINDOW, as_of="2026-06-17T13:59:59Z").json()["prices"] == []
        again = self.api.post(
            "/prices", {"currency": "EUR", "prices": [EVENING | {"export_price_per_kwh": -0.01}]}
        )
        assert (again.status_code, again.json()) == (200, {"published_at": None, "new": 0, "known": 1})

    @pytest.mark.parametrize(
        "body",
        [
            {"currency": "EUR", "prices": []},
            {"currency": "EUR", "prices": [EVENING, EVENING]},
            {"currency": "EUR", "prices": [sent("2026-10-25T02:00:00", "2026-10-25T03:00:00")]},
            {"currency": "EUR", "prices": [EVENING | {"price_per_kwh": "NaN"}]},
            {"currency": "EUR", "prices": [EVENING | {"price_per_kwh": "Infinity"}]},
            {"currency": "EUR", "prices": [sent("9999-12-31T23:30:00Z", "9999-12-31T23:45:00Z")]},
            {"currency": "EUR", "prices": [sent("0001-01-01T00:00:00+05:00", "0001-01-01T00:15:00+05:00")]},
            {"currency": "EUR", "prices": [EVENING] * 5953},
            {"currency": "eur", "prices": [EVENING]},
            {"prices": [EVENING]},
            [EVENING],
        ],
    )
    def test_publication_that_is_none_changes_nothing(self, body: Any) -> None:
        assert self.api.post("/prices", body).status_code == 400
        assert PublishedPrice.objects.count() == 0

    @pytest.mark.parametrize(
        "query",
        [
            {},
            WINDOW | {"from": "2026-06-17T17:50:00"},
            WINDOW | {"to": WINDOW["from"]},
            WINDOW | {"to": "2026-09-17T17:50:00Z"},
            WINDOW | {"as_of": "2026-06-17T17:50:00Z"},
            {"from": "0001-01-01T00:00:00Z", "to": "0001-01-01T01:00:00Z"},
        ],
    )
    def test_question_that_is_none_is_refused(self, query: dict[str, str]) -> None:
        assert self.api.get("/prices", **query).status_code == 400

    def test_forecast_is_in_its_currency(self) -> None:
        usual(self.organization)
        price_forecast_issue(organization=self.organization, now=NOW)
        body = self.api.get("/forecasts/price").json()
        assert (body["quantity"], body["site_id"], body["currency"]) == ("price", None, "EUR")
        assert (body["mean_per_kwh"][7:9], len(body["quantiles_per_kwh"])) == ([0.2, 0.5], 3)
        assert "mean_kw" not in body and "homes" not in body
        early = self.api.get("/forecasts/price", as_of="2026-06-17T13:59:59Z")
        assert early.status_code == 404
        assert self.of(factories.make_organization()).get("/forecasts/price").status_code == 404
        site = factories.make_site(organization=self.organization)
        assert self.api.get(f"/sites/{site.pk}/forecasts/price").status_code == 404
