"""What is noticed of single devices: strings, appliances, and the fade of a battery, from what hubs told."""

import math
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from apps.common import clock
from apps.insights.battery_weeks import battery_weeks_refresh
from apps.insights.models import BatteryWeek, Insight
from apps.insights.part_detectors import allowed_quarters
from apps.insights.selectors import insights_of_site
from apps.insights.services import insights_refresh
from apps.sites.models import Resource, Site
from apps.telemetry.points import points_store
from tests import factories
from tests.apps.insights.test_insights import DAYS, NOW, START, fill, quiet, sun, tariff
from tests.apps.portal.world import World, build_world, words
from vpp.protocols.link.messages import Points

QUARTER = timedelta(minutes=15)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(clock.Clock, "now", lambda self: NOW)
    factories.forget_counts()
    return build_world(now=NOW)


def tell(
    site: Site, resource: str, quantity: str, *, values: list[float], starts_at: datetime = START
) -> None:
    """Store quarter-hours as a hub tells them."""
    at = [round((starts_at + (place + 1) * QUARTER).timestamp() * 1000) for place in range(len(values))]
    count = len(values)
    points = Points("backfill", 0, [resource] * count, [quantity] * count, at, values)
    assert points_store(site_id=site.pk, message=points, now=NOW) == 0


def roof(share: float, *, lean: float) -> list[float]:
    """Four weeks of a string that looks east (-1) or west (1), with clouds that no two days share."""
    return [
        max(0.0, -share * sun(hour) * (1 + lean * (hour - 12.5) / 8)) * (0.6 + 0.4 * math.sin(7.0 * day))
        for day in range(DAYS)
        for hour in (place / 4 for place in range(96))
    ]


def strings(world: World, *, east: float) -> None:
    site = world.sites[0]
    for name, now, lean in (("East", east, -0.5), ("West", 1.0, 0.5)):
        tell(site, "roof", f"string_kw/{name}", values=roof(now, lean=lean))
        tell(
            site,
            "roof",
            f"string_kw/{name}",
            values=roof(1.0, lean=lean),
            starts_at=START - timedelta(days=364),
        )


def found(world: World) -> dict[str, Insight]:
    insights_refresh(site_id=world.sites[0].pk, now=NOW)
    return {one.key: one for one in insights_of_site(site=world.sites[0], now=NOW)}


def test_one_string_that_fell_behind_is_named_with_both_sums(world: World, client: Client) -> None:
    strings(world, east=0.82)
    (one,) = found(world).values()
    assert (one.key, one.name, one.severity) == ("string_below_last_year:roof/East", "East", "warning")
    assert one.evidence["loss_pct"] == pytest.approx(18.0)
    assert one.evidence["beside_others_pct"] == pytest.approx(18.0)
    assert len(one.series["values"]["before"]) == DAYS
    client.force_login(world.owner)
    said = words(client.get(f"/sites/{world.sites[0].pk}/insights/").content.decode())
    assert "“East” gave 18 % less in the last four weeks than in the same weeks of last year" in said


def test_sound_strings_or_one_year_alone_say_nothing(world: World) -> None:
    strings(world, east=0.97)
    assert found(world) == {}
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_point WHERE at < %s", [START])
    strings_now = roof(0.5, lean=0.0)
    tell(world.sites[0], "shed", "string_kw/", values=strings_now)
    assert found(world) == {}


def dishwasher(hour: float, day: int) -> float:
    """Five evenings a week, an hour and a half from 20:00."""
    return [1.8, 0.1, 0.0, 0.1, 1.8, 0.6][int((hour - 20) * 4)] if day % 7 < 5 and 20 <= hour < 21.5 else 0.0


