"""What the hub does and why, and the neighbors in the picture."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.dispatch.orders import Told, subject_queue
from apps.markets.selectors import traded_kw
from apps.portal.doing import by_itself
from apps.portal.flow import flow
from apps.telemetry.models import LatestSnapshot
from tests import factories
from tests.apps.markets.world import BID, END, OFFER, START, make_street
from tests.apps.portal.world import World, add_hub, add_signal, add_snapshot, words
from vpp.protocols.link.messages import Schedule

As = Callable[[User | None], Client]


@pytest.mark.parametrize(
    ("powers", "said"),
    [
        (
            {"battery_kw": 1.5, "pv_kw": -3.0, "grid_kw": -0.5},
            "stores your own sun: the battery charges with 1.50 kW",
        ),
        ({"battery_kw": 2.0, "pv_kw": 0.0, "grid_kw": 2.5}, "charges the battery from the grid with 2.00 kW"),
        (
            {"battery_kw": -0.8, "pv_kw": 0.0, "grid_kw": 0.0},
            "covers your home from the battery, with 0.80 kW",
        ),
        ({"battery_kw": 0.0, "pv_kw": -4.0, "grid_kw": -2.0}, "the rest goes to the grid"),
        ({"battery_kw": 0.0, "pv_kw": -1.0, "grid_kw": 0.5}, "covers your home as far as it goes"),
        ({"grid_kw": 0.5}, "your home draws what it needs from the grid"),
    ],
)
def test_without_an_order_the_powers_say_what_the_hub_does(powers: dict[str, float], said: str) -> None:
    assert said in by_itself(LatestSnapshot(site_id=1, **powers))


def test_an_order_is_said_with_its_reason_and_its_event(world: World, as_: As, now: datetime) -> None:
    site = world.sites[0]
    add_hub(site, now=now)
    add_snapshot(site, now - timedelta(seconds=20), grid_kw=0.1, load_kw=1.0, battery_kw=-0.9)
    signal = add_signal(world, starts_at=now - timedelta(minutes=20), state="active")
    order = Schedule(
        starts_at=factories.ms(signal.starts_at), interval_s=900, resources={"battery": [-2.0] * 8}
    )
    told = Told("evening relief is short", now - timedelta(minutes=5), signal.ends_at)
    subject_queue([site.pk], {site.pk: order}, subject=f"signal:{signal.pk}", told=told)
    html = as_(world.owner).get(f"/sites/{site.pk}/live").content.decode()
    assert "Your battery discharges with 2.0 kW." in words(html)
    assert "It was told so: evening relief is short. Why" in words(html)
    assert f'href="/sites/{site.pk}/events/{signal.pk}/"' in html


@pytest.mark.django_db
def test_what_a_home_trades_now_is_a_node_of_its_own() -> None:
    street = make_street()
    street.order(0, BID, 200_000, 1000)
    street.order(1, OFFER, 100_000, 500)
    street.clear()
    buyer, seller, _ = street.fleet.sites
    during = START + timedelta(minutes=7)
    # 500 Wh within a quarter-hour are 2 kW.
    assert (traded_kw(site=buyer, now=during), traded_kw(site=seller, now=during)) == (2.0, -2.0)
    assert (traded_kw(site=buyer, now=END), traded_kw(site=buyer, now=START - timedelta(seconds=1))) == (
        0.0,
        0.0,
    )
    found = flow(None, set(), traded_kw=-2.0)
    assert [(one.name, one.state, one.kw) for one in found.nodes if one.key == "community"] == [
        ("Neighbors", "selling", 2.0)
    ]


@pytest.mark.django_db
def test_a_home_outside_of_markets_has_no_such_node(world: World, now: datetime) -> None:
    assert traded_kw(site=world.sites[0], now=now) is None
    assert "community" not in {node.key for node in flow(None, set()).nodes}
