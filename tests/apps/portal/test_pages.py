"""What the home's page says."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.hubs.models import Hub
from tests.apps.portal.world import (
    World,
    add_hub,
    add_plan,
    add_quarter,
    add_signal,
    add_snapshot,
    settle,
    words,
)

As = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}
POWERS = {"grid_kw": -1.2, "load_kw": 0.8, "pv_kw": -3.0, "battery_kw": 1.0, "battery_soc": 0.62}


def text(client: Client, path: str) -> str:
    response = client.get(path, headers=HTMX)
    assert response.status_code == 200
    return words(response.content.decode())


def test_live_states_each_direction(world: World, as_: As, now: datetime) -> None:
    add_hub(world.sites[0], now=now)
    add_snapshot(world.sites[0], now - timedelta(seconds=60), **POWERS)
    html = text(as_(world.owner), f"/sites/{world.sites[0].pk}/live")
    assert html == (
        "Now a minute ago 0.80 kW using 3.00 kW Sun producing 1.20 kW Grid exporting 1.00 kW Battery 62 % charging "
        "Your hub stores your own sun: the battery charges with 1.00 kW. "
        "Nobody has asked anything of your home; your hub decides by itself. Why"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "Now a minute ago"),
        ({"disconnected_at": -40}, "The hub is offline since 18:10 (40 minutes ago)."),
        ({"connected_at": None}, "has not reported yet"),
        ({"state": "revoked"}, "No hub is connected to this home. Add your hub"),
    ],
)
def test_live_says_how_the_hub_is(
    world: World, as_: As, now: datetime, change: dict[str, int | str | None], said: str
) -> None:
    hub = add_hub(world.sites[0], now=now)
    values = {k: now + timedelta(minutes=v) if isinstance(v, int) else v for k, v in change.items()}
    Hub.objects.filter(pk=hub.pk).update(**values)
    add_snapshot(world.sites[0], now - timedelta(seconds=60), **POWERS)
    assert said in text(as_(world.owner), f"/sites/{world.sites[0].pk}/live")


def test_a_connected_hub_without_news_is_called_quiet(world: World, as_: As, now: datetime) -> None:
    add_hub(world.sites[0], now=now)
    add_snapshot(world.sites[0], now - timedelta(minutes=9), **POWERS)
    assert "connected but has sent nothing for a while" in text(
        as_(world.owner), f"/sites/{world.sites[0].pk}/live"
    )


def test_today_counts_from_local_midnight_and_the_running_quarter_in_part(
    world: World, as_: As, now: datetime
) -> None:
    site = world.sites[0]
    midnight = now.replace(hour=22, minute=0, second=0) - timedelta(days=1)  # 00:00 in Berlin
    add_quarter(site, midnight - timedelta(minutes=15), load_kw=99.0, pv_kw=-99.0)
    add_quarter(site, midnight, load_kw=2.0, pv_kw=0.0)
    add_quarter(site, now.replace(minute=30, second=0), load_kw=1.0, ev_kw=3.0, heat_kw=2.0, pv_kw=-4.0)
    add_quarter(
        site, now.replace(minute=45, second=0), load_kw=3.0, pv_kw=-3.0
    )  # 5 min 20 s of it have passed
    add_snapshot(site, midnight, import_kwh=100.0, export_kwh=50.0)
    add_snapshot(site, now, import_kwh=101.5, export_kwh=50.25)
    html = text(as_(world.owner), f"/sites/{site.pk}/day")
    # 0.5 + 1.5 + 3 kW × 320 s = 2.27 kWh used; 1 + 0.27 kWh made
    assert html.startswith(
        "Today Wednesday, 17 June Used 2.27 kWh From the sun 1.27 kWh Imported 1.50 kWh Exported 0.25 kWh"
    )


def test_an_empty_home_explains_itself(world: World, as_: As) -> None:
    html = text(as_(world.owner), f"/sites/{world.sites[0].pk}/")
    for sentence in (
        "No hub is connected to this home.",
        "The day's curve appears after the first quarter-hour",
        "Nothing is asked of your home.",
        "Nothing earned yet.",
    ):
        assert sentence in html


def test_a_running_event_shows_asked_and_given(world: World, as_: As, now: datetime) -> None:
    site = world.sites[0]
    signal = add_signal(world, starts_at=now - timedelta(minutes=20, seconds=20), state="active")
    add_plan(signal, world.sites)
    for minute in range(1, 21):  # usual draw 0.9 kW, then 1.1 kW; the meter shows 1 kW of export
        add_snapshot(site, signal.starts_at + timedelta(minutes=minute), grid_kw=-1.0)
    html = text(as_(world.owner), f"/sites/{site.pk}/event")
    assert "Asked of you 4.00 kWh 2.00 kW now Given so far 1.00 kWh 2.10 kW now" in html
    assert html.startswith("Evening peak running Wednesday, 17 June, 18:30 to 20:30 · Evening relief")


def test_a_settled_event_leads_to_its_statement(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    add_plan(signal, world.sites)
    settle(signal, world.sites)
    newest = settle(signal, world.sites, version=2, amount="1.80")[0]
    html = as_(world.owner).get(f"/sites/{world.sites[0].pk}/").content.decode()
    assert f"/sites/{world.sites[0].pk}/statements/{newest.pk}/" in html
    assert "You earned <strong>1.80\u202f€</strong>" in html
    assert "1.75" not in html  # the corrected statement counts, not both


def test_a_statement_shows_its_lines_and_its_correction(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    old = settle(signal, world.sites)[0]
    settle(signal, world.sites, version=2, amount="1.80")
    html = text(as_(world.owner), f"/sites/{world.sites[0].pk}/statements/{old.pk}/")
    assert "This statement was corrected." in html
    assert html.count("0.300 −0.138 0.438 0.2188") == 8
    assert "Sum 2.400 −1.100 3.500 You earned 1.75 €" in html


@pytest.mark.parametrize(("part", "most"), [("live", 10), ("day", 8), ("event", 14), ("earnings", 7)])
def test_parts_take_few_queries(
    world: World,
    as_: As,
    now: datetime,
    part: str,
    most: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    add_hub(world.sites[0], now=now)
    signal = add_signal(world, starts_at=now - timedelta(minutes=20), state="active")
    add_plan(signal, world.sites)
    add_snapshot(world.sites[0], now, **POWERS)
    client = as_(world.owner)
    client.get(f"/sites/{world.sites[0].pk}/{part}")
    with django_assert_max_num_queries(most):
        client.get(f"/sites/{world.sites[0].pk}/{part}")


def test_login_page_is_ours_and_leads_home(world: World, client: Client) -> None:
    assert "Accounts are made by invitation." in client.get("/account/login/").content.decode()
    bad = client.post("/account/login/", {"login": world.owner.email, "password": "wrong-password"})
    assert bad.status_code == 200
    assert 'role="alert"' in bad.content.decode()
    good = client.post("/account/login/", {"login": world.owner.email, "password": "long-enough-password"})
    assert (good.status_code, good["Location"]) == (302, "/")
