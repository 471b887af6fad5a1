"""The console's page of forecasts."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.common.charts import Series, chart
from apps.flexibility.forecasts import forecasts_issue
from apps.flexibility.price_forecasts import price_forecast_issue
from apps.flexibility.prices import Price, prices_publish
from apps.sites.models import Resource
from apps.telemetry.rollups import roll_up
from tests import factories
from tests.apps.portal.world import World, words

DAY = timedelta(days=1)
As = Callable[[User | None], Client]


@pytest.fixture
def path(world: World, now: datetime) -> str:
    """Two weeks of 1 kW and a drawn-out last day of 2 kW; the sun gives 3 kW at the first home."""
    site = world.sites[0]
    Resource.objects.create(site=site, key="pv", kind="pv", parameters={"peak_kw": 5.0})
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    before = yesterday - timedelta(days=14)
    factories.add_snapshots(
        sites=[site], starts_at=before, ends_at=yesterday, load_kw=1.0, pv_kw=-3.0, grid_kw=-2.0
    )
    factories.add_snapshots(
        sites=[site], starts_at=yesterday, ends_at=now, load_kw=2.0, pv_kw=-4.0, grid_kw=-2.0
    )
    roll_up(now=now)
    forecasts_issue(organization=world.organization, now=yesterday)
    forecasts_issue(organization=world.organization, now=now - timedelta(hours=13))
    return f"/console/{world.organization.pk}/forecasts/"


def text(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query, headers={"HX-Request": "true"})
    assert response.status_code == 200
    return words(response.content.decode())


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_errors_of_each_home_and_the_first_ones_band(world: World, as_: As, path: str, who: str) -> None:
    shown = text(as_(getattr(world, who)), path)
    # Half of 2 kW was expected: mean error 50 %, bias -50 %, nothing in the band, as wrong as yesterday.
    assert "Rose Street 1 50 % −50 % 0 % 100 % 96" in shown.replace("\u202f", " ").replace("\xa0", " ")
    assert "Rose Street 3 – – – – 0" in shown
    assert "seasonal mean, conformal" in shown and "80 % band" in shown and "Measured" in shown


def test_sun_is_shown_as_what_it_gives(world: World, as_: As, path: str) -> None:
    shown = text(as_(world.operator), path, quantity="pv").replace("\u202f", " ").replace("\xa0", " ")
    assert "Rose Street 1 25 % −25 % 0 % 100 % 96" in shown


def test_home_without_a_forecast_says_what_is_missing(world: World, as_: As, path: str) -> None:
    assert "No forecast of this kind" in text(
        as_(world.operator), path, site=str(world.sites[1].pk), quantity="pv"
    )


@pytest.fixture
def priced(world: World, now: datetime) -> None:
    """0.25 for three weeks, and a price of 0.75 that is published after the forecast."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    begin = hour - timedelta(days=21)
    for starts_at, days, amount, at in ((begin, 21, "0.25", begin), (hour, 1, "0.75", now)):
        prices = [
            Price(starts_at + day * DAY, starts_at + (day + 1) * DAY, Decimal(amount)) for day in range(days)
        ]
        prices_publish(
            organization=world.organization, currency="EUR", prices=prices, actor="client x", now=at
        )
    price_forecast_issue(organization=world.organization, now=now - timedelta(hours=13))


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_prices_are_listed_where_they_are_forecast(
    world: World, as_: As, path: str, priced: None, who: str
) -> None:
    client = as_(getattr(world, who))
    assert "Sun Grid, export below zero Price" in text(client, path)
    shown = text(client, path, quantity="price")
    assert (
        "published, then price by time, conformal" in shown
        and "0.2 EUR/kWh" in shown
        and "Published" in shown
    )
    drawn = client.get(path, {"quantity": "price"}).context["forecasts"].chart.drawn[2].path
    # A line at 0.25 of at most 0.8, then one at 0.75.
    heights = [point.split()[1] for point in drawn.lstrip("M").split("L")]
    assert (heights[0], heights[-1], len(set(heights))) == ("687.5", "62.5", 2)


@pytest.mark.parametrize("who", ["owner", "member", "stranger"])
def test_prices_are_not_for_others(world: World, as_: As, path: str, priced: None, who: str) -> None:
    assert as_(getattr(world, who)).get(path, {"quantity": "price"}).status_code == 404


def test_tab_of_prices_is_not_there_without_them(world: World, as_: As, path: str) -> None:
    assert "Price" not in text(as_(world.operator), path)
    assert as_(world.operator).get(path, {"quantity": "price"}).status_code == 404


@pytest.mark.parametrize(
    "query", [{"quantity": "weather"}, {"site": "999999"}, {"site": "x"}, {"site": "9" * 30}]
)
def test_what_is_not_there_is_not_found(world: World, as_: As, path: str, query: dict[str, str]) -> None:
    assert as_(world.operator).get(path, query).status_code == 404


@pytest.mark.parametrize("who", ["owner", "member", "stranger"])
def test_others_find_nothing(world: World, as_: As, path: str, who: str) -> None:
    assert as_(getattr(world, who)).get(path).status_code == 404
    assert as_(None).get(path).status_code == 302


def test_band_is_drawn_between_its_edges_with_its_gaps(now: datetime) -> None:
    from zoneinfo import ZoneInfo

    at = [now + timedelta(hours=hour) for hour in range(5)]
    upper = list(zip(at, [4.0, 4.0, None, 4.0, 4.0], strict=True))
    lower = list(zip(at, [0.0, 2.0, 2.0, 2.0, 2.0], strict=True))
    drawn = chart(
        title="x",
        period=(at[0], at[-1]),
        series=[Series("planned", "b", upper, "band", lower=lower)],
        zone=ZoneInfo("UTC"),
    ).drawn[0]
    assert (
        drawn.path
        == "M0.0 0.0L250.0 0.0L250.0 500.0L0.0 1000.0ZM750.0 0.0L1000.0 0.0L1000.0 500.0L750.0 500.0Z"
    )
