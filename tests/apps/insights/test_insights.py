"""What is noticed of a home from its measurements, and what its household decides on it."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.common import clock
from apps.insights.models import Insight
from apps.insights.selectors import insights_of_site
from apps.insights.services import insight_decide, insights_refresh
from apps.sites.models import Resource
from apps.sites.tariffs import Band, tariff_set
from tests import factories
from tests.apps.portal.world import World, build_world, words

NOW = datetime(2026, 6, 17, 2, tzinfo=UTC)
START = datetime(2026, 5, 19, 22, tzinfo=UTC)  # midnight in Berlin, 28 days before
DAYS = 28
Quarter = Callable[[float, int], dict[str, float]]


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    factories.forget_counts()
    return build_world(now=NOW)


def fill(world: World, made: Quarter, *, starts_at: datetime = START) -> None:
    """Write four weeks of quarter-hours of the first home; `made` takes the local hour and the day."""
    rows: list[tuple[int | datetime | float, ...]] = []
    for index in range(DAYS * 96):
        row = made(index % 96 / 4, index // 96)
        rows.append((world.sites[0].pk, starts_at + timedelta(minutes=15 * index), 15, *row.values()))
    names = ", ".join(made(0.0, 0))
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(rows[0]))
        cursor.executemany(
            f"INSERT INTO telemetry_quarter (site_id, at, samples, {names}) VALUES ({marks})", rows
        )


def sun(hour: float, peak: float = 4.0) -> float:
    return -max(0.0, peak * math.sin((hour - 6) / 13 * math.pi)) if 6 < hour < 19 else 0.0


def quiet(hour: float, day: int) -> dict[str, float]:
    load = 0.1 + 0.01 * (hour % 3) + 0.0001 * day
    return {"load_kw": load, "grid_kw": load}


def tariff(world: World) -> None:
    tariff_set(
        site=world.sites[0], currency="EUR", import_price="0.40", export_price="0.08",
        bands=[Band("all", "00:00", "05:00", "0.20")], actor="owner", now=NOW,
    )  # fmt: skip


def found(world: World) -> dict[str, Insight]:
    insights_refresh(site_id=world.sites[0].pk, now=NOW)
    return {one.key: one for one in insights_of_site(site=world.sites[0], now=NOW)}


def test_a_home_without_oddities_or_data_hears_nothing(world: World) -> None:
    assert found(world) == {}
    fill(world, quiet)
    assert found(world) == {}


def test_standby_is_priced_by_the_homes_own_tariff(world: World) -> None:
    tariff(world)
    fill(world, lambda hour, day: {name: value + 0.3 for name, value in quiet(hour, day).items()})
    one = found(world)["standby:load"]
    assert one.evidence["standby_kw"] == pytest.approx(0.4, abs=0.02)
    mean_price = (5 * 0.2 + 19 * 0.4) / 24
    expected = (one.evidence["standby_kw"] - 0.2) * 168 * mean_price
    assert float(one.amount_per_week or 0) == pytest.approx(expected, abs=0.05)  # the evidence is rounded


def test_charging_in_the_dear_evening_is_worth_moving(world: World) -> None:
    """8 kWh each evening at 0.40 instead of 0.20: 1.60 a day, 11.20 a week."""
    tariff(world)
    fill(world, lambda hour, day: {**quiet(hour, day), "ev_kw": 4.0 if 18 <= hour < 20 else 0.0})
    one = found(world)["shift_load:ev"]
    assert (one.amount_per_week, one.currency) == (Decimal("11.20"), "EUR")
    assert one.evidence["moved_kwh"] == pytest.approx(56.0)


def test_less_sun_than_the_year_before_is_told_with_both_sums(world: World) -> None:
    fill(world, lambda hour, day: {**quiet(hour, day), "pv_kw": sun(hour) * (1 + 0.001 * day)},
         starts_at=START - timedelta(days=364))  # fmt: skip
    fill(world, lambda hour, day: {**quiet(hour, day), "pv_kw": 0.8 * sun(hour) * (1 + 0.001 * day)})
    one = found(world)["yield_below_last_year:pv"]
    assert (one.evidence["loss_pct"], one.severity) == (20.0, "warning")
    assert len(one.series["values"]["before"]) == DAYS


def test_a_high_reserve_and_a_limit_that_is_reached(world: World) -> None:
    tariff(world)
    Resource.objects.create(
        site=world.sites[0],
        key="battery",
        kind="battery",
        parameters={"capacity_kwh": 10.0, "reserve_soc": 0.6},
    )
    limit = world.sites[0].export_limit_kw

    def row(hour: float, day: int) -> dict[str, float]:
        evening = hour >= 19
        grid = 1.5 if evening else -limit if 11 <= hour < 12 else 0.1 + 0.001 * day
        return {**quiet(hour, day), "grid_kw": grid, "battery_soc": 0.6 if evening else 0.9}

    fill(world, row)
    held = found(world)
    assert held["lower_reserve:battery"].amount_per_week is not None
    assert held["export_limit:grid"].evidence["hours_per_week"] == pytest.approx(7.0)


def test_the_same_night_twice_changes_nothing_and_what_is_over_goes(world: World) -> None:
    fill(world, lambda hour, day: {name: value + 0.3 for name, value in quiet(hour, day).items()})
    first = found(world)
    assert {key: one.pk for key, one in found(world).items()} == {key: one.pk for key, one in first.items()}
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_quarter")
    assert found(world) == {}
    assert Insight.objects.get().gone_at == NOW


def test_putting_aside_lasts_as_long_as_it_was_meant_and_can_be_undone(world: World) -> None:
    fill(world, lambda hour, day: {name: value + 0.3 for name, value in quiet(hour, day).items()})
    [one] = found(world).values()
    site = world.sites[0]
    for act in ("dismiss", "snooze", "done"):
        insight_decide(site=site, insight_id=one.pk, act=act, actor="owner", now=NOW)
        assert found(world) == {}
        insight_decide(site=site, insight_id=one.pk, act="undo", actor="owner", now=NOW)
        assert list(found(world)) == ["standby:load"]
    insight_decide(site=site, insight_id=one.pk, act="snooze", actor="owner", now=NOW)
    assert list(insights_of_site(site=site, now=NOW + timedelta(days=30))) == [one]


def test_the_page_says_it_in_words_and_only_owners_decide(world: World, client: Client) -> None:
    tariff(world)
    fill(world, lambda hour, day: {**quiet(hour, day), "ev_kw": 4.0 if 18 <= hour < 20 else 0.0})
    [one] = found(world).values()
    url = f"/sites/{world.sites[0].pk}/insights/"
    client.force_login(world.owner)
    said = words(client.get(url).content.decode())
    assert "Moving 56 kWh a week of your car into cheaper hours saves 11.20 EUR a week" in said
    assert "11.20 € a week · 582.40 € a year" in said
    noted = AuditEntry.objects.count()
    others: list[User | None] = [world.member, world.operator, world.viewer, world.stranger, None]
    for user in others:
        client.logout()
        if user is not None:
            client.force_login(user)
        status = client.post(f"{url}{one.pk}/decide", {"act": "dismiss"}).status_code
        assert status == (404 if user == world.stranger else 302)
    one.refresh_from_db()
    assert (one.state, AuditEntry.objects.count()) == ("open", noted)
    client.force_login(world.owner)
    page = client.post(f"{url}{one.pk}/decide", {"act": "done"}, follow=True)
    assert "Put aside" in page.content.decode()
    assert "Nothing to report." in page.content.decode()
    assert client.post(f"{url}{one.pk}/decide", {"act": "explode"}, follow=True).status_code == 200
    one.refresh_from_db()
    assert one.state == "done"