def evenings(world: World) -> None:
    """A home that feeds in 3 kW around noon and buys else, with a dishwasher behind a plug."""

    def row(hour: float, day: int) -> dict[str, float]:
        rest = -3.0 - 0.001 * (hour % 3) if 11 <= hour < 15 else 0.15 + 0.01 * (hour % 3) + 0.0001 * day
        return {**quiet(hour, day), "grid_kw": rest + dishwasher(hour, day)}

    fill(world, row)
    values = [dishwasher(place % 96 / 4, place // 96) for place in range(DAYS * 96)]
    tell(world.sites[0], "dishwasher", "power_kw", values=values)


def test_a_dishwasher_in_the_evening_is_worth_moving_into_the_sun(world: World, client: Client) -> None:
    """1.1 kWh at 0.40 instead of 0.08, five times a week: 1.76."""
    tariff(world)
    evenings(world)
    one = found(world)["shift_appliance:dishwasher"]
    assert (one.amount_per_week, one.currency) == (Decimal("1.76"), "EUR")
    assert one.evidence["kwh_per_run"] == pytest.approx(1.1)
    assert (one.evidence["usual_hour"], one.evidence["best_hour"], one.evidence["runs"]) == (20.0, 11.0, 20.0)
    assert one.confidence > 0.99
    client.force_login(world.owner)
    page = f"/sites/{world.sites[0].pk}/insights/"
    assert "would have cost 1.76 EUR less a week" in words(client.get(page).content.decode())
    german = words(client.get(page, headers={"accept-language": "de"}).content.decode())
    assert "„dishwasher“ lief 5 Mal pro Woche, meist ab etwa 20:00 Uhr." in german
    assert "1,76 EUR" in german
    assert "Günstigster Beginn 11:00" in german


def test_without_a_tariff_or_with_quiet_hours_no_time_is_told(world: World) -> None:
    evenings(world)
    assert found(world) == {}
    tariff(world)
    site = world.sites[0]
    Site.objects.filter(pk=site.pk).update(quiet_from=time(6), quiet_until=time(18))
    assert "shift_appliance:dishwasher" not in found(world)


def test_what_may_begin_when(world: World) -> None:
    site = world.sites[0]
    assert allowed_quarters(site).sum() == 17 * 4
    site.quiet_from, site.quiet_until = time(22), time(8)
    allowed = allowed_quarters(site)
    assert (allowed.sum(), allowed[31], allowed[32], allowed[87], allowed[88]) == (
        14 * 4,
        False,
        True,
        True,
        False,
    )


WEEKS = 60
FIRST_MONDAY = datetime(2025, 4, 21, tzinfo=UTC)


def battery(world: World, *, fade: float) -> Site:
    """60 weeks of a battery of 10 kWh that is filled by day and emptied at night, and holds less each week."""
    site = world.sites[0]
    Resource.objects.filter(site=site, kind="battery").delete()
    Resource.objects.create(site=site, key="battery", kind="battery", parameters={"capacity_kwh": 10.0})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO telemetry_quarter (site_id, at, samples, battery_kw, battery_soc)
            SELECT %s, at, 15, kw * 10 * (1 - %s * week / 52.0), soc FROM (
              SELECT at, floor(date_part('epoch', at - %s) / 604800) AS week,
                CASE WHEN hour >= 10 AND hour < 14 THEN 0.2 WHEN hour >= 18 AND hour < 22 THEN -0.2 ELSE 0 END AS kw,
                CASE WHEN hour < 10 THEN 0.1 WHEN hour < 14 THEN 0.1 + 0.2 * (hour - 10 + 0.125)
                  WHEN hour < 18 THEN 0.9 WHEN hour < 22 THEN 0.9 - 0.2 * (hour - 18 + 0.125) ELSE 0.1 END AS soc
              FROM (
                SELECT at, date_part('hour', at) + date_part('minute', at) / 60 AS hour FROM generate_series(
                  %s::timestamptz, %s::timestamptz - interval '1 second', interval '15 minutes') AS at
              ) moments
            ) days
            """,
            [site.pk, fade, FIRST_MONDAY, FIRST_MONDAY, FIRST_MONDAY + timedelta(weeks=WEEKS)],
        )
    return site


def test_a_battery_that_fades_is_told_with_how_fast_and_how_sure(world: World, client: Client) -> None:
    site = battery(world, fade=0.08)
    one = found(world)["battery_fade:battery"]
    assert one.evidence["fade_pct"] == pytest.approx(8.0, abs=0.2)
    assert one.evidence["low_pct"] <= one.evidence["fade_pct"] <= one.evidence["high_pct"]
    assert one.evidence["first_kwh"] == pytest.approx(10.0, rel=0.01)
    assert one.evidence["capacity_kwh"] == pytest.approx(10.0 * (1 - 0.08 * (WEEKS - 1) / 52), rel=0.01)
    assert one.confidence > 0.99
    assert (one.evidence["weeks"], len(one.series["values"]["capacity"])) == (60.0, 60)
    client.force_login(world.owner)
    german = words(
        client.get(f"/sites/{site.pk}/insights/", headers={"accept-language": "de"}).content.decode()
    )
    assert "Ihre Batterie fasst weniger als früher" in german


def test_usual_ageing_or_half_a_year_is_no_insight(world: World) -> None:
    site = battery(world, fade=0.02)
    assert found(world) == {}
    BatteryWeek.objects.filter(site=site).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_quarter WHERE at < %s", [FIRST_MONDAY + timedelta(weeks=36)])
        cursor.execute(
            "UPDATE telemetry_quarter SET battery_kw = battery_kw * 0.5 WHERE at > %s",
            [NOW - timedelta(weeks=8)],
        )
    assert "battery_fade:battery" not in found(world)


def test_weeks_are_kept_once_and_only_what_is_new_is_worked_out(world: World) -> None:
    site = battery(world, fade=0.0)
    assert battery_weeks_refresh(site=site, now=NOW) == 104
    assert BatteryWeek.objects.filter(site=site).count() == 104
    assert BatteryWeek.objects.filter(site=site, charge_kwh__isnull=False).count() == WEEKS
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_quarter WHERE at < %s", [NOW - timedelta(weeks=30)])
    assert battery_weeks_refresh(site=site, now=NOW) == 2
    assert BatteryWeek.objects.filter(site=site, charge_kwh__isnull=False).count() == WEEKS
