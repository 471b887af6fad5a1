"""The page of the next 24 hours: what was looked at last is shown, and says of when it is."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.common import clock
from apps.console.capacity import CapacityPage, capacity_page
from apps.flexibility.day import QUARTERS, day_kept, day_look, quarter_of
from apps.flexibility.models import DayCapacity
from apps.flexibility.question import STEP
from apps.flexibility.snapshots import portfolio_refresh, portfolios_refresh
from apps.sites.models import Resource
from apps.sites.services import grid_area_create
from tests.apps.console.test_capability import As, text
from tests.apps.portal.world import World
from tests.factories import set_latest

MINUTE = timedelta(minutes=1)


@pytest.fixture
def looked(world: World, now: datetime) -> str:
    """Two of three homes with 10 kWh, half full, 4 kW each; one of them in a grid area; all looked at."""
    area = grid_area_create(organization=world.organization, name="Feeder 1")
    for site in world.sites[:-1]:
        parameters = {"capacity_kwh": 10, "charge_kw": 4, "discharge_kw": 4}
        Resource.objects.create(site=site, key="battery", kind="battery", parameters=parameters)
    world.sites[0].grid_area = area
    world.sites[0].save()
    set_latest(sites=world.sites[:-1], at=now, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.5)
    assert portfolios_refresh(now=now) == 2  # the stranger has a tenant too
    return f"/console/{world.organization.pk}/capacity/"


def seen(world: World, at: datetime, area: str = "") -> CapacityPage:
    return capacity_page(organization=world.organization, area=area, zone=ZoneInfo("Europe/Berlin"), now=at)


def test_what_was_looked_at_is_what_a_fresh_look_finds(world: World, now: datetime, looked: str) -> None:
    kept = day_kept(organization=world.organization, now=now)
    assert kept is not None
    assert kept == day_look(organization=world.organization, now=now)
    assert sorted(one.homes for one in kept.areas.values()) == [1, 2]


def test_all_homes_are_the_sum_of_their_areas(world: World, now: datetime, looked: str) -> None:
    page = seen(world, now)
    assert page.now is not None
    assert page.now.less_kw == pytest.approx(sum(row.less_now_kw for row in page.areas))
    assert page.now.more_kw == pytest.approx(sum(row.more_now_kw for row in page.areas))
    assert [(row.name, row.homes) for row in page.areas] == [("Feeder 1", 1), ("in no area", 2)]
    [area] = [row for row in page.areas if row.area_id]
    one = seen(world, now, area=str(area.area_id))
    assert one.held is not None
    assert page.held is not None
    assert (one.chosen, one.held.homes, page.held.homes) == (area, 1, 3)
    assert one.now is not None
    assert one.now.less_kw == area.less_now_kw


def test_a_page_looks_at_no_home_again(world: World, now: datetime, looked: str) -> None:
    set_latest(sites=world.sites, at=now, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.9)
    portfolio_refresh(organization=world.organization, now=now)  # the day has yet to be looked at
    before = DayCapacity.objects.get(organization=world.organization).held
    page = seen(world, now + MINUTE)
    assert page.held is not None
    assert (page.held.less_kw, page.held.counted) == (before["less_kw"], before["counted"])
    assert page.computed_at == now
    assert (page.median_s, page.oldest_s) == (60.0, 60.0)


def test_quarter_hours_that_are_over_are_left_out(world: World, now: datetime, looked: str) -> None:
    later = quarter_of(now) + STEP
    assert later - now <= STEP
    page = seen(world, later)
    assert (len(page.rows), page.rows[0].starts_at) == (QUARTERS - 1, later)


def test_an_old_look_is_not_shown_but_made_anew(world: World, now: datetime, looked: str) -> None:
    later = now + 16 * MINUTE
    assert day_kept(organization=world.organization, now=later) is None
    page = seen(world, later)
    assert (len(page.rows), page.stale, page.computed_at) == (QUARTERS, True, now)


def test_before_the_first_look_the_page_says_so(world: World, as_: As) -> None:
    assert "Nothing is known yet." in text(as_(world.operator), f"/console/{world.organization.pk}/capacity/")


def test_the_page_says_of_when_it_is(
    world: World, as_: As, now: datetime, looked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock.Clock, "now", lambda self: now + 4 * MINUTE)
    shown = text(as_(world.viewer), looked)
    assert "looked at 4 minutes ago" in shown
    assert "half of them younger than 240 s" in shown
    assert "Feeder 1" in shown


def test_an_area_of_another_tenant_is_none(world: World, now: datetime, looked: str) -> None:
    assert seen(world, now, area="999999").problem == "no such grid area"
